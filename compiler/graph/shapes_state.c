/* shapes_state.c: what has a value of its own, what writes variables, and targets. */
#include "graph/rules.h"
#include "support/checked.h"
#include "support/dtype.h"
#include <string.h>

/* ---- Constants ---- */

/* The sizes of an attribute `shape` that has to be whole: false after an error. */
static bool whole_shape(InferContext *c, const Argument *shape, int64_t *dims, int64_t *count) {
    *count = 1;
    if (shape->count > MAX_RANK)
        return infer_error_text(c, "a shape of %zu dimensions; a tensor has at most %d",
                                shape->count, MAX_RANK);
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->as.sizes[i].size < 0)
            return infer_error_text(c, "its shape cannot have unknown sizes");
        dims[i] = shape->as.sizes[i].size;
        if (!checked_multiply(*count, dims[i], count))
            return infer_error_text(c, "its shape is too large");
    }
    return true;
}

/* constant(value, shape=…): the same elements in another shape, or one element everywhere. */
static bool reshape_constant(InferContext *c, const Argument *shape) {
    GraphNode *node = c->node;
    const ConstantData *data = node->constant;
    int64_t dims[MAX_RANK] = {0}, count;
    if (!whole_shape(c, shape, dims, &count)) return false;
    ConstantData *shaped = arena_copy(c->graph->arena, data, sizeof *data);
    shaped->origin = NULL;
    shaped->rank = (int)shape->count;
    memcpy(shaped->dims, dims, sizeof dims);
    if (count != data->element_count) {
        if (data->element_count != 1)
            return infer_error_text(c, "%lld values do not fill a shape of %lld elements",
                                    (long long)data->element_count, (long long)count);
        if (count > 1 << 26)
            return infer_error_text(c, "%lld equal elements: write fill() instead",
                                    (long long)count);
        size_t size = data->size;
        char *bytes = arena_alloc_array(c->graph->arena, (size_t)count, size);
        for (int64_t i = 0; i < count; i++) memcpy(bytes + (size_t)i * size, data->bytes, size);
        shaped->bytes = bytes;
        shaped->size = (size_t)count * size;
        shaped->element_count = count;
    }
    node->constant = shaped;
    node->arguments[op_parameter(node->row, "shape")].kind = ARGUMENT_ABSENT;
    return true;
}

/* Numbers in an expression stay weak until their user is inferred; a constant with a name or a
 * dtype of its own does not. */
bool shape_constant(InferContext *c) {
    GraphNode *node = c->node;
    if (node->arguments && node_argument(node, "shape")->kind == ARGUMENT_SHAPE &&
        !reshape_constant(c, node_argument(node, "shape")))
        return false;
    tfcc_dtype wanted = node_attribute_dtype(node, "dtype");
    if (node->weak && (wanted != TFCC_NONE || node->name)) {
        if (wanted == TFCC_NONE) wanted = weak_default(node, op_dtype_class("any", 3));
        const ConstantData *data = weak_data(c, node, wanted);
        if (!data) return false;
        node->constant = data;
        node->weak = NOT_WEAK;
    }
    const ConstantData *data = node->constant;
    tfcc_dtype dtype = node->weak ? weak_default(node, op_dtype_class("any", 3)) : data->dtype;
    if (wanted != TFCC_NONE && wanted != dtype)
        return infer_error_text(c, "its value is %s, its dtype %s", dtype_name(dtype),
                                dtype_name(wanted));
    Shape shape = {.rank = data->rank};
    for (int i = 0; i < data->rank; i++) shape.dims[i] = known(c, data->dims[i]);
    set_type(c, 0, dtype, shape);
    return true;
}

/* ---- Variables ---- */

static bool check_variable_shape(InferContext *c, const Shape *initial) {
    const Argument *shape = node_argument(c->node, "shape");
    if (shape->kind != ARGUMENT_SHAPE) return true;
    bool fits = shape->count == (size_t)initial->rank;
    for (size_t i = 0; fits && i < shape->count; i++)
        fits = shape->as.sizes[i].size < 0 || dim_is(initial->dims[i], shape->as.sizes[i].size);
    if (fits) return true;
    return infer_error_text(
        c,
        "its value is %s, which is not its `shape`; an initializer such as {op: zeros, shape: …} "
        "makes a value of any shape",
        shape_text(c->graph->arena, initial));
}

