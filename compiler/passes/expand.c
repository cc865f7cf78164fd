/* expand.c: writes composed ops out in others.
 *
 * Needs an inferred graph in order; every node whose op has an EXPANSION in ops.def gives way to
 * nodes of other ops, unless the expansion gives NULL. These are inferred as they are made and
 * stand in its place; the last of them takes over name, requirements and users.
 */
#include "graph/infer.h"
#include "graph/ops.h"
#include "passes/passes.h"
#include "support/dtype.h"
#include <assert.h>
#include <string.h>

/* ---- Making nodes ---- */

typedef struct Expansion {
    Graph *graph;
    GraphNode *node;
} Expansion;

static Value *apply(Expansion *e, const char *op, Value *a, Value *b) {
    return graph_apply(e->graph, e->node, op, (Value *[]){a, b}, b ? 2 : 1);
}

/* A node that can still be given attributes and absent inputs; finish() infers it and moves it
 * behind inputs that have been made since. */
static GraphNode *begin(Expansion *e, const char *op) {
    return graph_add_node(e->graph, op_find(op), NULL, e->node, e->node->place);
}

static void give(Expansion *e, GraphNode *node, const char *parameter, Value *input) {
    if (input)
        graph_add_input(e->graph, node, (size_t)op_parameter(node->row, parameter), input,
                        e->node->place);
}

static void give_bool(GraphNode *node, const char *parameter, bool value) {
    node->arguments[op_parameter(node->row, parameter)] =
        (Argument){.kind = ARGUMENT_BOOL, .as.boolean = value};
}

static void give_dtype(GraphNode *node, const char *parameter, tfcc_dtype value) {
    node->arguments[op_parameter(node->row, parameter)] =
        (Argument){.kind = ARGUMENT_DTYPE, .as.dtype = value};
}

static Value *finish(Expansion *e, GraphNode *node) {
    bool done = graph_settle_node(e->graph, node);
    assert(done && "an expansion has to be well formed");
    (void)done;
    return node->outputs[0];
}

static Value *cast(Expansion *e, Value *x, tfcc_dtype dtype) {
    if (x->type.dtype == dtype) return x;
    GraphNode *node = begin(e, "cast");
    give(e, node, "x", x);
    give_dtype(node, "dtype", dtype);
    return finish(e, node);
}

static Value *reduce(Expansion *e, const char *op, Value *x, Value *axis, bool keepdims) {
    GraphNode *node = begin(e, op);
    give(e, node, "input_tensor", x);
    give(e, node, "axis", axis);
    give_bool(node, "keepdims", keepdims);
    return finish(e, node);
}

/* A number that takes its neighbours' dtype. */
static Value *number(Expansion *e, double value) {
    ConstantData *data = arena_alloc(e->graph->arena, sizeof *data);
    *data = (ConstantData){.dtype = TFCC_FLOAT64,
                           .element_count = 1,
                           .size = sizeof value,
                           .bytes = arena_copy(e->graph->arena, &value, sizeof value)};
    GraphNode *node = begin(e, "constant");
    node->constant = data;
    node->weak = WEAK_FLOAT;
    return finish(e, node);
}

static Value *integer(Expansion *e, int64_t value) {
    return cast(e, graph_constant_integers(e->graph, e->node, &value, -1), TFCC_INT64);
}

static Value *integers(Expansion *e, const int64_t *values, int count) {
    return graph_constant_integers(e->graph, e->node, values, count);
}

/* A vector of one from a scalar. */
static Value *vector_of(Expansion *e, Value *scalar) {
    return apply(e, "stack", scalar, NULL);
}

/* ---- The expansions ---- */

/* True division of integers happens in floating point. */
static Value *expand_divide(Expansion *e) {
    if (dtype_is_float(e->node->inputs[0]->type.dtype)) return NULL;
    tfcc_dtype dtype = e->node->outputs[0]->type.dtype;
    return apply(e, "divide", cast(e, e->node->inputs[0], dtype),
                 cast(e, e->node->inputs[1], dtype));
}

static Value *expand_reduce_std(Expansion *e) {
    Value *variance = reduce(e, "reduce_variance", node_input(e->node, "input_tensor"),
                             node_input(e->node, "axis"), node_attribute_bool(e->node, "keepdims"));
    return apply(e, "sqrt", variance, NULL);
}

