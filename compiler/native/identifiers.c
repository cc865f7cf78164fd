/* identifiers.c: C identifiers for names of the graph, the same in the object and in its header.
 *
 * A run of bytes that cannot stand in an identifier becomes an underscore; names that then collide
 * get a number. A name that the graph has first keeps its plain form.
 */
#include "native/module.h"

#include "support/checked.h"
#include <ctype.h>
#include <string.h>

const char *model_prefix(const Compilation *c) {
    return c->options.prefix ? c->options.prefix : c->graph->name;
}

static const char *spell(Arena *arena, const char *name) {
    char *spelled = arena_copy_text(arena, name, strlen(name)), *end = spelled;
    bool in_run = false;
    for (const char *p = name; *p; p++) {
        bool fits = (unsigned char)*p < 0x80 && (isalnum((unsigned char)*p) || *p == '_');
        if (fits || !in_run) *end++ = fits ? *p : '_';
        in_run = !fits;
    }
    *end = 0;
    return spelled;
}

/* `base`, or base_2, base_3, …: the first that is free in `taken`. */
static const char *make_unique(Arena *arena, Map *taken, const char *base) {
    const char *candidate = base;
    bool added;
    MapEntry *first = map_insert(taken, base, strlen(base), &added);
    if (added) return base;
    /* The value counts how far the search for this base has come, so that many equal names stay
     * linear. */
    uintptr_t number = (uintptr_t)first->value;
    if (number < 1) number = 1;
    do {
        candidate = arena_format(arena, "%s_%zu", base, (size_t)++number);
        map_insert(taken, candidate, strlen(candidate), &added);
    } while (!added);
    map_find(taken, base, strlen(base))->value = (void *)number;
    return candidate;
}

/* Words that a parameter may not be called: C's and C++'s, common macros, and the names the header
 * itself uses. */
static bool is_reserved(const char *name) {
    static const char *const words[] = {
        "alignas",       "alignof",
        "and",           "and_eq",
        "asm",           "assert",
        "auto",          "bitand",
        "bitor",         "bool",
        "break",         "case",
        "catch",         "char",
        "class",         "co_await",
        "co_return",     "co_yield",
        "compl",         "concept",
        "const",         "const_cast",
        "consteval",     "constexpr",
        "constinit",     "continue",
        "decltype",      "default",
        "delete",        "do",
        "double",        "dynamic_cast",
        "else",          "enum",
        "errno",         "explicit",
        "export",        "extern",
        "false",         "float",
        "for",           "friend",
        "goto",          "if",
        "inline",        "int",
        "linux",         "long",
        "mutable",       "namespace",
        "new",           "noexcept",
        "not",           "not_eq",
        "nullptr",       "offsetof",
        "operator",      "or",
        "or_eq",         "private",
        "protected",     "public",
        "register",      "reinterpret_cast",
        "requires",      "restrict",
        "return",        "session",
        "short",         "signed",
        "sizeof",        "static",
        "static_assert", "static_cast",
        "stderr",        "stdin",
        "stdout",        "struct",
        "switch",        "template",
        "this",          "thread_local",
        "throw",         "true",
        "try",           "typedef",
        "typeid",        "typename",
        "typeof",        "typeof_unqual",
        "union",         "unix",
        "unsigned",      "using",
        "virtual",       "void",
        "volatile",      "wchar_t",
        "while",         "xor",
        "xor_eq",
    };
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strcmp(name, words[k]) == 0) return true;
    size_t length = strlen(name);
    if (length > 2 && strcmp(name + length - 2, "_t") == 0) return true;
    if (name[0] == '_' || strncmp(name, "tfcc", 4) == 0) return true;
    for (const char *p = name; *p; p++)
        if (islower((unsigned char)*p)) return false;
    return true; /* in capitals: perhaps a macro */
}

static const char *parameter_name(Arena *arena, Map *taken, const char *name) {
    const char *spelled = spell(arena, name);
    if (isdigit((unsigned char)spelled[0])) spelled = arena_format(arena, "value_%s", spelled);
    if (is_reserved(spelled)) spelled = arena_format(arena, "value_%s", spelled);
    return make_unique(arena, taken, spelled);
}

ModelIdentifiers *model_identifiers(Arena *arena, const Graph *graph) {
    ModelIdentifiers *names = arena_alloc(arena, sizeof *names);
    names->feeds = arena_alloc_array(arena, graph->feed_count + 1, sizeof(char *));
    names->fetches = arena_alloc_array(arena, graph->fetch_count + 1, sizeof(char *));
    names->signatures = arena_alloc_array(arena, graph->signature_count + 1, sizeof(char *));
    names->signature_feeds = arena_alloc_array(arena, graph->signature_count + 1, sizeof(char **));
    names->signature_fetches =
        arena_alloc_array(arena, graph->signature_count + 1, sizeof(char **));
    Map feeds = map_create(arena), fetches = map_create(arena), signatures = map_create(arena);
    for (size_t k = 0; k < graph->feed_count; k++)
        names->feeds[k] = make_unique(arena, &feeds, spell(arena, graph->feeds[k].name));
    for (size_t k = 0; k < graph->fetch_count; k++)
        names->fetches[k] = make_unique(arena, &fetches, spell(arena, graph->fetches[k].name));
    for (size_t k = 0; k < graph->signature_count; k++) {
        const Signature *s = &graph->signatures[k];
        names->signatures[k] = make_unique(arena, &signatures, spell(arena, s->name));
        Map parameters = map_create(arena);
        names->signature_feeds[k] = arena_alloc_array(arena, s->feed_count + 1, sizeof(char *));
        names->signature_fetches[k] = arena_alloc_array(arena, s->fetch_count + 1, sizeof(char *));
        for (size_t j = 0; j < s->feed_count; j++)
            names->signature_feeds[k][j] =
                parameter_name(arena, &parameters, graph->feeds[s->feeds[j]].name);
        for (size_t j = 0; j < s->fetch_count; j++)
            names->signature_fetches[k][j] =
                parameter_name(arena, &parameters, graph->fetches[s->fetches[j]].name);
    }
    return names;
}

bool type_is_plain(const Type *type) {
    if (type->dtype == TFCC_NONE || type->shape.runtime_rank) return false;
    for (int axis = 0; axis < type->shape.rank; axis++)
        if (!dim_is_constant(type->shape.dims[axis], NULL)) return false;
    return true;
}

int64_t type_element_count(const Type *type) {
    int64_t count = 1;
    for (int axis = 0; axis < type->shape.rank; axis++) {
        int64_t size = 0;
        dim_is_constant(type->shape.dims[axis], &size);
        if (!checked_multiply(count, size, &count)) return INT64_MAX;
    }
    return count;
}
