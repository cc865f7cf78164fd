/* module.c: an LLVM module from beginning to end: target machine, passes, printing, the object. */
#include "native/module.h"

#include "support/dtype.h"
#include "support/output_file.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/Target.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- small services ---- */

LLVMValueRef native_int32(NativeModule *m, uint32_t number) {
    return LLVMConstInt(m->int32, number, false);
}

LLVMValueRef native_int64(NativeModule *m, int64_t number) {
    return LLVMConstInt(m->int64, (unsigned long long)number, true);
}

static const char *const intrinsic_names[INTRINSIC_COUNT] = {
    [INTRINSIC_FABS] = "llvm.fabs",
    [INTRINSIC_FMA] = "llvm.fma",
    [INTRINSIC_SQRT] = "llvm.sqrt",
    [INTRINSIC_FLOOR] = "llvm.floor",
    [INTRINSIC_CEIL] = "llvm.ceil",
    [INTRINSIC_TRUNC] = "llvm.trunc",
    [INTRINSIC_ROUNDEVEN] = "llvm.roundeven",
    [INTRINSIC_COPYSIGN] = "llvm.copysign",
    [INTRINSIC_MINIMUM] = "llvm.minimum",
    [INTRINSIC_MAXIMUM] = "llvm.maximum",
    [INTRINSIC_SMIN] = "llvm.smin",
    [INTRINSIC_SMAX] = "llvm.smax",
    [INTRINSIC_UMIN] = "llvm.umin",
    [INTRINSIC_UMAX] = "llvm.umax",
    [INTRINSIC_ABS] = "llvm.abs",
    [INTRINSIC_ARITHMETIC_FENCE] = "llvm.arithmetic.fence",
    [INTRINSIC_SADD_SAT] = "llvm.sadd.sat",
    [INTRINSIC_SMUL_OVERFLOW] = "llvm.smul.with.overflow",
    [INTRINSIC_MASKED_LOAD] = "llvm.masked.load",
    [INTRINSIC_MASKED_STORE] = "llvm.masked.store",
    [INTRINSIC_MASKED_GATHER] = "llvm.masked.gather",
    [INTRINSIC_MASKED_SCATTER] = "llvm.masked.scatter",
};

LLVMValueRef native_intrinsic(NativeModule *m, Intrinsic intrinsic, LLVMTypeRef *types,
                              size_t type_count, LLVMValueRef *arguments, unsigned count) {
    unsigned *id = &m->intrinsics[intrinsic];
    const char *name = intrinsic_names[intrinsic];
    if (*id == 0) *id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(m->module, *id, types, type_count);
    LLVMTypeRef type = LLVMIntrinsicGetType(m->context, *id, types, type_count);
    return LLVMBuildCall2(m->builder, type, function, arguments, count, "");
}

static void add_text_attribute(NativeModule *m, LLVMValueRef function, const char *key,
                               const char *value) {
    LLVMAttributeRef attribute = LLVMCreateStringAttribute(m->context, key, (unsigned)strlen(key),
                                                           value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute);
}

/* Without the vector width LLVM splits 64-byte vectors in two for most processors that have them.
 */
void native_function_attributes(NativeModule *m, LLVMValueRef function) {
    if (m->target.cpu && m->target.cpu[0])
        add_text_attribute(m, function, "target-cpu", m->target.cpu);
    if (m->target.features && m->target.features[0])
        add_text_attribute(m, function, "target-features", m->target.features);
    if (m->target.vector_bytes >= 64) {
        add_text_attribute(m, function, "prefer-vector-width", "512");
        add_text_attribute(m, function, "min-legal-vector-width", "512");
    }
    unsigned kind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(m->context, kind, 0));
}

/* ---- LLVM's failures ---- */

/* LLVM cannot go on after this and neither can the process; outputs that are under way go. */
static void end_after_fatal_error(const char *reason) {
    output_file_unlink_all();
    fprintf(stderr, "error: LLVM: %s\n", reason);
    fflush(stderr);
    _exit(1);
}

