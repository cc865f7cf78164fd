/* graph_support.h: graphs from text, for tests of the graph level. */
#ifndef TFCC_TESTS_GRAPH_SUPPORT_H
#define TFCC_TESTS_GRAPH_SUPPORT_H

#include "compilation.h"
#include "graph/infer.h"
#include "passes/passes.h"
#include "source/build.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef bool GraphPass(Compilation *);

/* A graph from YAML after these passes (NULL ends the list), each followed by the verifier; its
 * diagnostics are left to the caller. */
static inline Compilation *compile_text(Arena *arena, const char *yaml, GraphPass *const *passes) {
    Compilation *c = arena_alloc(arena, sizeof *c);
    c->arena = arena;
    c->diagnostics = diagnostics_create(arena);
    c->options.input = "test.yaml";
    c->options.optimisation = 2;
    SourceFile *file = arena_alloc(arena, sizeof *file);
    *file = (SourceFile){.path = "test.yaml", .bytes = yaml, .length = strlen(yaml)};
    if (!source_build_from_file(c, file)) return c;
    for (; *passes && diagnostics_error_count(c->diagnostics) == 0; passes++) {
        char message[512];
        if ((*passes)(c)) cr_assert(graph_verify(c->graph, message, sizeof message), "%s", message);
    }
    return c;
}

static inline Compilation *inferred(Arena *arena, const char *yaml) {
    return compile_text(arena, yaml, (GraphPass *[]){pass_feeds, pass_order, pass_infer, NULL});
}

static inline Compilation *simplified(Arena *arena, const char *yaml) {
    return compile_text(arena, yaml,
                        (GraphPass *[]){pass_feeds, pass_order, pass_infer, pass_expand,
                                        pass_simplify, pass_share, pass_prune, NULL});
}

/* What the diagnostics print. */
static inline const char *diagnostics_text(Arena *arena, const Compilation *c) {
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    diagnostics_print(c->diagnostics, stream);
    fclose(stream);
    const char *text = arena_copy_text(arena, bytes, size);
    free(bytes);
    return text;
}

static inline const char *graph_text(const Compilation *c) {
    Text text = {.arena = c->arena};
    graph_print(&text, c->graph);
    return text.bytes;
}

/* `float32 [n, 3]` of a named node. */
static inline const char *type_of(const Compilation *c, const char *name) {
    const GraphNode *node = graph_find_node(c->graph, name);
    cr_assert_not_null(node, "no node %s; %s", name, diagnostics_text(c->arena, c));
    return type_text(c->arena, &node->outputs[0]->type);
}

static inline size_t position_of(const Compilation *c, const char *name) {
    for (size_t i = 0; i < c->graph->node_count; i++)
        if (c->graph->nodes[i]->name && strcmp(c->graph->nodes[i]->name, name) == 0) return i;
    cr_assert_fail("no node %s", name);
    return 0;
}

#endif
