/* loops.h: the loop level: how a kernel is computed, as explicit loop nests over typed scalars and
 * vectors.
 *
 * A LoopFunction is code for one distinct kernel; kernels that differ only in which buffers and
 * sizes they use share one. It takes the addresses of its buffers and the numbers of its dim slots.
 * The code is a tree of blocks of instructions in SSA form: every instruction gives at most one
 * value list, loops carry values explicitly, and memory is touched by LOAD, STORE, GATHER and
 * SCATTER alone. Nothing here knows of ops, and nothing decides anything: what stands here is what
 * the native stage writes down.
 *
 * Offsets are int64 counts of elements from the start of a buffer, row-major. Addresses need no
 * alignment.
 */
#ifndef TFCC_LOOPS_LOOPS_H
#define TFCC_LOOPS_LOOPS_H

#include "compilation.h"
#include "kernels/kernel.h"

typedef struct LoopType {
    tfcc_dtype dtype; /* TFCC_NONE: no value */
    int lanes;        /* 1: a scalar */
} LoopType;

typedef enum LoopOp {
    LOOP_ARITHMETIC, /* scalar_op of the operands, lane by lane: the rows of scalar_ops.def from
                        CONVERT to ROUND_EVEN */
    LOOP_CONSTANT,   /* bits, in every lane */
    LOOP_SLOT,       /* int64: dims[number] */
    LOOP_GIVEN,      /* bool: buffer `number` is not NULL */
    LOOP_SPLAT,      /* operand in every lane */
    LOOP_RAMP,       /* int64 lanes: operand, operand + 1, … */
    LOOP_LOAD,    /* type.lanes elements of buffer `number` from offset operands[0] on; operands[1]
                     (may be NULL): bool lanes, which are read; operands[2]: the value of the others */
    LOOP_GATHER,  /* the same with an offset for each lane */
    LOOP_STORE,   /* operands: offset, value, mask (may be NULL) */
    LOOP_SCATTER, /* operands: offset lanes, value, mask (may be NULL); lanes in order */
    LOOP_REDUCE_LANES, /* combines the lanes of the operand with scalar_op: l with l + L/2, then
                          L/4, … */
    LOOP_EXTRACT,      /* lane `number` of the operand */
    LOOP_ZIP, /* lanes of both operands in turn, a, b, a, b, …: of their first halves, or (number 1)
                 of their last */
    LOOP_FUSED,    /* operands[0] * operands[1] + operands[2], rounded once; float32 and float64 */
    LOOP_UNZIP,    /* the even lanes of the first operand, then the odd ones of the second */
    LOOP_FOR,      /* for index = operands[0]; index < operands[1]; index += step */
    LOOP_WHILE,    /* while blocks[0] gives true: blocks[1], which gives the carried values of the
                      next round */
    LOOP_IF,       /* operands[0] ? blocks[0] : blocks[1] */
    LOOP_ARGUMENT, /* a value that a FOR, a WHILE or an IF defines; in no block */
    LOOP_FAIL, /* leaves the function with check `number`; operands (any count) are the values of
                  its message */
} LoopOp;

typedef struct LoopInstruction LoopInstruction;

typedef struct LoopBlock {
    LoopInstruction **instructions;
    size_t count, capacity;
    LoopInstruction **yields; /* what the block gives to its FOR or WHILE (the carried values of the
                                 next round; the condition) or IF (its results) */
    size_t yield_count;
} LoopBlock;

/* An instruction is the value it gives. The counter, the carried values and the results of a FOR,
 * WHILE or IF are instructions of op LOOP_ARGUMENT that stand in no block: their owner defines them. */
struct LoopInstruction {
    LoopOp op;
    LoopType type;
    ScalarOp scalar_op;
    uint32_t id; /* in the function, in order of creation */
    uint32_t number;
    uint64_t bits;
    LoopInstruction **operands;
    size_t operand_count;
    /* FOR, WHILE and IF */
    int64_t step;
    LoopBlock *blocks[2];   /* FOR: the body; WHILE: condition and body; IF: then and else (may be
                               NULL where there are no results) */
    LoopInstruction *index; /* FOR: the counter, int64 */
    LoopInstruction **initial, **carried, **results; /* FOR and WHILE: before the first round,
                                                        inside the blocks, after the last; IF: only
                                                        results */
    size_t carried_count;
    Place place; /* for -g */
};

