/* kernel.h: the kernel level: what to compute, without order or memory.
 *
 * A Program is a list of buffers and of kernels. A kernel has parallel axes, and outputs: for every
 * point of its axes each output stores one scalar expression at one index. Expressions are DAGs of
 * Scalars: constants, index arithmetic, loads, arithmetic on dtypes, and two nodes that range over
 * further points:
 *
 *     REDUCE(combiner, axes, body)   combines body over all points of its reduce axes
 *     SCAN(combiner, axis, body)     combines body over a parallel axis up to the current point
 *
 * So `softmax` is one kernel over rows i and columns j with two REDUCEs whose axes run over the
 * columns; a matrix product is one REDUCE; a transpose is a load with swapped indices; a gather is
 * a load whose index is itself a load. Fusing a producer into a consumer is substitution of an
 * expression for a load. Where a REDUCE is computed (once per row, once per element) follows from
 * the axes it does not mention: that is the schedule's business, not the expression's.
 *
 * Scalars of one kernel are hash-consed: equal expressions are one object. Indices are Dims
 * (graph/dim.h) over the kernel's axes as far as they can be written so (SCALAR_INDEX), and other
 * Scalars where they depend on data.
 *
 * What goes on step by step, as a recurrence does, is a group: a kernel made of kernels, its members.
 * It has axes of its own, which are the first axes of every member, and is carried out as
 *
 *     for each point of the group's axes, in order: each member, in order, at that point
 *
 * So a member may load what an earlier member has stored at this point, and what any member has
 * stored at earlier ones: buffers with a dimension for the steps, or without one, overwritten by
 * every step. What a member itself stores it loads at the same element alone, or of another step.
 * To everything around it a group is one kernel, whose outputs and checks are those of its members.
 *
 * Kernels are total: they read inside their buffers and divide by nothing that is zero. What has to
 * be checked is checked by a kernel of its own, with checks and no outputs, which the computing
 * kernel names in `after`.
 *
 * What has no such form (sorting, searching, counting what is different) is a KERNEL_DIRECT: its
 * code is a function of the loop level, which the op's lowering has written (kernels/direct.h).
 * Every stage takes it as it is; what it reads, stores and may fail with is listed as for any
 * kernel.
 *
 * Numbers: every operation is rounded to its type and nothing is contracted. float16, bfloat16 and
 * the float8 types exist as types of loads, stores, selects, bit casts and conversions alone;
 * arithmetic on them is done by converting to float32 (the builders do it). int4 and uint4 are
 * bytes of such a value, and computed as int8 and uint8.
 */
#ifndef TFCC_KERNELS_KERNEL_H
#define TFCC_KERNELS_KERNEL_H

#include "graph/graph.h"

typedef enum ScalarOp {
#define SCALAR(code, spelling, arity, meaning) SCALAR_##code,
#include "kernels/scalar_ops.def"
#undef SCALAR
    SCALAR_OP_COUNT
} ScalarOp;

typedef enum Combiner {
    COMBINE_ADD,
    COMBINE_MULTIPLY,
    COMBINE_MAXIMUM, /* NaN wins */
    COMBINE_MINIMUM, /* NaN wins */
    COMBINE_AND,
    COMBINE_OR,
    COMBINE_ARGMAX, /* REDUCE only, over one axis: the int64 index of the first largest; `body` is
                       what is compared */
    COMBINE_ARGMIN,
    COMBINE_STORE,    /* as a store mode: overwrites; later points win */
    COMBINE_SUBTRACT, /* as a store mode */
} Combiner;

enum { REDUCE_MAX_AXES = 64 }; /* of one REDUCE: an einsum has at most 52 letters and an ellipsis */

typedef struct Scalar Scalar;
typedef struct Kernel Kernel;
typedef struct Buffer Buffer;
typedef struct Program Program;

