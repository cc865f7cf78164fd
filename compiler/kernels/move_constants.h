/* move_constants.h: constants that kernels only move, moved when compiling. */
#ifndef TFCC_KERNELS_MOVE_CONSTANTS_H
#define TFCC_KERNELS_MOVE_CONSTANTS_H

#include "compilation.h"

/* Kernels that store nothing but a constant's elements elsewhere give way to another constant. */
bool move_constants(Compilation *compilation);

#endif
