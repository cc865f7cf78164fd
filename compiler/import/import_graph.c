/* import_graph.c: graphs of the model: their names, the order of their nodes, functions written out
 * where they are called. */
#include "graph/infer.h"
#include "graph/print.h"
#include "import/import_internal.h"
#include "source/tree.h"
#include <string.h>

/* ---- Names ---- */

ImportValue *import_find_value(const ImportScope *scope, const char *name) {
    for (; scope; scope = scope->outer) {
        ImportValue *value = map_get(&scope->values, name);
        if (value) return value;
    }
    return NULL;
}

const char *import_free_name(Importer *im, ImportScope *scope, const char *wanted, bool is_own) {
    Scope *before = im->builder->scope;
    im->builder->scope = scope->builder_scope;
    bool is_free =
        is_own && strlen(wanted) <= TREE_MAX_NAME_BYTES && !scope_find(im->builder, wanted);
    im->builder->scope = before;
    return is_free ? wanted : onnx_unique_name(im->model, wanted);
}

ImportValue *import_add_value(Importer *im, ImportScope *scope, const char *name,
                              const char *written, Value *value) {
    ImportValue *added = arena_alloc(im->arena, sizeof *added);
    *added = (ImportValue){.name = written, .value = value, .scope = scope, .is_written = true};
    if (name) map_set(&scope->values, name, added);
    return added;
}

ImportValue *import_add_tensor(Importer *im, ImportScope *scope, const char *name,
                               const char *wanted, OnnxTensor *tensor) {
    ImportValue *added = arena_alloc(im->arena, sizeof *added);
    const char *written =
        name && !*scope->prefix
            ? wanted
            : onnx_unique_name(im->model, arena_format(im->arena, "%s%s", scope->prefix, wanted));
    *added = (ImportValue){.name = written, .tensor = tensor, .scope = scope};
    if (name) map_set(&scope->values, name, added);
    return added;
}

void import_add_problem(Importer *im, const ImportScope *scope, const OnnxNode *node,
                        const char *reason) {
    const char *output = "";
    for (size_t i = node->output_count; i-- > 0;)
        if (*node->outputs[i]) output = node->outputs[i];
    const char *name = *node->name ? node->name : output;
    const char *domain = *node->domain ? arena_format(im->arena, "%s.", node->domain) : "";
    *ARENA_PUSH(im->arena, im->problems, im->problem_count, im->problem_capacity) = (Problem){
        .onnx = node,
        .node = arena_format(im->arena, "node %zu%s, `%s` (%s%s)", node->number, scope->place, name,
                             domain, node->op),
        .reason = reason,
    };
}

/* The functions that are called are looked into once, in turn: how deep they call each other does
 * not matter. */
typedef struct Sweep {
    Importer *im;
    Map seen; /* problems and functions, by their address */
    ImportScope *called;
    size_t called_count, called_capacity;
} Sweep;

static bool is_new(Sweep *sweep, const void *what) {
    bool added;
    map_insert(&sweep->seen, (const char *)&what, sizeof what, &added);
    return added;
}

static void add_called(Sweep *sweep, const ImportScope *scope, const OnnxFunction *function) {
    Importer *im = sweep->im;
    if (!is_new(sweep, function)) return;
    ImportScope *inner =
        ARENA_PUSH(im->arena, sweep->called, sweep->called_count, sweep->called_capacity);
    *inner = *scope;
    inner->function = function;
    inner->place = arena_format(im->arena, " of function `%s`", function->name);
    if (function->opset_count == 0) return;
    inner->opsets = function->opsets;
    inner->opset_count = function->opset_count;
}