typedef struct DiagnosticSink {
    Compilation *compilation;
    size_t errors;
} DiagnosticSink;

static void receive_diagnostic(LLVMDiagnosticInfoRef info, void *context) {
    DiagnosticSink *sink = context;
    if (LLVMGetDiagInfoSeverity(info) != LLVMDSError) return;
    char *text = LLVMGetDiagInfoDescription(info);
    diagnose_error(sink->compilation->diagnostics, (Place){0}, "LLVM: %s", text);
    LLVMDisposeMessage(text);
    sink->errors++;
}

/* ---- the target ---- */

static void dispose_context(void *context) {
    LLVMContextDispose(context);
}
static void dispose_machine(void *machine) {
    LLVMDisposeTargetMachine(machine);
}
static void dispose_builder(void *builder) {
    LLVMDisposeBuilder(builder);
}
static void dispose_module(void *module) {
    LLVMDisposeModule(module);
}

/* Only the target in use is set up: setting up all of them takes longer than compiling a small
 * graph. */
static bool initialize_target(const char *triple) {
    if (strncmp(triple, "x86_64", 6) == 0) {
        LLVMInitializeX86TargetInfo();
        LLVMInitializeX86Target();
        LLVMInitializeX86TargetMC();
        LLVMInitializeX86AsmPrinter();
        return true;
    }
    if (strncmp(triple, "aarch64", 7) == 0) {
        LLVMInitializeAArch64TargetInfo();
        LLVMInitializeAArch64Target();
        LLVMInitializeAArch64TargetMC();
        LLVMInitializeAArch64AsmPrinter();
        return true;
    }
    return false;
}

static LLVMCodeGenOptLevel code_level(int optimisation) {
    return optimisation == 0   ? LLVMCodeGenLevelNone
           : optimisation == 1 ? LLVMCodeGenLevelLess
           : optimisation == 2 ? LLVMCodeGenLevelDefault
                               : LLVMCodeGenLevelAggressive;
}

static bool create_machine(NativeModule *m) {
    const CompileOptions *options = &m->compilation->options;
    char *triple =
        options->target ? LLVMNormalizeTargetTriple(options->target) : LLVMGetDefaultTargetTriple();
    LLVMTargetRef target;
    char *message = NULL;
    bool known = initialize_target(triple);
    if (known && LLVMGetTargetFromTriple(triple, &target, &message)) known = false;
    if (message) LLVMDisposeMessage(message);
    if (!known) {
        diagnose_error(m->compilation->diagnostics, (Place){0},
                       "target `%s`: no code is made for it; x86_64 and aarch64 with ELF are known",
                       escape_for_message(m->arena, triple));
    } else {
        m->machine = LLVMCreateTargetMachine(target, triple, m->target.cpu ? m->target.cpu : "",
                                             m->target.features ? m->target.features : "",
                                             code_level(options->optimisation), LLVMRelocPIC,
                                             LLVMCodeModelDefault);
        arena_on_destroy(m->arena, dispose_machine, m->machine);
        LLVMSetTarget(m->module, triple);
        LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(m->machine);
        LLVMSetModuleDataLayout(m->module, layout);
        LLVMDisposeTargetData(layout);
    }
    LLVMDisposeMessage(triple);
    return known;
}

/* What the description of the target tells of instructions that are used on their own. A processor
 * of an unknown name counts as one without them, unless its vectors are wider than SSE's. */
static void find_features(NativeModule *m) {
    const char *cpu = m->target.cpu ? m->target.cpu : "";
    const char *features = m->target.features ? m->target.features : "";
    bool is_level = strncmp(cpu, "x86-64-v", 8) == 0;
    bool is_x86 = strncmp(LLVMGetTarget(m->module), "x86_64", 6) == 0;
    m->has_rounding =
        !is_x86 || m->target.vector_bytes >= 32 || is_level || strstr(features, "+sse4.1") != NULL;
    m->has_half = is_x86 && (m->target.vector_bytes >= 64 || (is_level && cpu[8] >= '3') ||
                             strstr(features, "+f16c") != NULL);
}

