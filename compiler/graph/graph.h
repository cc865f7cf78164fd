/* graph.h: the graph level: nodes, values, types, state.
 *
 * A graph is a list of nodes; a node applies an op (a row of ops.def) to values and gives values.
 * Nodes of the branches of a `cond` stand in the same list and carry a guard. All of it lives in
 * the compilation's arena. After the pass `order` the list is in topological order (data, `after`,
 * guards, writes to one variable), otherwise in the order of the file.
 */
#ifndef TFCC_GRAPH_GRAPH_H
#define TFCC_GRAPH_GRAPH_H

#include "graph/dim.h"
#include "support/arena.h"
#include "support/diagnostic.h"
#include "support/map.h"
#include <tfcc/runtime.h>

#define MAX_RANK 8

typedef struct Graph Graph;
typedef struct GraphNode GraphNode;
typedef struct Value Value;
typedef struct OpRow OpRow; /* graph/ops.h */

/* A shape of unknown rank has rank 8, sizes right-aligned with ones in front, and the true rank in
 * `runtime_rank`. */
typedef struct Shape {
    int rank;
    Dim dims[MAX_RANK];
    Dim runtime_rank; /* NULL where the rank is known */
} Shape;

typedef struct Type {
    tfcc_dtype dtype; /* TFCC_NONE: not inferred yet */
    Shape shape;
} Type;

/* The bytes of a tensor known at compile time: row-major, little-endian, dense (4-bit types one
 * element a byte). Maybe mapped from a file. */
typedef struct ConstantData {
    tfcc_dtype dtype;
    int rank;
    int64_t dims[MAX_RANK];
    int64_t element_count;
    const void *bytes;
    size_t size;
    const char *origin; /* as the graph language says it, `{file: w.npy}`, where it came from a
                           file; else NULL */
} ConstantData;

/* A number written in an expression or an input list: it takes the dtype of its neighbours. */
typedef enum WeakKind { NOT_WEAK, WEAK_BOOL, WEAK_INTEGER, WEAK_FLOAT } WeakKind;

/* A condition under which nodes are carried out: `predicate` (a bool scalar) has the value
 * `wanted`, and `outer` holds. */
typedef struct Guard {
    struct Guard *outer; /* NULL at the top */
    Value *predicate;
    bool wanted;
    GraphNode *cond; /* whose branch it is; set when that node has been made */
} Guard;

struct Value {
    GraphNode *node;
    int index;        /* which output of the node */
    const char *name; /* of the user: `y`, `y:1`; NULL for values without a name of their own */
    Type type;
    Dim *elements; /* the contents, row-major, as symbolic numbers: bool and integer tensors of at
                      most 1024 elements; NULL: not known */
    bool is_feedable; /* a run may replace it: it is a boundary for every pass */
    bool is_fetchable;
    Value *replacement;    /* see graph_replace_value; NULL outside of passes */
    struct Buffer *buffer; /* set by lowering */
};

/* What stands for a parameter of the op's row: the inputs [first, first + count), or an attribute.
 */
typedef enum ArgumentKind {
    ARGUMENT_ABSENT,
    ARGUMENT_INPUTS,
    ARGUMENT_BOOL,
    ARGUMENT_INTEGER,
    ARGUMENT_FLOAT,
    ARGUMENT_DTYPE,
    ARGUMENT_WORD, /* also text: padding, equation, mode */
    ARGUMENT_INTEGERS,
    ARGUMENT_FLOATS,
    ARGUMENT_SHAPE,            /* `[null, 784, batch]`: sizes that are numbers, unknown or named */
    ARGUMENT_WORD_OR_INTEGERS, /* of a row: a node's argument is one or the other */
} ArgumentKind;

typedef struct ShapeEntry {
    int64_t size;     /* -1: unknown */
    const char *name; /* of a named dimension, or NULL */
} ShapeEntry;

