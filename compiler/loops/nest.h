/* nest.h: one kernel on its way to a loop function; what the files of the schedule share.
 *
 *   nest.c         what the kernel's scalars depend on, and where they read
 *   align.c        the case that nothing is broadcast, where that is known at run time only
 *   collapse.c     neighbouring axes that every access runs through as one
 *   choose.c       which axes have lanes and copies, and how many
 *   strategy.c     the loops: their order, tiles
 *   emission.c     values in scopes, constants and slots, axes that have a counter
 *   emit_index.c   index arithmetic
 *   emit_memory.c  loads and stores
 *   emit_scalar.c  scalars in their order
 *   emit_reduce.c  REDUCE
 *   emit_split.c   REDUCE whose points have conditions
 *   emit_scan.c    SCAN
 *   emit_stage.c   what is computed for a tile at once
 *   emit_nest.c    the loops around, stores and checks
 *   emit_group.c   the steps of a group around the nests of its members
 *
 * The idea: a scalar is computed as soon as all axes it depends on have a counter, so before every
 * loop that it does not depend on. A loop along the lane axis steps by several points at once: what
 * depends on that axis is then a vector, the rest a scalar that is splatted where they meet. A loop
 * along the copy axis does several of its points side by side (unroll and jam): what depends on
 * that axis exists several times, the rest is shared between them.
 */
#ifndef TFCC_LOOPS_NEST_H
#define TFCC_LOOPS_NEST_H

#include "loops/plan.h"

/* Sets of axes, by number. */
typedef uint64_t *AxisSet;

/* How a REDUCE is computed where it does not depend on the lane axis. Where it does, each lane is
 * its own, sequentially. */
typedef enum ReduceMode {
    REDUCE_SEQUENTIAL,
    REDUCE_LANES,   /* a vector of partial results along the innermost reduce axis */
    REDUCE_ORDERED, /* the body in vectors, combined one lane after the other */
    REDUCE_LOCAL,   /* the partial results in an array, one point after the other */
} ReduceMode;

typedef struct ScalarFacts {
    AxisSet axes;       /* what it depends on; NULL: the kernel does not need it */
    Access access;      /* LOAD */
    uint32_t parameter; /* LOAD */
    bool may_be_empty;  /* LOAD: the buffer may have no element at all */
    Dim index;          /* INDEX */
    Dim *reduce_axes;   /* REDUCE */
    int reduce_axis_count;
    ReduceMode mode;
    int lanes;         /* of LANES, ORDERED, LOCAL */
    bool is_masked;    /* the points behind the last full step are masked lanes */
    uint32_t *members; /* REDUCE, SCAN: what the body is made of, as far as it depends on the own
                          axes; by id */
    size_t member_count;
    uint32_t *body; /* REDUCE: all the body is made of; by id */
    size_t body_count;
    bool is_staged; /* see emit_stage.c */
} ScalarFacts;

typedef enum NestLoopKind {
    NEST_SEQUENTIAL,
    NEST_LANES,
    NEST_COPIES,
    NEST_TILES,
    NEST_SCAN
} NestLoopKind;

typedef struct NestLoop {
    NestLoopKind kind;
    Dim axis;
    int64_t step; /* lanes, copies, the tile's length */
} NestLoop;

typedef struct Nest Nest;
struct Nest {
    Arena *arena; /* scratch */
    LoopProgram *loops;
    DimTable *dims;
    const TargetDescription *target;
    const Kernel *kernel;
    const KernelArguments *arguments; /* of the step: of a member those of its group */
    size_t outer_count; /* the first axes, whose loops stand outside: those of a member's group */
    int set_words;
    Map dim_axes;       /* Dim -> AxisSet */
    ScalarFacts *facts; /* by scalar id */
    Access *stores;     /* by output */
    Dim *axes;          /* parallel, after collapsing */
    size_t axis_count;
    bool has_reduce, has_scan;
    Dim scan_axis; /* all SCANs run along this one in one direction, outside of any REDUCE; else
                      NULL */
    bool scan_reverse;
    NestLoop *plan; /* outermost first */
    size_t plan_count;
    bool has_masked_tail;
    size_t stage_depth; /* the loop before which tiles are staged; SIZE_MAX: none is */
    Dim stage_axis,
        stage_inner; /* of the tile: the lane axis, and for loads the one their memory runs along */
    int stage_lanes;
    int64_t stage_length, stage_pitch;
    Nest *special;         /* a version for a case that a run may turn out to be, or NULL: that
                              nothing is broadcast, or that there are fewer points than copies */
    Dim special_condition; /* of that version: not zero where it is right */
    int most_copies;       /* of such a version, 1 for none; else 0 */
    bool has_enough; /* where this version is taken there are as many points as copies, or none
                            */
};