/* ---- building ---- */

static void create_types(NativeModule *m) {
    LLVMContextRef c = m->context;
    m->void_type = LLVMVoidTypeInContext(c);
    m->bool_type = LLVMInt1TypeInContext(c);
    m->int8 = LLVMInt8TypeInContext(c);
    m->int16 = LLVMInt16TypeInContext(c);
    m->int32 = LLVMInt32TypeInContext(c);
    m->int64 = LLVMInt64TypeInContext(c);
    m->float_type = LLVMFloatTypeInContext(c);
    m->double_type = LLVMDoubleTypeInContext(c);
    m->pointer = LLVMPointerTypeInContext(c, 0);
    LLVMTypeRef parameters[] = {m->pointer, m->pointer, m->pointer};
    m->kernel_type = LLVMFunctionType(m->int32, parameters, 3, false);
}

/* What is emitted from now on is for this target. */
static void set_target(NativeModule *m, const TargetDescription *target) {
    m->target = *target;
    find_features(m);
}

static NativeModule *begin_module(Compilation *compilation) {
    LLVMInstallFatalErrorHandler(end_after_fatal_error);
    NativeModule *m = arena_alloc(compilation->arena, sizeof *m);
    m->arena = compilation->arena;
    m->compilation = compilation;
    m->loops = compilation->loops;
    m->program = compilation->program;
    m->graph = compilation->graph;
    m->target = m->loops->targets.targets[m->loops->targets.count - 1];
    m->prefix = model_prefix(compilation);
    m->identifiers = model_identifiers(m->arena, m->graph);
    m->context = LLVMContextCreate();
    arena_on_destroy(m->arena, dispose_context, m->context);
    /* The name is written into the object: the graph's, so that equal input gives equal bytes
     * wherever it lies. */
    m->module = LLVMModuleCreateWithNameInContext(m->graph->name, m->context);
    arena_on_destroy(m->arena, dispose_module, m->module);
    m->builder = LLVMCreateBuilderInContext(m->context);
    arena_on_destroy(m->arena, dispose_builder, m->builder);
    create_types(m);
    if (!create_machine(m)) return NULL;
    find_features(m);
    debug_lines_begin(m);
    return m;
}

/* The loops are written as they should run, so the passes only clean up: what is computed twice,
 * what is constant, what does not change in a loop. No vectoriser and no inliner runs. */
static const char *pass_list(int optimisation) {
    switch (optimisation) {
    case 0: return NULL;
    case 1: return "function(early-cse,instcombine<no-verify-fixpoint>,simplifycfg)";
    default:
        return "function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
               "loop-mssa(licm<no-allowspeculation>),early-cse)";
    }
}

static bool verify_module(NativeModule *m) {
    char *message = NULL;
    bool is_broken = LLVMVerifyModule(m->module, LLVMReturnStatusAction, &message);
    if (is_broken)
        diagnose_error(m->compilation->diagnostics, (Place){0},
                       "the generated module is not well formed; please report this: %s", message);
    LLVMDisposeMessage(message);
    return !is_broken;
}

