/* interpret.h: the kernel level carried out slowly and obviously.
 *
 * It folds constants, and it is the oracle for everything after it: native code agrees with it bit for bit (sums have their order in
 * their meaning, see kernel_reduce; blocked contractions alone may differ, within their stated tolerance).
 */
#ifndef TFCC_KERNELS_INTERPRET_H
#define TFCC_KERNELS_INTERPRET_H

#include "kernels/kernel.h"

/* The memory of one buffer. */
typedef struct InterpreterBuffer {
    void *bytes;
    int64_t dims[MAX_RANK]; /* of the buffer's shape, evaluated */
    int64_t element_count;
} InterpreterBuffer;

typedef struct Interpreter {
    Arena *arena;
    const Program *program;
    InterpreterBuffer *buffers; /* by buffer number; bytes NULL: not there yet */
    int64_t *symbols;           /* by symbol number */
} Interpreter;

/* Carries out one kernel: sizes of its outputs are evaluated, memory for them taken from the arena where it is NULL.
 * Gives NULL, or the check that failed, with its message filled in from the values. */
const char *interpret_kernel(Interpreter *interpreter, const Kernel *kernel);

/* The whole program for these fetches: feeds (bytes by buffer) and variables are set in interpreter->buffers by the caller. Only what `wanted`
 * needs is carried out. NULL, or the message of the failure. */
const char *interpret_program(Interpreter *interpreter, Buffer *const *wanted, size_t count);

/* Folds one node of the graph whose inputs are all CONSTANT: its outputs as constants in the arena. False where it cannot be folded (its
 * outputs have more than 64 Ki elements, its shape is not known, it has an effect, or a check fails). */
bool interpret_node(Graph *graph, GraphNode *node, const ConstantData **outputs);

#endif