/* ---- nest.c ---- */

Nest *nest_create(Arena *arena, LoopProgram *loops, const TargetDescription *target,
                  const Kernel *kernel, const KernelArguments *arguments);
/* Marks (by id) what the marked scalars are made of, bodies included. */
void nest_mark(const Nest *nest, bool *marked);
AxisSet nest_dim_axes(const Nest *nest, Dim dim);
bool axis_set_has(const AxisSet set, Dim axis);
/* Whether all of `a` is in `b`. */
bool axis_set_within(const Nest *nest, const AxisSet a, const AxisSet b);
/* Where the access goes from one point of the axis to the next: false where that is no fixed number
 * of elements. */
bool nest_stride(const Nest *nest, const Access *access, Dim axis, Dim *stride);
bool combiner_is_exact(Combiner combiner, tfcc_dtype dtype); /* any order gives the same */
bool combiner_is_search(Combiner combiner);

/* ---- align.c ---- */

/* Makes this nest that of the case that nothing is broadcast; gives the condition, NULL where there
 * is no such case. */
Dim nest_align(Nest *nest);

/* ---- collapse.c ---- */
void nest_collapse(Nest *nest);

/* ---- strategy.c ---- */
void nest_plan_reduces(Nest *nest);
void nest_plan_loops(Nest *nest);

/* ---- emission.c ---- */

/* A scalar's value: one, or one for each copy. */
typedef struct Values {
    int count;
    LoopInstruction *of[];
} Values;

typedef struct Undo {
    Values **place, *before;
} Undo;

/* The points that are computed at once along one axis. */
typedef struct Lanes {
    Dim axis; /* NULL: no lanes */
    int count;
    LoopInstruction *mask; /* or NULL: all of them */
} Lanes;

typedef struct DimValue {
    Dim dim;
    Values *values;
} DimValue;

/* An array on the function's stack that nothing uses any more. */
typedef struct FreeLocal {
    uint32_t number;
    struct FreeLocal *next;
} FreeLocal;

/* What all of a function has in common, of however many nests it is made. */
typedef struct FunctionEmission {
    LoopFunction *function;
    LoopProgram *loops;
    const TargetDescription *target;
    const KernelArguments *arguments;
    Arena *arena, *scratch;
    LoopBlock *entry; /* constants and slots: in front of everything */
    Map constants, slots;
    Dim *slot_dims; /* by slot parameter */
    size_t slot_count, slot_capacity;
    struct FreeLocal *free_locals;
    uint32_t check_count; /* of the nests that are finished */
} FunctionEmission;

typedef struct Emission {
    FunctionEmission *whole;
    const Nest *nest;
    Arena *arena, *scratch;
    LoopBuilder b;
    LoopInstruction **counters;       /* by axis number; NULL: no counter yet */
    LoopInstruction **begins, **ends; /* by axis number: the range of a tile; NULL: all */
    AxisSet bound;                    /* axes that have a counter */
    Lanes lanes;
    Dim copy_axis; /* NULL: no copies */
    int copies;
    Values **values; /* by scalar id */
    Values **splats; /* by scalar id: the same in every lane */
    Map dim_values;  /* Dim -> DimValue */
    Undo *log;
    size_t log_count, log_capacity;
    bool *is_needed; /* by scalar id: by this version */
    bool *assumed;   /* by scalar id: conditions that hold wherever this version is carried out */
    const Scalar
        *clamped; /* of the assumed conditions the one that need not hold: loads that have it
                              read somewhere in their buffer then, and what they give is dropped */
    const Dim *clamped_axes; /* along which such loads go on; the rest of their offset becomes 0 */
    int clamped_axis_count;
    bool *is_stored; /* by output: does not occur in this version, or has been stored further out */
    uint32_t *staged; /* by scalar id: 1 + the array that holds the tile's values */
    LoopInstruction **running,
        **next; /* by scalar id: a SCAN's result so far, and after this point */
} Emission;

void emission_begin(Emission *e, FunctionEmission *whole, const Nest *nest, LoopBlock *block);
/* What is defined between the two is forgotten at the end; blocks of loops and branches are scopes.
 */