/* x * rsqrt(maximum(sum(x ** 2), epsilon)) */
static Value *expand_l2_normalize(Expansion *e) {
    Value *x = node_input(e->node, "x");
    Value *sum =
        reduce(e, "reduce_sum", apply(e, "square", x, NULL), node_input(e->node, "axis"), true);
    Value *scale =
        apply(e, "rsqrt",
              apply(e, "maximum", sum, number(e, node_attribute_float(e->node, "epsilon"))), NULL);
    return apply(e, "multiply", x, scale);
}

/* The mean, and the mean of the squared distance to it; 16-bit formats are computed in float32, as
 * in TensorFlow. */
static Value *expand_moments(Expansion *e) {
    Value *given = node_input(e->node, "x"), *axes = node_input(e->node, "axes");
    tfcc_dtype dtype = given->type.dtype;
    bool keepdims = node_attribute_bool(e->node, "keepdims");
    Value *x = dtype_bits(dtype) == 16 ? cast(e, given, TFCC_FLOAT32) : given;
    Value *mean = reduce(e, "reduce_mean", x, axes, true);
    Value *variance =
        reduce(e, "reduce_mean", apply(e, "squared_difference", x, mean), axes, keepdims);
    if (!keepdims) mean = reduce(e, "reduce_mean", x, axes, false);
    graph_replace_value(e->graph, e->node->outputs[1], cast(e, variance, dtype));
    return cast(e, mean, dtype);
}

/* The linear indices of what is true, as int64: every true element stores its index at the place
 * that counting the true ones before it gives; all others store into one more place, which is cut
 * off. */
static Value *indices_of_true(Expansion *e, Value *mask, Dim count) {
    Value *flat = apply(e, "reshape", mask, integers(e, (int64_t[]){-1}, 1));
    GraphNode *places = begin(e, "cumsum");
    give(e, places, "x", cast(e, flat, TFCC_INT64));
    give_bool(places, "exclusive", true);
    Value *before = finish(e, places);
    GraphNode *counting = begin(e, "count_nonzero");
    give(e, counting, "input", mask);
    /* The sizes of the graph speak of this number already. */
    counting->outputs[0]->elements = arena_alloc(e->graph->arena, sizeof(Dim));
    counting->outputs[0]->elements[0] = count;
    Value *total = finish(e, counting);
    Value *place = graph_apply(e->graph, e->node, "where", (Value *[]){flat, before, total}, 3);
    GraphNode *size = begin(e, "size");
    give(e, size, "input", flat);
    give_dtype(size, "out_type", TFCC_INT64);
    Value *index = graph_apply(e->graph, e->node, "range", (Value *[]){finish(e, size)}, 1);
    Value *room = vector_of(e, apply(e, "add", total, integer(e, 1)));
    Value *column = apply(e, "expand_dims", place, integers(e, (int64_t[]){1}, -1));
    Value *stored =
        graph_apply(e->graph, e->node, "scatter_nd", (Value *[]){column, index, room}, 3);
    Value *zero = vector_of(e, integer(e, 0));
    return graph_apply(e->graph, e->node, "slice", (Value *[]){stored, zero, vector_of(e, total)},
                       3);
}

/* sizes[from], …, sizes[to - 1] of a vector of known length */
static Value *part_of(Expansion *e, Value *sizes, int from, int to) {
    int64_t begin_at = from, length = to - from;
    return graph_apply(e->graph, e->node, "slice",
                       (Value *[]){sizes, integers(e, &begin_at, 1), integers(e, &length, 1)}, 3);
}

