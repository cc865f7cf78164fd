/* test_loops_native.c: random kernels, compiled and run, against the interpreter of kernels and that
 * of loops: every bit, on every vector width. Some are members of groups, which pass on rows from step to step.
 *
 * Inputs and outputs end at a page that may not be touched, so a load or a store behind the end is
 * seen.
 */
#include "kernels/interpret.h"
#include "kernels/scalar_evaluate.h"
#include "loops/loops.h"
#include "native/native.h"
#include "support/dtype.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { GROUP_ROWS = 4, GROUPS = 3 };
enum { KERNELS = 12, MOST_AXES = 24, MOST_SYMBOLS = 4096, PAGE = 4096, MOST_ELEMENTS = 1 << 18 };

typedef struct Generator {
    uint64_t state;
    Arena *arena;
    Compilation compilation;
    Program *program;
    Kernel *kernel;
    Dim scope[MOST_AXES]; /* axes an expression may use */
    int scope_count;
    int64_t symbols[MOST_SYMBOLS];
    int budget; /* of scalars */
    bool in_reduce;
    bool stretches;           /* sizes that may be 1 in a run sometimes are */
    Kernel *group;            /* what is drawn is a member of it; or NULL */
    Dim row;                  /* the size of the group's rows */
    Buffer *rows[GROUP_ROWS]; /* [row], or [steps + 1, row] */
    int own;                  /* the row that the member stores */
} Generator;

