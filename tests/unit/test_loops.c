/* test_loops.c: the loop level without code: verifying, order of steps, slots, workspace, shared
 * functions, shapes of nests. */
#include "loops/plan.h"
#include <criterion/criterion.h>
#include <string.h>
#include <tfcc/abi.h>

typedef struct Fixture {
    Arena *arena;
    Compilation compilation;
    Program *program;
    DimTable *dims;
    TargetDescription target;
} Fixture;

static Fixture *fixture_create(void) {
    Arena *arena = arena_create();
    Fixture *f = arena_alloc(arena, sizeof *f);
    f->arena = arena;
    Compilation *c = &f->compilation;
    c->arena = arena;
    c->diagnostics = diagnostics_create(arena);
    c->options.verify = true;
    c->graph = graph_create(arena, c->diagnostics, "fixture");
    c->graph->variables = arena_alloc(arena, 4 * sizeof(Variable *));
    c->graph->variable_count = 2;
    for (uint32_t k = 0; k < 2; k++) {
        c->graph->variables[k] = arena_alloc(arena, sizeof(Variable));
        *c->graph->variables[k] = (Variable){.name = "v", .number = k};
    }
    c->program = f->program = program_create(arena, c->graph);
    f->dims = c->graph->dims;
    cr_assert(target_describe(&c->options, &f->target, c->diagnostics));
    return f;
}

static Dim number(const Fixture *f, int64_t n) {
    return dim_constant(f->dims, n);
}

static Shape vector_shape(Dim size) {
    return (Shape){.rank = 1, .dims = {size}};
}

static Buffer *add_buffer(Fixture *f, int kind, Dim size) {
    Type type = {.dtype = TFCC_FLOAT32, .shape = vector_shape(size)};
    return program_add_buffer(f->program, kind,
                              arena_format(f->arena, "b%zu", f->program->buffer_count), type);
}

static Kernel *add_kernel(Fixture *f) {
    return kernel_create(f->program, KERNEL_STRUCTURED, "k", (Place){0}, NULL);
}

/* y[i] = sum of x_k[i], each from its end where `is_reversed`. */
static Kernel *add_sum(Fixture *f, Buffer *y, Buffer *const *x, size_t count, bool is_reversed) {
    Kernel *kernel = add_kernel(f);
    Dim size = y->type.shape.dims[0], axis = kernel_add_axis(kernel, size);
    Dim index =
        is_reversed ? dim_subtract(f->dims, dim_subtract(f->dims, size, number(f, 1)), axis) : axis;
    Scalar *sum = scalar_float(kernel, TFCC_FLOAT32, 1);
    for (size_t k = 0; k < count; k++)
        sum = scalar_binary(kernel, SCALAR_ADD, sum, scalar_load(kernel, x[k], &index));
    kernel_store(kernel, y, sum);
    return kernel;
}

static LoopProgram *schedule(Fixture *f) {
    bool is_done =
        schedule_program(&f->compilation, &(TargetList){.targets = {f->target}, .count = 1});
    if (!is_done) diagnostics_print(f->compilation.diagnostics, stderr);
    cr_assert(is_done);
    return f->compilation.loops;
}

static size_t position_of(const LoopProgram *loops, const Kernel *kernel) {
    for (size_t k = 0; k < loops->step_count; k++)
        if (loops->steps[k].kernel == kernel) return k;
    cr_assert_fail("the kernel has no step");
    return 0;
}

static int count_loops(const LoopBlock *block) {
    int count = 0;
    for (size_t k = 0; block && k < block->count; k++) {
        const LoopInstruction *i = block->instructions[k];
        count += (i->op == LOOP_FOR) + count_loops(i->blocks[0]) + count_loops(i->blocks[1]);
    }
    return count;
}

/* ---- verifying ---- */