typedef struct Argument {
    ArgumentKind kind;
    Place place;
    size_t first, count; /* INPUTS; count also of INTEGERS, FLOATS and SHAPE */
    union {
        bool boolean;
        int64_t integer;
        double number;
        tfcc_dtype dtype;
        const char *word;
        const int64_t *integers;
        const double *numbers;
        const ShapeEntry *sizes;
    } as;
} Argument;

/* A variable's storage. The node VARIABLE of the same name gives its value at the start of the run.
 */
typedef struct Variable {
    const char *name;
    uint32_t number;
    GraphNode *node;
    Value *initial; /* what `initialize` stores; computed by nodes of the same graph */
    Value *sizes;   /* those that a layer wants it to have, looked at by inference alone; or NULL */
} Variable;

struct GraphNode {
    const OpRow *row;
    uint32_t id;       /* unique; grows with creation */
    const char *name;  /* of the user, or NULL for a part of an expression */
    const char *label; /* for messages and dumps: the name, or one derived from the named node it
                          belongs to; never NULL */
    Place place;       /* of what it computes; the whole node or expression */
    Place name_place;  /* of its name, for "declared here"; no file where it has none */
    Guard *guard;      /* NULL: always */
    Value **inputs;
    size_t input_count;
    Argument *arguments; /* one per parameter of the row, in its order; ABSENT for `@value` and
                            `var` parameters */
    Place *input_places; /* where each input was written */
    Value **outputs;     /* made by graph_add_node; where the row leaves their number open, by
                            graph_output and the shape rule, which may also add one for a size
                            (infer_own_size) */
    size_t output_count;
    GraphNode **after; /* carried out before this one */
    size_t after_count;
    Variable *variable;           /* VARIABLE and the ops that write or ask it */
    const ConstantData *constant; /* CONSTANT */
    WeakKind weak; /* CONSTANT: numbers of no dtype yet; `constant` then holds them as bool, int64
                      or float64 */
    struct Requirement *requirements; /* graph/infer.h */
    size_t requirement_count, requirement_capacity;
    const OpRow *part_of; /* the row of the composition that made it, or NULL; for messages */
    Value **composed;     /* by output: what stands for it, once a composition has been inferred */
    bool is_dead;         /* pruned or replaced: passes skip it, the next compaction drops it */
    uint32_t mark;        /* scratch of the pass that runs */
};

typedef struct Fetch {
    const char *name;
    GraphNode *node;
    Value *value; /* NULL: a target */
} Fetch;

typedef struct Feed {
    const char *name;
    Value *value;
} Feed;

typedef struct Signature {
    const char *name;
    Place place;
    size_t *feeds, feed_count;     /* indices in graph->feeds */
    size_t *fetches, fetch_count;  /* indices in graph->fetches */
    size_t *targets, target_count; /* likewise */
} Signature;

struct Graph {
    Arena *arena;
    Diagnostics *diagnostics;
    DimTable *dims;
    const char *name; /* a C identifier: the prefix of symbols */
    const SourceFile *file;
    GraphNode **nodes;
    size_t node_count, node_capacity;
    Map names;      /* name -> Value* or, for nodes without a value, see graph_find_node */
    Map node_names; /* name -> GraphNode* */
    Variable **variables;
    size_t variable_count, variable_capacity;
    Feed *feeds; /* placeholders in the file's order, then what `feeds:` and signatures list */
    size_t feed_count, feed_capacity;
    Fetch *fetches; /* what a run may ask for, in order */
    size_t fetch_count, fetch_capacity;
    Signature *signatures;
    size_t signature_count, signature_capacity;
    Guard **guards; /* all of them, outer ones before inner ones */
    size_t guard_count, guard_capacity;
    uint32_t next_id;
};

Graph *graph_create(Arena *arena, Diagnostics *diagnostics, const char *name);
/* A new node appended to the list, with room for its row's arguments (those of attributes hold the
 * defaults, the others are absent) and the outputs that the row fixes. Without a name it is a part
 * of `owner` (may be NULL): it takes its guard, its `after` and a label made from its label. */