/* A layer's variable has the sizes that the layer computes with, also where a file says what it
 * begins with. */
static bool check_layer_sizes(InferContext *c, const Shape *initial) {
    Value *wanted = c->node->variable->sizes;
    Dim *sizes;
    size_t count;
    c->node->variable->sizes = NULL;
    if (!wanted) return true;
    if (wanted->type.dtype == TFCC_NONE) return false;
    if (!value_contents(c->graph, wanted, &sizes, &count)) return false;
    Shape shape = {.rank = (int)count};
    memcpy(shape.dims, sizes, count * sizeof *sizes);
    bool fits = shape.rank == initial->rank;
    for (int i = 0; fits && i < shape.rank; i++) fits = shape.dims[i] == initial->dims[i];
    if (fits) return true;
    return infer_error_text(c, "the value of `%s` is %s, and its layer needs %s",
                            c->node->variable->name, shape_text(c->graph->arena, initial),
                            shape_text(c->graph->arena, &shape));
}

bool shape_variable(InferContext *c) {
    Variable *variable = c->node->variable;
    Value *initial = variable->initial;
    if (initial->type.dtype == TFCC_NONE) return false; /* reported at the initial value */
    tfcc_dtype wanted = node_attribute_dtype(c->node, "dtype");
    if (initial->node->row->code == OP_CONSTANT && initial->node->weak) {
        if (wanted == TFCC_NONE) wanted = initial->type.dtype;
        const ConstantData *data = weak_data(c, initial->node, wanted);
        if (!data) return false;
        Place place = initial->node->place;
        variable->initial = initial = graph_constant(c->graph, c->node, data);
        initial->node->place = place;
    }
    if (wanted != TFCC_NONE && initial->type.dtype != wanted)
        return infer_error_text(c, "its value is %s, its dtype %s", dtype_name(initial->type.dtype),
                                dtype_name(wanted));
    if (!shape_is_known(&initial->type.shape))
        return infer_error_text(
            c,
            "the value of `%s` is %s; every size of a variable must be known when the graph is "
            "compiled",
            variable->name, shape_text(c->graph->arena, &initial->type.shape));
    if (!check_variable_shape(c, &initial->type.shape) ||
        !check_layer_sizes(c, &initial->type.shape))
        return false;
    set_type(c, 0, initial->type.dtype, initial->type.shape);
    return true;
}

static const Type *variable_type(const InferContext *c) {
    return &c->node->variable->node->outputs[0]->type;
}

bool shape_read_variable(InferContext *c) {
    set_shape(c, 0, variable_type(c)->shape);
    return true;
}

bool shape_scalar_result(InferContext *c) {
    set_shape(c, 0, shape_scalar());
    return true;
}

static bool shapes_must_agree(InferContext *c, const Shape *variable, size_t input) {
    const Shape *value = &c->node->inputs[input]->type.shape;
    Shape wide = shape_has_rank(value) ? *variable : shape_widen(c, variable);
    Dim condition = known(c, wide.rank == value->rank);
    if (!shape_has_rank(value))
        condition = dim_equal(c->dims, value->runtime_rank, known(c, variable->rank));
    for (int i = 0; wide.rank == value->rank && i < wide.rank; i++)
        condition = dim_and(c->dims, condition, dim_equal(c->dims, wide.dims[i], value->dims[i]));
    Sentence s = sentence_begin(c);
    sentence_text(&s, "the variable %s is %s, ",
                  escape_for_message(c->graph->arena, c->node->variable->name),
                  shape_text(c->graph->arena, variable));
    sentence_input(&s, c, input);
    return infer_require(c, condition, &s);
}

bool shape_assign(InferContext *c) {
    set_shape(c, 0, variable_type(c)->shape);
    return shapes_must_agree(c, &variable_type(c)->shape, input_index(c, "value"));
}

