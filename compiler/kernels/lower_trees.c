/* lower_trees.c: decision trees: walks of a fixed number of steps through one table (graph/trees.h).
 *
 * A few steps are one kernel over rows and trees, from node to node; the last kernel combines what
 * the leaves of a row say. The table is checked when compiling, so no index needs a check.
 */
#include "graph/trees.h"

#include "kernels/lower.h"

enum { STEPS_OF_KERNEL = 8 };

typedef struct TreeTable {
    const TreePlan *plan;
    Buffer *features, *splits, *next, *outcomes; /* outcomes: NULL where all are the same */
} TreeTable;

static Buffer *add_constant(LowerContext *c, const char *name, tfcc_dtype dtype, const void *bytes,
                            int64_t rows, int64_t columns) {
    Arena *arena = c->program->arena;
    int rank = columns ? 2 : 1;
    int64_t count = rows * (columns ? columns : 1);
    Type type = {dtype, {.rank = rank, .dims = {dim_constant(c->dims, rows)}}};
    if (columns) type.shape.dims[1] = dim_constant(c->dims, columns);
    ConstantData *data = arena_alloc(arena, sizeof *data);
    *data = (ConstantData){.dtype = dtype,
                           .rank = rank,
                           .dims = {rows, columns},
                           .element_count = count,
                           .bytes = bytes,
                           .size = (size_t)count * dtype_size(dtype)};
    const char *label = arena_format(arena, "%s/%s", c->node->label, name);
    Buffer *buffer = program_add_buffer(c->program, TFCC_ABI_CONSTANT, label, type);
    buffer->constant = data;
    return buffer;
}

/* Whether the feature's outcome is one of the set. */
static Scalar *outcome_is_in(Kernel *k, uint8_t set, Scalar *x, Scalar *split) {
    Scalar *holds = scalar_integer(k, TFCC_BOOL, 0);
    int ordered = set & (TREE_BELOW | TREE_EQUAL | TREE_ABOVE);
    if (ordered == (TREE_BELOW | TREE_ABOVE | TREE_EQUAL)) holds = scalar_equal(k, x, x);
    if (ordered == (TREE_BELOW | TREE_EQUAL)) holds = scalar_less_equal(k, x, split);
    if (ordered == (TREE_ABOVE | TREE_EQUAL)) holds = scalar_less_equal(k, split, x);
    if (ordered == TREE_BELOW) holds = scalar_less(k, x, split);
    if (ordered == TREE_ABOVE) holds = scalar_less(k, split, x);
    if (ordered == TREE_EQUAL) holds = scalar_equal(k, x, split);
    if (ordered == (TREE_BELOW | TREE_ABOVE))
        holds = scalar_or(k, scalar_less(k, x, split), scalar_less(k, split, x));
    return set & TREE_UNORDERED ? scalar_or(k, holds, scalar_not_equal(k, x, x)) : holds;
}

/* The same for a set that is looked up. */
static Scalar *outcome_is_in_loaded(Kernel *k, Scalar *set, Scalar *x, Scalar *split) {
    Scalar *zero = scalar_integer(k, TFCC_UINT8, 0), *outcome = zero;
    for (int bit = TREE_BELOW; bit <= TREE_UNORDERED; bit *= 2)
        outcome = scalar_select(k, outcome_is_in(k, (uint8_t)bit, x, split),
                                scalar_integer(k, TFCC_UINT8, bit), outcome);
    return scalar_not_equal(k, scalar_and(k, set, outcome), zero);
}