static LoopFunction *empty_function(Arena *arena, LoopBuilder *b) {
    LoopFunction *function = arena_alloc(arena, sizeof *function);
    function->name = "f";
    function->body = arena_alloc(arena, sizeof *function->body);
    *ARENA_PUSH(arena, function->buffers, function->buffer_count, function->buffer_capacity) =
        (LoopParameter){.dtype = TFCC_FLOAT32, .is_output = true};
    *b = (LoopBuilder){.arena = arena, .function = function, .block = function->body};
    return function;
}

Test(loops_verify, finds_values_that_are_not_defined_where_they_are_used) {
    Arena *arena = arena_create();
    LoopBuilder b;
    LoopFunction *function = empty_function(arena, &b);
    LoopInstruction *zero = loop_constant(&b, (LoopType){TFCC_INT64, 1}, 0),
                    *end = loop_slot(&b, 0);
    LoopBlock *outer = b.block;
    LoopInstruction *loop = loop_for_begin(&b, zero, end, 1, NULL, 0);
    LoopInstruction *inside = loop_load(&b, 0, loop->index, 1, NULL, NULL);
    loop_for_end(&b, loop, NULL, outer);
    char message[200];
    cr_assert(loop_function_verify(function, message, sizeof message), "%s", message);
    loop_store(&b, 0, zero, inside, NULL);
    cr_assert(!loop_function_verify(function, message, sizeof message));
    cr_assert(strstr(message, "not defined here"), "%s", message);
    arena_destroy(arena);
}

Test(loops_verify, finds_wrong_lanes_and_dtypes) {
    Arena *arena = arena_create();
    char message[200];
    LoopBuilder b;
    LoopFunction *function = empty_function(arena, &b);
    LoopInstruction *zero = loop_constant(&b, (LoopType){TFCC_INT64, 1}, 0);
    LoopInstruction *four = loop_load(&b, 0, zero, 4, NULL, NULL),
                    *one = loop_load(&b, 0, zero, 1, NULL, NULL);
    loop_arithmetic(&b, SCALAR_ADD, TFCC_FLOAT32, (LoopInstruction *[]){four, one}, 2);
    cr_assert(!loop_function_verify(function, message, sizeof message));
    function = empty_function(arena, &b);
    zero = loop_constant(&b, (LoopType){TFCC_INT64, 1}, 0);
    loop_store(&b, 0, zero, zero, NULL);
    cr_assert(!loop_function_verify(function, message, sizeof message));
    cr_assert(strstr(message, "another dtype"), "%s", message);
    arena_destroy(arena);
}

/* ---- nests ---- */

Test(loops_nests, a_contiguous_kernel_of_any_rank_is_one_loop) {
    Fixture *f = fixture_create();
    Dim n = dim_named(f->dims, "n"), m = dim_named(f->dims, "m");
    Shape shape = {.rank = 5, .dims = {n, number(f, 3), number(f, 1), m, number(f, 8)}};
    Buffer *x = program_add_temporary(f->program, "x", TFCC_FLOAT32, &shape);
    Buffer *y = program_add_temporary(f->program, "y", TFCC_FLOAT32, &shape);
    Kernel *kernel = add_kernel(f);
    Dim axes[MAX_RANK];
    kernel_add_axes(kernel, &shape, axes);
    kernel_store(kernel, y, scalar_unary(kernel, SCALAR_NEGATE, scalar_load(kernel, x, axes)));
    LoopProgram *loops = schedule(f);
    cr_assert_eq(count_loops(loops->functions[0]->body), 2); /* in lanes, and the rest one by one */
    cr_assert_eq(loops->functions[0]->slot_count, 1);
    arena_destroy(f->arena);
}