static uint32_t draw(Generator *g, uint32_t below) {
    g->state ^= g->state << 13;
    g->state ^= g->state >> 7;
    g->state ^= g->state << 17;
    return (uint32_t)((g->state * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % below;
}

static DimTable *dims_of(const Generator *g) {
    return g->program->graph->dims;
}
static Dim number(const Generator *g, int64_t n) {
    return dim_constant(dims_of(g), n);
}

/* A size, known or symbolic. */
static Dim draw_size(Generator *g, bool is_small) {
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 40, 64, 70, 131, 0};
    int64_t size = sizes[draw(g, is_small ? 8 : draw(g, 12) == 0 ? 15 : 14)];
    if (draw(g, 2) || dim_symbol_count(dims_of(g)) + 1 >= MOST_SYMBOLS / 2) return number(g, size);
    Dim symbol =
        dim_named(dims_of(g), arena_format(g->arena, "s%zu", dim_symbol_count(dims_of(g))));
    g->symbols[symbol->symbol->number] = size;
    return symbol;
}

/* ---- loads ---- */

/* A size that is broadcast or not, as the run has it. */
static Dim draw_stretched(Generator *g, Dim axis, Dim *size) {
    DimTable *dims = dims_of(g);
    Dim symbol = dim_named(dims, arena_format(g->arena, "s%zu", dim_symbol_count(dims)));
    cr_assert_lt(symbol->symbol->number, MOST_SYMBOLS);
    int64_t whole = dim_evaluate(axis->size, g->symbols, NULL);
    g->symbols[symbol->symbol->number] = g->stretches && draw(g, 2) ? 1 : whole;
    *size = symbol;
    Dim is_one = dim_equal(dims, symbol, number(g, 1));
    return dim_multiply(dims, axis, dim_subtract(dims, number(g, 1), is_one));
}

/* An index that stays below *size. */
static Dim draw_index(Generator *g, Dim *size) {
    DimTable *dims = dims_of(g);
    if (g->scope_count == 0 || draw(g, 8) == 0) {
        *size = number(g, 1 + draw(g, 3));
        return number(g, 0);
    }
    Dim axis = g->scope[draw(g, (uint32_t)g->scope_count)],
        other = g->scope[draw(g, (uint32_t)g->scope_count)];
    switch (draw(g, 12)) {
    case 0: /* from the end */
        *size = axis->size;
        return dim_subtract(dims, dim_subtract(dims, axis->size, number(g, 1)), axis);
    case 1:
        *size = dim_add(dims, dim_multiply(dims, axis->size, number(g, 2)), number(g, 1));
        return dim_add(dims, dim_multiply(dims, axis, number(g, 2)), number(g, 1));
    case 2: *size = dim_add(dims, axis->size, other->size); return dim_add(dims, axis, other);
    case 3:
        *size = dim_add(dims, axis->size, number(g, 1));
        return dim_floor_divide(dims, axis, number(g, 3));
    case 4: *size = number(g, 5); return dim_modulo(dims, axis, number(g, 5));
    case 5: return draw_stretched(g, axis, size);
    default: break;
    }
    *size = axis->size;
    return axis;
}

static Scalar *draw_scalar(Generator *g, tfcc_dtype dtype, int depth);

static Buffer *add_input(Generator *g, tfcc_dtype dtype, const Shape *shape) {
    return program_add_temporary(
        g->program, arena_format(g->arena, "b%zu", g->program->buffer_count), dtype, shape);
}

/* A number of the run in 0 … size - 1; size is positive. */
static Scalar *draw_data_index(Generator *g, Dim size) {
    Scalar *any = scalar_convert(g->kernel, TFCC_INT64, draw_scalar(g, TFCC_INT32, 0));
    Scalar *zero = scalar_integer(g->kernel, TFCC_INT64, 0);
    Scalar *last = scalar_index(g->kernel, dim_subtract(dims_of(g), size, number(g, 1)));
    return scalar_binary(g->kernel, SCALAR_MINIMUM,
                         scalar_binary(g->kernel, SCALAR_MAXIMUM, any, zero), last);
}

/* An element of a row of the group, along an axis of its size: of this step where another member
 * stores it, else the very one that is stored or one of the step before. NULL where there is none. */
static Scalar *draw_row(Generator *g) {
    int which = (int)draw(g, GROUP_ROWS), own_axis = (int)g->group->axis_count;
    bool has_steps = g->rows[which]->type.shape.rank == 2;
    Dim axis = g->scope[draw(g, (uint32_t)g->scope_count)];
    if (which == g->own && !has_steps) axis = g->kernel->axes[own_axis];
    for (int k = 0; k < own_axis; k++)
        if (axis == g->kernel->axes[k]) return NULL;
    if (axis->size != g->row) return NULL;
    Dim index[] = {g->kernel->axes[0], axis};
    if (has_steps && which != g->own && draw(g, 2))
        index[0] = dim_add(dims_of(g), index[0], number(g, 1));
    return scalar_load(g->kernel, g->rows[which], has_steps ? index : &axis);
}

static Scalar *draw_load(Generator *g, tfcc_dtype dtype, bool may_be_deep) {
    Scalar *row = g->group && draw(g, 2) ? draw_row(g) : NULL;
    if (row) return scalar_convert(g->kernel, dtype, row);
    Shape shape = {0};
    Scalar *index[MAX_RANK];
    if (draw(g, 5) == 0 && g->scope_count <= 5) { /* perhaps broadcast along any axis */
        shape.rank = g->scope_count;
        for (int k = 0; k < shape.rank; k++)
            index[k] = scalar_index(g->kernel, draw_stretched(g, g->scope[k], &shape.dims[k]));
    } else if (draw(g, 2) &&
               g->scope_count <= 5) { /* contiguous, often with an axis swapped or left out */
        for (int k = 0; k < g->scope_count; k++) {
            if (draw(g, 6) == 0) continue;
            int at = shape.rank++;
            if (at > 0 && draw(g, 8) == 0) {
                shape.dims[at] = shape.dims[at - 1];
                index[at] = index[at - 1];
                at--;
            }
            shape.dims[at] = g->scope[k]->size;
            index[at] = scalar_index(g->kernel, g->scope[k]);
        }
    } else {
        shape.rank = (int)draw(g, 4);
        for (int k = 0; k < shape.rank; k++) {
            if (may_be_deep && draw(g, 6) == 0) {
                shape.dims[k] = number(g, 7);
                index[k] = draw_data_index(g, shape.dims[k]);
            } else {
                Dim position = draw_index(g, &shape.dims[k]);
                index[k] = scalar_index(g->kernel, position);
            }
        }
    }
    Buffer *buffer = add_input(g, dtype, &shape);
    if (!may_be_deep || draw(g, 6) > 0) return scalar_load_at(g->kernel, buffer, index);
    Scalar *condition = draw_scalar(g, TFCC_BOOL, 1), *otherwise = draw_scalar(g, dtype, 0);
    return scalar_load_if(g->kernel, buffer, index, condition, otherwise);
}

/* ---- expressions ---- */

/* A contraction whose product is rounded as the interpreter does it, so that bits can be compared:
 * what the processor rounds once is held against numbers in tests/values. */
static Scalar *rounded_twice(Scalar *scalar) {
    if (scalar->op == SCALAR_REDUCE) scalar->as.reduce.is_contraction = false;
    return scalar;
}

static Scalar *draw_reduce(Generator *g, tfcc_dtype dtype, int depth) {
    Dim axes[2];
    int count = 1 + (draw(g, 3) == 0), before = g->scope_count;
    bool outside = g->in_reduce, is_search = dtype == TFCC_INT64;
    if (is_search) count = 1;
    for (int k = 0; k < count; k++) {
        Dim size = k == 0 && !outside && draw(g, 5) == 0 ? number(g, 300 + draw(g, 400))
                                                         : draw_size(g, outside);
        if (g->group && draw(g, 2)) size = g->row;
        g->scope[g->scope_count++] = axes[k] = kernel_add_reduce_axis(g->kernel, size);
    }
    g->in_reduce = true;
    static const Combiner combiners[] = {COMBINE_ADD, COMBINE_ADD, COMBINE_MULTIPLY,
                                         COMBINE_MAXIMUM, COMBINE_MINIMUM};
    Combiner combiner = combiners[draw(g, 5)];
    tfcc_dtype body_dtype = dtype;
    if (dtype == TFCC_BOOL) combiner = draw(g, 2) ? COMBINE_AND : COMBINE_OR;
    if (is_search) {
        combiner = draw(g, 2) ? COMBINE_ARGMAX : COMBINE_ARGMIN;
        body_dtype = draw(g, 2) ? TFCC_FLOAT32 : TFCC_INT32;
    }
    Scalar *body = draw_scalar(g, body_dtype, depth - 1);
    g->in_reduce = outside;
    g->scope_count = before;
    return rounded_twice(kernel_reduce(g->kernel, combiner, axes, count, body));
}

static Scalar *draw_arithmetic(Generator *g, tfcc_dtype dtype, int depth) {
    Kernel *kernel = g->kernel;
    Scalar *a = draw_scalar(g, dtype, depth - 1);
    if (dtype == TFCC_BOOL) {
        if (draw(g, 3) == 0) return scalar_unary(kernel, SCALAR_NOT, a);
        tfcc_dtype compared = draw(g, 2) ? TFCC_FLOAT32 : TFCC_INT32;
        Scalar *x = draw_scalar(g, compared, depth - 1), *y = draw_scalar(g, compared, 0);
        return scalar_binary(kernel, SCALAR_AND + draw(g, 3), a,
                             scalar_binary(kernel, SCALAR_EQUAL + draw(g, 4), x, y));
    }
    Scalar *b = draw_scalar(g, dtype, depth - 1);
    switch (draw(g, 9)) {
    case 0: return scalar_binary(kernel, SCALAR_SUBTRACT, a, b);
    case 1: return scalar_binary(kernel, SCALAR_MULTIPLY, a, b);
    case 2: return scalar_binary(kernel, SCALAR_DIVIDE, a, b);
    case 3: return scalar_binary(kernel, SCALAR_MAXIMUM, a, b);
    case 4: return scalar_binary(kernel, SCALAR_MINIMUM, a, b);
    case 5: return scalar_select(kernel, draw_scalar(g, TFCC_BOOL, depth - 1), a, b);
    case 6: return scalar_unary(kernel, SCALAR_ABSOLUTE, a);
    case 7:
        return dtype_is_float(dtype) && dtype != TFCC_FLOAT16
                   ? scalar_unary(kernel, SCALAR_SQRT, a)
                   : scalar_unary(kernel, SCALAR_NEGATE, a);
    default: return scalar_binary(kernel, SCALAR_ADD, a, b);
    }
}

static Scalar *draw_scalar(Generator *g, tfcc_dtype dtype, int depth) {
    if (depth <= 0 || g->budget-- <= 0) {
        if (draw(g, 6) == 0 && dtype != TFCC_BOOL)
            return scalar_integer(g->kernel, dtype, (int64_t)draw(g, 5));
        if (draw(g, 6) == 0 && g->scope_count > 0 && dtype != TFCC_BOOL) {
            Dim axis = g->scope[draw(g, (uint32_t)g->scope_count)];
            return scalar_convert(g->kernel, dtype, scalar_index(g->kernel, axis));
        }
        return draw_load(g, dtype, false);
    }
    switch (draw(g, 10)) {
    case 0:
    case 1: {
        bool is_sum = dtype != TFCC_BOOL || draw(g, 2);
        if (!g->in_reduce || draw(g, 4) == 0)
            return is_sum ? draw_reduce(g, dtype, depth) : draw_load(g, dtype, true);
        return draw_load(g, dtype, true);
    }
    case 2: return draw_load(g, dtype, true);
    case 3: {
        static const tfcc_dtype others[] = {TFCC_FLOAT32, TFCC_INT32, TFCC_FLOAT64,
                                            TFCC_FLOAT16, TFCC_INT8,  TFCC_INT64};
        return scalar_convert(g->kernel, dtype, draw_scalar(g, others[draw(g, 6)], depth - 1));
    }
    case 4:
        if (g->kernel->axis_count > 0 && draw(g, 3) == 0 && dtype != TFCC_BOOL) {
            size_t count = g->kernel->axis_count;
            Dim axis = g->kernel->axes[draw(g, 4) == 0 ? draw(g, (uint32_t)count) : count - 1];
            if (g->group) axis = g->kernel->axes[count - 1];
            Combiner combiner = draw(g, 2) ? COMBINE_ADD : COMBINE_MAXIMUM;
            bool exclusive = draw(g, 2), reverse = draw(g, 4) == 0;
            return kernel_scan(g->kernel, combiner, axis, draw_scalar(g, dtype, depth - 1),
                               exclusive, reverse);
        }
        return draw_arithmetic(g, dtype, depth);
    default: return draw_arithmetic(g, dtype, depth);
    }
}

/* ---- kernels ---- */

static void draw_outputs(Generator *g, int depth) {
    static const tfcc_dtype dtypes[] = {TFCC_FLOAT32, TFCC_FLOAT32, TFCC_FLOAT32, TFCC_INT32,
                                        TFCC_FLOAT64, TFCC_FLOAT16, TFCC_INT8,    TFCC_BOOL,
                                        TFCC_INT64,   TFCC_BFLOAT16};
    Kernel *kernel = g->kernel;
    uint32_t count = draw(g, 4) > 0 ? 1 : 1 + draw(g, 3);
    for (uint32_t k = 0; k < count; k++) {
        tfcc_dtype dtype = dtypes[draw(g, 10)];
        Shape shape = {.rank = (int)kernel->axis_count};
        for (int d = 0; d < shape.rank; d++) shape.dims[d] = kernel->axes[d]->size;
        if (draw(g, 7) > 0) {
            kernel_store(kernel, add_input(g, dtype, &shape), draw_scalar(g, dtype, depth));
        } else { /* somewhere, and perhaps several points in one place */
            Scalar *index[MAX_RANK];
            bool is_row = shape.rank > 0 && draw(g, 2);
            Shape target = {.rank = is_row ? 2 : 1, .dims = {number(g, 9)}};
            index[0] = draw_data_index(g, number(g, 9));
            if (is_row) {
                target.dims[1] = kernel->axes[shape.rank - 1]->size;
                index[1] = scalar_index(kernel, kernel->axes[shape.rank - 1]);
            }
            if (dtype == TFCC_BOOL) dtype = TFCC_INT32;
            Buffer *buffer = add_input(g, dtype, &target);
            KernelOutput *output =
                kernel_store_at(kernel, buffer, index, draw_scalar(g, dtype, depth));
            output->combine = draw(g, 2)   ? COMBINE_STORE
                              : draw(g, 2) ? COMBINE_ADD
                                           : COMBINE_SUBTRACT;
            output->initial = add_input(g, dtype, &target);
        }
        KernelOutput *output = &kernel->outputs[kernel->output_count - 1];
        if (draw(g, 6) == 0) {
            output->condition = draw_scalar(g, TFCC_BOOL, 1);
            if (!output->initial)
                output->initial = add_input(g, dtype, &output->buffer->type.shape);
        }
        output->is_optional = !output->initial && draw(g, 4) == 0;
    }
}

static void draw_checks(Generator *g) {
    Kernel *kernel = g->kernel;
    uint32_t count = 1 + draw(g, 2);
    for (uint32_t k = 0; k < count; k++) {
        Scalar *values[2] = {scalar_integer(kernel, TFCC_INT64, (int64_t)k),
                             scalar_integer(kernel, TFCC_INT64, 7)};
        if (kernel->axis_count > 0)
            values[1] = scalar_binary(
                kernel, SCALAR_ADD, scalar_index(kernel, kernel->axes[kernel->axis_count - 1]),
                scalar_convert(kernel, TFCC_INT64, draw_scalar(g, TFCC_INT32, 1)));
        Scalar *rare = scalar_binary(kernel, SCALAR_LESS,
                                     scalar_integer(kernel, TFCC_INT32, (int64_t)draw(g, 40) - 20),
                                     draw_scalar(g, TFCC_INT32, 0));
        Scalar *condition = scalar_binary(kernel, SCALAR_OR, rare, draw_scalar(g, TFCC_BOOL, 1));
        kernel_check(kernel, condition, TFCC_INVALID_ARGUMENT, "check %0: %1", values, 2);
    }
}

static void draw_kernel(Generator *g) {
    g->kernel = kernel_create(g->program, KERNEL_STRUCTURED, "random", (Place){0}, NULL);
    g->budget = 40;
    g->in_reduce = false;
    g->stretches = draw(g, 2);
    uint32_t rank = draw(g, 4);
    Shape shape = {.rank = (int)rank};
    for (uint32_t k = 0; k < rank; k++) shape.dims[k] = draw_size(g, rank > 2 && k < 2);
    kernel_add_axes(g->kernel, &shape, g->scope);
    g->scope_count = (int)rank;
    if (draw(g, 6) == 0)
        draw_checks(g);
    else
        draw_outputs(g, 1 + (int)draw(g, 4));
}

static void draw_member(Generator *g, int which);

/* A member that is a group again: all its rounds overwrite the row. */
static void draw_inner_group(Generator *g, int which) {
    Kernel *outer = g->group, *inner = kernel_create_member(outer, "inner");
    inner->kind = KERNEL_GROUP;
    kernel_add_axis(inner, draw_size(g, true));
    g->group = inner;
    draw_member(g, which);
    kernel_gather_members(inner);
    g->group = outer;
}

/* Members store a row of their own each; one checks now and then. */
static void draw_member(Generator *g, int which) {
    bool is_inner = g->group->group != NULL;
    if (!is_inner && draw(g, 5) == 0) {
        draw_inner_group(g, which);
        return;
    }
    g->kernel = kernel_create_member(g->group, "member");
    g->budget = 20;
    g->own = which;
    g->scope_count = 0;
    for (size_t k = 0; k < g->kernel->axis_count; k++)
        g->scope[g->scope_count++] = g->kernel->axes[k];
    Dim own = g->scope[g->scope_count++] = kernel_add_axis(g->kernel, g->row);
    if (draw(g, 8) == 0) {
        draw_checks(g);
        return;
    }
    Buffer *row = g->rows[which];
    Scalar *value = draw_scalar(g, TFCC_FLOAT32, 1 + (int)draw(g, 3));
    Scalar *index[] = {scalar_index(g->kernel, dim_add(dims_of(g), g->scope[0], number(g, 1))),
                       scalar_index(g->kernel, own)};
    KernelOutput *output =
        kernel_store_at(g->kernel, row, row->type.shape.rank == 2 ? index : &index[1], value);
    if (draw(g, 6) == 0) output->condition = draw_scalar(g, TFCC_BOOL, 1);
    if (is_inner || draw(g, 3) > 0) return;
    Shape shape = {.rank = 2, .dims = {g->scope[0]->size, g->row}};
    kernel_store(g->kernel, add_input(g, TFCC_FLOAT32, &shape), draw_scalar(g, TFCC_FLOAT32, 2));
    g->kernel->outputs[1].is_optional = draw(g, 2);
}

static void draw_group(Generator *g) {
    g->group = kernel_create(g->program, KERNEL_GROUP, "group", (Place){0}, NULL);
    g->in_reduce = false;
    g->stretches = draw(g, 2);
    Dim steps = draw_size(g, true);
    kernel_add_axis(g->group, steps);
    g->row = draw_size(g, false);
    for (int k = 0; k < GROUP_ROWS; k++) {
        Shape shape = {.rank = 1, .dims = {g->row}};
        if (draw(g, 2))
            shape = (Shape){.rank = 2, .dims = {dim_add(dims_of(g), steps, number(g, 1)), g->row}};
        g->rows[k] = add_input(g, TFCC_FLOAT32, &shape);
    }
    for (int k = 0; k < GROUP_ROWS; k++) draw_member(g, k);
    kernel_gather_members(g->group);
    g->group = NULL;
}

/* ---- memory ---- */

static void *guarded(size_t size) {
    size_t pages = (size + PAGE - 1) / PAGE * PAGE;
    char *memory =
        mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(memory != MAP_FAILED);
    mprotect(memory + pages, PAGE, PROT_NONE);
    return memory + pages - size;
}

static void release(void *bytes, size_t size) {
    size_t pages = (size + PAGE - 1) / PAGE * PAGE;
    munmap((char *)bytes + size - pages, pages + PAGE);
}

static void fill(Generator *g, tfcc_dtype dtype, void *bytes, int64_t count) {
    for (int64_t k = 0; k < count; k++) {
        int64_t n = (int64_t)draw(g, 41) - 20;
        uint64_t bits = bits_from_integer(dtype, n);
        if (dtype_is_bool(dtype)) bits = n > 0;
        if (dtype_is_float(dtype))
            bits = bits_from_double(dtype, draw(g, 200) == 0 ? 1.0 / 0.0 : (double)n / 8 + 0.01);
        bits_store(dtype, bytes, k, bits);
    }
}

static bool is_nan(tfcc_dtype dtype, uint64_t bits) {
    double value = dtype_is_float(dtype) ? bits_to_double(dtype, bits) : 0;
    return value != value;
}

/* ---- comparing ---- */

typedef struct Memory {
    void *bytes, *expected, *interpreted; /* by native code, kernels, loops */
    size_t size;
} Memory;

static Interpreter *create_interpreter(Generator *g) {
    Interpreter *interpreter = interpreter_create(g->arena, g->program);
    for (size_t k = 0; k < dim_symbol_count(dims_of(g)); k++) {
        interpreter->symbols[k] = g->symbols[k];
        interpreter->is_bound[k] = true;
    }
    return interpreter;
}

static void compare(const LoopStep *step, const Buffer *buffer, const void *bytes,
                    const Memory *memory, const char *title) {
    tfcc_dtype dtype = buffer->type.dtype;
    for (int64_t k = 0; k * (int64_t)dtype_size(dtype) < (int64_t)memory->size; k++) {
        uint64_t got = bits_load(dtype, bytes, k), wanted = bits_load(dtype, memory->expected, k);
        cr_assert(got == wanted || (is_nan(dtype, got) && is_nan(dtype, wanted)),
                  "%s, kernel %u: %s[%lld] of %s is %llx, not %llx", title, step->kernel->number,
                  buffer->name, (long long)k, dtype_name(dtype), (unsigned long long)got,
                  (unsigned long long)wanted);
    }
}

static void check_step(Generator *g, const LoopStep *step, tfcc_abi_kernel code, uint64_t seed,
                       const char *cpu) {
    Interpreter *interpreter = create_interpreter(g), *looping = create_interpreter(g);
    looping->loops = g->compilation.loops;
    const char *title = arena_format(g->arena, "seed %llu, %s", (unsigned long long)seed, cpu);
    Memory memory[256] = {0};
    void *arguments[256];
    cr_assert_leq(step->argument_count, 256);
    for (size_t a = 0; a < step->argument_count; a++) /* the interpreter is slow */
        if (interpreter_buffer(interpreter, step->arguments[a].buffer)->element_count >
            MOST_ELEMENTS)
            return;
    for (size_t a = 0; a < step->argument_count; a++) {
        Buffer *buffer = step->arguments[a].buffer;
        InterpreterBuffer *known = interpreter_buffer(interpreter, buffer);
        memory[a].size = (size_t)known->element_count * dtype_size(buffer->type.dtype);
        memory[a].bytes = arguments[a] = guarded(memory[a].size);
        memory[a].expected = arena_alloc(g->arena, memory[a].size + 1);
        memory[a].interpreted = arena_alloc(g->arena, memory[a].size + 1);
        fill(g, buffer->type.dtype, memory[a].bytes, known->element_count);
    }
    for (size_t a = 0; a < step->argument_count; a++) {
        const LoopArgument *argument = &step->arguments[a];
        for (size_t i = 0; argument->initial && i < step->argument_count; i++)
            if (step->arguments[i].buffer == argument->initial)
                memcpy(memory[a].bytes, memory[i].bytes, memory[a].size);
        memcpy(memory[a].expected, memory[a].bytes, memory[a].size);
        memcpy(memory[a].interpreted, memory[a].bytes, memory[a].size);
        bool is_absent = (argument->flags & TFCC_ABI_OPTIONAL) && draw(g, 2);
        if (is_absent) arguments[a] = NULL;
        interpreter->buffers[argument->buffer->number].bytes =
            is_absent ? NULL : memory[a].expected;
        looping->buffers[argument->buffer->number].bytes = is_absent ? NULL : memory[a].interpreted;
    }
    int64_t slots[1024], failure[TFCC_ABI_FAILURE_VALUES] = {0};
    for (size_t s = 0; s < step->slot_count; s++)
        slots[s] = dim_evaluate(g->compilation.loops->slots[step->slots[s]].dim, g->symbols, NULL);
    const char *message = interpret_kernel(interpreter, step->kernel);
    const char *other = interpret_kernel(looping, step->kernel);
    cr_assert(!message == !other && (!message || strcmp(message, other) == 0),
              "%s, kernel %u: loops give `%s`, not `%s`", title, step->kernel->number,
              other ? other : "", message ? message : "");
    uint32_t result = code(arguments, slots, failure);
    if (result == 0) {
        cr_assert_null(message, "%s: %s", title, message);
    } else {
        const char *text = arena_format(g->arena, "check %lld: %lld", (long long)failure[0],
                                        (long long)failure[1]);
        cr_assert(message && strcmp(message, text) == 0, "%s, kernel %u: `%s`, not `%s`", title,
                  step->kernel->number, text, message ? message : "");
    }
    for (size_t a = 0; a < step->argument_count; a++) {
        compare(step, step->arguments[a].buffer, memory[a].bytes, &memory[a], title);
        compare(step, step->arguments[a].buffer, memory[a].interpreted, &memory[a],
                arena_format(g->arena, "%s, interpreted loops", title));
        release(memory[a].bytes, memory[a].size);
    }
}

static Generator *open_program(uint64_t seed, const char *cpu, int optimisation) {
    Arena *arena = arena_create();
    Generator *g = arena_alloc(arena, sizeof *g);
    *g = (Generator){.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, .arena = arena};
    Compilation *c = &g->compilation;
    c->arena = arena;
    c->diagnostics = diagnostics_create(arena);
    c->options = (CompileOptions){.optimisation = optimisation, .verify = true, .cpu = cpu};
    c->graph = graph_create(arena, c->diagnostics, "random");
    c->program = g->program = program_create(arena, c->graph);
    g->program->nodes = arena_alloc(arena, sizeof *g->program->nodes);
    return g;
}

static const tfcc_model *build(Generator *g, uint64_t seed, const char *cpu) {
    Compilation *c = &g->compilation;
    char wrong[300];
    cr_assert(program_verify(g->program, wrong, sizeof wrong), "seed %llu: %s",
              (unsigned long long)seed, wrong);
    TargetList targets;
    bool is_built =
        target_list(&c->options, &targets, c->diagnostics) && schedule_program(c, &targets);
    if (is_built && getenv("PRINT_LOOPS")) {
        Text text = {.arena = g->arena};
        program_print(&text, c->program);
        loop_program_print(&text, c->loops);
        puts(text.bytes);
    }
    NativeModule *module = is_built ? native_build(c) : NULL;
    const tfcc_model *model = module ? native_load(module) : NULL;
    if (!model) diagnostics_print(c->diagnostics, stderr);
    cr_assert(model, "seed %llu, %s", (unsigned long long)seed, cpu);
    return model;
}

static void check_program(uint64_t seed, const char *cpu, int optimisation) {
    Generator *g = open_program(seed, cpu, optimisation);
    for (int k = 0; k < KERNELS; k++) draw_kernel(g);
    for (int k = 0; k < GROUPS; k++) draw_group(g);
    const tfcc_model *model = build(g, seed, cpu);
    for (size_t k = 0; k < g->compilation.loops->step_count; k++)
        check_step(g, &g->compilation.loops->steps[k], model->steps[k].kernel, seed, cpu);
    arena_destroy(g->arena);
}

/* A product of matrices, with as few rows as copies have to be cut down for. */
static void check_rows(const char *cpu, int64_t columns) {
    Generator *g = open_program(1, cpu, 1);
    DimTable *dims = dims_of(g);
    Dim rows = dim_named(dims, "rows"), inner = number(g, 33), wide = number(g, columns);
    Kernel *kernel = kernel_create(g->program, KERNEL_STRUCTURED, "product", (Place){0}, NULL);
    Dim i = kernel_add_axis(kernel, rows), j = kernel_add_axis(kernel, wide),
        k = kernel_add_reduce_axis(kernel, inner);
    Buffer *a = add_input(g, TFCC_FLOAT32, &(Shape){.rank = 2, .dims = {rows, inner}}),
           *b = add_input(g, TFCC_FLOAT32, &(Shape){.rank = 2, .dims = {inner, wide}}),
           *y = add_input(g, TFCC_FLOAT32, &(Shape){.rank = 2, .dims = {rows, wide}});
    Scalar *product = scalar_binary(kernel, SCALAR_MULTIPLY, scalar_load(kernel, a, (Dim[]){i, k}),
                                    scalar_load(kernel, b, (Dim[]){k, j}));
    kernel_store(kernel, y, rounded_twice(kernel_reduce(kernel, COMBINE_ADD, &k, 1, product)));
    const tfcc_model *model = build(g, 1, cpu);
    for (int64_t m = 0; m <= 20; m++) {
        g->symbols[rows->symbol->number] = m;
        check_step(g, &g->compilation.loops->steps[0], model->steps[0].kernel, (uint64_t)m, cpu);
    }
    arena_destroy(g->arena);
}

static void check_seeds(uint64_t first, uint64_t count) {
    const char *given = getenv("LOOPS_SEED");
    if (given) first = strtoull(given, NULL, 10), count = 1;
    for (uint64_t seed = first; seed < first + count; seed++) {
        check_program(seed, "x86-64-v2", (int)(seed % 4));
        if (__builtin_cpu_supports("avx2")) check_program(seed, "x86-64-v3", 2);
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
            check_program(seed, "x86-64-v4", (int)(seed % 3));
    }
}

Test(loops_native, random_kernels_give_the_interpreters_bits) {
    const char *count = getenv("LOOPS_SEEDS"), *first = getenv("LOOPS_FIRST");
    check_seeds(first ? strtoull(first, NULL, 10) : 1, count ? strtoull(count, NULL, 10) : 6);
}

Test(loops_native, products_of_any_number_of_rows) {
    for (int64_t columns = 32; columns <= 100; columns += 34) {
        check_rows("x86-64-v2", columns);
        if (__builtin_cpu_supports("avx2")) check_rows("x86-64-v3", columns);
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
            check_rows("x86-64-v4", columns);
    }
}
