/* simplify.c: computes now what can be, and removes what changes nothing.
 *
 * Needs an inferred, expanded graph in order. Per node, in order: a branch that is decided goes
 * away with the branch not taken; contents that are known, and nodes of constants alone, become
 * constants (the kernel interpreter computes them, so results are those of a run); identities give
 * way to their input; two transposes, casts, reshapes in a row become one. Values that may be fed
 * are never looked through; nodes that wait for others (`after`), have effects or requirements of
 * their own stay.
 */
#include "graph/infer.h"
#include "graph/ops.h"
#include "kernels/interpret.h"
#include "passes/passes.h"
#include "support/dtype.h"
#include "support/half.h"
#include <string.h>

#define FOLDED_ELEMENTS 65536
#define MADE_ELEMENTS   1024

static bool is_constant(const Value *value) {
    return value->node->row->code == OP_CONSTANT && !value->is_feedable && !value->node->weak;
}

/* Whether `value` may be replaced by what it equals. */
static bool is_removable(const GraphNode *node) {
    if (node->row->effects & (READS | WRITES | DRAWS) || node->after_count ||
        node->requirement_count)
        return false;
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i]->is_feedable) return false;
    return node->output_count > 0;
}

/* Whether a node may be looked through: whoever uses its input instead needs nothing else of it. */
static bool is_plain(const GraphNode *node) {
    return is_removable(node) && node->guard == NULL;
}

/* A name that is fetched stays apart from the variable, whose fetch means its value at the end of
 * the run; and a branch's value from what is computed under another condition. */
static bool may_stand_for(const Value *output, const Value *value) {
    if (output->is_fetchable && value->node->row->code == OP_VARIABLE) return false;
    for (const Guard *g = output->node->guard;; g = g->outer) {
        if (g == value->node->guard) return true;
        if (!g) return false;
    }
}

static void replace_node(Graph *graph, GraphNode *node, Value *value) {
    graph_replace_value(graph, node->outputs[0], value);
    node->is_dead = true;
}

/* ---- Branches that are decided ---- */

/* 1: every guard around holds. 0: one does not. -1: it depends. */
static int decide(const Guard *guard) {
    int answer = 1;
    for (; guard; guard = guard->outer) {
        int64_t number;
        const Value *p = graph_resolve(guard->predicate);
        if (!p->elements || p->is_feedable || !dim_is_constant(p->elements[0], &number))
            answer = -1;
        else if ((number != 0) != guard->wanted)
            return 0;
    }
    return answer;
}

/* Guards that hold anyway are skipped. */
static Guard *open_guards(Guard *guard) {
    while (guard) {
        Guard alone = *guard;
        alone.outer = NULL;
        if (decide(&alone) != 1) break;
        guard = guard->outer;
    }
    return guard;
}

static bool simplify_cond(Graph *graph, GraphNode *node) {
    if (node->row->code != OP_COND) return false;
    const Value *predicate = node_input(node, "pred");
    int64_t number;
    if (!predicate->elements || predicate->is_feedable ||
        !dim_is_constant(predicate->elements[0], &number))
        return false;
    Value **values;
    size_t outputs = node_input_list(node, "values", &values) / 2;
    for (size_t i = 0; i < outputs; i++) {
        Value *value = values[number ? i : outputs + i];
        /* What the branch does besides its values is in the cond's `after`. */
        if (node->after_count || !may_stand_for(node->outputs[i], value))
            value = graph_apply(graph, node, "identity", &value, 1);
        graph_replace_value(graph, node->outputs[i], value);
    }
    if (outputs > 0 || node->after_count == 0) {
        node->is_dead = true;
        return true;
    }
    node->row = op_row(OP_NO_OP);
    node->input_count = 0;
    return false;
}

/* ---- Folding ---- */

static Value *constant_of_elements(Graph *graph, GraphNode *node, const Value *value) {
    const int64_t *numbers;
    size_t count, size = dtype_size(value->type.dtype);
    if (!value->elements || !value_known_integers(graph->arena, value, &numbers, &count))
        return NULL;
    char *bytes = arena_alloc_array(graph->arena, count, size);
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + i * size, &numbers[i], size); /* little-endian */
    ConstantData *data = arena_alloc(graph->arena, sizeof *data);
    *data = (ConstantData){.dtype = value->type.dtype,
                           .rank = value->type.shape.rank,
                           .element_count = (int64_t)count,
                           .bytes = bytes,
                           .size = count * size};
    for (int i = 0; i < data->rank; i++) dim_is_constant(value->type.shape.dims[i], &data->dims[i]);
    return graph_constant(graph, node, data);
}