static void sweep_nodes(Sweep *sweep, const ImportScope *scope, const OnnxNode *nodes,
                        size_t count) {
    Importer *im = sweep->im;
    for (const OnnxNode *node = nodes; node < nodes + count; node++) {
        const OnnxFunction *function = import_find_function(im, node);
        const ImportRow *row;
        if (function) add_called(sweep, scope, function);
        int64_t opset = import_scope_opset(scope, node->domain);
        const char *why = function ? NULL : import_find_row(im, node, opset, &row);
        if (why && is_new(sweep, node)) import_add_problem(im, scope, node, why);
        for (size_t k = 0; k < node->attribute_count; k++) {
            const OnnxAttribute *a = &node->attributes[k];
            if (!a->graph) continue;
            ImportScope inner = *scope;
            inner.place = arena_format(im->arena, " of `%s` of node %zu%s", a->name, node->number,
                                       scope->place);
            sweep_nodes(sweep, &inner, a->graph->nodes, a->graph->node_count);
        }
    }
}

void import_sweep(Importer *im, const ImportScope *scope, const OnnxGraph *graph) {
    Sweep sweep = {.im = im, .seen = map_create(im->arena)};
    for (size_t i = 0; i < im->problem_count; i++) is_new(&sweep, im->problems[i].onnx);
    sweep_nodes(&sweep, scope, graph->nodes, graph->node_count);
    for (size_t i = 0; i < sweep.called_count; i++) {
        ImportScope body = sweep.called[i];
        sweep_nodes(&sweep, &body, body.function->nodes, body.function->node_count);
    }
}

int64_t import_scope_opset(const ImportScope *scope, const char *domain) {
    int64_t version = -1;
    for (size_t i = 0; i < scope->opset_count; i++)
        if (strcmp(scope->opsets[i].domain, domain) == 0 && scope->opsets[i].version > version)
            version = scope->opsets[i].version;
    return version;
}

void import_declare_graph(Importer *im, ImportScope *scope, const OnnxGraph *graph) {
    for (size_t i = 0; i < graph->info_count; i++)
        map_set(&scope->declared, graph->infos[i].name, &graph->infos[i]);
    for (size_t i = 0; i < graph->output_count; i++)
        map_set(&scope->declared, graph->outputs[i].name, &graph->outputs[i]);
    for (size_t i = 0; i < graph->initializer_count; i++) {
        OnnxTensor *tensor = &graph->initializers[i];
        if (!*tensor->name)
            onnx_error(im->model, "a constant of the graph has no name");
        else if (map_get(&scope->values, tensor->name))
            onnx_error(im->model, "the constant `%s` is given twice", tensor->name);
        else
            import_add_tensor(im, scope, tensor->name, tensor->name, tensor);
    }
}

/* ---- Order ---- */

typedef struct Order {
    Importer *im;
    Arena *scratch;
    const OnnxNode *nodes;
    Map producers;  /* name -> node + 1 */
    uint8_t *state; /* 0 new, 1 on the way, 2 done */
    const OnnxNode **order;
    size_t count;
} Order;

typedef struct Visit {
    size_t node;
    const char **needs;
    size_t need_count, next;
} Visit;

static void add_needs(Arena *arena, Visit *visit, size_t *capacity, const OnnxNode *node) {
    for (size_t i = 0; i < node->input_count; i++)
        *ARENA_PUSH(arena, visit->needs, visit->need_count, *capacity) = node->inputs[i];
    for (size_t i = 0; i < node->attribute_count; i++) {
        const OnnxGraph *graph = node->attributes[i].graph;
        for (size_t k = 0; graph && k < graph->node_count; k++)
            add_needs(arena, visit, capacity, &graph->nodes[k]);
        for (size_t k = 0; graph && k < graph->output_count; k++)
            *ARENA_PUSH(arena, visit->needs, visit->need_count, *capacity) = graph->outputs[k].name;
    }
}

static Visit *begin_visit(Order *o, Visit **stack, size_t *depth, size_t *capacity, size_t node) {
    Visit *visit = ARENA_PUSH(o->scratch, *stack, *depth, *capacity);
    size_t needs = 0;
    *visit = (Visit){.node = node};
    add_needs(o->scratch, visit, &needs, &o->nodes[node]);
    o->state[node] = 1;
    return visit;
}