Test(loops_nests, a_kernel_without_axes_has_no_loop) {
    Fixture *f = fixture_create();
    Shape scalar = {0};
    Buffer *x = program_add_temporary(f->program, "x", TFCC_INT32, &scalar);
    Buffer *y = program_add_temporary(f->program, "y", TFCC_INT32, &scalar);
    Kernel *kernel = add_kernel(f);
    kernel_store(kernel, y,
                 scalar_binary(kernel, SCALAR_ADD, scalar_load(kernel, x, NULL),
                               scalar_integer(kernel, TFCC_INT32, 1)));
    LoopProgram *loops = schedule(f);
    cr_assert_eq(count_loops(loops->functions[0]->body), 0);
    cr_assert_leq(loops->functions[0]->body->count, 5);
    arena_destroy(f->arena);
}

Test(loops_nests, equal_kernels_share_a_function) {
    Fixture *f = fixture_create();
    Dim n = dim_named(f->dims, "n"), m = dim_named(f->dims, "m");
    Dim sizes[] = {n, m, number(f, 100), number(f, 100), number(f, 50)};
    for (size_t k = 0; k < 5; k++) {
        Buffer *x = add_buffer(f, TFCC_ABI_PLACEHOLDER, sizes[k]),
               *y = add_buffer(f, TFCC_ABI_VALUE, sizes[k]);
        add_sum(f, y, &x, 1, false);
    }
    LoopProgram *loops = schedule(f);
    cr_assert_eq(loops->function_count, 3);
    cr_assert_eq(loops->steps[0].function, loops->steps[1].function);
    cr_assert_eq(loops->steps[2].function, loops->steps[3].function);
    cr_assert_eq(loops->slots[loops->steps[1].slots[0]].dim, m);
    arena_destroy(f->arena);
}

/* ---- order, slots ---- */

Test(loops_order, writes_wait_for_what_can_fail) {
    Fixture *f = fixture_create();
    Dim n = number(f, 10);
    Buffer *start = add_buffer(f, TFCC_ABI_START, n), *write = add_buffer(f, TFCC_ABI_WRITE, n);
    Buffer *x = add_buffer(f, TFCC_ABI_PLACEHOLDER, n), *z = add_buffer(f, TFCC_ABI_VALUE, n);
    start->variable = write->variable = f->compilation.graph->variables[0];
    Kernel *writer = add_sum(f, write, &start, 1, false);
    Kernel *user = add_sum(f, z, &write, 1, false);
    Kernel *check = add_kernel(f);
    Scalar *positive = scalar_binary(check, SCALAR_LESS, scalar_float(check, TFCC_FLOAT32, 0),
                                     scalar_load(check, x, (Dim[]){kernel_add_axis(check, n)}));
    kernel_check(check, positive, TFCC_INVALID_ARGUMENT, "x is not positive", NULL, 0);
    LoopProgram *loops = schedule(f);
    cr_assert_lt(position_of(loops, check), position_of(loops, writer));
    cr_assert_lt(position_of(loops, writer), position_of(loops, user));
    const LoopStep *step = &loops->steps[position_of(loops, writer)];
    cr_assert(step->arguments[0].flags & TFCC_ABI_SAME_INDEX);
    cr_assert(!step->function->buffers[0].is_exclusive && !step->function->buffers[1].is_exclusive);
    arena_destroy(f->arena);
}

Test(loops_order, a_write_that_a_check_needs_stays_in_front_of_it) {
    Fixture *f = fixture_create();
    Dim n = number(f, 10);
    Buffer *start = add_buffer(f, TFCC_ABI_START, n), *write = add_buffer(f, TFCC_ABI_WRITE, n);
    start->variable = write->variable = f->compilation.graph->variables[0];
    Kernel *writer = add_sum(f, write, &start, 1, true);
    Kernel *check = add_kernel(f);
    Scalar *positive = scalar_binary(check, SCALAR_LESS, scalar_float(check, TFCC_FLOAT32, 0),
                                     scalar_load(check, write, (Dim[]){kernel_add_axis(check, n)}));
    kernel_check(check, positive, TFCC_INVALID_ARGUMENT, "v is not positive", NULL, 0);
    LoopProgram *loops = schedule(f);
    cr_assert_lt(position_of(loops, writer), position_of(loops, check));
    cr_assert(!(loops->steps[position_of(loops, writer)].arguments[0].flags & TFCC_ABI_SAME_INDEX));
    arena_destroy(f->arena);
}