struct Scalar {
    ScalarOp op;
    tfcc_dtype dtype; /* of the result; indices are TFCC_INT64 */
    uint32_t id;      /* in order of creation within the kernel; operands have smaller ids */
    Scalar *operands[3];
    int operand_count;
    union {
        uint64_t bits; /* CONSTANT: the value in the low bits, as its dtype stores it */
        Dim index;     /* INDEX: over axes and symbols, as an int64 */
        struct {
            Buffer *buffer;
            Scalar **index;    /* buffer->shape.rank of them, int64 */
            Scalar *condition; /* bool, or NULL: always. Where it is false nothing is read and the
                                  value is `otherwise` */
            Scalar *otherwise;
        } load;
        struct {
            Combiner combiner;
            Dim *axes; /* reduce axes, outermost first */
            int axis_count;
            Scalar *body;
            int lanes;           /* the order of a sum is part of its meaning: see kernel_reduce */
            bool is_contraction; /* a sum of products of one node: see kernel_reduce */
        } reduce;
        struct {
            Combiner combiner;
            Dim axis; /* one of the kernel's parallel axes */
            Scalar *body;
            bool exclusive; /* without the current point */
            bool reverse;   /* from the last point down */
        } scan;
    } as;
};

typedef struct KernelOutput {
    Buffer *buffer;
    Scalar *value;     /* NULL in a KERNEL_DIRECT, as all that follows but `is_optional` */
    Scalar **index;    /* buffer->shape.rank of them, or NULL: the parallel axes in order */
    Scalar *condition; /* bool, or NULL: where it is false nothing is stored */
    Combiner combine;  /* COMBINE_STORE, or how the value is combined with what the buffer holds,
                          points in row-major order */
    Buffer *initial;  /* what the buffer holds before: same type as buffer; NULL where every element
                         is stored (or an earlier kernel stores the others) */
    bool is_optional; /* stored only when a run fetches it */
} KernelOutput;

typedef struct KernelCheck {
    Scalar *condition; /* bool; must hold at every point. NULL in a KERNEL_DIRECT, whose code says
                          when it fails, and with which values */
    tfcc_status status;
    const char *message; /* the whole sentence. %0 … %9, %{10} … print values[k] as integers, %f0 …
                            as floating point, %b0 … as truth values; %% is a percent sign */
    Scalar **values;
    size_t value_count;
} KernelCheck;

typedef enum KernelKind {
    KERNEL_STRUCTURED,
    KERNEL_BIND,   /* gives symbols their numbers */
    KERNEL_DIRECT, /* carries out `code` */
    KERNEL_GROUP,  /* carries out its members step by step */
} KernelKind;

/* What a KERNEL_DIRECT carries out. */
typedef struct KernelCode {
    struct LoopFunction *function; /* loops/loops.h */
    Buffer **buffers;              /* by parameter of the function; those it stores into are the
                                      kernel's outputs as well. Scratch memory is an output that
                                      nothing reads */
    size_t buffer_count, buffer_capacity;
    Dim *numbers; /* by slot of the function */
    size_t number_count, number_capacity;
} KernelCode;

struct Kernel {
    KernelKind kind;
    Program *program;
    uint32_t number;  /* its place in the program */
    const char *name; /* label of the node it came from; fused kernels: of the last one */
    Place place;
    Dim *axes; /* parallel axes: dim_axis(k, size), outermost first */
    size_t axis_count, axis_capacity;
    int next_axis; /* number of the next axis, parallel or reduce */
    KernelOutput *outputs;
    size_t output_count, output_capacity;
    KernelCheck *checks;
    size_t check_count, check_capacity;
    Guard *guard;
    Kernel **after; /* carried out before it, and needed with it */
    size_t after_count, after_capacity;
    Buffer *bind; /* KERNEL_BIND: whose elements the symbols are; the DIM_OF_VALUE symbols of the
                     value it holds, or, where there are any, element k of symbols[k] */
    Dim *symbols;
    size_t symbol_count;
    KernelCode *code; /* KERNEL_DIRECT */
    Kernel **members; /* KERNEL_GROUP, whose outputs and checks are copies of the members' */
    size_t member_count, member_capacity;
    Kernel *group;     /* of a member; it stands in no other list, and `after` is the group's */
    bool is_alternate; /* used only where no other kernel gives its output: see tfcc/abi.h */
    bool is_dead;
    const char *boundary; /* why its result was not fused into its consumer; for --emit=kernels */
    Scalar **scalars;     /* all, by id */
    size_t scalar_count, scalar_capacity;
    struct ScalarTable *table;
};