typedef struct LoopParameter {
    tfcc_dtype dtype;
    bool is_output, is_optional;
    bool is_exclusive; /* no other argument of the step shares its bytes. An output that may stand
                          in the place of an input is not, nor is that input: every element is then
                          read before it is written, in the order of the instructions */
    bool is_local;     /* not a parameter: an array of `local_count` elements on the stack, numbered
                          like the buffers, behind them */
    int64_t local_count;
} LoopParameter;

typedef struct LoopFunction {
    const char *name; /* unique, made of the first kernel's name and a number: an identifier */
    uint32_t number;
    uint32_t target; /* in program->targets: what it is made for */
    LoopParameter *buffers;
    size_t buffer_count, buffer_capacity;
    size_t slot_count;
    LoopBlock *body;
    uint32_t next_id;
    Place place;
} LoopFunction;

typedef struct LoopArgument {
    Buffer *buffer;
    uint32_t flags; /* of tfcc/abi.h */
    Buffer *initial;
} LoopArgument;

/* What carries a step out on one target: its function, and one index into program->slots for each
 * of that one's slot parameters. */
typedef struct LoopVersion {
    LoopFunction *function;
    uint32_t *slots;
    size_t slot_count;
} LoopVersion;

/* A step of the run: one kernel with its function, in the order of execution. */
typedef struct LoopStep {
    Kernel *kernel;
    LoopFunction *function;  /* NULL for KERNEL_BIND; for the first target */
    LoopArgument *arguments; /* one per function->buffers that is not local */
    size_t argument_count;
    uint32_t *slots; /* indices into program->slots, one per slot parameter */
    size_t slot_count;
    LoopVersion *versions; /* for the second target, the third, …; NULL for KERNEL_BIND */
    uint32_t level;        /* KERNEL_BIND: the level it settles */
} LoopStep;

/* A number the run needs: slot k is symbol k for k < symbol_count, then the constants, then
 * expressions that `settle` computes. */
typedef struct LoopSlot {
    Dim dim;
    uint32_t level; /* the BIND level at which it is known; 0: from the feeds alone */
} LoopSlot;

typedef struct LoopBufferPlan {
    uint32_t shape[MAX_RANK]; /* slots of the sizes */
    uint32_t rank_slot;       /* or UINT32_MAX */
    uint32_t bytes_slot;
    uint32_t level;
    uint32_t offset_slot; /* VALUE buffers that are no alias and that a step stores into; else
                             UINT32_MAX */
} LoopBufferPlan;

/* What the schedule knows of the processor. */
typedef struct TargetDescription {
    const char *cpu, *features; /* LLVM's names */
    int vector_bytes;           /* 16, 32, 64 */
    int vector_registers;
    bool has_fma;
    int64_t l1_bytes, l2_bytes;
} TargetDescription;

/* The instruction sets that one object has code for, the best one first. */
enum { TARGET_MAX_LEVELS = 3 };
typedef struct TargetList {
    TargetDescription targets[TARGET_MAX_LEVELS];
    size_t count;
} TargetList;

typedef struct LoopProgram {
    Arena *arena;
    Program *program;
    TargetList targets;
    LoopFunction **functions;
    size_t function_count, function_capacity;
    LoopStep *steps;
    size_t step_count, step_capacity;
    LoopSlot *slots;
    size_t slot_count, slot_capacity, symbol_count, constant_count;
    Map slot_of_dim;
    LoopBufferPlan *buffers; /* by buffer number */
    uint32_t level_count;
    uint32_t *workspace_slots; /* by level: bytes of its block */
} LoopProgram;

/* What `options` name: one target. False after a diagnostic. */
bool target_describe(const CompileOptions *options, TargetDescription *target,
                     Diagnostics *diagnostics);
/* The same, or with options->every_level all levels of the family, where it has any. */
bool target_list(const CompileOptions *options, TargetList *list, Diagnostics *diagnostics);
/* The best level of this machine, as --mcpu takes it; NULL where its family has none. */
const char *target_host_level(void);

/* Kernels to loops: orders, plans buffers and levels, schedules every distinct kernel for each
 * target. c->loops. */
