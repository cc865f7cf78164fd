/* import_cond.c: ONNX's If. Where its condition is known the branch taken takes its place, else it
 * is a cond with two nested graphs, which see the names around them. */
#include "graph/infer.h"
#include "graph/print.h"
#include "import/import_internal.h"
#include <string.h>

static ImportScope *branch_scope(ImportNode *n, const char *branch, bool is_inlined) {
    Importer *im = n->importer;
    ImportScope *scope = arena_alloc(im->arena, sizeof *scope);
    *scope = *n->scope;
    scope->outer = n->scope;
    scope->values = map_create(im->arena);
    scope->declared = map_create(im->arena);
    scope->depth++;
    const char *name = *n->onnx->name          ? n->onnx->name
                       : n->onnx->output_count ? n->onnx->outputs[0]
                                               : "If";
    scope->place = arena_format(im->arena, " of `%s` of `%s`%s", branch, name,
                                strlen(n->scope->place) > 1000 ? "" : n->scope->place);
    if (is_inlined)
        scope->prefix = arena_format(im->arena, "%s%.200s/",
                                     strlen(scope->prefix) > 1000 ? "" : scope->prefix, name);
    return scope;
}

static const OnnxGraph *branch_graph(ImportNode *n, const char *branch) {
    const OnnxGraph *graph = import_attribute(n, branch)->graph;
    if (graph->input_count > 0) import_refuse(n, "its %s has inputs", branch);
    if (graph->output_count != n->onnx->output_count)
        import_refuse(n, "its %s has %zu outputs, and the node has %zu", branch,
                      graph->output_count, n->onnx->output_count);
    return graph;
}

/* The nodes of a branch, in the scope; *values are what it gives, NULL where one is missing. */
static bool import_branch(ImportNode *n, ImportScope *scope, const OnnxGraph *graph,
                          ImportValue ***values) {
    Importer *im = n->importer;
    *values = arena_alloc_array(im->arena, graph->output_count, sizeof **values);
    import_declare_graph(im, scope, graph);
    import_nodes(im, scope, graph->nodes, graph->node_count);
    bool fine = true;
    for (size_t i = 0; i < graph->output_count; i++) {
        ImportValue *value = (*values)[i] = import_find_value(scope, graph->outputs[i].name);
        const char *reason = NULL;
        if (!value)
            fine = import_refuse(n, "the output `%s` of a branch is given by nothing",
                                 graph->outputs[i].name);
        else if (value->tensor && !import_write_constant(im, value, &reason))
            fine = import_refuse(n, "%s", reason);
        else if (!value->value)
            fine = false;
    }
    if (!fine) n->is_silent = !n->reason;
    return fine;
}

static bool inline_branch(ImportNode *n, const char *branch) {
    const OnnxGraph *graph = branch_graph(n, branch);
    ImportScope *scope = branch_scope(n, branch, true);
    ImportValue **values;
    if (n->reason || !import_branch(n, scope, graph, &values)) return false;
    for (size_t i = 0; i < graph->output_count; i++) {
        import_add_binding(n, "taken", (ImportBinding){.kind = BOUND_VALUE, .value = values[i]});
        if (!import_is_wanted(n, i)) continue;
        OnnxNode one = *n->onnx;
        one.outputs = &n->onnx->outputs[i];
        one.output_count = 1;
        ImportNode part = *n;
        part.onnx = arena_copy(n->importer->arena, &one, sizeof one);
        if (!import_write(&part, "outputs = taken")) return import_refuse(n, "%s", part.reason);
    }
    return true;
}

/* ---- Both branches ---- */

typedef struct Branch {
    Text text;
    ImportValue **values;
} Branch;

/* What build_cond does for a branch that stands in a file. */
static bool build_branch(ImportNode *n, GraphNode *cond, bool wanted, Branch *branch) {
    Importer *im = n->importer;
    Builder *b = im->builder;
    const char *attribute = wanted ? "then_branch" : "else_branch";
    const OnnxGraph *graph = branch_graph(n, attribute);
    if (n->reason) return false;
    ImportScope *scope = branch_scope(n, attribute, false);
    Guard *outer = cond->guard;
    b->scope = n->scope->builder_scope;
    Scope *inner = scope_create(b, b->scope);
    inner->cond = cond;
    inner->branch = wanted ? "then" : "else";
    inner->guard = graph_add_guard(im->graph, outer, cond->inputs[0], wanted);
    inner->guard->cond = cond;
    branch->text.arena = im->arena;
    text_add(&branch->text, "");
    scope->builder_scope = inner;
    scope->text = &branch->text;
    scope->indent += 6;
    cond->guard = inner->guard;
    bool done = import_branch(n, scope, graph, &branch->values);
    cond->guard = outer;
    return done;
}

static void write_branch(Text *text, int indent, const char *key, const Branch *branch,
                         size_t count) {
    import_indent(text, indent + 2);
    text_add_format(text, "%s:\n", key);
    if (branch->text.length > 0) {
        import_indent(text, indent + 4);
        text_add(text, "nodes:\n");
        text_add(text, branch->text.bytes);
    }
    import_indent(text, indent + 4);
    text_add(text, "fetches: [");
    for (size_t i = 0; i < count; i++) {
        if (i) text_add(text, ", ");
        print_scalar(text, branch->values[i]->name);
    }
    text_add(text, "]\n");
}

