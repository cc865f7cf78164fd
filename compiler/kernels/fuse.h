/* fuse.h: kernels composed into fewer, larger ones. */
#ifndef TFCC_KERNELS_FUSE_H
#define TFCC_KERNELS_FUSE_H

#include "compilation.h"

/* Substitutes producers into consumers wherever that saves memory traffic and repeats no reduction.
 * c->program is changed in place; every value that may be fetched or fed stays reachable.
 * Does nothing where options.keep_unfused is set. */
bool fuse_program(Compilation *compilation);

#endif