/* ref [n, rest..], indices [i..], updates [i.., rest..] or a scalar */
bool shape_scatter_variable(InferContext *c) {
    const Shape *ref = &variable_type(c)->shape, *indices = input_shape(c, "indices"),
                *updates = input_shape(c, "updates");
    set_shape(c, 0, *ref);
    if (!need_rank(c, "indices", 0) || !need_rank(c, "updates", 0)) return false;
    if (ref->rank == 0)
        return infer_error_text(c, "the variable %s is a scalar; there is nothing to index",
                                c->node->variable->name);
    if (updates->rank == 0) return true;
    int rank = indices->rank + ref->rank - 1;
    Dim condition = known(c, rank == updates->rank);
    for (int i = 0; rank == updates->rank && i < rank; i++) {
        Dim expected = i < indices->rank ? indices->dims[i] : ref->dims[i - indices->rank + 1];
        condition = dim_and(c->dims, condition, dim_equal(c->dims, expected, updates->dims[i]));
    }
    if (infer_holds(condition)) return true;
    Sentence s = sentence_begin(c);
    sentence_text(&s, "updates must be [sizes of indices, sizes of %s but the first]: %s is %s, ",
                  c->node->variable->name, c->node->variable->name,
                  shape_text(c->graph->arena, ref));
    sentence_input(&s, c, input_index(c, "indices"));
    sentence_text(&s, ", ");
    sentence_input(&s, c, input_index(c, "updates"));
    return infer_require(c, condition, &s);
}

/* ---- Placeholders ---- */

/* The size of axis `axis` of a value that a run may feed. */
static Dim feed_symbol(InferContext *c, int axis, Dim fallback) {
    Dim symbol = dim_symbol(c->dims, DIM_OF_FEED,
                            arena_format(c->graph->arena, "%s.shape[%d]", c->node->label, axis));
    symbol->symbol->value = c->node->outputs[0];
    symbol->symbol->element = axis;
    symbol->symbol->fallback = fallback;
    return symbol;
}

/* Any rank: eight sizes from the right, ones in front, and the rank. */
static Shape any_shape(InferContext *c, const Shape *fallback) {
    Shape shape = {.rank = MAX_RANK};
    for (int i = 0; i < MAX_RANK; i++)
        shape.dims[i] = feed_symbol(c, i, fallback ? fallback->dims[i] : NULL);
    Dim rank =
        dim_symbol(c->dims, DIM_RANK, arena_format(c->graph->arena, "%s.rank", c->node->label));
    rank->symbol->value = c->node->outputs[0];
    rank->symbol->upper = known(c, MAX_RANK);
    rank->symbol->fallback = fallback ? fallback->runtime_rank : NULL;
    shape.runtime_rank = rank;
    return shape;
}

static bool entry_dim(InferContext *c, const ShapeEntry *entry, int axis, Dim fallback, Dim *dim) {
    if (entry->name)
        *dim = dim_named(c->dims, entry->name);
    else if (entry->size >= 0)
        *dim = known(c, entry->size);
    else if (fallback && fallback->kind == DIM_CONSTANT)
        *dim = fallback;
    else
        *dim = feed_symbol(c, axis, fallback);
    return true;
}

bool shape_placeholder(InferContext *c) {
    const Argument *entries = node_argument(c->node, "shape");
    tfcc_dtype dtype = node_attribute_dtype(c->node, "dtype");
    if (entries->kind == ARGUMENT_ABSENT) {
        set_type(c, 0, dtype, any_shape(c, NULL));
        return true;
    }
    if (entries->count > MAX_RANK)
        return infer_error_text(c, "a shape of %zu dimensions; a tensor has at most %d",
                                entries->count, MAX_RANK);
    Shape shape = {.rank = (int)entries->count};
    for (int i = 0; i < shape.rank; i++)
        if (!entry_dim(c, &entries->as.sizes[i], i, NULL, &shape.dims[i])) return false;
    set_type(c, 0, dtype, shape);
    return true;
}

/* Sizes that are numbers or plain symbols stay, as every other part of the graph relies on them;
 * others get a symbol of their own, which falls back to what it is where the value is computed. */