Test(loops_slots, levels_follow_the_binds_and_parts_come_first) {
    Fixture *f = fixture_create();
    Dim n = dim_named(f->dims, "n"), counted = dim_symbol(f->dims, DIM_OF_VALUE, "counted");
    Value *value = arena_alloc(f->arena, sizeof *value);
    Buffer *count = program_add_temporary(f->program, "count", TFCC_INT64, &(Shape){0});
    value->buffer = count;
    counted->symbol->value = value;
    Buffer *x = add_buffer(f, TFCC_ABI_PLACEHOLDER, n), *early = add_buffer(f, TFCC_ABI_VALUE, n);
    Dim both = dim_add(f->dims, dim_multiply(f->dims, counted, n), number(f, 3));
    Buffer *late = add_buffer(f, TFCC_ABI_VALUE, both);
    Kernel *producer = add_kernel(f);
    kernel_store(producer, count, scalar_index(producer, dim_multiply(f->dims, n, number(f, 2))));
    Kernel *other = add_sum(f, early, &x, 1, false);
    Kernel *bind = kernel_create(f->program, KERNEL_BIND, "bind", (Place){0}, NULL);
    bind->bind = count;
    Kernel *user = add_kernel(f);
    kernel_add_axis(user, both);
    kernel_store(user, late, scalar_float(user, TFCC_FLOAT32, 1));
    LoopProgram *loops = schedule(f);
    cr_assert_eq(position_of(loops, bind), position_of(loops, producer) + 1);
    cr_assert_lt(position_of(loops, bind), position_of(loops, other));
    const LoopStep *step = &loops->steps[position_of(loops, bind)];
    cr_assert(step->level == 1 && step->slot_count == 1 &&
              loops->slots[step->slots[0]].dim == counted);
    cr_assert_eq(loops->level_count, 2);
    cr_assert_eq(loops->buffers[late->number].level, 1);
    cr_assert_eq(loops->buffers[early->number].level, 0);
    for (size_t k = 0; k < loops->slot_count; k++) {
        bool is_constant = dim_is_constant(loops->slots[k].dim, NULL);
        cr_assert_eq(is_constant,
                     k >= loops->symbol_count && k < loops->symbol_count + loops->constant_count);
        cr_assert(k < loops->symbol_count || is_constant || k + 1 == loops->slot_count ||
                  loops->slots[k].level <= loops->slots[k + 1].level);
    }
    arena_destroy(f->arena);
}

/* ---- workspace ---- */

static int64_t evaluate(const LoopProgram *loops, uint32_t slot, const int64_t *symbols) {
    return dim_evaluate(loops->slots[slot].dim, symbols, NULL);
}

Test(loops_workspace, a_chain_lives_in_one_place) {
    for (int is_symbolic = 0; is_symbolic <= 1; is_symbolic++) {
        Fixture *f = fixture_create();
        Dim n = is_symbolic ? dim_named(f->dims, "n") : number(f, 1000);
        Buffer *before = add_buffer(f, TFCC_ABI_PLACEHOLDER, n);
        for (int k = 0; k < 100; k++) {
            Buffer *after = add_buffer(f, TFCC_ABI_VALUE, n);
            add_sum(f, after, &before, 1, k % 10 == 5); /* reversed: not in place */
            before = after;
        }
        LoopProgram *loops = schedule(f);
        cr_assert_eq(evaluate(loops, loops->workspace_slots[0], (int64_t[]){1000}), 2 * 4032);
        cr_assert_leq(loops->function_count, 4);
        arena_destroy(f->arena);
    }
}

typedef struct Random {
    uint64_t state;
} Random;

static uint32_t draw(Random *r, uint32_t below) {
    r->state = r->state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(r->state >> 33) % below;
}

enum { STEPS = 60 };

