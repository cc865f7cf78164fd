/* verify.c: whether a graph holds what graph.h promises; asked after every pass by the tests and by
 * --verify. */
#include "graph/infer.h"
#include "graph/ops.h"
#include "passes/passes.h"
#include "support/dtype.h"
#include <stdarg.h>
#include <stdio.h>

typedef struct Verification {
    const Graph *graph;
    char *message;
    size_t size;
} Verification;

static bool fail(Verification *v, const GraphNode *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(Verification *v, const GraphNode *node, const char *format, ...) {
    int written = snprintf(v->message, v->size, "%s (%s): ", node->label, node->row->spelling);
    va_list arguments;
    va_start(arguments, format);
    if (written >= 0 && (size_t)written < v->size)
        vsnprintf(v->message + written, v->size - (size_t)written, format, arguments);
    va_end(arguments);
    return false;
}

static bool verify_arguments(Verification *v, const GraphNode *node) {
    size_t expected = 0;
    for (size_t p = 0; p < node->row->parameter_count; p++) {
        const Parameter *parameter = &node->row->parameters[p];
        const Argument *a = &node->arguments[p];
        bool is_tensor =
            parameter->kind == PARAMETER_TENSOR || parameter->kind == PARAMETER_TENSOR_LIST;
        if (a->kind == ARGUMENT_INPUTS && !is_tensor)
            return fail(v, node, "'%s' is no tensor", parameter->name);
        if (!is_tensor) continue;
        if (a->kind == ARGUMENT_ABSENT && !parameter->is_optional &&
            parameter->kind == PARAMETER_TENSOR)
            return fail(v, node, "'%s' is missing", parameter->name);
        if (a->kind != ARGUMENT_INPUTS) continue;
        if (a->first != expected || (parameter->kind == PARAMETER_TENSOR && a->count != 1))
            return fail(v, node, "'%s' stands for the wrong inputs", parameter->name);
        expected += a->count;
    }
    return expected == node->input_count || fail(v, node, "has inputs that are no parameters");
}

static bool verify_type(Verification *v, const GraphNode *node, const Value *value) {
    const Shape *shape = &value->type.shape;
    if (value->type.dtype == TFCC_NONE) return true; /* not inferred yet */
    if (!dtype_info(value->type.dtype))
        return fail(v, node, "output %d has no dtype", value->index);
    if (shape->rank < 0 || shape->rank > MAX_RANK)
        return fail(v, node, "output %d has rank %d", value->index, shape->rank);
    if (shape->runtime_rank && shape->rank != MAX_RANK)
        return fail(v, node, "output %d of unknown rank has rank %d", value->index, shape->rank);
    for (int i = 0; i < shape->rank; i++)
        if (!shape->dims[i] || shape->dims[i]->kind == DIM_OVERFLOW || dim_has_axis(shape->dims[i]))
            return fail(v, node, "output %d has a size that is none", value->index);
    return true;
}

static bool verify_node(Verification *v, const GraphNode *node, bool is_ordered) {
    if (!node->row || !node->label) return fail(v, node, "has no op or label");
    if (!verify_arguments(v, node)) return false;
    for (size_t i = 0; i < node->input_count; i++) {
        const Value *input = node->inputs[i];
        if (input->replacement) return fail(v, node, "input %zu has been replaced", i);
        if (input->node->is_dead)
            return fail(v, node, "input %zu comes from %s, which is dropped", i,
                        input->node->label);
        if (input->node->outputs[input->index] != input)
            return fail(v, node, "input %zu is no output of its node", i);
        if (is_ordered && input->node->mark >= node->mark)
            return fail(v, node, "stands in front of its input %s", input->node->label);
    }
    for (size_t i = 0; i < node->after_count; i++) {
        if (node->after[i]->is_dead)
            return fail(v, node, "waits for %s, which is dropped", node->after[i]->label);
        if (is_ordered && node->after[i]->mark >= node->mark)
            return fail(v, node, "stands in front of %s", node->after[i]->label);
    }
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i]->node != node || node->outputs[i]->index != (int)i ||
            !verify_type(v, node, node->outputs[i]))
            return fail(v, node, "output %zu is not its own", i);
    if (node->row->code == OP_CONSTANT && !node->constant) return fail(v, node, "has no value");
    bool needs_variable = node->row->code == OP_VARIABLE || node->row->effects & WRITES;
    return !needs_variable || node->variable || fail(v, node, "has no variable");
}

bool graph_verify(const Graph *graph, char *message, size_t size) {
    Verification v = {graph, message, size};
    bool is_ordered = graph->node_count > 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        graph->nodes[i]->mark = (uint32_t)i;
        for (size_t k = 0; k < graph->nodes[i]->output_count; k++)
            is_ordered &=
                graph->nodes[i]->outputs[k]->type.dtype != TFCC_NONE; /* inferred: in order */
    }
    for (size_t i = 0; i < graph->node_count; i++)
        if (!verify_node(&v, graph->nodes[i], is_ordered)) return false;
    for (size_t i = 0; i < graph->fetch_count; i++)
        if (graph->fetches[i].node->is_dead)
            return fail(&v, graph->fetches[i].node, "is fetched, and dropped");
    return true;
}
