/* lower.c: what the lowerings of ops share. */
#include "kernels/lower.h"

#include "graph/ops.h"
#include "graph/rules.h"
#include <string.h>

Scalar *scalar_in_range(Kernel *kernel, Scalar *a, Scalar *low, Scalar *high) {
    return scalar_and(kernel, scalar_less_equal(kernel, low, a), scalar_less(kernel, a, high));
}

/* ---- the node ---- */

Value *lower_input_value(LowerContext *c, const char *parameter) {
    return node_input(c->node, parameter);
}

Buffer *lower_input(LowerContext *c, const char *parameter) {
    Value *value = node_input(c->node, parameter);
    return value ? value->buffer : NULL;
}

size_t lower_input_list(LowerContext *c, const char *parameter, Buffer ***buffers) {
    Value **values;
    size_t count = node_input_list(c->node, parameter, &values);
    *buffers = arena_alloc_array(c->program->arena, count + 1, sizeof(Buffer *));
    for (size_t k = 0; k < count; k++) (*buffers)[k] = values[k]->buffer;
    return count;
}

static const char *value_name(const Value *value) {
    return value->name ? value->name : value->node->label;
}

Buffer *lower_output(LowerContext *c, int index) {
    Value *value = c->node->outputs[index];
    if (value->buffer) return value->buffer;
    value->buffer = program_add_buffer(c->program, TFCC_ABI_VALUE, value_name(value), value->type);
    value->buffer->value = value;
    value->buffer->is_fetchable = value->is_fetchable;
    value->buffer->is_feedable = value->is_feedable;
    return value->buffer;
}

const Shape *lower_output_shape(LowerContext *c, int index) {
    return &c->node->outputs[index]->type.shape;
}

bool lower_known_integers(LowerContext *c, const char *parameter, const int64_t **numbers,
                          size_t *count) {
    Value *value = node_input(c->node, parameter);
    return value && value_known_integers(c->program->arena, value, numbers, count);
}

void lower_axes(LowerContext *c, const char *parameter, int rank, Dim *is_named) {
    DimTable *dims = c->dims;
    const Value *axes = node_input(c->node, parameter);
    for (int k = 0; k < rank; k++) is_named[k] = dim_constant(dims, axes == NULL);
    int64_t count = 1;
    if (!axes || !axes->elements) return;
    for (int d = 0; d < axes->type.shape.rank; d++)
        dim_is_constant(axes->type.shape.dims[d], &count);
    for (int64_t n = 0; n < count; n++)
        for (int k = 0; k < rank; k++)
            is_named[k] = dim_or(dims, is_named[k], axis_is(dims, axes->elements[n], k, rank));
}

int lower_axis(LowerContext *c, const char *parameter, int rank, int otherwise) {
    const int64_t *numbers;
    size_t count;
    int64_t axis = otherwise;
    if (lower_known_integers(c, parameter, &numbers, &count) && count > 0) axis = numbers[0];
    return (int)(axis < 0 ? axis + rank : axis);
}

/* ---- kernels ---- */

const char *lower_message(LowerContext *c, const char *format) {
    Text text = {.arena = c->program->arena};
    text_add(&text, "node '");
    for (const char *at = escape_for_message(c->program->arena, c->node->label); *at; at++) {
        if (*at == '%') text_add_char(&text, '%');
        text_add_char(&text, *at);
    }
    text_add_format(&text, "' (%s): %s", c->node->row->spelling, format);
    return text.bytes;
}

Kernel *lower_kernel_over(LowerContext *c, const Shape *shape, Dim *axes) {
    Kernel *kernel = lower_kernel(c);
    kernel_add_axes(kernel, shape, axes);
    return kernel;
}

Kernel *lower_check_kernel(LowerContext *c) {
    Kernel *kernel = lower_kernel(c);
    c->requirement = kernel;
    return kernel;
}

/* ---- indices ---- */

void lower_broadcast_index(DimTable *dims, const Shape *from, const Shape *to, const Dim *axes,
                           Dim *index) {
    for (int k = 0; k < from->rank; k++) {
        int at = to->rank - from->rank + k;
        Dim size = from->dims[k], one = dim_constant(dims, 1);
        if (at < 0 || dim_is(size, 1)) { /* below 0: the leading ones of an unknown rank */
            index[k] = dim_constant(dims, 0);
        } else if (dim_compare(dims, size, to->dims[at]) == DIM_YES ||
                   dim_compare(dims, size, one) == DIM_NO) {
            index[k] = axes[at];
        } else {
            Dim stretches = dim_equal(dims, size, one);
            index[k] = dim_multiply(dims, axes[at], dim_subtract(dims, one, stretches));
        }
    }
}