/* The constant takes the node's name, so that dumps and messages still say it. */
static void become_constant(Graph *graph, GraphNode *node, size_t output, Value *constant) {
    if (output == 0 && node->output_count == 1) {
        constant->node->name = node->name;
        constant->name = node->outputs[0]->name;
        if (node->name) map_set(&graph->node_names, node->name, constant->node);
    }
    constant->node->label = node->label;
    graph_replace_value(graph, node->outputs[output], constant);
}

/* Equal elements are made faster than they are loaded. */
static bool is_cheap_to_make(OpCode code) {
    return code == OP_ZEROS || code == OP_ONES || code == OP_FILL || code == OP_EYE ||
           code == OP_BROADCAST_TO;
}

static bool has_small_outputs(const Graph *graph, const GraphNode *node) {
    int64_t limit = is_cheap_to_make(node->row->code) ? MADE_ELEMENTS : FOLDED_ELEMENTS;
    for (size_t i = 0; i < node->output_count; i++) {
        int64_t count;
        if (!dim_is_constant(shape_element_count(graph->dims, &node->outputs[i]->type.shape),
                             &count) ||
            count > limit)
            return false;
    }
    return true;
}

static bool fold(Graph *graph, GraphNode *node) {
    if (node->row->code == OP_CONSTANT || node->row->code == OP_PLACEHOLDER) return false;
    bool all_known = true;
    Value *known[64];
    if (node->output_count > 64) return false;
    for (size_t i = 0; i < node->output_count && all_known; i++) {
        known[i] = constant_of_elements(graph, node, node->outputs[i]);
        all_known = known[i] != NULL;
    }
    for (size_t i = 0; i < node->input_count && !all_known; i++)
        if (!is_constant(node->inputs[i])) return false;
    const ConstantData *folded[64];
    if (!all_known) {
        if (node->guard && node->row->effects & FAILS) return false;
        if (!has_small_outputs(graph, node) || !interpret_node(graph, node, folded)) return false;
    }
    for (size_t i = 0; i < node->output_count; i++)
        become_constant(graph, node, i,
                        all_known ? known[i] : graph_constant(graph, node, folded[i]));
    node->is_dead = true;
    return true;
}

/* ---- Identities ---- */

static bool same_type(const Value *a, const Value *b) {
    if (a->type.dtype != b->type.dtype || a->type.shape.rank != b->type.shape.rank ||
        a->type.shape.runtime_rank != b->type.shape.runtime_rank)
        return false;
    for (int i = 0; i < a->type.shape.rank; i++)
        if (a->type.shape.dims[i] != b->type.shape.dims[i]) return false;
    return true;
}

/* Whether a constant is this number in every element. */
static bool is_all(const Value *value, int64_t number) {
    if (!is_constant(value) || value->node->constant->element_count == 0) return false;
    const ConstantData *data = value->node->constant;
    size_t size = dtype_size(data->dtype);
    char pattern[8] = {0};
    if (dtype_is_float(data->dtype))
        float_element_store(data->dtype, pattern, (double)number);
    else
        memcpy(pattern, &number, size);
    if (data->element_count > 4096) return false;
    for (int64_t i = 0; i < data->element_count; i++)
        if (memcmp((const char *)data->bytes + (size_t)i * size, pattern, size) != 0) return false;
    return true;
}

/* The input that an op with a neutral element leaves as it is, or NULL. x + 0.0 is not x where x is
 * -0.0. */
static Value *neutral(const GraphNode *node) {
    Value *x = node->inputs[0], *y = node->input_count > 1 ? node->inputs[1] : NULL;
    bool is_float = dtype_is_float(x->type.dtype);
    switch (node->row->code) {
    case OP_ADD: return !is_float && is_all(y, 0) ? x : !is_float && is_all(x, 0) ? y : NULL;
    case OP_SUBTRACT: return is_all(y, 0) ? x : NULL;
    case OP_MULTIPLY: return is_all(y, 1) ? x : is_all(x, 1) ? y : NULL;
    case OP_DIVIDE: return is_all(y, 1) ? x : NULL;
    default: return NULL;
    }
}