static void check_workspace(uint64_t seed) {
    Random random = {seed};
    Fixture *f = fixture_create();
    int64_t symbols[] = {0, 0, 0};
    Dim sizes[6];
    for (uint32_t k = 0; k < 3; k++) {
        sizes[k] = dim_named(f->dims, arena_format(f->arena, "n%u", k));
        symbols[k] = draw(&random, 200);
    }
    sizes[3] = dim_add(f->dims, sizes[0], sizes[1]);
    sizes[4] = number(f, 100);
    sizes[5] = number(f, 1 + draw(&random, 1000));
    Buffer *values[STEPS];
    size_t last_use[STEPS];
    bool is_reversed[STEPS];
    for (size_t k = 0; k < STEPS; k++) {
        values[k] = add_buffer(f, TFCC_ABI_VALUE, sizes[draw(&random, 6)]);
        Buffer *inputs[3];
        size_t count = 0;
        last_use[k] = k;
        for (int i = 0; i < 3 && k > 0; i++) {
            size_t from = k - 1 - draw(&random, (uint32_t)(k < 8 ? k : 8));
            if (values[from]->type.shape.dims[0] != values[k]->type.shape.dims[0]) continue;
            inputs[count++] = values[from];
            last_use[from] = k;
        }
        is_reversed[k] = draw(&random, 3) == 0;
        add_sum(f, values[k], inputs, count, is_reversed[k]);
    }
    LoopProgram *loops = schedule(f);
    int64_t end = evaluate(loops, loops->workspace_slots[0], symbols);
    for (size_t a = 0; a < STEPS; a++) {
        const LoopBufferPlan *first = &loops->buffers[values[a]->number];
        int64_t from = evaluate(loops, first->offset_slot, symbols),
                size = evaluate(loops, first->bytes_slot, symbols);
        cr_assert(from % 64 == 0 && from >= 0 && from + size <= end);
        for (size_t b = a + 1; b < STEPS && b <= last_use[a]; b++) {
            const LoopBufferPlan *second = &loops->buffers[values[b]->number];
            int64_t other = evaluate(loops, second->offset_slot, symbols);
            bool is_apart = other >= from + size ||
                            from >= other + evaluate(loops, second->bytes_slot, symbols);
            bool is_in_place = b == last_use[a] && other == from && !is_reversed[b];
            cr_assert(is_apart || size == 0 || is_in_place, "seed %llu: %s and %s",
                      (unsigned long long)seed, values[a]->name, values[b]->name);
            if (is_in_place && size > 0) {
                const LoopFunction *function = loops->steps[b].function;
                cr_assert(!function->buffers[function->buffer_count - 1].is_exclusive);
            }
        }
    }
    arena_destroy(f->arena);
}

Test(loops_workspace, buffers_that_live_at_once_are_apart) {
    for (uint64_t seed = 1; seed <= 40; seed++) check_workspace(seed);
}

/* ---- processors ---- */

Test(loops_target, knows_levels_and_names) {
    Arena *arena = arena_create();
    Diagnostics *diagnostics = diagnostics_create(arena);
    const struct {
        const char *name;
        int vector_bytes;
    } cases[] = {{"x86-64", 16},  {"x86-64-v2", 16}, {"x86-64-v3", 32}, {"x86-64-v4", 64},
                 {"haswell", 32}, {"znver4", 64},    {"btver2", 16}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        TargetDescription target;
        CompileOptions options = {.cpu = cases[k].name};
        cr_assert(target_describe(&options, &target, diagnostics), "%s", cases[k].name);
        cr_assert_eq(target.vector_bytes, cases[k].vector_bytes, "%s", cases[k].name);
    }
    CompileOptions wrong = {.cpu = "x86-64-v"};
    TargetDescription target;
    cr_assert(!target_describe(&wrong, &target, diagnostics));
    cr_assert_eq(diagnostics_error_count(diagnostics), 1);
    arena_destroy(arena);
}