static void write_cond(ImportNode *n, const char *const *names, const char *condition,
                       const Branch *then, const Branch *otherwise) {
    Text *text = n->scope->text;
    int indent = n->scope->indent;
    size_t count = n->onnx->output_count;
    import_add_key(text, names[0], indent);
    text_add_char(text, '\n');
    import_indent(text, indent + 2);
    text_add(text, "op: cond\n");
    import_indent(text, indent + 2);
    text_add(text, "inputs: ");
    print_scalar(text, condition);
    text_add_char(text, '\n');
    if (count > 1) {
        import_indent(text, indent + 2);
        text_add(text, "outputs: [");
        for (size_t i = 0; i < count; i++) {
            if (i) text_add(text, ", ");
            print_scalar(text, names[i]);
        }
        text_add(text, "]\n");
    }
    write_branch(text, indent, "then", then, count);
    write_branch(text, indent, "else", otherwise, count);
}

static GraphNode *begin_cond(ImportNode *n, const char *name) {
    Graph *graph = n->importer->graph;
    Scope *scope = n->scope->builder_scope;
    GraphNode *cond =
        graph_add_node(graph, op_row(OP_COND), scope->cond ? NULL : name, scope->cond, (Place){0});
    if (scope->cond) {
        cond->label =
            arena_format(graph->arena, "%s/%s/%s", scope->cond->label, scope->branch, name);
        cond->guard = scope->guard;
    }
    return cond;
}

/* The names of the outputs; a node without wanted ones has none to be called by. */
static const char **output_names(ImportNode *n) {
    size_t count = n->onnx->output_count;
    const char **names = arena_alloc_array(n->importer->arena, count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        const char *own = import_is_wanted(n, i) ? n->onnx->outputs[i] : "If";
        const char *wanted = arena_format(n->importer->arena, "%s%s", n->scope->prefix, own);
        names[i] = import_free_name(n->importer, n->scope, wanted,
                                    import_is_wanted(n, i) && !*n->scope->prefix);
    }
    return names;
}

static bool import_both(ImportNode *n) {
    Importer *im = n->importer;
    size_t count = n->onnx->output_count;
    if (count == 0) return true;
    const char **names = output_names(n);
    /* A tensor of one element will do for ONNX; here it is a scalar. */
    bool is_scalar = import_rank(n, "cond") == 0;
    if (!is_scalar && !import_write(n, "test = reshape(cond, [])")) return false;
    const ImportBinding *condition = import_binding(n, is_scalar ? "cond" : "test");
    const char *reason = NULL;
    if (condition->value->tensor && !import_write_constant(im, condition->value, &reason))
        return import_refuse(n, "%s", reason);
    GraphNode *cond = begin_cond(n, names[0]);
    Branch then = {0}, otherwise = {0};
    graph_add_input(im->graph, cond, 0, condition->value->value, (Place){0});
    bool is_built = build_branch(n, cond, true, &then);
    if (!build_branch(n, cond, false, &otherwise) || !is_built) return false;
    for (size_t i = 0; i < count; i++)
        graph_add_input(im->graph, cond, 1, then.values[i]->value, (Place){0});
    for (size_t i = 0; i < count; i++)
        graph_add_input(im->graph, cond, 1, otherwise.values[i]->value, (Place){0});
    for (size_t i = 0; i < count; i++) graph_output(im->graph, cond, i)->name = names[i];
    im->diagnostics = im->graph->diagnostics = diagnostics_create(im->arena);
    if (!graph_settle_node(im->graph, cond))
        return import_refuse(n, "%s", diagnostics_first_message(im->diagnostics));
    write_cond(n, names, condition->value->name, &then, &otherwise);
    for (size_t i = 0; i < count; i++) {
        Declared *declared = arena_alloc(im->arena, sizeof *declared);
        *declared = (Declared){.name = names[i], .node = cond, .output = i, .is_node_name = i == 0};
        map_set(&n->scope->builder_scope->names, names[i], declared);
        import_add_value(im, n->scope, import_is_wanted(n, i) ? n->onnx->outputs[i] : NULL,
                         names[i], cond->outputs[i]);
    }
    return true;
}

bool import_if(ImportNode *n) {
    const Value *condition = import_value(n, "cond");
    if (n->reason || !condition) return false;
    if (n->scope->depth >= IMPORT_MAX_CALLS)
        return import_refuse(n, "branches stand inside each other more than %d deep",
                             IMPORT_MAX_CALLS);
    bool is_one = dim_is(shape_element_count(n->importer->graph->dims, &condition->type.shape), 1);
    if (is_one && condition->elements && condition->elements[0]->kind == DIM_CONSTANT)
        return inline_branch(n, condition->elements[0]->constant ? "then_branch" : "else_branch");
    if (n->scope->indent > 6 * IMPORT_MAX_BRANCHES)
        return import_refuse(n, "branches of runs stand inside each other more than %d deep",
                             IMPORT_MAX_BRANCHES);
    return import_both(n);
}