bool shape_placeholder_with_default(InferContext *c) {
    const Shape *input = input_shape(c, "input");
    const Argument *entries = node_argument(c->node, "shape");
    bool has_shape = entries->kind == ARGUMENT_SHAPE;
    if (!shape_has_rank(input)) {
        if (has_shape) return infer_error_text(c, "its `shape` needs an input of known rank");
        set_shape(c, 0, any_shape(c, input));
        return true;
    }
    if (has_shape && entries->count != (size_t)input->rank)
        return infer_error_text(c, "its `shape` has %zu dimensions, its input %s", entries->count,
                                shape_text(c->graph->arena, input));
    Shape shape = {.rank = input->rank};
    for (int i = 0; i < shape.rank; i++) {
        ShapeEntry open = {.size = -1};
        const ShapeEntry *entry = has_shape ? &entries->as.sizes[i] : &open;
        bool is_named =
            input->dims[i]->kind == DIM_SYMBOL && input->dims[i]->symbol->kind == DIM_NAMED;
        if (!has_shape && is_named) shape.dims[i] = input->dims[i];
        /* `shape: [null]` of a known input means that other sizes may be fed. */
        else if (has_shape && entry->size < 0 && !entry->name)
            shape.dims[i] = feed_symbol(c, i, input->dims[i]);
        else if (!entry_dim(c, entry, i, input->dims[i], &shape.dims[i]))
            return false;
        Dim same = dim_equal(c->dims, shape.dims[i], input->dims[i]);
        bool is_own = shape.dims[i]->kind == DIM_SYMBOL &&
                      shape.dims[i]->symbol->value == c->node->outputs[0];
        if (is_own || infer_holds(same)) continue;
        Sentence s = sentence_begin(c);
        sentence_text(&s, "the default does not have the declared shape: ");
        sentence_input(&s, c, 0);
        if (!infer_require(c, same, &s)) return false;
    }
    set_shape(c, 0, shape);
    return true;
}

/* ---- Targets and branches ---- */

bool shape_no_value(InferContext *c) {
    (void)c;
    return true;
}

/* The size of what one of two branches gives. */
static Shape choose_shape(InferContext *c, Dim predicate, const Shape *a, const Shape *b) {
    bool same_rank = shape_has_rank(a) && shape_has_rank(b) && a->rank == b->rank;
    Shape x = same_rank ? *a : shape_widen(c, a), y = same_rank ? *b : shape_widen(c, b);
    Shape result = {.rank = x.rank};
    for (int i = 0; i < x.rank; i++)
        result.dims[i] = dim_select(c->dims, predicate, x.dims[i], y.dims[i]);
    if (!same_rank)
        result.runtime_rank = dim_select(c->dims, predicate, x.runtime_rank, y.runtime_rank);
    return result;
}

/* values: what `then` gives, then as many of what `else` gives */
bool shape_cond(InferContext *c) {
    Value **values;
    size_t count = node_input_list(c->node, "values", &values), outputs = count / 2;
    if (!need_scalar(c, "pred")) return false;
    if (count % 2) return infer_error_text(c, "its branches fetch different numbers of values");
    if (!set_output_count(c, outputs)) return false;
    for (size_t i = 0; i < outputs; i++) {
        const Type *a = &values[i]->type, *b = &values[outputs + i]->type;
        if (a->dtype != b->dtype)
            return infer_error_text(
                c, "`then` gives %s, `else` %s: the branches have to agree in dtype",
                type_text(c->graph->arena, a), type_text(c->graph->arena, b));
        bool same = a->shape.rank == b->shape.rank && shape_has_rank(&a->shape) &&
                    shape_has_rank(&b->shape);
        for (int k = 0; same && k < a->shape.rank; k++) same = a->shape.dims[k] == b->shape.dims[k];
        Dim *predicate = NULL;
        size_t one;
        if (!same && !need_contents(c, "pred", &predicate, &one)) return false;
        set_type(c, i, a->dtype,
                 same ? a->shape : choose_shape(c, predicate[0], &a->shape, &b->shape));
    }
    return true;
}

/* Layers are written out in the source, so inference never meets one. */
bool shape_layer(InferContext *c) {
    return infer_error_text(c, "internal error: a layer was not written out");
}