/* Kinds of buffers are those of tfcc_abi_buffer_kind. */
struct Buffer {
    uint32_t number;
    const char *name; /* the value's name or its node's label */
    int kind;         /* tfcc_abi_buffer_kind */
    Type type;
    Value *value;       /* the value it holds, or NULL for a temporary of a lowering */
    Variable *variable; /* START, CURRENT, WRITE, INITIALIZED */
    const ConstantData *constant;
    Buffer *alias_of; /* shows the same bytes under another shape; never itself an alias */
    bool is_fetchable, is_feedable;
};

/* The kernels that stand for a node, for targets: its own, or, where it has none, those of what it
 * depends on. */
typedef struct ProgramNode {
    Kernel **kernels;
    size_t kernel_count;
} ProgramNode;

struct Program {
    Arena *arena;
    Graph *graph;
    Buffer **buffers;
    size_t buffer_count, buffer_capacity;
    Kernel **kernels; /* in an order that respects data, after, guards and writes */
    size_t kernel_count, kernel_capacity;
    ProgramNode *nodes;      /* by node id; made by lower_graph */
    Buffer **initial_writes; /* by variable number: the WRITE buffer with its initial value;
                                `initialize` carries out what gives them */
};

/* ---- building ---- */

Program *program_create(Arena *arena, Graph *graph);
Buffer *program_add_buffer(Program *program, int kind, const char *name, Type type);
/* A temporary VALUE buffer of this dtype and shape. */
Buffer *program_add_temporary(Program *program, const char *name, tfcc_dtype dtype,
                              const Shape *shape);
/* `shape` must have as many elements as the buffer (asked by the shape rule); bytes of one element
 * may differ for bit casts. */
Buffer *program_add_alias(Program *program, Buffer *base, Value *value);
/* The same bytes under another shape, for lowerings that want to index a buffer in another way. */
Buffer *program_reshape(Program *program, Buffer *base, const Shape *shape);
/* The buffer whose bytes this one shows: itself where it is no alias. */
Buffer *buffer_root(Buffer *buffer);

Kernel *kernel_create(Program *program, KernelKind kind, const char *name, Place place,
                      Guard *guard);
/* A structured kernel that becomes the last member of a group; it has the group's axes already. */
Kernel *kernel_create_member(Kernel *group, const char *name);
/* Gives the group the outputs and checks of its members; after every change of these. */
void kernel_gather_members(Kernel *group);
Dim kernel_add_axis(Kernel *kernel, Dim size); /* parallel; all of them before any store */
Dim kernel_add_reduce_axis(Kernel *kernel, Dim size);
/* One parallel axis per dimension of the shape, in `axes`. */
void kernel_add_axes(Kernel *kernel, const Shape *shape, Dim *axes);
/* At the parallel axes; the value is converted to the buffer's dtype. */
void kernel_store(Kernel *kernel, Buffer *buffer, Scalar *value);
/* In a KERNEL_DIRECT: the buffer is a parameter of the code, which gives its number. A check that
 * the code may fail with; gives its number. */
