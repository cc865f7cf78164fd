/* load.c: the finished object, linked into this process by LLVM's JIT linker.
 *
 * It is the very object that would be written, so what the tests run is what a user links. The
 * runtime's functions are defined by address: the program may be stripped, or linked statically,
 * and then exports no symbol that could be found.
 */
#include "native/module.h"

#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <stdint.h>

static void dispose_jit(void *jit) {
    LLVMErrorRef error = LLVMOrcDisposeLLJIT(jit);
    if (error) LLVMConsumeError(error);
}

static bool failed(NativeModule *m, LLVMErrorRef error) {
    if (!error) return false;
    char *message = LLVMGetErrorMessage(error);
    diagnose_error(m->compilation->diagnostics, (Place){0},
                   "the model cannot be loaded into this process: %s", message);
    LLVMDisposeErrorMessage(message);
    return true;
}

static LLVMErrorRef define_runtime(LLVMOrcLLJITRef jit, LLVMOrcJITDylibRef library) {
    const struct {
        const char *name;
        uintptr_t address;
    } functions[] = {
        {"tfcc_run_model", (uintptr_t)tfcc_run_model},
        {"tfcc_run_signature", (uintptr_t)tfcc_run_signature},
        {"tfcc_shape", (uintptr_t)tfcc_shape},
        {"tfcc_workspace", (uintptr_t)tfcc_workspace},
    };
    enum { COUNT = sizeof functions / sizeof *functions };
    LLVMOrcCSymbolMapPair pairs[COUNT];
    for (size_t k = 0; k < COUNT; k++) {
        pairs[k].Name = LLVMOrcLLJITMangleAndIntern(jit, functions[k].name);
        pairs[k].Sym.Address = functions[k].address;
        pairs[k].Sym.Flags = (LLVMJITSymbolFlags){
            LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable, 0};
    }
    return LLVMOrcJITDylibDefine(library, LLVMOrcAbsoluteSymbols(pairs, COUNT));
}

/* memcpy, memset and what else of libc and libm LLVM may call. */
static LLVMErrorRef search_process(LLVMOrcLLJITRef jit, LLVMOrcJITDylibRef library) {
    LLVMOrcDefinitionGeneratorRef generator;
    LLVMErrorRef error = LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
        &generator, LLVMOrcLLJITGetGlobalPrefix(jit), NULL, NULL);
    if (!error) LLVMOrcJITDylibAddGenerator(library, generator);
    return error;
}

const tfcc_model *native_load(NativeModule *m) {
    const void *object;
    size_t size;
    if (!native_object(m, &object, &size)) return NULL;
    LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
    LLVMTargetMachineRef machine =
        LLVMCreateTargetMachine(LLVMGetTargetMachineTarget(m->machine), LLVMGetTarget(m->module),
                                "", "", LLVMCodeGenLevelNone, LLVMRelocPIC, LLVMCodeModelDefault);
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(
        builder, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(machine));
    LLVMOrcLLJITRef jit;
    if (failed(m, LLVMOrcCreateLLJIT(&jit, builder))) return NULL;
    arena_on_destroy(m->arena, dispose_jit, jit);
    LLVMOrcJITDylibRef library = LLVMOrcLLJITGetMainJITDylib(jit);
    if (failed(m, define_runtime(jit, library)) || failed(m, search_process(jit, library)))
        return NULL;
    LLVMMemoryBufferRef buffer =
        LLVMCreateMemoryBufferWithMemoryRange(object, size, m->prefix, false);
    if (failed(m, LLVMOrcLLJITAddObjectFile(jit, library, buffer))) return NULL;
    LLVMOrcExecutorAddress address;
    if (failed(m, LLVMOrcLLJITLookup(jit, &address, arena_format(m->arena, "%s_model", m->prefix))))
        return NULL;
    return (const tfcc_model *)(uintptr_t)address;
}
