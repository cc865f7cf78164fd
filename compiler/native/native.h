/* native.h: loops to machine code: LLVM IR through the C API, the relocatable object, the header,
 * and running in this process.
 *
 * The module holds one function per LoopFunction, `settle`, the constant tables of tfcc/abi.h, and
 * the model's entry points. Every symbol that can be seen from outside begins with the model's
 * prefix. Large constants never pass through LLVM: they are zero-filled globals in a section of
 * their own whose bytes are written into the finished object.
 */
#ifndef TFCC_NATIVE_NATIVE_H
#define TFCC_NATIVE_NATIVE_H

#include "loops/loops.h"
#include "support/text.h"
#include <tfcc/abi.h>

typedef struct NativeModule NativeModule;

/* The optimised module of c->loops; released with c->arena. NULL after a diagnostic. */
NativeModule *native_build(Compilation *compilation);

bool native_print_llvm(NativeModule *module, Text *text);
bool native_print_assembly(NativeModule *module, Text *text);
/* The finished object, constants in place. It is made once, and of the module itself, as a copy takes
 * memory: what is to be printed is printed before. */
bool native_object(NativeModule *module, const void **bytes, size_t *size);
/* The header of the object: names, handles, typed functions, known shapes and sizes as macros. */
void native_header(const Compilation *compilation, Text *text);
/* The bytes of the side file of weights, perhaps none; the model has its hash. False where
 * --weights=FILE was not given. */
bool native_side_file(NativeModule *module, const void **bytes, size_t *size);

/* The model loaded into this process, for `tfcc run`, `tfcc bench` and the tests; lives as long as
 * the arena. NULL after a diagnostic. */
const tfcc_model *native_load(NativeModule *module);

#endif
