/* build_entries.c: what a run may feed and ask for: `feeds:`, `fetches:`, `signatures:`. */
#include "source/build_internal.h"
#include <string.h>

/* ---- feeds ---- */

static size_t add_feed(Builder *b, const char *name, Value *value) {
    Graph *graph = b->graph;
    for (size_t i = 0; value->is_feedable && i < graph->feed_count; i++)
        if (graph->feeds[i].value == value) return i;
    value->is_feedable = true;
    *ARENA_PUSH(b->arena, graph->feeds, graph->feed_count, graph->feed_capacity) =
        (Feed){.name = name, .value = value};
    return graph->feed_count - 1;
}

static void add_placeholders(Builder *b) {
    for (size_t i = 0; i < b->graph->node_count; i++) {
        GraphNode *node = b->graph->nodes[i];
        OpCode code = node->row->code;
        if (node->name && (code == OP_PLACEHOLDER || code == OP_PLACEHOLDER_WITH_DEFAULT))
            add_feed(b, node->name, node->outputs[0]);
    }
}

/* Names of a list, each once; calls add(b, context, item) for each. */
static void each_name(Builder *b, const TreeNode *list, const char *what,
                      void (*add)(Builder *b, const NameItem *item, void *context), void *context) {
    NameItem *names;
    size_t count;
    read_names(b, list, what, &names, &count);
    Map seen = map_create(b->arena);
    for (size_t i = 0; i < count; i++) {
        bool added;
        MapEntry *entry = map_insert(&seen, names[i].text, strlen(names[i].text), &added);
        if (added) {
            entry->value = &names[i];
            add(b, &names[i], context);
            continue;
        }
        diagnose_error(b->diagnostics, names[i].place, "`%s` is listed twice in `%s`",
                       names[i].text, what);
        diagnose_note(b->diagnostics, ((const NameItem *)entry->value)->place,
                      "it is first listed here");
    }
}

static void add_listed_feed(Builder *b, const NameItem *item, void *context) {
    Signature *signature = context;
    Value *value = require_value(b, item->text, item->place, "feeds");
    if (!value) return;
    size_t feed = add_feed(b, item->text, value);
    if (!signature) return;
    size_t capacity = signature->feed_count;
    signature->feeds =
        arena_grow(b->arena, signature->feeds, &capacity, capacity + 1, sizeof *signature->feeds);
    signature->feeds[signature->feed_count++] = feed;
}

/* ---- fetches ---- */

/* The number of the fetch of this name, made where it is missing; value NULL makes a target. */
static size_t add_fetch(Builder *b, Map *known, const char *name, GraphNode *node, Value *value) {
    Graph *graph = b->graph;
    bool added;
    MapEntry *entry = map_insert(known, name, strlen(name), &added);
    if (added) {
        *ARENA_PUSH(b->arena, graph->fetches, graph->fetch_count, graph->fetch_capacity) =
            (Fetch){.name = entry->key, .node = node};
        entry->value = (void *)graph->fetch_count; /* its number + 1 */
    }
    size_t number = (size_t)entry->value - 1;
    if (value) {
        graph->fetches[number].value = value;
        value->is_fetchable = true;
    }
    return number;
}

/* Every named node, in the file's order; of several outputs each under its own name, or as name:k.
 */
static void add_all_fetches(Builder *b, Map *known, const TreeNode *nodes) {
    for (size_t i = 0; i < nodes->length; i++) {
        const TreePair *pair = &nodes->as.pairs[i];
        const char *name = tree_text(b->arena, &pair->key);
        const Declared *declared = scope_find(b, name);
        if (!declared || !declared->node) continue;
        GraphNode *node = declared->node;
        NameItem *names = NULL;
        size_t name_count = 0;
        if (declared->has_outputs) {
            TreeNode outputs = tree_get(&pair->value, "outputs");
            read_names(b, &outputs, "outputs", &names, &name_count);
        }
        add_fetch(b, known, name, node, node->output_count > 0 ? node->outputs[0] : NULL);
        for (size_t k = 0; k < node->output_count; k++) {
            if (k < name_count) {
                add_fetch(b, known, names[k].text, node, node->outputs[k]);
            } else if (k > 0) {
                if (!node->outputs[k]->name)
                    node->outputs[k]->name = arena_format(b->arena, "%s:%zu", name, k);
                add_fetch(b, known, node->outputs[k]->name, node, node->outputs[k]);
            }
        }
    }
}

typedef struct FetchContext {
    Map *known;
    Signature *signature; /* NULL: the graph's own list */
} FetchContext;

static void append_number(Builder *b, size_t **numbers, size_t *count, size_t number) {
    size_t capacity = *count;
    *numbers = arena_grow(b->arena, *numbers, &capacity, *count + 1, sizeof **numbers);
    (*numbers)[(*count)++] = number;
}