static Value *expand_boolean_mask(Expansion *e) {
    Value *tensor = node_input(e->node, "tensor"), *mask = node_input(e->node, "mask");
    int rank = tensor->type.shape.rank, width = mask->type.shape.rank;
    int axis = (int)node_attribute_integer(e->node, "axis");
    if (axis < 0) axis += rank;
    Value *indices = indices_of_true(e, mask, e->node->outputs[0]->type.shape.dims[axis]);
    if (width > 1) {
        Value *sizes = apply(e, "shape", tensor, NULL);
        Value *parts[] = {part_of(e, sizes, 0, axis), integers(e, (int64_t[]){-1}, 1),
                          part_of(e, sizes, axis + width, rank)};
        /* The masked dimensions' product is known where they are; -1 would not do beside a size of
         * 0. */
        GraphNode *product = begin(e, "reduce_prod");
        give(e, product, "input_tensor", part_of(e, sizes, axis, axis + width));
        parts[1] = vector_of(e, finish(e, product));
        GraphNode *joined = begin(e, "concat");
        for (int i = 0; i < 3; i++) give(e, joined, "values", parts[i]);
        give(e, joined, "axis", integers(e, (int64_t[]){0}, -1));
        tensor = apply(e, "reshape", tensor, finish(e, joined));
    }
    GraphNode *gather = begin(e, "gather");
    int64_t along = axis;
    give(e, gather, "params", tensor);
    give(e, gather, "indices", indices);
    give(e, gather, "axis", integers(e, &along, -1));
    return finish(e, gather);
}

/* With one argument: the coordinates of linear index i, (i // (sizes behind k)) % size k, side by
 * side. */
static Value *expand_where(Expansion *e) {
    if (e->node->input_count > 1) return NULL;
    Value *mask = node_input(e->node, "condition");
    int rank = mask->type.shape.rank;
    Value *indices = indices_of_true(e, mask, e->node->outputs[0]->type.shape.dims[0]);
    Value *columns[MAX_RANK], *rest = indices;
    GraphNode *shape = begin(e, "shape");
    give(e, shape, "input", mask);
    give_dtype(shape, "out_type", TFCC_INT64);
    Value *sizes = finish(e, shape);
    for (int k = rank - 1; k >= 0; k--) {
        Value *size = apply(e, "reshape", part_of(e, sizes, k, k + 1), integers(e, NULL, 0));
        /* Where nothing is true a size may be 0; then nothing is divided either. */
        columns[k] = k ? apply(e, "floormod", rest, size) : rest;
        if (k) rest = apply(e, "floordiv", rest, size);
    }
    GraphNode *stack = begin(e, "stack");
    for (int k = 0; k < rank; k++) give(e, stack, "values", columns[k]);
    stack->arguments[op_parameter(stack->row, "axis")] =
        (Argument){.kind = ARGUMENT_INTEGER, .as.integer = 1};
    return finish(e, stack);
}

/* ---- The pass ---- */

static Value *(*const expansions[OP_COUNT])(Expansion *) = {
#define OP(code, spelling, effects, shape, lowering, gradient, signature, meaning)
#define ALIAS(spelling, code)
#define EXPANSION(code, name) [OP_##code] = expand_##name,
#include "graph/ops.def"
#undef OP
#undef ALIAS
#undef EXPANSION
};

/* The new node stands for the old one in every respect. */
static void take_over(Graph *graph, GraphNode *old, Value *value) {
    GraphNode *node = value->node;
    graph_replace_value(graph, old->outputs[0], value);
    for (size_t i = 0; i < old->requirement_count; i++) {
        Requirement *r = ARENA_PUSH(graph->arena, node->requirements, node->requirement_count,
                                    node->requirement_capacity);
        *r = old->requirements[i];
        r->node = node;
    }
    if (!node->name && old->output_count == 1) {
        node->name = old->name;
        node->label = old->label;
        value->name = old->outputs[0]->name;
        if (node->name) map_set(&graph->node_names, node->name, node);
    }
    old->is_dead = true;
}

bool pass_expand(Compilation *c) {
    Graph *graph = c->graph;
    GraphNode **nodes = graph->nodes;
    size_t count = graph->node_count;
    graph->nodes = NULL;
    graph->node_count = graph->node_capacity = 0;
    for (size_t i = 0; i < count; i++) {
        GraphNode *node = nodes[i];
        for (size_t k = 0; k < node->input_count; k++)
            node->inputs[k] = graph_resolve(node->inputs[k]);
        Value *(*expand)(Expansion *) = expansions[node->row->code];
        Expansion e = {graph, node};
        Value *value = expand ? expand(&e) : NULL;
        if (value)
            take_over(graph, node, value);
        else
            *ARENA_PUSH(graph->arena, graph->nodes, graph->node_count, graph->node_capacity) = node;
    }
    graph_compact(graph);
    return true;
}
