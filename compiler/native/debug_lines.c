/* debug_lines.c: with -g, the line of the YAML file for every instruction, as DWARF line tables. */
#include "native/module.h"

#include <llvm-c/DebugInfo.h>
#include <string.h>

typedef struct DebugLines {
    LLVMDIBuilderRef builder;
    LLVMMetadataRef unit, kernel_type;
    const SourceFile *last_source; /* places of one file share its entry */
    LLVMMetadataRef last_file;
} DebugLines;

static LLVMMetadataRef file_entry(DebugLines *debug, const SourceFile *source) {
    if (source != debug->last_source) {
        debug->last_source = source;
        debug->last_file =
            LLVMDIBuilderCreateFile(debug->builder, source->path, strlen(source->path), "", 0);
    }
    return debug->last_file;
}

static void add_flag(NativeModule *m, const char *key, uint32_t value) {
    LLVMMetadataRef number = LLVMValueAsMetadata(native_int32(m, value));
    LLVMAddModuleFlag(m->module, LLVMModuleFlagBehaviorWarning, key, strlen(key), number);
}

void debug_lines_begin(NativeModule *m) {
    if (!m->compilation->options.debug_lines) return;
    DebugLines *debug = arena_alloc(m->arena, sizeof *debug);
    m->debug = debug;
    debug->builder = LLVMCreateDIBuilder(m->module);
    const char *path = m->compilation->options.input ? m->compilation->options.input : m->prefix;
    LLVMMetadataRef file = LLVMDIBuilderCreateFile(debug->builder, path, strlen(path), "", 0);
    static const char producer[] = "tfcc";
    debug->unit = LLVMDIBuilderCreateCompileUnit(
        debug->builder, LLVMDWARFSourceLanguageC99, file, producer, sizeof producer - 1,
        m->compilation->options.optimisation > 0, "", 0, 0, "", 0, LLVMDWARFEmissionLineTablesOnly,
        0, false, false, "", 0, "", 0);
    debug->kernel_type =
        LLVMDIBuilderCreateSubroutineType(debug->builder, file, NULL, 0, LLVMDIFlagZero);
    add_flag(m, "Debug Info Version", LLVMDebugMetadataVersion());
    add_flag(m, "Dwarf Version", 4);
}

void debug_lines_finish(NativeModule *m) {
    if (!m->debug) return;
    LLVMDIBuilderFinalize(m->debug->builder);
    LLVMDisposeDIBuilder(m->debug->builder);
    m->debug->builder = NULL;
}

LLVMMetadataRef debug_lines_function(NativeModule *m, LLVMValueRef function, const char *name,
                                     Place place) {
    if (!m->debug || !place.file) return NULL;
    LLVMMetadataRef file = file_entry(m->debug, place.file);
    unsigned line = place.line > 0 ? (unsigned)place.line : 0;
    LLVMMetadataRef scope =
        LLVMDIBuilderCreateFunction(m->debug->builder, file, name, strlen(name), name, strlen(name),
                                    file, line, m->debug->kernel_type, true, true, line,
                                    LLVMDIFlagZero, m->compilation->options.optimisation > 0);
    LLVMSetSubprogram(function, scope);
    return scope;
}

/* A place in another file than the function's (a graph that was included) keeps the line before it.
 */
void debug_lines_set(NativeModule *m, LLVMMetadataRef scope, Place place) {
    if (!scope || place.file != m->debug->last_source || place.line <= 0) return;
    LLVMMetadataRef location = LLVMDIBuilderCreateDebugLocation(
        m->context, (unsigned)place.line, (unsigned)place.column, scope, NULL);
    LLVMSetCurrentDebugLocation2(m->builder, location);
}