uint32_t kernel_add_parameter(Kernel *kernel, Buffer *buffer, bool is_output);
uint32_t kernel_add_failure(Kernel *kernel, tfcc_status status, const char *message);
/* At another index; condition, combine and initial are filled in by the caller. */
KernelOutput *kernel_store_at(Kernel *kernel, Buffer *buffer, Scalar **index, Scalar *value);
KernelCheck *kernel_check(Kernel *kernel, Scalar *condition, tfcc_status status,
                          const char *message, Scalar *const *values, size_t value_count);
void kernel_add_after(Kernel *kernel, Kernel *earlier);

Scalar *scalar_constant_bits(Kernel *kernel, tfcc_dtype dtype, uint64_t bits);
Scalar *scalar_integer(Kernel *kernel, tfcc_dtype dtype, int64_t number); /* any dtype: converted */
Scalar *scalar_float(Kernel *kernel, tfcc_dtype dtype, double number);
Scalar *scalar_index(Kernel *kernel, Dim index); /* int64 */
/* Arithmetic: operands of one dtype; result by the row of scalar_ops.def. Folds constants and, on
 * SCALAR_INDEX, does arithmetic on Dims. float16 and bfloat16 operands are converted to float32 and
 * the result rounded back. */
Scalar *scalar_unary(Kernel *kernel, ScalarOp op, Scalar *a);
Scalar *scalar_binary(Kernel *kernel, ScalarOp op, Scalar *a, Scalar *b);
Scalar *scalar_select(Kernel *kernel, Scalar *condition, Scalar *a, Scalar *b);
/* TensorFlow's cast. What remains of it as CONVERT: between integers and from bool (extends or
 * cuts), integers and bool to float32 or float64, between float32 and float64, float32 from and to
 * narrower floats, float32 and float64 to int32 and int64. The others are composed of these; to
 * bool is `!= 0`, and 4-bit integers come from and go to those of 8 bits by bit casts. */
Scalar *scalar_convert(Kernel *kernel, tfcc_dtype dtype, Scalar *a);
Scalar *scalar_bitcast(Kernel *kernel, tfcc_dtype dtype, Scalar *a); /* same width */
/* RANDOM_BITS of three uint64. */
Scalar *scalar_random_bits(Kernel *kernel, Scalar *key, Scalar *stream, Scalar *word);
/* A load from a constant at a place that is known gives the constant's element. */
Scalar *scalar_load(Kernel *kernel, Buffer *buffer, const Dim *index);
Scalar *scalar_load_at(Kernel *kernel, Buffer *buffer, Scalar *const *index);
Scalar *scalar_load_if(Kernel *kernel, Buffer *buffer, Scalar *const *index, Scalar *condition,
                       Scalar *otherwise);
/* The order of combination is fixed. With L lanes, a power of two, there are L partial results,
 * each starting from the combiner's identity. Points are visited row-major, the innermost reduce
 * axis fastest, and each is combined into lane (its innermost index mod L); at the end lane l takes
 * up lane l + L/2, then l + L/4, … down to lane 0. One lane is plain sequential order.
 *
 * kernel_reduce picks 1 lane where the combiner is exact in any order, where the innermost axis is
 * known to be short, or where it does not run along memory in every load; else four vectors of 64
 * bytes. float16 and bfloat16 are combined in float32 and rounded once. The result has the dtype of
 * body (int64 for ARGMAX, ARGMIN). Over no points it is the identity (infinity or the extreme
 * integer for MAXIMUM and MINIMUM, index 0 for ARGMAX and ARGMIN).
 *
 * The sum of a body that is a product here, a contraction, may round product and sum once where the
 * processor does (each result is then closer to the true one: by at most half a unit in the last
 * place of each product). A product that fusion substitutes is another node's: it is rounded. */
Scalar *kernel_reduce(Kernel *kernel, Combiner combiner, const Dim *axes, int axis_count,
                      Scalar *body);
Scalar *kernel_scan(Kernel *kernel, Combiner combiner, Dim axis, Scalar *body, bool exclusive,
                    bool reverse);