static bool optimise_module(NativeModule *m) {
    const char *passes = pass_list(m->compilation->options.optimisation);
    if (!passes) return true;
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(m->module, passes, m->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (!error) return true;
    char *message = LLVMGetErrorMessage(error);
    diagnose_error(m->compilation->diagnostics, (Place){0}, "LLVM: %s", message);
    LLVMDisposeErrorMessage(message);
    return false;
}

NativeModule *native_build(Compilation *compilation) {
    NativeModule *m = begin_module(compilation);
    if (!m) return NULL;
    DiagnosticSink sink = {compilation, 0};
    LLVMContextSetDiagnosticHandler(m->context, receive_diagnostic, &sink);
    const LoopProgram *loops = m->loops;
    m->kernels = arena_alloc_array(m->arena, loops->function_count + 1, sizeof *m->kernels);
    for (size_t k = 0; k < loops->function_count; k++) {
        set_target(m, &loops->targets.targets[loops->functions[k]->target]);
        m->kernels[k] = emit_function(m, loops->functions[k]);
    }
    set_target(m, &loops->targets.targets[loops->targets.count - 1]);
    emit_settle(m);
    layout_find(m);
    constants_place(m);
    emit_tables(m);
    emit_entry(m);
    debug_lines_finish(m);
    bool is_sound = !compilation->options.verify || verify_module(m);
    bool done = is_sound && optimise_module(m) && sink.errors == 0;
    LLVMContextSetDiagnosticHandler(m->context, NULL, NULL);
    return done ? m : NULL;
}

/* ---- results ---- */

bool native_print_llvm(NativeModule *m, Text *text) {
    char *printed = LLVMPrintModuleToString(m->module);
    text_add(text, printed);
    LLVMDisposeMessage(printed);
    return true;
}

static LLVMMemoryBufferRef emit_file(NativeModule *m, LLVMModuleRef module,
                                     LLVMCodeGenFileType type) {
    DiagnosticSink sink = {m->compilation, 0};
    LLVMContextSetDiagnosticHandler(m->context, receive_diagnostic, &sink);
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(m->machine, module, type, &message, &buffer)) {
        diagnose_error(m->compilation->diagnostics, (Place){0}, "LLVM: %s", message);
        LLVMDisposeMessage(message);
        buffer = NULL;
    }
    LLVMContextSetDiagnosticHandler(m->context, NULL, NULL);
    if (buffer && sink.errors > 0) {
        LLVMDisposeMemoryBuffer(buffer);
        buffer = NULL;
    }
    return buffer;
}

bool native_print_assembly(NativeModule *m, Text *text) {
    /* Code generation changes the module, from which the object may still be made. */
    LLVMModuleRef copy = LLVMCloneModule(m->module);
    LLVMMemoryBufferRef buffer = emit_file(m, copy, LLVMAssemblyFile);
    LLVMDisposeModule(copy);
    if (!buffer) return false;
    text_add_bytes(text, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
    LLVMDisposeMemoryBuffer(buffer);
    return true;
}

static void dispose_buffer(void *buffer) {
    LLVMDisposeMemoryBuffer(buffer);
}

/* Writes the large constants into their section of the finished object. */
static bool patch_weights(NativeModule *m, char *object, size_t size) {
    if (!m->weights) return true;
    size_t section_size = 0;
    char *section = elf_find_section(object, size, NATIVE_WEIGHTS_SECTION, &section_size);
    if (!section || section_size != m->weights_size)
        return diagnose_error(m->compilation->diagnostics, (Place){0},
                              "large constants can be put into ELF64 objects only; "
                              "use --weights=FILE for another target");
    constants_fill(m, HOME_LARGE, section);
    return true;
}

bool native_object(NativeModule *m, const void **bytes, size_t *size) {
    if (!m->object) {
        LLVMMemoryBufferRef buffer = emit_file(m, m->module, LLVMObjectFile);
        if (!buffer) return false;
        arena_on_destroy(m->arena, dispose_buffer, buffer);
        /* The buffer is this process's own memory; LLVM only hands it out as constant. */
        char *start = (char *)(uintptr_t)LLVMGetBufferStart(buffer);
        if (!patch_weights(m, start, LLVMGetBufferSize(buffer))) return false;
        m->object = start;
        m->object_size = LLVMGetBufferSize(buffer);
    }
    *bytes = m->object;
    *size = m->object_size;
    return true;
}

bool native_side_file(NativeModule *m, const void **bytes, size_t *size) {
    if (!m->compilation->options.weights) return false;
    *bytes = m->side_size > 0 ? m->side_bytes : "";
    *size = m->side_size;
    return true;
}
