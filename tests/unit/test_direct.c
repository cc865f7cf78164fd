/* test_direct.c: direct kernels: what their code may hold, who shares it, what the verifiers and the
 * interpreter say. */
#include "kernels/direct.h"
#include "kernels/interpret.h"
#include "loops/plan.h"
#include <criterion/criterion.h>
#include <string.h>
#include <tfcc/abi.h>

typedef struct Fixture {
    Arena *arena;
    Compilation compilation;
    LowerContext context;
    Dim n;
} Fixture;

static Fixture *fixture_create(void) {
    Arena *arena = arena_create();
    Fixture *f = arena_alloc(arena, sizeof *f);
    f->arena = arena;
    Compilation *c = &f->compilation;
    c->arena = arena;
    c->diagnostics = diagnostics_create(arena);
    c->graph = graph_create(arena, c->diagnostics, "fixture");
    c->program = program_create(arena, c->graph);
    c->program->nodes = arena_alloc(arena, sizeof *c->program->nodes);
    GraphNode *node = graph_add_node(c->graph, op_row(OP_NO_OP), "k", NULL, (Place){0});
    f->context = (LowerContext){
        .program = c->program, .graph = c->graph, .node = node, .dims = c->graph->dims};
    f->n = dim_named(c->graph->dims, "n");
    return f;
}

static Buffer *vector(Fixture *f, const char *name) {
    Shape shape = {.rank = 1, .dims = {f->n}};
    return program_add_temporary(f->context.program, name, TFCC_INT64, &shape);
}

/* y[0] = the first power of two that is not below x[0]; fails where that is negative. */
static Kernel *add_power(Fixture *f, Code *code, Buffer *x, Buffer *y) {
    code_begin(code, &f->context);
    uint32_t from = code_input(code, x), to = code_output(code, y);
    LoopInstruction *zero = code_integer(code, 0), *one = code_integer(code, 1);
    LoopInstruction *limit = code_load(code, from, zero);
    code_fail_if(code, code_less(code, limit, zero), TFCC_INVALID_ARGUMENT, "%0 is negative",
                 &limit, 1);
    LoopInstruction *loop = code_while(code, &one, 1);
    code_do(code, code_less(code, loop->carried[0], limit));
    LoopInstruction *next = code_times(code, loop->carried[0], 2);
    code_while_end(code, &next, 1);
    code_store(code, to, zero, loop->results[0]);
    code_end(code);
    return code->kernel;
}

static const char *interpret(Fixture *f, const Kernel *kernel, Buffer *x, Buffer *y,
                             int64_t *values, int64_t *result) {
    Interpreter *interpreter = interpreter_create(f->arena, f->context.program);
    int64_t size = 1;
    cr_assert_null(interpreter_feed(interpreter, x, values, 1, &size));
    const char *failure = interpret_kernel(interpreter, kernel);
    if (!failure) *result = *(int64_t *)interpreter_buffer(interpreter, y)->bytes;
    return failure;
}

Test(direct, a_while_runs_until_its_condition_fails) {
    Fixture *f = fixture_create();
    Buffer *x = vector(f, "x"), *y = vector(f, "y");
    Code code;
    Kernel *kernel = add_power(f, &code, x, y);
    char message[200];
    cr_assert(program_verify(f->context.program, message, sizeof message), "%s", message);
    const int64_t cases[][2] = {{0, 1}, {1, 1}, {2, 2}, {3, 4}, {1000, 1024}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int64_t value = cases[k][0], result = -1;
        cr_assert_null(interpret(f, kernel, x, y, &value, &result));
        cr_assert_eq(result, cases[k][1]);
    }
    int64_t value = -7, result;
    cr_assert_str_eq(interpret(f, kernel, x, y, &value, &result), "-7 is negative");
    arena_destroy(f->arena);
}

Test(direct, accesses_outside_of_a_buffer_are_told) {
    Fixture *f = fixture_create();
    Buffer *x = vector(f, "x"), *y = vector(f, "y");
    Code code;
    code_begin(&code, &f->context);
    uint32_t from = code_input(&code, x), to = code_output(&code, y);
    LoopInstruction *end = code_size(&code, f->n); /* one too many */
    code_store(&code, to, code_integer(&code, 0), code_load(&code, from, end));
    code_end(&code);
    int64_t value = 3, result;
    const char *failure = interpret(f, code.kernel, x, y, &value, &result);
    cr_assert(failure && strstr(failure, "reaches element 1 of buffer 0, which has 1"), "%s",
              failure ? failure : "");
    arena_destroy(f->arena);
}

static void expect_wrong(Fixture *f, const char *wanted) {
    char message[200] = "";
    cr_assert(!program_verify(f->context.program, message, sizeof message));
    cr_assert(strstr(message, wanted), "`%s` lacks `%s`", message, wanted);
    arena_destroy(f->arena);
}

Test(direct, verify_finds_wrong_conditions) {
    Fixture *f = fixture_create();
    Code code;
    add_power(f, &code, vector(f, "x"), vector(f, "y"));
    LoopBlock *body = code.kernel->code->function->body;
    for (size_t k = 0; k < body->count; k++)
        if (body->instructions[k]->op == LOOP_WHILE)
            body->instructions[k]->blocks[0]->yields[0] = body->instructions[k]->carried[0];
    expect_wrong(f, "where bool x 1 is needed");
}

Test(direct, verify_finds_other_dtypes_and_outputs) {
    Fixture *f = fixture_create();
    Code code;
    Buffer *y = vector(f, "y");
    add_power(f, &code, vector(f, "x"), y);
    y->type.dtype = TFCC_FLOAT64;
    expect_wrong(f, "takes y as another dtype");
    f = fixture_create();
    add_power(f, &code, vector(f, "x"), vector(f, "y"));
    code.kernel->output_count = 0;
    expect_wrong(f, "which is no output");
}

Test(direct, equal_code_is_one_function) {
    Fixture *f = fixture_create();
    Buffer *x = vector(f, "x");
    Code code;
    Buffer *results[3];
    for (int k = 0; k < 3; k++) add_power(f, &code, x, results[k] = vector(f, "y"));
    /* The same code with a buffer that is both: it may not rely on their being apart. */
    add_power(f, &code, results[0], results[0]);
    Compilation *c = &f->compilation;
    TargetList targets;
    cr_assert(target_list(&c->options, &targets, c->diagnostics));
    cr_assert(schedule_program(c, &targets));
    cr_assert_eq(c->loops->step_count, 4);
    cr_assert_eq(c->loops->steps[0].function, c->loops->steps[1].function);
    cr_assert_eq(c->loops->steps[0].function, c->loops->steps[2].function);
    cr_assert_neq(c->loops->steps[0].function, c->loops->steps[3].function);
    cr_assert(c->loops->steps[0].function->buffers[1].is_exclusive);
    cr_assert(!c->loops->steps[3].function->buffers[1].is_exclusive);
    arena_destroy(f->arena);
}