size_t scope_begin(const Emission *e);
void scope_end(Emission *e, size_t scope);
/* Forgets until the end of the scope every value that depends on the axis. */
void emission_hide(Emission *e, Dim axis);
void emission_set(Emission *e, Values **place, Values *values);
void emission_bind(Emission *e, Dim axis, LoopInstruction *counter);
void emission_unbind(Emission *e, Dim axis);
LoopInstruction *emission_constant(Emission *e, tfcc_dtype dtype, int lanes, uint64_t bits);
LoopInstruction *emission_integer(Emission *e, int64_t number);
LoopInstruction *emission_size(Emission *e, Dim dim); /* a Dim without axes */
bool is_integer_constant(const LoopInstruction *value, int64_t *number);
/* How many lanes, how many copies something that depends on these axes has here. */
int emission_lanes(const Emission *e, const AxisSet axes);
int emission_copies(const Emission *e, const AxisSet axes);
/* The value of a scalar that has been computed, in that many lanes. */
LoopInstruction *emission_value(Emission *e, const Scalar *scalar, int copy, int lanes);
Values *values_create(Emission *e, int count);
/* An array on the stack: one that has been given back, or a new one. */
uint32_t emission_local(Emission *e, tfcc_dtype dtype, int64_t count);
void emission_release_local(Emission *e, uint32_t number);

/* ---- emit_index.c ---- */

/* Arithmetic on int64 (comparisons give bool), constants folded, scalars splatted where the other
 * is a vector. */
LoopInstruction *index_operation(Emission *e, ScalarOp op, LoopInstruction *a, LoopInstruction *b);
LoopInstruction *emit_dim(Emission *e, Dim dim, int copy);
LoopInstruction *logical_and(Emission *e, LoopInstruction *a,
                             LoopInstruction *b); /* either may be NULL: true */

/* ---- emit_memory.c ---- */

void emit_load_scalar(Emission *e, const Scalar *scalar, bool is_innermost);
/* Stores output `number` at the current point or points. */
void emit_output(Emission *e, size_t number);

/* ---- emit_scalar.c ---- */

/* Computes those of `ids` that can be computed now and have not been. */
void emit_available(Emission *e, const uint32_t *ids, size_t count, bool is_innermost);
/* The same for everything this version needs. */
void emit_available_all(Emission *e, bool is_innermost);

/* ---- emit_reduce.c, emit_scan.c ---- */

void emit_reduce(Emission *e, const Scalar *scalar);
/* One more point combined; `operands` may have lanes. */
LoopInstruction *emit_combine(Emission *e, Combiner combiner, LoopInstruction *sofar,
                              LoopInstruction *value);
/* The same for a REDUCE: a contraction's product and sum are one operation where the processor has
 * it. */
LoopInstruction *emit_combine_reduced(Emission *e, const Scalar *reduce, LoopInstruction *sofar,
                                      LoopInstruction *value);
void emit_scan(Emission *e, const Scalar *scalar);

/* ---- emit_split.c ---- */

typedef struct Split {
    LoopInstruction *all; /* all conditions hold at all points; NULL: there is nothing to split */
    LoopInstruction *any; /* some point counts at all, or NULL: not known */
    bool is_all_or_none;
    bool *assumed;         /* Emission.assumed of the version for `all` */
    const Scalar *clamped; /* Emission.clamped of a version for some of the copies, or NULL */
} Split;
/* Asked before the loop of reduce axis `depth`, whose outer loops are around. *is_settled: asking
 * further in gives nothing new. */
Split split_ask(Emission *e, const Scalar *reduce, int depth, int copies, bool *is_settled);

/* The loop along the scan axis; `body` emits what stands inside. */
void emit_scan_loop(Emission *e, const NestLoop *loop, void (*body)(Emission *e, size_t depth),
                    size_t depth);

/* ---- emit_stage.c ---- */

/* Rows that are summed at once into the array of a tile; the largest block that is transposed in
 * registers. */
enum { NEST_ROWS = 4, NEST_MOST_BLOCK = 16 };

/* Fills the arrays of the tile that begins. */
void emit_stages(Emission *e);
/* The tile has been read. */
void emit_stages_end(Emission *e);
/* A staged scalar at the current point or points. */
void emit_staged_scalar(Emission *e, const Scalar *scalar);

/* ---- emit_nest.c ---- */

/* The nest, at the end of the emission's block. */
void nest_emit(Emission *e);

/* ---- emit_group.c ---- */

/* The whole function of a kernel: its body, and slot_dims. */
void function_emit(FunctionEmission *whole, const Kernel *kernel);

#endif
