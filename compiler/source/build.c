/* build.c: the top level of a graph file: its keys, its name, the order in which things are built.
 */
#include "source/build.h"

#include "source/build_internal.h"
#include <stdlib.h>
#include <string.h>

/* The stem of the file's name, made an identifier: `models/my-net.yaml` is my_net. */
static const char *name_from_path(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    const char *start = slash ? slash + 1 : path;
    const char *dot = strrchr(start, '.');
    size_t length = dot && dot > start ? (size_t)(dot - start) : strlen(start);
    char *name = arena_format(arena, "_%.*s", (int)(length < 200 ? length : 200), start);
    for (char *c = name; *c; c++)
        if (!is_identifier((char[]){'_', *c, '\0'})) *c = '_';
    return is_identifier(name + 1) ? name + 1 : name[1] ? name : "model";
}

static const char *graph_name(Builder *b, const TreeNode *root) {
    const char *prefix = b->c->options.prefix;
    if (prefix && !is_identifier(prefix))
        diagnose_error(
            b->diagnostics, (Place){0},
            "--prefix: `%s` is no identifier, which the C symbols that begin with it need", prefix);
    if (prefix) return prefix;
    TreeNode given = tree_get(root, "graph");
    if (given.kind == TREE_ABSENT) return name_from_path(b->arena, b->tree->file->path);
    if (given.kind == TREE_SCALAR) {
        const char *name = tree_text(b->arena, &given);
        if (is_identifier(name)) return name;
    }
    diagnose_error(
        b->diagnostics, tree_place(b->tree, &given),
        "the graph's name becomes the prefix of C symbols, so it is an identifier: letters, digits "
        "and _");
    return "model";
}

static void read_dim_bindings(Builder *b) {
    const CompileOptions *options = &b->c->options;
    b->bound_dims = map_create(b->arena);
    for (size_t i = 0; i < options->dim_binding_count; i++) {
        const DimBinding *binding = &options->dim_bindings[i];
        map_set(&b->bound_dims, binding->name, (void *)(uintptr_t)binding);
    }
}

/* A --dim that fixes nothing is a slip of the pen. */
static void check_dim_bindings(Builder *b) {
    const CompileOptions *options = &b->c->options;
    Map named = map_create(b->arena);
    for (size_t i = 0; i < b->graph->node_count; i++) {
        const GraphNode *node = b->graph->nodes[i];
        for (size_t p = 0; p < node->row->parameter_count; p++) {
            const Argument *argument = &node->arguments[p];
            if (argument->kind != ARGUMENT_SHAPE) continue;
            for (size_t k = 0; k < argument->count; k++)
                if (argument->as.sizes[k].name)
                    map_set(&named, argument->as.sizes[k].name, (void *)(uintptr_t)argument);
        }
    }
    for (size_t i = 0; i < options->dim_binding_count; i++) {
        const char *name = options->dim_bindings[i].name;
        if (map_get(&named, name)) continue;
        const MapEntry *near = map_nearest(&named, name);
        diagnose_error(b->diagnostics, (Place){0},
                       "--dim %s: no shape in the graph has a dimension of that name%s%s%s", name,
                       near ? "; did you mean `" : "", near ? near->key : "", near ? "`?" : "");
    }
}

/* Sizes that --dim fixes were needed by name until here. */
static void fix_dims(Builder *b) {
    for (size_t i = 0; i < b->graph->node_count; i++) {
        GraphNode *node = b->graph->nodes[i];
        for (size_t p = 0; p < node->row->parameter_count; p++) {
            Argument *argument = &node->arguments[p];
            if (argument->kind != ARGUMENT_SHAPE) continue;
            ShapeEntry *sizes =
                arena_copy(b->arena, argument->as.sizes, argument->count * sizeof *sizes);
            for (size_t k = 0; k < argument->count; k++) {
                const DimBinding *binding =
                    sizes[k].name ? map_get(&b->bound_dims, sizes[k].name) : NULL;
                if (binding) sizes[k] = (ShapeEntry){.size = binding->size};
            }
            argument->as.sizes = sizes;
        }
    }
}

static int compare_ids(const void *left, const void *right) {
    const GraphNode *a = *(GraphNode *const *)left, *b = *(GraphNode *const *)right;
    return a->id < b->id ? -1 : a->id > b->id;
}

bool source_build_from_tree(Compilation *c, const Tree *tree, const TreeNode *root) {
    static const char *const keys[] = {"graph",      "nodes",       "fetches", "feeds",
                                       "signatures", "definitions", NULL};
    Place whole = {.file = tree->file};
    if (root->kind == TREE_ABSENT || (root->kind == TREE_SCALAR && root->length == 0))
        return diagnose_error(c->diagnostics, whole,
                              "the file is empty; a graph has at least `nodes:`");
    if (root->kind != TREE_MAPPING)
        return diagnose_error(c->diagnostics, tree_place(tree, root),
                              "a graph is a mapping with the key `nodes`");
    Builder *b = arena_alloc(c->arena, sizeof *b);
    b->c = c;
    b->arena = c->arena;
    b->diagnostics = c->diagnostics;
    b->tree = tree;
    read_dim_bindings(b);
    op_table();
    c->graph = b->graph = graph_create(c->arena, c->diagnostics, "model");
    b->graph->file = tree->file;
    b->graph->name = graph_name(b, root);
    check_keys(b, root, "a graph", keys);

    TreeNode nodes = tree_get(root, "nodes");
    if (nodes.kind == TREE_ABSENT)
        return diagnose_error(c->diagnostics, whole, "the graph is empty: `nodes:` is missing");
    if (nodes.kind != TREE_MAPPING || nodes.length == 0)
        return diagnose_error(c->diagnostics, tree_place(tree, &nodes),
                              "`nodes` is a mapping from names to nodes, with at least one");
    b->scope = scope_create(b, NULL);
    build_nodes(b, &nodes);
    settle_initial_values(b);
    settle_masks(b);
    build_entries(b, root, &nodes);
    break_incomplete_nodes(b);
    if (b->graph->node_count > 0)
        qsort(b->graph->nodes, b->graph->node_count, sizeof(GraphNode *), compare_ids);
    check_dim_bindings(b);
    fix_dims(b);
    return true;
}

bool source_build_from_file(Compilation *c, const SourceFile *file) {
    const Tree *tree = tree_parse(c->arena, c->diagnostics, file);
    return tree && source_build_from_tree(c, tree, &tree->root);
}

bool source_build_graph(Compilation *c) {
    const SourceFile *file =
        tree_read_file(c->arena, c->diagnostics, c->options.input, c->options.maximum_input_bytes);
    if (!file) return false;
    *ARENA_PUSH(c->arena, c->read_files, c->read_file_count, c->read_file_capacity) = file->path;
    return source_build_from_file(c, file);
}
