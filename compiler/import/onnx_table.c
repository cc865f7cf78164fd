/* onnx_table.c: reads the rows of onnx_ops.def and their signatures. */
#include "import/import.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define EXPRESSION(since, op, signature, expression)
#define FUNCTION(since, op, signature, name) bool import_##name(ImportNode *);
#include "import/onnx_ops.def"
#undef EXPRESSION
#undef FUNCTION

static const ImportRow table[] = {
#define EXPRESSION(since, op, signature, expression)                                               \
    {op, "", since, signature, expression, NULL, NULL, NULL, 0, 0, NULL, 0, NULL},
#define FUNCTION(since, op, signature, name)                                                       \
    {op, "", since, signature, NULL, import_##name, NULL, NULL, 0, 0, NULL, 0, NULL},
#include "import/onnx_ops.def"
#undef EXPRESSION
#undef FUNCTION
};

/* ---- Signatures ---- */

static const char *skip(const char *at) {
    while (*at == ' ') at++;
    return at;
}

static const char *take_word(Arena *arena, const char **at) {
    const char *start = *at = skip(*at), *end = start;
    while (isalnum((unsigned char)*end) || *end == '_') end++;
    assert(end > start && "a signature needs a name here");
    *at = skip(end);
    return arena_copy_text(arena, start, (size_t)(end - start));
}

static bool take(const char **at, char wanted) {
    if (**at != wanted) return false;
    *at = skip(*at + 1);
    return true;
}

static size_t take_inputs(Arena *arena, const char **at, ImportInput **inputs) {
    size_t count = 0, capacity = 0;
    *inputs = NULL;
    while (**at && **at != ';' && **at != '-') {
        ImportInput *input = ARENA_PUSH(arena, *inputs, count, capacity);
        input->name = take_word(arena, at);
        input->is_optional = take(at, '?');
        input->is_list = take(at, '*');
        input->is_each = take(at, '+');
        if (!take(at, ',')) break;
    }
    return count;
}

static ImportKind kind_of_word(const char *word) {
    static const char *const words[] = {"bool",   "int",   "float",  "word",  "ints",
                                        "floats", "dtype", "tensor", "graph", "words"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], word) == 0) return (ImportKind)i;
    assert(0 && "no such kind of attribute");
    return IMPORT_INTEGER;
}

static ImportKind kind_of_default(const char *text) {
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) return IMPORT_BOOL;
    if (text[0] == '\'') return IMPORT_WORD;
    if (text[0] == '[') return strchr(text, '.') ? IMPORT_FLOATS : IMPORT_INTEGERS;
    return strpbrk(text, ".e") ? IMPORT_FLOAT : IMPORT_INTEGER;
}

static void take_attribute(Arena *arena, const char **at, ImportAttribute *attribute) {
    attribute->name = take_word(arena, at);
    if (take(at, ':')) {
        attribute->kind = kind_of_word(take_word(arena, at));
        attribute->is_optional = take(at, '?');
        return;
    }
    bool is_default = take(at, '=');
    assert(is_default && "an attribute is `name = default` or `name: kind`");
    (void)is_default;
    const char *start = *at;
    char closing = *start == '\'' ? '\'' : *start == '[' ? ']' : '\0';
    *at += closing ? strcspn(start + 1, closing == ']' ? "]" : "'") + 2 : strcspn(start, ", ");
    attribute->otherwise = arena_copy_text(arena, start, (size_t)(*at - start));
    attribute->kind = kind_of_default(attribute->otherwise);
    *at = skip(*at);
}

static void parse_signature(Arena *arena, ImportRow *row) {
    const char *at = skip(row->signature);
    row->input_count = take_inputs(arena, &at, &row->inputs);
    if (take(&at, ';')) {
        size_t capacity = 0;
        do
            take_attribute(arena, &at,
                           ARENA_PUSH(arena, row->attributes, row->attribute_count, capacity));
        while (take(&at, ','));
    }
    bool has_arrow = take(&at, '-') && take(&at, '>');
    assert(has_arrow && "a signature ends in `-> outputs`");
    (void)has_arrow;
    row->output_count = take_inputs(arena, &at, &row->outputs);
    assert(!*at && "a signature ends with its outputs");
}

Map import_table(Arena *arena) {
    Map map = map_create(arena);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        ImportRow *row = arena_copy(arena, &table[i], sizeof table[i]);
        const char *dot = strrchr(row->op, '.');
        if (dot) {
            row->domain = arena_copy_text(arena, row->op, (size_t)(dot - row->op));
            row->op = dot + 1;
        }
        parse_signature(arena, row);
        const char *key = arena_format(arena, "%s\n%s", row->domain, row->op);
        MapEntry *entry = map_insert(&map, key, strlen(key), NULL);
        ImportRow *newest = entry->value, **place = &newest;
        while (*place && (*place)->since > row->since) place = &(*place)->older;
        assert(!(*place && (*place)->since == row->since) && "two rows for one op set");
        row->older = *place;
        *place = row;
        entry->value = newest;
    }
    return map;
}
