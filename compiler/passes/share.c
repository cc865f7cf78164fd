/* share.c: gives equal nodes one result.
 *
 * Two nodes are equal when op, attributes, inputs, guard and `after` are equal and neither reads or
 * writes a variable or draws random numbers. Nodes are visited in topological order, so inputs have
 * been shared before their users are looked up; one pass reaches the fixed point. Constants are
 * equal by their bytes (large ones only when they are the same bytes in memory). What may be fed is
 * left alone.
 */
#include "graph/ops.h"
#include "passes/passes.h"
#include <string.h>

#define COMPARED_BYTES 4096

static void add_pointer(Text *key, const void *pointer) {
    text_add_bytes(key, &pointer, sizeof pointer);
}
static void add_number(Text *key, int64_t number) {
    text_add_bytes(key, &number, sizeof number);
}

static void add_constant(Text *key, const ConstantData *data) {
    add_number(key, data->dtype);
    add_number(key, data->rank);
    for (int i = 0; i < data->rank; i++) add_number(key, data->dims[i]);
    if (data->size <= COMPARED_BYTES)
        text_add_bytes(key, data->bytes, data->size);
    else
        add_pointer(key, data->bytes);
}

static void add_argument(Text *key, const Argument *a) {
    add_number(key, a->kind);
    switch (a->kind) {
    case ARGUMENT_ABSENT:
    case ARGUMENT_WORD_OR_INTEGERS: break;
    case ARGUMENT_INPUTS: add_number(key, (int64_t)a->count); break;
    case ARGUMENT_BOOL: add_number(key, a->as.boolean); break;
    case ARGUMENT_INTEGER: add_number(key, a->as.integer); break;
    case ARGUMENT_FLOAT: text_add_bytes(key, &a->as.number, sizeof a->as.number); break;
    case ARGUMENT_DTYPE: add_number(key, a->as.dtype); break;
    case ARGUMENT_WORD: text_add_bytes(key, a->as.word, strlen(a->as.word) + 1); break;
    case ARGUMENT_INTEGERS:
        add_number(key, (int64_t)a->count);
        text_add_bytes(key, a->as.integers, a->count * sizeof *a->as.integers);
        break;
    case ARGUMENT_FLOATS:
        add_number(key, (int64_t)a->count);
        text_add_bytes(key, a->as.numbers, a->count * sizeof *a->as.numbers);
        break;
    case ARGUMENT_SHAPE:
        add_number(key, (int64_t)a->count);
        for (size_t i = 0; i < a->count; i++) {
            add_number(key, a->as.sizes[i].size);
            text_add_bytes(key, a->as.sizes[i].name ? a->as.sizes[i].name : "",
                           a->as.sizes[i].name ? strlen(a->as.sizes[i].name) + 1 : 1);
        }
        break;
    }
}

static bool may_be_shared(const GraphNode *node) {
    if (node->row->effects & (READS | WRITES | DRAWS)) return false;
    if (node->output_count == 0 || node->row->code == OP_PLACEHOLDER || node->weak) return false;
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i]->is_feedable) return false;
    return true;
}

static void make_key(Text *key, const GraphNode *node) {
    key->length = 0;
    add_number(key, node->row->code);
    add_pointer(key, node->guard);
    add_number(key, (int64_t)node->output_count);
    for (size_t i = 0; i < node->input_count; i++) add_pointer(key, node->inputs[i]);
    add_number(key, (int64_t)node->after_count);
    for (size_t i = 0; i < node->after_count; i++) add_pointer(key, node->after[i]);
    /* Attributes of a constant have gone into its bytes. */
    if (node->constant) add_constant(key, node->constant);
    for (size_t i = 0; !node->constant && i < node->row->parameter_count; i++)
        add_argument(key, &node->arguments[i]);
}

bool pass_share(Compilation *c) {
    Graph *graph = c->graph;
    Map known = map_create(graph->arena);
    Text key = {.arena = graph->arena};
    for (size_t i = 0; i < graph->node_count; i++) {
        GraphNode *node = graph->nodes[i];
        for (size_t k = 0; k < node->input_count; k++)
            node->inputs[k] = graph_resolve(node->inputs[k]);
        if (!may_be_shared(node)) continue;
        make_key(&key, node);
        bool added;
        MapEntry *entry = map_insert(&known, key.bytes, key.length, &added);
        if (added) {
            entry->value = node;
            continue;
        }
        GraphNode *first = entry->value;
        for (size_t k = 0; k < node->output_count; k++)
            graph_replace_value(graph, node->outputs[k], first->outputs[k]);
        node->is_dead = true;
    }
    graph_compact(graph);
    return true;
}