/* The node after `node`, an int64. */
static Scalar *next_node(Kernel *k, const TreeTable *table, Buffer *x, Scalar *row, Scalar *node) {
    Scalar *feature = scalar_load_at(k, table->features, &node);
    Scalar *place[] = {row, scalar_convert(k, TFCC_INT64, feature)};
    Scalar *value = scalar_load_at(k, x, place), *split = scalar_load_at(k, table->splits, &node);
    Scalar *holds =
        table->outcomes
            ? outcome_is_in_loaded(k, scalar_load_at(k, table->outcomes, &node), value, split)
            : outcome_is_in(k, table->plan->every_outcome, value, split);
    Scalar *side[] = {node, scalar_convert(k, TFCC_INT64, holds)};
    return scalar_convert(k, TFCC_INT64, scalar_load_at(k, table->next, side));
}

/* The leaf that each row reaches in each tree, as [rows, trees] of int32. */
static Buffer *walk(LowerContext *c, const TreeTable *table, Buffer *x) {
    const TreePlan *plan = table->plan;
    Shape shape = {.rank = 2,
                   .dims = {x->type.shape.dims[0], dim_constant(c->dims, plan->root_count)}};
    Buffer *roots = add_constant(c, "roots", TFCC_INT32, plan->roots, plan->root_count, 0);
    Buffer *reached = NULL;
    for (int step = 0; step < plan->steps; step += STEPS_OF_KERNEL) {
        Dim axes[MAX_RANK];
        Kernel *k = lower_kernel_over(c, &shape, axes);
        Scalar *node = scalar_convert(k, TFCC_INT64,
                                      reached ? scalar_load(k, reached, axes)
                                              : scalar_load(k, roots, &axes[1]));
        int last = step + STEPS_OF_KERNEL < plan->steps ? step + STEPS_OF_KERNEL : plan->steps;
        for (int s = step; s < last; s++)
            node = next_node(k, table, x, scalar_index(k, axes[0]), node);
        reached = program_add_temporary(c->program, "reached", TFCC_INT32, &shape);
        kernel_store(k, reached, scalar_convert(k, TFCC_INT32, node));
    }
    return reached;
}

void lower_tree_ensemble(LowerContext *c);
void lower_tree_ensemble(LowerContext *c) {
    InferContext infer = {.graph = c->graph, .node = c->node, .dims = c->dims};
    TreePlan *plan = arena_alloc(c->program->arena, sizeof *plan);
    Buffer *x = lower_input(c, "x"), *output = lower_output(c, 0);
    if (!plan_trees(&infer, plan)) return;
    tfcc_dtype dtype = x->type.dtype;
    TreeTable table = {
        .plan = plan,
        .features = add_constant(c, "features", TFCC_INT32, plan->features, plan->node_count, 0),
        .splits = add_constant(c, "splits", dtype, plan->splits, plan->node_count, 0),
        .next = add_constant(c, "next", TFCC_INT32, plan->next, plan->node_count, 2)};
    if (!plan->every_outcome)
        table.outcomes =
            add_constant(c, "outcomes", TFCC_UINT8, plan->outcomes, plan->node_count, 0);
    Buffer *weights =
        add_constant(c, "weights", dtype, plan->weights, plan->leaf_count, plan->targets);
    Buffer *reached = walk(c, &table, x);
    int64_t function = node_attribute_integer(c->node, "aggregate_function");
    Combiner combiner = function == 2   ? COMBINE_MINIMUM
                        : function == 3 ? COMBINE_MAXIMUM
                                        : COMBINE_ADD;
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Dim tree = kernel_add_reduce_axis(k, dim_constant(c->dims, plan->root_count));
    Scalar *leaf = scalar_convert(k, TFCC_INT64, scalar_load(k, reached, (Dim[]){axes[0], tree}));
    Scalar *place[] = {
        scalar_binary(k, SCALAR_SUBTRACT, leaf, scalar_integer(k, TFCC_INT64, plan->first_leaf)),
        scalar_index(k, axes[1])};
    Scalar *result = kernel_reduce(k, combiner, &tree, 1, scalar_load_at(k, weights, place));
    if (function == 0)
        result = scalar_divide(k, result, scalar_like(k, result, (double)plan->root_count));
    kernel_store(k, output, result);
}