/* A fetch of something without a value is a target. */
static void add_listed_fetch(Builder *b, const NameItem *item, void *context) {
    FetchContext *fetches = context;
    bool found;
    Declared *declared;
    Value *value = scope_value(b, item->text, &found, &declared);
    if (!found) {
        report_unknown_name(b, item->place, item->text);
        return;
    }
    if (!declared->node) return;
    size_t number = add_fetch(b, fetches->known, item->text, declared->node, value);
    Signature *signature = fetches->signature;
    if (!signature) return;
    if (value)
        append_number(b, &signature->fetches, &signature->fetch_count, number);
    else
        append_number(b, &signature->targets, &signature->target_count, number);
}

static void add_listed_target(Builder *b, const NameItem *item, void *context) {
    FetchContext *fetches = context;
    GraphNode *node = require_node(b, item->text, item->place);
    if (!node) return;
    size_t number = add_fetch(b, fetches->known, item->text, node, NULL);
    append_number(b, &fetches->signature->targets, &fetches->signature->target_count, number);
}

/* ---- signatures ---- */

typedef struct Reach {
    GraphNode **stack;
    size_t count, capacity;
} Reach;

static void reach(Builder *b, Reach *r, GraphNode *node) {
    if (node->mark) return;
    node->mark = 1;
    *ARENA_PUSH(b->arena, r->stack, r->count, r->capacity) = node;
}

/* Without a list of its own, a signature is fed the placeholders that its fetches and targets need.
 */
static void find_feeds(Builder *b, Signature *signature) {
    Graph *graph = b->graph;
    Reach r = {0};
    for (size_t i = 0; i < signature->fetch_count; i++)
        reach(b, &r, graph->fetches[signature->fetches[i]].node);
    for (size_t i = 0; i < signature->target_count; i++)
        reach(b, &r, graph->fetches[signature->targets[i]].node);
    while (r.count > 0) {
        GraphNode *node = r.stack[--r.count];
        for (size_t i = 0; i < node->input_count; i++) reach(b, &r, node->inputs[i]->node);
        for (size_t i = 0; i < node->after_count; i++) reach(b, &r, node->after[i]);
        for (const Guard *guard = node->guard; guard; guard = guard->outer)
            if (guard->predicate) reach(b, &r, guard->predicate->node);
    }
    for (size_t i = 0; i < graph->feed_count; i++) {
        OpCode code = graph->feeds[i].value->node->row->code;
        if (graph->feeds[i].value->node->mark && code == OP_PLACEHOLDER)
            append_number(b, &signature->feeds, &signature->feed_count, i);
    }
    for (size_t i = 0; i < graph->node_count; i++) graph->nodes[i]->mark = 0;
}

static void build_signature(Builder *b, Map *known, const TreePair *pair) {
    static const char *const keys[] = {"feeds", "fetches", "targets", NULL};
    Graph *graph = b->graph;
    Place place = tree_place(b->tree, &pair->key);
    if (pair->value.kind != TREE_MAPPING) {
        diagnose_error(b->diagnostics, place,
                       "a signature is a mapping: {feeds: […], fetches: […], targets: […]}");
        return;
    }
    if (!check_keys(b, &pair->value, "a signature", keys)) return;
    if (pair->key.length == 0 || pair->key.length > TREE_MAX_NAME_BYTES) {
        diagnose_error(b->diagnostics, place, "a signature has a name of 1 to %d bytes",
                       TREE_MAX_NAME_BYTES);
        return;
    }
    Signature *signature =
        ARENA_PUSH(b->arena, graph->signatures, graph->signature_count, graph->signature_capacity);
    signature->name = tree_text(b->arena, &pair->key);
    signature->place = place;
    TreeNode feeds = tree_get(&pair->value, "feeds"), fetches = tree_get(&pair->value, "fetches"),
             targets = tree_get(&pair->value, "targets");
    FetchContext context = {.known = known, .signature = signature};
    each_name(b, &feeds, "feeds", add_listed_feed, signature);
    each_name(b, &fetches, "fetches", add_listed_fetch, &context);
    each_name(b, &targets, "targets", add_listed_target, &context);
    if (fetches.kind == TREE_ABSENT && targets.kind == TREE_ABSENT)
        diagnose_error(b->diagnostics, place,
                       "the signature `%s` has neither `fetches` nor `targets`", signature->name);
    if (feeds.kind == TREE_ABSENT) find_feeds(b, signature);
}

void build_entries(Builder *b, const TreeNode *root, const TreeNode *nodes) {
    TreeNode feeds = tree_get(root, "feeds"), fetches = tree_get(root, "fetches"),
             signatures = tree_get(root, "signatures");
    Map known = map_create(b->arena);
    FetchContext context = {.known = &known};
    add_placeholders(b);
    each_name(b, &feeds, "feeds", add_listed_feed, NULL);
    if (fetches.kind == TREE_ABSENT)
        add_all_fetches(b, &known, nodes);
    else
        each_name(b, &fetches, "fetches", add_listed_fetch, &context);
    if (signatures.kind == TREE_ABSENT) return;
    if (signatures.kind != TREE_MAPPING) {
        diagnose_error(
            b->diagnostics, tree_place(b->tree, &signatures),
            "`signatures` is a mapping from names to {feeds: […], fetches: […], targets: […]}");
        return;
    }
    for (size_t i = 0; i < signatures.length; i++)
        build_signature(b, &known, &signatures.as.pairs[i]);
}
