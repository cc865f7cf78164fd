#include "native_fixture.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>

NativeFixture *native_fixture_create(const char *cpu, int optimisation) {
    Arena *arena = arena_create();
    NativeFixture *f = arena_alloc(arena, sizeof *f);
    f->arena = arena;
    f->target = (TargetDescription){.cpu = cpu, .features = "", .vector_bytes = 16};
    if (strcmp(cpu, "x86-64-v3") == 0) f->target.vector_bytes = 32;
    if (strcmp(cpu, "x86-64-v4") == 0) f->target.vector_bytes = 64;
    Compilation *c = &f->compilation;
    c->arena = arena;
    c->diagnostics = diagnostics_create(arena);
    c->options.optimisation = optimisation;
    c->graph = arena_alloc(arena, sizeof *c->graph);
    c->graph->arena = arena;
    c->graph->diagnostics = c->diagnostics;
    c->graph->dims = dim_table_create(arena);
    c->graph->name = "fixture";
    f->program.arena = arena;
    f->program.graph = c->graph;
    f->program.nodes = arena_alloc(arena, 16 * sizeof(ProgramNode));
    f->program.initial_writes = arena_alloc(arena, 16 * sizeof(Buffer *));
    c->program = &f->program;
    LoopProgram *loops = &f->loops;
    loops->arena = arena;
    loops->program = &f->program;
    loops->slot_of_dim = map_create(arena);
    loops->level_count = 1;
    loops->workspace_slots = arena_alloc(arena, sizeof(uint32_t));
    loops->buffers = arena_alloc(arena, sizeof(LoopBufferPlan));
    c->loops = loops;
    return f;
}

void native_fixture_destroy(NativeFixture *f) {
    arena_destroy(f->arena);
}

bool native_fixture_can_run(const NativeFixture *f) {
    if (f->target.vector_bytes == 64) return __builtin_cpu_supports("avx512bw");
    if (f->target.vector_bytes == 32) return __builtin_cpu_supports("avx2");
    return true;
}

LoopFunction *native_fixture_function(NativeFixture *f, const char *name, const tfcc_dtype *dtypes,
                                      size_t count, LoopBuilder *builder) {
    Arena *arena = f->arena;
    LoopProgram *loops = &f->loops;
    LoopFunction *function = arena_alloc(arena, sizeof *function);
    function->name = arena_format(arena, "%s_%zu", name, loops->function_count);
    function->number = (uint32_t)loops->function_count;
    function->body = arena_alloc(arena, sizeof *function->body);
    for (size_t k = 0; k < count; k++) {
        LoopParameter *parameter =
            ARENA_PUSH(arena, function->buffers, function->buffer_count, function->buffer_capacity);
        parameter->dtype = dtypes[k];
        parameter->is_output = true;
        parameter->is_exclusive = true;
    }
    *ARENA_PUSH(arena, loops->functions, loops->function_count, loops->function_capacity) =
        function;

    Kernel *kernel = arena_alloc(arena, sizeof *kernel);
    kernel->name = function->name;
    kernel->number = (uint32_t)loops->step_count;
    kernel->program = &f->program;
    *ARENA_PUSH(arena, loops->steps, loops->step_count, loops->step_capacity) =
        (LoopStep){.kernel = kernel, .function = function};
    *builder = (LoopBuilder){.arena = arena, .function = function, .block = function->body};
    return function;
}

static bool may_be_undefined(const char *name) {
    static const char *const libc[] = {"memcpy", "memmove", "memset", "memcmp"};
    for (size_t k = 0; k < sizeof libc / sizeof *libc; k++)
        if (strcmp(name, libc[k]) == 0) return true;
    return strncmp(name, "tfcc_", 5) == 0;
}

static void check_symbol(NativeFixture *f, const Elf64_Sym *symbol, const char *name) {
    if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL) return;
    if (symbol->st_shndx == SHN_UNDEF)
        cr_assert(may_be_undefined(name), "%s: `%s` is undefined", f->target.cpu, name);
    else
        cr_assert(strncmp(name, f->compilation.graph->name, strlen(f->compilation.graph->name)) ==
                      0,
                  "`%s` is visible", name);
}

void native_fixture_check_symbols(NativeFixture *f) {
    const void *bytes;
    size_t size;
    cr_assert(native_object(f->module, &bytes, &size));
    const char *object = bytes;
    const Elf64_Ehdr *header = bytes;
    const Elf64_Shdr *sections = (const void *)(object + header->e_shoff);
    bool seen = false;
    for (size_t k = 0; k < header->e_shnum; k++) {
        if (sections[k].sh_type != SHT_SYMTAB) continue;
        const char *names = object + sections[sections[k].sh_link].sh_offset;
        const Elf64_Sym *symbols = (const void *)(object + sections[k].sh_offset);
        for (size_t s = 1; s < sections[k].sh_size / sizeof *symbols; s++)
            check_symbol(f, &symbols[s], names + symbols[s].st_name);
        seen = true;
    }
    cr_assert(seen);
}

void native_fixture_build(NativeFixture *f) {
    char message[500];
    for (size_t k = 0; k < f->loops.function_count; k++)
        cr_assert(loop_function_verify(f->loops.functions[k], message, sizeof message), "%s: %s",
                  f->loops.functions[k]->name, message);
    f->compilation.loops->targets = (TargetList){.targets = {f->target}, .count = 1};
    f->module = native_build(&f->compilation);
    if (!f->module) diagnostics_print(f->compilation.diagnostics, stderr);
    cr_assert(f->module != NULL);
}

void native_fixture_load(NativeFixture *f) {
    f->model = native_load(f->module);
    if (!f->model) diagnostics_print(f->compilation.diagnostics, stderr);
    cr_assert(f->model != NULL);
}