/* The combiner's identity as bits of dtype. */
uint64_t combiner_identity(Combiner combiner, tfcc_dtype dtype);
/* The binary scalar op of ADD … OR and SUBTRACT. */
ScalarOp combiner_operation(Combiner combiner, tfcc_dtype dtype);

/* Copies an expression into `kernel` (perhaps another one), axes replaced; the work of fusion. */
typedef struct ScalarRewrite {
    Kernel *from, *to;
    const Dim *old_axes, *new_axes; /* Dims over axes of `to` */
    size_t axis_count;
    /* Called for every load of `from` before it is copied; gives the scalar that takes its place,
     * or NULL to copy the load. */
    Scalar *(*replace_load)(void *context, struct ScalarRewrite *rewrite, Scalar *load);
    /* Called for every operation with its operands as they were copied; the same. Either may be
     * NULL. */
    Scalar *(*replace_operation)(void *context, struct ScalarRewrite *rewrite, Scalar *scalar,
                                 Scalar *const *operands);
    void *context;
    Scalar **memo;            /* by id of `from`; made by the first call */
    Dim *from_axes, *to_axes; /* made by the first call: old_axes and new_axes, then the reduce axes
                                 met and their new ones */
    size_t mapped_count, mapped_capacity;
} ScalarRewrite;
Scalar *scalar_rewrite(ScalarRewrite *rewrite, Scalar *scalar);
/* A kernel like this one, still without outputs and checks; it stands in no list. */
Kernel *kernel_empty_copy(const Kernel *kernel);
/* Copies every output and check of rewrite->from to rewrite->to. */
void kernel_copy_results(ScalarRewrite *rewrite);

/* ---- the lowering of ops ---- */

typedef struct LowerContext {
    Program *program;
    Graph *graph;
    GraphNode *node;
    DimTable *dims;
    Kernel *requirement; /* the check kernel of the node's requirements, or NULL; kernels begun with
                            lower_kernel come after it */
    struct Lowering *lowering; /* the whole graph's, private to lower_graph.c; NULL where a node is
                                  lowered by itself */
} LowerContext;

/* A kernel of the node: its name, place, guard and `after` filled in. */
Kernel *lower_kernel(LowerContext *context);
Buffer *lower_input(LowerContext *context, const char *parameter); /* NULL where absent */
Buffer *lower_output(LowerContext *context, int index);

/* A BIND of the output's elements here, between the kernels that compute it and those of the same
 * node whose sizes it is. */
void lower_bind(LowerContext *context, int index);

/* Lowers the graph: c->program. False after a diagnostic. */
struct Compilation;
bool lower_graph(struct Compilation *compilation);

/* ---- asking ---- */

/* Every invariant above; an assertion in tests and with --verify. */
bool program_verify(const Program *program, char *message, size_t size);
void program_print(Text *text, const Program *program);
void kernel_print(Text *text, const Kernel *kernel);
/* Visits the scalars that outputs and checks name: values, indices, conditions. */
void kernel_each_root(const Kernel *kernel, void (*visit)(void *context, Scalar *scalar),
                      void *context);
/* The scalars a scalar is made of, bodies, indices and conditions of loads included; at most
 * SCALAR_MAX_CHILDREN. */
enum { SCALAR_MAX_CHILDREN = MAX_RANK + 2 };
size_t scalar_children(const Scalar *scalar, Scalar **children);
/* Marks (by id) everything that marked scalars are made of. */
void scalar_mark(const Kernel *kernel, bool *marked);
/* Visits the buffers a kernel reads, as often as it names them: those of its loads, the parameters
 * of its code, what a BIND takes its numbers from. */
void kernel_each_input(const Kernel *kernel, void (*visit)(void *context, Buffer *buffer),
                       void *context);
/* Visits every scalar reachable from outputs and checks once, operands first; of a group those of
 * its members, one after the other. */
void kernel_each_scalar(const Kernel *kernel, void (*visit)(void *context, Scalar *scalar),
                        void *context);

#endif