GraphNode *graph_add_node(Graph *graph, const OpRow *row, const char *name, const GraphNode *owner,
                          Place place);
/* Appends an input for the row's parameter of that number. Parameters come in ascending order; a
 * list takes several calls (or none: graph_empty_list). */
void graph_add_input(Graph *graph, GraphNode *node, size_t parameter, Value *input, Place place);
void graph_empty_list(GraphNode *node, size_t parameter);
void graph_add_after(Graph *graph, GraphNode *node, GraphNode *before);
/* Output number `index`, which is made when the row leaves the number of outputs open and inference
 * has not settled it yet; NULL where the node has no such output. */
Value *graph_output(Graph *graph, GraphNode *node, size_t index);
/* One more output behind those there are. */
Value *graph_add_output(Graph *graph, GraphNode *node);
Guard *graph_add_guard(Graph *graph, Guard *outer, Value *predicate, bool wanted);
/* A variable whose storage belongs to `node` (a VARIABLE). */
Variable *graph_add_variable(Graph *graph, const char *name, GraphNode *node);
/* For passes: a node with these inputs (all ordinary tensor parameters, in order), other arguments
 * at their defaults, inferred at once; NULL after a diagnostic. */
Value *graph_apply(Graph *graph, const GraphNode *owner, const char *op, Value *const *inputs,
                   size_t input_count);
/* Infers a node that a pass has added near the end of the list, and moves it behind its inputs and
 * what inference adds. */
bool graph_settle_node(Graph *graph, GraphNode *node);
Value *graph_constant(Graph *graph, const GraphNode *owner, const ConstantData *data);
/* A constant vector (or, with count = -1, scalar) of int32 where the numbers fit, else int64. */
Value *graph_constant_integers(Graph *graph, const GraphNode *owner, const int64_t *numbers,
                               int count);
/* Every use of `old` becomes a use of `replacement`: inputs, `after`, guards, fetches, signatures,
 * initial values. In constant time: `old` is only marked, graph_resolve tells, and graph_compact,
 * which ends every pass that replaced anything, rewrites the uses. */
void graph_replace_value(Graph *graph, Value *old, Value *replacement);
Value *graph_resolve(Value *value);
GraphNode *graph_find_node(const Graph *graph, const char *name);
/* What a run may ask for under this name, or NULL; `name:0` is `name`. */
const Fetch *graph_find_fetch(const Graph *graph, const char *name);
void graph_compact(Graph *graph); /* rewrites uses of replaced values, drops dead nodes */

/* The parameters of a node by name; the row must have the parameter. An absent optional input gives
 * NULL. */
Value *node_input(const GraphNode *node, const char *parameter);
size_t node_input_list(const GraphNode *node, const char *parameter, Value ***values);
const Argument *node_argument(const GraphNode *node, const char *parameter);
bool node_attribute_bool(const GraphNode *node, const char *parameter);
int64_t node_attribute_integer(const GraphNode *node, const char *parameter);
double node_attribute_float(const GraphNode *node, const char *parameter);
tfcc_dtype node_attribute_dtype(const GraphNode *node, const char *parameter);
const char *node_attribute_word(const GraphNode *node, const char *parameter);

Shape shape_scalar(void);
bool shape_has_rank(const Shape *shape); /* rank known */
bool shape_is_known(const Shape *shape); /* every size a constant */
Dim shape_element_count(DimTable *dims, const Shape *shape);
/* Whether the contents are known as numbers now; gives them (arena memory) as 64-bit integers. */
bool value_known_integers(Arena *arena, const Value *value, const int64_t **numbers, size_t *count);
/* `[batch, 784]`, `[]`, `[...]` for unknown rank. */
const char *shape_text(Arena *arena, const Shape *shape);
/* `float32 [batch, 784]` */
const char *type_text(Arena *arena, const Type *type);

#endif