static void report_cycle(const Order *o, const Visit *stack, size_t depth, size_t node) {
    size_t from = depth;
    while (from > 0 && stack[from - 1].node != node) from--;
    Text text = {.arena = o->scratch};
    text_add(&text, "");
    for (size_t i = from ? from - 1 : 0; i < depth && i < from + 8; i++) {
        const OnnxNode *on = &o->nodes[stack[i].node];
        text_add_format(&text, "%s%zu (%s)", text.length ? ", " : "", on->number, on->op);
    }
    o->im->is_over = true;
    if (from == depth) {
        onnx_error(o->im->model, "the graph has a cycle: the node %s needs its own result",
                   text.bytes);
        return;
    }
    onnx_error(
        o->im->model,
        "the graph has a cycle: each of the nodes %s%s needs the next, and the last the first",
        text.bytes, depth - from >= 8 ? ", …" : "");
}

/* Depth first in the file's order: a file in order stays as it is. */
static void visit_from(Order *o, size_t start) {
    Visit *stack = NULL;
    size_t depth = 0, capacity = 0;
    begin_visit(o, &stack, &depth, &capacity, start);
    while (depth > 0) {
        Visit *top = &stack[depth - 1];
        if (top->next == top->need_count) {
            o->state[top->node] = 2;
            o->order[o->count++] = &o->nodes[top->node];
            depth--;
            continue;
        }
        size_t producer = (size_t)(uintptr_t)map_get(&o->producers, top->needs[top->next++]);
        if (!producer || o->state[producer - 1] == 2) continue;
        if (o->state[producer - 1] == 1) {
            report_cycle(o, stack, depth, producer - 1);
            return;
        }
        begin_visit(o, &stack, &depth, &capacity, producer - 1);
    }
}

/* Which node gives a value; false where two give one. */
static bool find_producers(Order *o, const ImportScope *scope, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < o->nodes[i].output_count; k++) {
            const char *name = o->nodes[i].outputs[k];
            if (!*name) continue;
            if (map_get(&o->producers, name) || map_get(&scope->values, name))
                return onnx_error(
                    o->im->model,
                    "the value `%s` is given twice, the second time by node %zu%s (%s)", name,
                    o->nodes[i].number, scope->place, o->nodes[i].op);
            map_set(&o->producers, name, (void *)(uintptr_t)(i + 1));
        }
    return true;
}

void import_nodes(Importer *im, ImportScope *scope, const OnnxNode *nodes, size_t count) {
    if (count > IMPORT_MAX_NODES || (im->node_count += count) > IMPORT_MAX_NODES) {
        onnx_error(im->model, "with its functions written out the model has more than %d nodes",
                   IMPORT_MAX_NODES);
        im->is_over = true;
        return;
    }
    Order o = {.im = im, .scratch = arena_create(), .nodes = nodes};
    o.producers = map_create(o.scratch);
    o.state = arena_alloc_array(o.scratch, count, 1);
    o.order = arena_alloc_array(o.scratch, count, sizeof *o.order);
    if (!find_producers(&o, scope, count)) im->is_over = true;
    for (size_t i = 0; i < count && !im->is_over; i++)
        if (o.state[i] == 0) visit_from(&o, i);
    for (size_t i = 0; i < o.count && !im->is_over; i++) import_node(im, scope, o.order[i]);
    arena_destroy(o.scratch);
}

/* ---- Functions ---- */

