/* build_names.c: what a name stands for, and what to say when it stands for nothing. */
#include "source/build_internal.h"
#include <string.h>

enum { SHOWN_ERRORS = 100 }; /* suggestions are looked for only while errors are still printed */

bool is_identifier(const char *text) {
    if (!*text || (*text >= '0' && *text <= '9')) return false;
    for (; *text; text++) {
        char c = *text;
        bool fits =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!fits) return false;
    }
    return true;
}

Scope *scope_create(Builder *b, Scope *outer) {
    Scope *scope = arena_alloc(b->arena, sizeof *scope);
    scope->outer = outer;
    scope->names = map_create(b->arena);
    return scope;
}

Declared *scope_declare(Builder *b, const TreeNode *name) {
    Place place = tree_place(b->tree, name);
    if (name->length == 0) {
        diagnose_error(b->diagnostics, place, "a name is missing here");
        return NULL;
    }
    if (name->length > TREE_MAX_NAME_BYTES) {
        diagnose_error(b->diagnostics, place, "the name is %u bytes long; at most %d are allowed",
                       name->length, TREE_MAX_NAME_BYTES);
        return NULL;
    }
    for (size_t i = 0; i < name->length; i++) {
        unsigned char c = (unsigned char)name->as.text[i];
        if (c >= 0x20 && c != 0x7f) continue;
        diagnose_error(b->diagnostics, place, "the name holds the control character \\x%02x", c);
        return NULL;
    }
    bool added;
    MapEntry *entry = map_insert(&b->scope->names, name->as.text, name->length, &added);
    if (!added) {
        const Declared *earlier = entry->value;
        diagnose_error(b->diagnostics, place, "the name `%s` is given twice", entry->key);
        note_declared(b, earlier);
        return NULL;
    }
    Declared *declared = arena_alloc(b->arena, sizeof *declared);
    declared->name = entry->key;
    declared->place = place;
    entry->value = declared;
    return declared;
}

Declared *scope_find(const Builder *b, const char *name) {
    for (const Scope *scope = b->scope; scope; scope = scope->outer) {
        Declared *declared = map_get(&scope->names, name);
        if (declared) return declared;
    }
    return NULL;
}

/* `name:k` with the name of a node: the node and k. */
static Declared *find_output(Builder *b, const char *name, size_t *output) {
    const char *colon = strrchr(name, ':');
    if (!colon || colon == name || !colon[1] || strlen(colon + 1) > 6) return NULL;
    *output = 0;
    for (const char *digit = colon + 1; *digit; digit++) {
        if (*digit < '0' || *digit > '9') return NULL;
        *output = *output * 10 + (size_t)(*digit - '0');
    }
    Declared *declared = scope_find(b, arena_copy_text(b->arena, name, (size_t)(colon - name)));
    return declared && declared->is_node_name ? declared : NULL;
}

Value *scope_value(Builder *b, const char *name, bool *found, Declared **declared) {
    size_t output = 0;
    bool is_numbered = false;
    *declared = scope_find(b, name);
    if (*declared)
        output = (*declared)->output;
    else
        is_numbered = (*declared = find_output(b, name, &output)) != NULL;
    *found = *declared != NULL;
    if (*declared && (*declared)->layer && !(*declared)->node)
        build_declared(b, (*declared)->layer);
    if (!*declared || !(*declared)->node) return NULL;
    GraphNode *node = (*declared)->node;
    if (output == 0 && node->output_count == 0 && node->row->output_count == 0) return NULL;
    Value *value = graph_output(b->graph, node, output);
    if (value && !value->name && (*declared)->node->name)
        value->name = is_numbered && output == 0 ? (*declared)->name
                                                 : arena_copy_text(b->arena, name, strlen(name));
    if (!value) *found = false;
    return value;
}

void note_declared(Builder *b, const Declared *declared) {
    diagnose_note(b->diagnostics, declared->place, "`%s` is declared here", declared->name);
}

void report_unknown_name(Builder *b, Place place, const char *name) {
    size_t output;
    const Declared *numbered = find_output(b, name, &output);
    if (numbered && numbered->node) {
        diagnose_error(b->diagnostics, place, "`%s` has %zu output%s, so there is no `%s`",
                       numbered->name, numbered->node->output_count,
                       numbered->node->output_count == 1 ? "" : "s", name);
        note_declared(b, numbered);
        return;
    }
    const MapEntry *near = NULL;
    if (diagnostics_error_count(b->diagnostics) < SHOWN_ERRORS)
        for (const Scope *scope = b->scope; scope && !near; scope = scope->outer)
            near = map_nearest(&scope->names, name);
    if (near)
        diagnose_error(b->diagnostics, place, "there is no node `%s`; did you mean `%s`?", name,
                       near->key);
    else
        diagnose_error(b->diagnostics, place, "there is no node `%s`", name);
    if (near) note_declared(b, near->value);
}

Value *require_value(Builder *b, const char *name, Place place, const char *user) {
    bool found;
    Declared *declared;
    Value *value = scope_value(b, name, &found, &declared);
    if (value) return value;
    if (!found) {
        report_unknown_name(b, place, name);
    } else if (declared->node) {
        diagnose_error(b->diagnostics, place, "%s: `%s` is a target (%s) and has no value", user,
                       name, declared->node->row->spelling);
        note_declared(b, declared);
    }
    return NULL;
}

GraphNode *require_node(Builder *b, const char *name, Place place) {
    bool found;
    Declared *declared;
    scope_value(b, name, &found, &declared);
    if (!found) report_unknown_name(b, place, name);
    return found ? declared->node : NULL;
}

const char *nearest_word(Builder *b, const char *word, const char *const *words) {
    Map map = map_create(b->arena);
    for (; *words; words++) map_set(&map, *words, NULL);
    const MapEntry *near = map_nearest(&map, word);
    return near ? near->key : NULL;
}

bool check_keys(Builder *b, const TreeNode *mapping, const char *what, const char *const *words) {
    bool fine = true;
    for (size_t i = 0; i < mapping->length; i++) {
        const TreeNode *key = &mapping->as.pairs[i].key;
        bool is_known = false;
        for (const char *const *word = words; *word && !is_known; word++)
            is_known = tree_is(key, *word);
        if (is_known) continue;
        const char *text = tree_text(b->arena, key), *near = nearest_word(b, text, words);
        fine = near ? diagnose_error(b->diagnostics, tree_place(b->tree, key),
                                     "%s has no key `%s`; did you mean `%s`?", what, text, near)
                    : diagnose_error(b->diagnostics, tree_place(b->tree, key), "%s has no key `%s`",
                                     what, text);
    }
    return fine;
}

bool read_names(Builder *b, const TreeNode *list, const char *what, NameItem **names,
                size_t *count) {
    *count = 0;
    *names = NULL;
    if (list->kind == TREE_ABSENT) return true;
    size_t length = list->kind == TREE_SEQUENCE ? list->length : 1;
    *names = arena_alloc_array(b->arena, length ? length : 1, sizeof **names);
    bool fine = true;
    for (size_t i = 0; i < length; i++) {
        TreeNode item = list->kind == TREE_SEQUENCE ? tree_item(b->tree, list, i) : *list;
        if (item.kind != TREE_SCALAR || item.length == 0) {
            fine = diagnose_error(b->diagnostics, tree_place(b->tree, &item),
                                  "`%s` is a list of names", what);
            continue;
        }
        (*names)[(*count)++] = (NameItem){tree_text(b->arena, &item), tree_place(b->tree, &item)};
    }
    return fine;
}