/* A value that equals the node's one output, or NULL. */
static Value *equal_value(const GraphNode *node) {
    if (node->input_count == 0 || node->output_count != 1) return NULL;
    Value *input = node->inputs[0], *found = NULL;
    const GraphNode *from = input->node;
    bool repeats = from->row == node->row && is_plain(from);
    switch (node->row->code) {
    case OP_IDENTITY:
    case OP_STOP_GRADIENT: found = input; break;
    case OP_CAST:
    case OP_RESHAPE:
    case OP_EXPAND_DIMS:
    case OP_SQUEEZE:
    case OP_BROADCAST_TO: found = input; break;
    case OP_NEGATIVE:
    case OP_LOGICAL_NOT:
    case OP_BITWISE_INVERT: found = repeats ? from->inputs[0] : NULL; break;
    default: found = neutral(node); break;
    }
    return found && same_type(found, node->outputs[0]) ? found : NULL;
}

/* ---- Two in a row ---- */

/* reshape(reshape(x)) needs x alone. */
static void join_reshapes(GraphNode *node) {
    if (node->row->code != OP_RESHAPE) return;
    const GraphNode *from = node->inputs[0]->node;
    OpCode code = from->row->code;
    if (code != OP_RESHAPE && code != OP_EXPAND_DIMS && code != OP_SQUEEZE) return;
    if (is_plain(from)) node->inputs[0] = from->inputs[0];
}

static bool known_perm(Graph *graph, const GraphNode *node, int64_t *perm) {
    int rank = node->outputs[0]->type.shape.rank;
    Value *given = node_input(node, "perm");
    const int64_t *numbers;
    size_t count;
    for (int i = 0; i < rank; i++) perm[i] = rank - 1 - i;
    if (!given) return true;
    if (!value_known_integers(graph->arena, given, &numbers, &count) || count != (size_t)rank)
        return false;
    for (int i = 0; i < rank; i++) perm[i] = numbers[i] < 0 ? numbers[i] + rank : numbers[i];
    return true;
}

/* A transpose that does nothing; or of a transpose: dimension k comes from inner[outer[k]]. */
static bool join_transposes(Graph *graph, GraphNode *node) {
    int64_t outer[MAX_RANK], inner[MAX_RANK];
    if (node->row->code != OP_TRANSPOSE || !known_perm(graph, node, outer)) return false;
    int rank = node->outputs[0]->type.shape.rank;
    const GraphNode *from = node->inputs[0]->node;
    bool joins =
             from->row->code == OP_TRANSPOSE && is_plain(from) && known_perm(graph, from, inner),
         stays = true;
    for (int i = 0; i < rank; i++) {
        if (joins) outer[i] = inner[outer[i]];
        stays &= outer[i] == i;
    }
    Value *source = joins ? from->inputs[0] : node->inputs[0];
    if (stays && may_stand_for(node->outputs[0], source)) {
        replace_node(graph, node, source);
        return true;
    }
    if (!joins) return false;
    Value *perm = graph_constant_integers(graph, node, outer, rank);
    node->inputs[0] = source;
    if (node->input_count > 1)
        node->inputs[1] = perm;
    else
        graph_add_input(graph, node, (size_t)op_parameter(node->row, "perm"), perm, node->place);
    return false;
}

/* ---- The pass ---- */

/* True where the node has given way. */
static bool simplify_node(Graph *graph, GraphNode *node) {
    switch (decide(node->guard)) {
    case 0: node->is_dead = true; return true;
    default: node->guard = open_guards(node->guard); break;
    }
    if (simplify_cond(graph, node)) return true;
    if (!is_removable(node)) return false;
    if (fold(graph, node)) return true;
    join_reshapes(node);
    if (join_transposes(graph, node)) return true;
    Value *equal = equal_value(node);
    if (!equal || !may_stand_for(node->outputs[0], equal)) return false;
    replace_node(graph, node, equal);
    return true;
}

bool pass_simplify(Compilation *c) {
    Graph *graph = c->graph;
    GraphNode **nodes = graph->nodes;
    size_t count = graph->node_count;
    graph->nodes = NULL;
    graph->node_count = graph->node_capacity = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < nodes[i]->input_count; k++)
            nodes[i]->inputs[k] = graph_resolve(nodes[i]->inputs[k]);
        if (!simplify_node(graph, nodes[i]))
            *ARENA_PUSH(graph->arena, graph->nodes, graph->node_count, graph->node_capacity) =
                nodes[i];
    }
    graph_compact(graph);
    return true;
}