bool schedule_program(Compilation *compilation, const TargetList *targets);
void loop_program_print(Text *text, const LoopProgram *loops);
void loop_function_print(Text *text, const LoopFunction *function);
/* Dominance, types, lanes; the message says what is wrong where. */
bool loop_function_verify(const LoopFunction *function, char *message, size_t size);
bool loop_program_verify(const LoopProgram *loops, char *message, size_t size);

/* ---- building; every function appends to the builder's current block ---- */
typedef struct LoopBuilder {
    Arena *arena;
    LoopFunction *function;
    LoopBlock *block;
    Place place;
} LoopBuilder;

LoopInstruction *loop_arithmetic(LoopBuilder *b, ScalarOp op, tfcc_dtype dtype,
                                 LoopInstruction *const *operands, size_t count);
LoopInstruction *loop_constant(LoopBuilder *b, LoopType type, uint64_t bits);
LoopInstruction *loop_slot(LoopBuilder *b, uint32_t number);
LoopInstruction *loop_given(LoopBuilder *b, uint32_t buffer);
LoopInstruction *loop_splat(LoopBuilder *b, LoopInstruction *scalar, int lanes);
LoopInstruction *loop_ramp(LoopBuilder *b, LoopInstruction *start, int lanes);
LoopInstruction *loop_load(LoopBuilder *b, uint32_t buffer, LoopInstruction *offset, int lanes,
                           LoopInstruction *mask, LoopInstruction *otherwise);
LoopInstruction *loop_gather(LoopBuilder *b, uint32_t buffer, LoopInstruction *offsets,
                             LoopInstruction *mask, LoopInstruction *otherwise);
void loop_store(LoopBuilder *b, uint32_t buffer, LoopInstruction *offset, LoopInstruction *value,
                LoopInstruction *mask);
void loop_scatter(LoopBuilder *b, uint32_t buffer, LoopInstruction *offsets, LoopInstruction *value,
                  LoopInstruction *mask);
LoopInstruction *loop_reduce_lanes(LoopBuilder *b, ScalarOp op, LoopInstruction *vector);
LoopInstruction *loop_extract(LoopBuilder *b, LoopInstruction *vector, int lane);
LoopInstruction *loop_zip(LoopBuilder *b, LoopInstruction *a, LoopInstruction *other,
                          bool is_last_half);
LoopInstruction *loop_fused(LoopBuilder *b, LoopInstruction *a, LoopInstruction *other,
                            LoopInstruction *sum);
LoopInstruction *loop_unzip(LoopBuilder *b, LoopInstruction *a, LoopInstruction *other);
/* Opens a loop: the builder's block becomes its body; for->index and for->carried are ready. */
LoopInstruction *loop_for_begin(LoopBuilder *b, LoopInstruction *begin, LoopInstruction *end,
                                int64_t step, LoopInstruction *const *initial,
                                size_t carried_count);
/* Closes it with the next values of the carried; for->results then stand for the values after the
 * loop. */
void loop_for_end(LoopBuilder *b, LoopInstruction *loop, LoopInstruction *const *next,
                  LoopBlock *outer);
/* Opens a loop whose condition is asked before every round: the builder's block is that of the
 * condition; while->carried are ready. */
LoopInstruction *loop_while_begin(LoopBuilder *b, LoopInstruction *const *initial,
                                  size_t carried_count);
/* The condition is this; the builder's block becomes the body. */
void loop_while_do(LoopBuilder *b, LoopInstruction *loop, LoopInstruction *condition);
/* Closes it, as loop_for_end. */
void loop_while_end(LoopBuilder *b, LoopInstruction *loop, LoopInstruction *const *next,
                    LoopBlock *outer);
LoopInstruction *loop_if_begin(LoopBuilder *b, LoopInstruction *condition);
void loop_if_else(LoopBuilder *b, LoopInstruction *branch, LoopInstruction *const *results,
                  size_t count);
void loop_if_end(LoopBuilder *b, LoopInstruction *branch, LoopInstruction *const *results,
                 size_t count, LoopBlock *outer);
void loop_fail(LoopBuilder *b, uint32_t check, LoopInstruction *const *values, size_t count);
uint32_t loop_local(LoopBuilder *b, tfcc_dtype dtype, int64_t count);

#endif