static void bind_call(ImportNode *n, const OnnxFunction *function, ImportScope *body) {
    Importer *im = n->importer;
    Map *attributes = arena_alloc(im->arena, sizeof *attributes);
    *attributes = map_create(im->arena);
    for (size_t i = 0; i < function->default_count; i++)
        map_set(attributes, function->defaults[i].name, &function->defaults[i]);
    for (size_t i = 0; i < n->onnx->attribute_count; i++) {
        const OnnxAttribute *a = import_attribute(n, n->onnx->attributes[i].name);
        if (a) map_set(attributes, n->onnx->attributes[i].name, (void *)(uintptr_t)a);
    }
    body->attributes = attributes;
    for (size_t i = 0; i < function->input_count && i < n->onnx->input_count; i++) {
        const char *name = n->onnx->inputs[i];
        if (!*name) continue;
        ImportValue *value = import_find_value(n->scope, name);
        if (!value)
            import_refuse(n, "its input `%s` is given by nothing", name);
        else
            map_set(&body->values, function->inputs[i], value);
    }
    if (n->onnx->input_count > function->input_count)
        import_refuse(n, "it has %zu inputs, and the function has %zu", n->onnx->input_count,
                      function->input_count);
    if (n->onnx->output_count > function->output_count)
        import_refuse(n, "it has %zu outputs, and the function has %zu", n->onnx->output_count,
                      function->output_count);
}

/* The outputs of the call are the function's, under the names of the call. */
static void take_outputs(ImportNode *n, const OnnxFunction *function, ImportScope *body) {
    static const ImportInput result = {.name = "result"};
    ImportRow *row = arena_alloc(n->importer->arena, sizeof *row);
    row->outputs = (ImportInput *)(uintptr_t)&result;
    row->output_count = 1;
    for (size_t i = 0; i < n->onnx->output_count && !n->reason; i++) {
        if (!*n->onnx->outputs[i]) continue;
        ImportValue *value = map_get(&body->values, function->outputs[i]);
        if (!value) {
            import_refuse(n, "the function's output `%s` is given by nothing",
                          function->outputs[i]);
            return;
        }
        if (!value->value && !value->tensor) continue; /* reported inside */
        OnnxNode one = *n->onnx;
        one.outputs = &n->onnx->outputs[i];
        one.output_count = 1;
        ImportNode part = *n;
        part.onnx = arena_copy(n->importer->arena, &one, sizeof one);
        part.row = row;
        part.names = map_create(n->importer->arena);
        import_add_binding(&part, "value", (ImportBinding){.kind = BOUND_VALUE, .value = value});
        import_add_binding(&part, "result",
                           (ImportBinding){.kind = BOUND_ABSENT, .is_pending = true});
        import_write(&part, "result = value");
        n->reason = part.reason;
    }
}

bool import_call_function(ImportNode *n, const OnnxFunction *function) {
    Importer *im = n->importer;
    if (n->scope->depth >= IMPORT_MAX_CALLS)
        return import_refuse(n, "functions call each other more than %d deep", IMPORT_MAX_CALLS);
    for (const ImportScope *s = n->scope; s; s = s->caller)
        if (s->function == function) import_refuse(n, "the function calls itself");
    const char *call = *n->onnx->name          ? n->onnx->name
                       : n->onnx->output_count ? n->onnx->outputs[0]
                                               : n->onnx->op;
    ImportScope *body = arena_alloc(im->arena, sizeof *body);
    *body = (ImportScope){
        .caller = n->scope,
        .function = function,
        .values = map_create(im->arena),
        .declared = map_create(im->arena),
        .opsets = function->opset_count ? function->opsets : n->scope->opsets,
        .opset_count = function->opset_count ? function->opset_count : n->scope->opset_count,
        .prefix = arena_format(im->arena, "%s%.200s/",
                               strlen(n->scope->prefix) > 1000 ? "" : n->scope->prefix, call),
        .place = arena_format(im->arena, " of function `%s`%s", function->name,
                              strlen(n->scope->place) > 1000 ? "" : n->scope->place),
        .builder_scope = n->scope->builder_scope,
        .text = n->scope->text,
        .indent = n->scope->indent,
        .depth = n->scope->depth + 1,
    };
    bind_call(n, function, body);
    if (n->reason) return false;
    import_nodes(im, body, function->nodes, function->node_count);
    take_outputs(n, function, body);
    return !n->reason;
}