Scalar *lower_load_broadcast(Kernel *kernel, Buffer *buffer, const Shape *to, const Dim *axes) {
    Dim index[MAX_RANK];
    lower_broadcast_index(kernel->program->graph->dims, &buffer->type.shape, to, axes, index);
    return scalar_load(kernel, buffer, index);
}

/* The element at a position of an integer tensor of any rank, as int64. */
static Scalar *load_integer(Kernel *kernel, Buffer *buffer, Scalar *const *index) {
    return scalar_convert(kernel, TFCC_INT64, scalar_load_at(kernel, buffer, index));
}

Scalar *lower_element(LowerContext *c, Kernel *kernel, Value *value, int64_t k) {
    if (value->elements) return scalar_index(kernel, value->elements[k]);
    Scalar *index[MAX_RANK];
    const Shape *shape = &value->type.shape;
    for (int d = shape->rank; d-- > 0;) {
        int64_t size = 1;
        dim_is_constant(shape->dims[d], &size);
        index[d] = scalar_index(kernel, dim_constant(c->dims, d == 0 ? k : k % size));
        if (d > 0) k /= size;
    }
    return load_integer(kernel, value->buffer, index);
}

Scalar *lower_widen(Kernel *kernel, Scalar *a) {
    return dtype_is_narrow_float(a->dtype) ? scalar_convert(kernel, TFCC_FLOAT32, a) : a;
}

/* ---- outputs that are inputs ---- */

/* Whether every symbol of `shape` that is computed during the run is one of `of` too: else its
 * kernels must wait for it. */
typedef struct SymbolSearch {
    const Shape *of;
    bool missing;
} SymbolSearch;

static void ask_symbol(void *context, Dim dim) {
    SymbolSearch *search = context;
    if (dim->symbol->kind != DIM_OF_VALUE) return;
    for (int k = 0; k < search->of->rank; k++)
        if (dim_contains(search->of->dims[k], dim)) return;
    search->missing = true;
}

static bool needs_more_symbols(const Shape *shape, const Shape *of) {
    SymbolSearch search = {.of = of};
    for (int k = 0; k < shape->rank; k++) dim_each_symbol(shape->dims[k], ask_symbol, &search);
    if (shape->runtime_rank) dim_each_symbol(shape->runtime_rank, ask_symbol, &search);
    return search.missing;
}

static bool is_written(const Graph *graph, const Variable *variable) {
    for (size_t k = 0; k < graph->node_count; k++)
        if (graph->nodes[k]->variable == variable && (graph->nodes[k]->row->effects & WRITES))
            return true;
    return false;
}

void lower_show(LowerContext *c, int index, Buffer *base) {
    Value *value = c->node->outputs[index];
    Buffer *root = buffer_root(base);
    bool may_change = root->kind == TFCC_ABI_CURRENT || root->kind == TFCC_ABI_WRITE ||
                      (root->kind == TFCC_ABI_START && is_written(c->graph, root->variable));
    if (!value->is_feedable && !c->requirement && !may_change && !c->node->guard &&
        c->node->after_count == 0 && !needs_more_symbols(&value->type.shape, &base->type.shape)) {
        program_add_alias(c->program, base, value);
        return;
    }
    Buffer *output = lower_output(c, index), *shown = base;
    if (base->type.dtype != output->type.dtype ||
        base->type.shape.rank != output->type.shape.rank ||
        memcmp(base->type.shape.dims, output->type.shape.dims,
               sizeof(Dim) * (size_t)base->type.shape.rank) != 0) {
        shown = program_reshape(c->program, base, &output->type.shape);
        shown->type.dtype = output->type.dtype;
    }
    Dim axes[MAX_RANK];
    Kernel *kernel = lower_kernel_over(c, &output->type.shape, axes);
    kernel_store(kernel, output, scalar_load(kernel, shown, axes));
}

/* Ops that are always expanded (ops.def) never get here. */
void lower_expanded(LowerContext *c);
void lower_expanded(LowerContext *c) {
    diagnose_error(c->graph->diagnostics, c->node->place, "internal error: %s was not expanded",
                   c->node->row->spelling);
    for (size_t k = 0; k < c->node->output_count; k++) lower_output(c, (int)k);
}
