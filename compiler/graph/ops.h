/* ops.h: the table of ops, made from ops.def.
 *
 * A row of ops.def is
 *
 *     OP(ENUM, "spelling", EFFECTS, shape rule, lowering, gradient, "signature", "meaning")
 *     ALIAS("other spelling", ENUM)
 *     LAYER(ENUM, the function of a layer, its variables' names; see source/layer.h)
 *     EXPANSION(ENUM, the op's expansion, expand_NAME in passes/expand_*.c)
 *
 * The signature says it all about parameters and dtypes, in the order of TensorFlow's Python
 * function:
 *
 *     "a: T, b: T, transpose_a = false, transpose_b = false -> T | T: number"
 *
 *   x: T             a tensor; tensors that share a letter share the dtype, and weak numbers take it
 *   x: T?            may be absent
 *   xs: T*           a list of tensors, at most one in a row
 *   axis: index      a tensor of a class of dtypes; such tensors are independent of each other
 *   ref: var T       a variable of dtype T: GraphNode.variable, no input
 *   value: @value    a literal, a file or an initializer: GraphNode.constant or Variable.initial
 *   name = default   an attribute of the default's type: true a bool, 0 an integer, 0.0 a float,
 *                    'same' a word, float32 (a dtype's name) a dtype
 *   name: @kind      an attribute without a default: bool, int, float, word, dtype, shape, ints
 *                    (a whole number or nested lists of them, row by row) or word_or_ints;
 *                    `@kind?` an optional one; `@kind = default` where the default's type is
 *                    not the whole kind
 *   -> T, int32      the outputs: a letter, a dtype, or `rule` where the shape rule says it; `*`
 *                    behind it: as many as the shape rule says; no arrow: an op without a value
 *   | T: number      what a letter may stand for: dtypes and classes joined by `+`. Classes: any,
 *                    number = integer + float, integer = signed + unsigned, float, bool,
 *                    index = int32 + int64, and float8, the four 8-bit floats. These and int4 and
 *                    uint4 are in `any` and in no other class: they are stored, moved and converted
 *   | U: @dtype any  it is what the attribute `dtype` says; `@dtype/T`: or else what T is
 *
 * A letter that nothing settles is float32.
 */
#ifndef TFCC_GRAPH_OPS_H
#define TFCC_GRAPH_OPS_H

#include "graph/graph.h"

typedef enum OpEffect {
    PURE = 0,
    READS = 1,  /* a variable's state */
    WRITES = 2, /* its first parameter, a variable */
    DRAWS = 4,  /* random numbers */
    FAILS = 8,  /* a run may fail in it */
} OpEffect;

typedef enum OpCode {
#define OP(code, spelling, effects, shape, lowering, gradient, signature, meaning) OP_##code,
#define ALIAS(spelling, code)
#define EXPANSION(code, name)
#define LAYER(code, name, variables)
#include "graph/ops.def"
#undef OP
#undef ALIAS
#undef EXPANSION
#undef LAYER
    OP_COUNT
} OpCode;

typedef enum ParameterKind {
    PARAMETER_TENSOR,
    PARAMETER_TENSOR_LIST,
    PARAMETER_VARIABLE,
    PARAMETER_VALUE,
    PARAMETER_ATTRIBUTE,
} ParameterKind;

typedef struct Parameter {
    const char *name;
    ParameterKind kind;
    char letter;     /* the dtype's letter, or 0 */
    uint64_t dtypes; /* allowed dtypes as a bit set (bit = tfcc_dtype); for a letter that of the
                        letter */
    bool is_optional;
    ArgumentKind attribute; /* of a PARAMETER_ATTRIBUTE: what kind it holds */
    const char *text;       /* the default as written, or NULL */
    Argument value;         /* the default */
} Parameter;

typedef struct OutputRow {
    char letter;      /* or 0 */
    tfcc_dtype dtype; /* where there is no letter; TFCC_NONE: the shape rule's choice */
    bool is_list;
} OutputRow;

typedef struct LetterRow {
    char letter;
    uint64_t dtypes; /* bit set */
    int attribute;   /* the parameter of the dtype attribute that settles it, or -1 */
    char other;      /* the letter that settles it where that attribute is absent, or 0 */
} LetterRow;

struct InferContext;
struct LowerContext;

struct OpRow {
    OpCode code;
    const char *spelling;
    unsigned effects;
    bool (*infer)(struct InferContext *context); /* the shape rule */
    void (*lower)(struct LowerContext *context);
    const char *gradient; /* the name of the rule, "none" where there is none */
    const char *signature, *meaning;
    Parameter *parameters; /* parsed from the signature when the table is first asked */
    size_t parameter_count;
    OutputRow *outputs;
    size_t output_count;
    LetterRow *letters;
    size_t letter_count;
};

static inline uint64_t dtype_bit(tfcc_dtype dtype) {
    return UINT64_C(1) << (unsigned)dtype;
}
/* The set of a class or dtype by name, 0 where there is none; and `int32 or int64`, `a number`, …
 * for messages. */
uint64_t op_dtype_class(const char *name, size_t length);
const char *op_dtypes_text(Arena *arena, uint64_t dtypes);
/* The index of the parameter, or -1. */
int op_parameter(const OpRow *row, const char *name);

/* The row of a spelling or an alias, or NULL. Thread-safe after the first call of op_table. */
const OpRow *op_find(const char *spelling);
const OpRow *op_row(OpCode code);
/* All rows, OP_COUNT of them; spellings and aliases as a map to rows, for "did you mean". */
const OpRow *op_table(void);
const Map *op_spellings(void);

#endif
