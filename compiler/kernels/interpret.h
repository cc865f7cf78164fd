/* interpret.h: the kernel level carried out slowly and obviously.
 *
 * It folds constants, and it is the oracle for everything after it: native code agrees with it bit
 * for bit (sums have their order in their meaning, see kernel_reduce; blocked contractions alone
 * may differ, within their stated tolerance).
 *
 * A run:
 *
 *     Interpreter *interpreter = interpreter_create(arena, program);
 *     interpreter_feed(interpreter, buffer, bytes, rank, dims);   for each feed
 *     message = interpret_program(interpreter, wanted, count);    then interpreter_buffer(…) has
 *                                                                 the bytes of wanted[k]
 *     interpreter_commit(interpreter);       writes become the variables' values
 *     interpreter_reset(interpreter);        before the next run
 */
#ifndef TFCC_KERNELS_INTERPRET_H
#define TFCC_KERNELS_INTERPRET_H

#include "kernels/kernel.h"

/* The memory of one buffer. */
typedef struct InterpreterBuffer {
    void *bytes;            /* NULL: not there yet; aliases use those of their root */
    int64_t dims[MAX_RANK]; /* of the buffer's shape, evaluated */
    int64_t element_count;
    bool is_fed;
} InterpreterBuffer;

typedef struct Interpreter {
    Arena *arena;
    Program *program;
    InterpreterBuffer *buffers; /* by buffer number */
    int64_t *symbols;           /* by symbol number */
    bool *is_bound;             /* by symbol number */
    void **variables;   /* by variable number: the value at the start of the run; NULL: none yet */
    void **current;     /* by variable number: after the writes carried out so far */
    uint64_t run_count; /* what RANDOM buffers hold: drawing runs before this one */
    Kernel **expanded;  /* by kernel number: the kernel with its functions written out */
    bool has_drawn;     /* this run has read RANDOM */
    const struct LoopProgram *loops; /* the scheduled program, or NULL. Where it is set, kernels are
                                        carried out as their functions of the loop level say */
} Interpreter;

Interpreter *interpreter_create(Arena *arena, Program *program);
/* Gives the buffer these bytes (not copied) and binds the symbols of its sizes. NULL, or what does
 * not fit. */
const char *interpreter_feed(Interpreter *interpreter, Buffer *buffer, void *bytes, int rank,
                             const int64_t *dims);
/* Writes of the run become the variables' values, and the random counter advances where it was
 * read. */
void interpreter_commit(Interpreter *interpreter);
/* Forgets feeds, values and symbols; variables stay. */
void interpreter_reset(Interpreter *interpreter);
/* The memory of a buffer with its dims evaluated; the bytes are NULL where nothing has computed it.
 */
InterpreterBuffer *interpreter_buffer(Interpreter *interpreter, Buffer *buffer);

/* Carries out one kernel, if its guard says so: sizes of its outputs are evaluated, memory for them
 * taken from the arena where it is NULL. Gives NULL, or the check that failed, with its message
 * filled in from the values. */
const char *interpret_kernel(Interpreter *interpreter, const Kernel *kernel);

/* The whole program for these fetches (their buffers). Only what `wanted` needs is carried out.
 * NULL, or the message of the failure. */
const char *interpret_program(Interpreter *interpreter, Buffer *const *wanted, size_t count);
/* The same, with kernels that targets stand for. */
const char *interpret_targets(Interpreter *interpreter, Buffer *const *wanted, size_t count,
                              Kernel *const *targets, size_t target_count);

/* Folds one node of the graph whose inputs are all CONSTANT: its outputs as constants in the arena.
 * False where it cannot be folded (its outputs have more than 64 Ki elements, its shape is not
 * known, it has an effect, or a check fails). */
bool interpret_node(Graph *graph, GraphNode *node, const ConstantData **outputs);

#endif
