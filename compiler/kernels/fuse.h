/* fuse.h: kernels composed into fewer, larger ones. */
#ifndef TFCC_KERNELS_FUSE_H
#define TFCC_KERNELS_FUSE_H

#include "compilation.h"

/* Substitutes producers into consumers wherever that saves memory traffic and repeats no reduction.
 * c->program is changed in place; every value that may be fetched or fed stays reachable.
 * Does nothing where options.keep_unfused is set. */
bool fuse_program(Compilation *compilation);

/* Weights that are only turned around (the filters of a model from elsewhere) are stored the way
 * they are read; see arrange.c. Comes before fusion. */
bool arrange_constants(Compilation *compilation);

/* Inner buffers are stored with that dimension last along which their kernels run in vectors; see
 * layout.c. Comes after fusion. Does nothing where options.keep_unfused is set. */
bool layout_buffers(Compilation *compilation);

/* Weights of contractions are stored in panels of columns, in the order they are read; see pack.c.
 * Comes last. Does nothing where options.keep_unfused is set. */
bool pack_constants(Compilation *compilation);

#endif
