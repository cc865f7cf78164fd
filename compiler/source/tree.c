/* tree.c: libyaml's events to a tree, without recursion.
 *
 * Collections that are open stand on a stack of at most TREE_MAX_DEPTH frames. Their items wait on
 * one of two shared stacks, plain words and numbers as leaves of 8 bytes, anything else as nodes;
 * when a collection ends, exactly its items move to the arena. libyaml 0.2.5 itself slows down
 * quadratically with depth, so the depth is checked at every event.
 */
#include "source/tree.h"

#include "source/tree_place.h"
#include "support/map.h"
#include <string.h>
#include <yaml.h>

/* What an anchor stands for: the node, and what an alias to it costs. */
typedef struct Anchor {
    TreeNode node;
    uint64_t size; /* nodes, aliases expanded */
    int height;    /* levels of collections in it */
    bool is_open;  /* its collection has not ended yet */
} Anchor;

typedef struct Frame {
    TreeNode node;     /* the collection: kind, offset, style */
    size_t first_item; /* where its items begin on the stack of nodes (a mapping's: key, value, key,
                          …) */
    size_t first_leaf; /* a sequence's leaves, as long as it has nothing else */
    bool has_only_leaves;
    uint64_t size;
    int height;
    Anchor *anchor;
} Frame;

typedef struct Reader {
    Arena *arena, *scratch;
    Diagnostics *diagnostics;
    Tree *tree;
    Map anchors;
    TreeNode *items;
    size_t item_count, item_capacity;
    TreeLeaf *leaves;
    size_t leaf_count, leaf_capacity;
    Frame frames[TREE_MAX_DEPTH];
    int depth;
    uint64_t node_count, expansion;
    bool has_document;
} Reader;

static size_t offset_of(const Reader *r, yaml_mark_t mark) {
    return tree_index_offset(r->tree->index, mark.index);
}

static Place place_of_event(const Reader *r, const yaml_event_t *event) {
    size_t start = offset_of(r, event->start_mark), end = offset_of(r, event->end_mark);
    return tree_place_at(r->tree, start, end > start ? end - start : 0);
}

static bool error_at(Reader *r, size_t offset, const char *message) {
    return diagnose_error(r->diagnostics, tree_place_at(r->tree, offset, 1), "%s", message);
}

/* libyaml puts a node's start at its anchor or tag; the node itself begins behind those. */
static size_t skip_properties(const Reader *r, size_t offset, size_t end) {
    const char *bytes = r->tree->file->bytes;
    while (offset < end) {
        char c = bytes[offset];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            offset++;
        } else if (c == '#') {
            while (offset < end && bytes[offset] != '\n') offset++;
        } else if (c == '&' || c == '!') {
            while (offset < end && !strchr(" \t\n\r,[]{}", bytes[offset])) offset++;
        } else {
            break;
        }
    }
    return offset;
}

/* Only the core tags that change nothing, and !!str, which makes a text of a number. */
static bool check_tag(Reader *r, const yaml_event_t *event, const char *tag, bool *is_text) {
    static const char prefix[] = "tag:yaml.org,2002:";
    static const char *const harmless[] = {"int", "float", "bool", "null", "seq", "map", NULL};
    *is_text = false;
    if (!tag) return true;
    if (strcmp(tag, "!") == 0) return *is_text = true;
    if (strncmp(tag, prefix, sizeof prefix - 1) == 0) {
        const char *name = tag + sizeof prefix - 1;
        if (strcmp(name, "str") == 0) return *is_text = true;
        for (const char *const *word = harmless; *word; word++)
            if (strcmp(*word, name) == 0) return true;
    }
    return diagnose_error(
        r->diagnostics, place_of_event(r, event),
        "the tag `%s` has no meaning here; an expression that begins with `!` goes "
        "in double quotes",
        tag);
}

static Anchor *declare_anchor(Reader *r, const yaml_char_t *name) {
    if (!name) return NULL;
    const char *text = (const char *)name;
    Anchor *anchor = arena_alloc(r->scratch, sizeof *anchor);
    map_insert(&r->anchors, text, strlen(text), NULL)->value = anchor;
    return anchor;
}

/* The sequence turns out to hold more than plain words: its leaves become nodes. */
static void leaves_to_items(Reader *r, Frame *frame) {
    TreeNode packed = frame->node;
    size_t count = r->leaf_count - frame->first_leaf;
    packed.is_verbatim = true;
    if (count > 0) packed.as.leaves = r->leaves + frame->first_leaf;
    for (size_t i = 0; i < count; i++) {
        TreeNode node = tree_item(r->tree, &packed, i);
        *ARENA_PUSH(r->scratch, r->items, r->item_count, r->item_capacity) = node;
    }
    r->leaf_count = frame->first_leaf;
    frame->has_only_leaves = false;
}

/* Puts a finished node into the open collection, or makes it the root. */
static bool add_node(Reader *r, TreeNode node, uint64_t size, int height) {
    if (r->depth == 0) {
        r->tree->root = node;
        return true;
    }
    Frame *frame = &r->frames[r->depth - 1];
    frame->size += size;
    if (height + 1 > frame->height) frame->height = height + 1;
    if (frame->node.kind == TREE_SEQUENCE && frame->has_only_leaves) {
        bool is_leaf = node.kind == TREE_SCALAR && node.is_verbatim && !node.is_quoted;
        if (is_leaf) {
            *ARENA_PUSH(r->scratch, r->leaves, r->leaf_count, r->leaf_capacity) =
                (TreeLeaf){node.offset, node.length};
            return true;
        }
        leaves_to_items(r, frame);
    }
    bool is_key = frame->node.kind == TREE_MAPPING && (r->item_count - frame->first_item) % 2 == 0;
    if (is_key && node.kind != TREE_SCALAR)
        return error_at(r, node.offset,
                        "a key has to be a word; an expression with brackets, as a "
                        "value, goes in double quotes");
    *ARENA_PUSH(r->scratch, r->items, r->item_count, r->item_capacity) = node;
    return true;
}

static bool check_characters(Reader *r, const TreeNode *scalar) {
    for (size_t i = 0; i < scalar->length; i++) {
        unsigned char c = (unsigned char)scalar->as.text[i];
        if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t') continue;
        return diagnose_error(r->diagnostics, tree_place(r->tree, scalar),
                              "the text holds the control character \\x%02x", c);
    }
    return true;
}

static bool read_scalar(Reader *r, const yaml_event_t *event) {
    bool is_text;
    if (!check_tag(r, event, (const char *)event->data.scalar.tag, &is_text)) return false;
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    size_t start = offset_of(r, event->start_mark), end = offset_of(r, event->end_mark);
    if (event->data.scalar.anchor || event->data.scalar.tag) start = skip_properties(r, start, end);
    TreeNode node = {
        .kind = TREE_SCALAR,
        .offset = (uint32_t)start,
        .source_length = (uint32_t)(end > start ? end - start : 0),
        .length = (uint32_t)length,
        .is_quoted = !is_plain || is_text,
        .is_flow = r->depth > 0 && r->frames[r->depth - 1].node.is_flow,
    };
    const char *source = r->tree->file->bytes + start;
    node.is_verbatim =
        is_plain && length == node.source_length && memcmp(source, text, length) == 0;
    node.as.text = node.is_verbatim ? source : arena_copy_text(r->arena, text, length);
    if (!node.is_verbatim && !check_characters(r, &node)) return false;
    Anchor *anchor = declare_anchor(r, event->data.scalar.anchor);
    if (anchor) *anchor = (Anchor){.node = node, .size = 1};
    return add_node(r, node, 1, 0);
}

static bool read_alias(Reader *r, const yaml_event_t *event) {
    const char *name = (const char *)event->data.alias.anchor;
    Place place = place_of_event(r, event);
    const MapEntry *entry = map_find(&r->anchors, name, strlen(name));
    if (!entry)
        return diagnose_error(r->diagnostics, place,
                              "the alias `*%s` has no anchor `&%s` before it; an expression that "
                              "begins with `*` goes in double quotes",
                              name, name);
    const Anchor *anchor = entry->value;
    if (anchor->is_open)
        return diagnose_error(r->diagnostics, place,
                              "the alias `*%s` stands inside its own anchor: a cycle", name);
    r->expansion += anchor->size;
    if (r->expansion > TREE_MAX_EXPANSION)
        return diagnose_error(r->diagnostics, place,
                              "the aliases up to here stand for more than %d nodes",
                              TREE_MAX_EXPANSION);
    if (r->depth + anchor->height > TREE_MAX_DEPTH)
        return diagnose_error(r->diagnostics, place, "nested deeper than %d levels through `*%s`",
                              TREE_MAX_DEPTH, name);
    return add_node(r, anchor->node, anchor->size, anchor->height);
}

static bool begin_collection(Reader *r, const yaml_event_t *event, TreeKind kind, bool is_flow,
                             const yaml_char_t *anchor, const yaml_char_t *tag) {
    bool is_text;
    size_t start = offset_of(r, event->start_mark);
    if (!check_tag(r, event, (const char *)tag, &is_text)) return false;
    if (r->depth == TREE_MAX_DEPTH)
        return diagnose_error(r->diagnostics, tree_place_at(r->tree, start, 1),
                              "nested deeper than %d levels", TREE_MAX_DEPTH);
    if (anchor || tag) start = skip_properties(r, start, r->tree->file->length);
    Frame *frame = &r->frames[r->depth++];
    *frame = (Frame){
        .node = {.kind = (uint8_t)kind, .offset = (uint32_t)start, .is_flow = is_flow},
        .first_item = r->item_count,
        .first_leaf = r->leaf_count,
        .has_only_leaves = kind == TREE_SEQUENCE,
        .size = 1,
        .anchor = declare_anchor(r, anchor),
    };
    if (frame->anchor) frame->anchor->is_open = true;
    return true;
}

/* Two equal keys of one mapping, the keys standing at items[first], items[first + 2], … */
static bool check_duplicates(Reader *r, const TreeNode *items, size_t count) {
    Arena *scratch = count > 32 ? arena_create() : NULL;
    Map seen = {0};
    if (scratch) seen = map_create(scratch);
    bool fine = true;
    for (size_t i = 0; i < count; i += 2) {
        const TreeNode *key = &items[i], *earlier = NULL;
        if (scratch) {
            bool added;
            MapEntry *entry = map_insert(&seen, key->as.text, key->length, &added);
            if (added)
                entry->value = (void *)(uintptr_t)key;
            else
                earlier = entry->value;
        } else {
            for (size_t k = 0; k < i && !earlier; k += 2)
                if (items[k].length == key->length &&
                    memcmp(items[k].as.text, key->as.text, key->length) == 0)
                    earlier = &items[k];
        }
        if (!earlier) continue;
        Place first = tree_place(r->tree, earlier);
        fine =
            diagnose_error(r->diagnostics, tree_place(r->tree, key),
                           "the key `%.*s` is given twice, here and in line %d",
                           (int)(key->length < 200 ? key->length : 200), key->as.text, first.line);
        diagnose_note(r->diagnostics, first, "it is first given here");
    }
    arena_destroy(scratch);
    return fine;
}

typedef struct PairList {
    TreePair *pairs;
    size_t count, capacity;
    Map known; /* keys that are taken */
} PairList;

static void add_pair(Arena *arena, PairList *list, TreePair pair) {
    bool added;
    map_insert(&list->known, pair.key.as.text, pair.key.length, &added);
    if (added) *ARENA_PUSH(arena, list->pairs, list->count, list->capacity) = pair;
}

/* `<<: *a` or `<<: [*a, *b]`: the pairs of those mappings, as far as their keys are not given yet.
 */
static bool merge_mappings(Reader *r, PairList *list, const TreeNode *value) {
    size_t count = value->kind == TREE_SEQUENCE ? value->length : 1;
    for (size_t i = 0; i < count; i++) {
        TreeNode source = value->kind == TREE_SEQUENCE ? tree_item(r->tree, value, i) : *value;
        if (source.kind != TREE_MAPPING)
            return diagnose_error(r->diagnostics, tree_place(r->tree, &source),
                                  "`<<` merges a mapping or a list of mappings, usually aliases");
        for (size_t k = 0; k < source.length; k++) add_pair(r->scratch, list, source.as.pairs[k]);
    }
    return true;
}

static bool is_merge_key(const TreeNode *key) {
    return !key->is_quoted && tree_is(key, "<<");
}

/* The items of a mapping that ends, as pairs with the merge keys carried out: own keys first. */
static bool finish_mapping(Reader *r, Frame *frame) {
    const TreeNode *items = r->items + frame->first_item;
    size_t count = r->item_count - frame->first_item;
    bool has_merge = false;
    if (!check_duplicates(r, items, count)) return false;
    for (size_t i = 0; i < count; i += 2) has_merge |= is_merge_key(&items[i]);
    PairList merged = {0};
    if (has_merge) {
        merged.known = map_create(r->scratch);
        for (size_t i = 0; i < count; i += 2)
            if (!is_merge_key(&items[i]))
                add_pair(r->scratch, &merged, (TreePair){items[i], items[i + 1]});
        for (size_t i = 0; i < count; i += 2)
            if (is_merge_key(&items[i]) && !merge_mappings(r, &merged, &items[i + 1])) return false;
        frame->node.as.pairs = arena_copy(r->arena, merged.pairs, merged.count * sizeof(TreePair));
        frame->node.length = (uint32_t)merged.count;
    } else {
        /* key, value, key, value on the stack is what an array of pairs is */
        frame->node.as.pairs = arena_copy(r->arena, items, count * sizeof(TreeNode));
        frame->node.length = (uint32_t)(count / 2);
    }
    return true;
}

static bool end_collection(Reader *r, const yaml_event_t *event) {
    Frame frame = r->frames[r->depth - 1];
    size_t end = offset_of(r, event->end_mark);
    frame.node.source_length = end > frame.node.offset ? (uint32_t)end - frame.node.offset : 0;
    if (frame.node.kind == TREE_MAPPING) {
        if (!finish_mapping(r, &frame)) return false;
    } else if (frame.has_only_leaves) {
        size_t count = r->leaf_count - frame.first_leaf;
        frame.node.is_verbatim = true;
        frame.node.length = (uint32_t)count;
        if (count > 0)
            frame.node.as.leaves =
                arena_copy(r->arena, r->leaves + frame.first_leaf, count * sizeof(TreeLeaf));
    } else {
        size_t count = r->item_count - frame.first_item;
        frame.node.length = (uint32_t)count;
        frame.node.as.items =
            arena_copy(r->arena, r->items + frame.first_item, count * sizeof(TreeNode));
    }
    r->item_count = frame.first_item;
    r->leaf_count = frame.first_leaf;
    r->depth--;
    if (frame.anchor)
        *frame.anchor = (Anchor){.node = frame.node, .size = frame.size, .height = frame.height};
    return add_node(r, frame.node, frame.size, frame.height);
}

static bool read_event(Reader *r, const yaml_event_t *event) {
    if (++r->node_count > 2 * (uint64_t)TREE_MAX_NODES)
        return error_at(r, offset_of(r, event->start_mark), "the file holds too many values");
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->has_document)
            return error_at(r, offset_of(r, event->start_mark),
                            "a second YAML document begins here; a file holds one graph");
        return r->has_document = true;
    case YAML_SCALAR_EVENT: return read_scalar(r, event);
    case YAML_ALIAS_EVENT: return read_alias(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return begin_collection(r, event, TREE_SEQUENCE,
                                event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE,
                                event->data.sequence_start.anchor, event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return begin_collection(r, event, TREE_MAPPING,
                                event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE,
                                event->data.mapping_start.anchor, event->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return end_collection(r, event);
    default: return true;
    }
}

/* True where libyaml's complaint is the usual slip: an expression that YAML does not take for a
 * plain word. */
static bool looks_like_expression(const Reader *r, size_t offset, const yaml_parser_t *parser) {
    const char *bytes = r->tree->file->bytes;
    const char *context = parser->context ? parser->context : "";
    const char *problem = parser->problem ? parser->problem : "";
    if (strstr(context, "flow") || strstr(context, "alias") || strstr(context, "anchor") ||
        strstr(context, "tag") || strstr(context, "next token") ||
        strstr(problem, "mapping values") || strstr(problem, "block sequence entries"))
        return true;
    while (offset > 0 && bytes[offset - 1] != '\n') offset--; /* `key: *a + b` */
    for (; offset < r->tree->file->length && bytes[offset] != '\n'; offset++)
        if (bytes[offset] == ':' && offset + 2 < r->tree->file->length)
            return strchr("`@%&!*[{", bytes[offset + 2]) != NULL;
    return false;
}

/* YAML takes no key of more than 1,024 bytes unless `?` announces it. */
static bool is_long_key(const Reader *r, size_t offset, const yaml_parser_t *parser) {
    if (parser->context && strstr(parser->context, "simple key"))
        return offset > offset_of(r, parser->context_mark) + 1024;
    const char *bytes = r->tree->file->bytes;
    size_t start = offset;
    if (!parser->problem || !strstr(parser->problem, "mapping values")) return false;
    while (start > 0 && bytes[start - 1] != '\n') start--;
    while (start < offset && bytes[start] == ' ') start++;
    return offset - start > 1024;
}

static bool report_parser_error(Reader *r, const yaml_parser_t *parser) {
    const char *problem = parser->problem ? parser->problem : "unreadable";
    if (parser->error == YAML_READER_ERROR) {
        size_t offset = parser->problem_offset;
        Place place = tree_place_at(r->tree, offset, 1);
        if (strstr(problem, "control characters"))
            return diagnose_error(r->diagnostics, place, "bad YAML: the control character \\x%02x",
                                  (unsigned)parser->problem_value);
        return diagnose_error(r->diagnostics, place, "bad YAML: the text is not UTF-8 (%s)",
                              problem);
    }
    const SourceFile *file = r->tree->file;
    size_t offset = offset_of(r, parser->problem_mark);
    Place place = tree_place_at(r->tree, offset, 1);
    if (offset < file->length && file->bytes[offset] == '\t')
        return diagnose_error(r->diagnostics, place,
                              "bad YAML: lines are indented with blanks, not with tabs");
    if (parser->context)
        diagnose_error(r->diagnostics, place, "bad YAML: %s: %s", parser->context, problem);
    else
        diagnose_error(r->diagnostics, place, "bad YAML: %s", problem);
    bool is_at_end = file->length - offset <= strspn(file->bytes + offset, " \n\r");
    if (is_at_end && parser->context)
        diagnose_note(r->diagnostics, tree_place_at(r->tree, offset_of(r, parser->context_mark), 1),
                      "what is not finished begins here");
    else if (is_long_key(r, offset, parser))
        diagnose_note(
            r->diagnostics, place,
            "a key of more than 1,024 bytes is written `? KEY`, and `: VALUE` on a line of "
            "its own");
    else if (looks_like_expression(r, offset, parser))
        diagnose_note(
            r->diagnostics, place,
            "an expression that begins with ` @ %% & ! *, holds `: `, or stands inside [ ] or "
            "{ } and has a comma or bracket goes in double quotes: y: \"`a/b` + 1\"");
    return false;
}

static bool has_wide_encoding(const SourceFile *file) {
    return file->length >= 2 &&
           (memcmp(file->bytes, "\xff\xfe", 2) == 0 || memcmp(file->bytes, "\xfe\xff", 2) == 0);
}

/* Feeds every event to the reader until the stream ends or something is wrong. */
static bool read_events(Reader *r, yaml_parser_t *parser) {
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) return report_parser_error(r, parser);
        bool is_end = event.type == YAML_STREAM_END_EVENT;
        bool fine = read_event(r, &event);
        yaml_event_delete(&event);
        if (!fine || is_end) return fine;
    }
}

Tree *tree_parse(Arena *arena, Diagnostics *diagnostics, const SourceFile *file) {
    if (has_wide_encoding(file)) {
        diagnose_error(diagnostics, (Place){.file = file}, "the file is UTF-16; save it as UTF-8");
        return NULL;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        diagnose_error(diagnostics, (Place){.file = file}, "out of memory");
        return NULL;
    }
    Tree *tree = arena_alloc(arena, sizeof *tree);
    tree->file = file;
    tree->index = tree_index_create(arena, file);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    size_t skipped = file->length >= 3 && memcmp(file->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    yaml_parser_set_input_string(
        &parser, (const unsigned char *)tree_replace_unknowns(arena, file) + skipped,
        file->length - skipped);
    Arena *scratch = arena_create();
    Reader *reader = arena_alloc(scratch, sizeof *reader);
    reader->arena = arena;
    reader->scratch = scratch;
    reader->diagnostics = diagnostics;
    reader->tree = tree;
    reader->anchors = map_create(scratch);
    bool fine = read_events(reader, &parser);
    yaml_parser_delete(&parser);
    arena_destroy(scratch);
    return fine ? tree : NULL;
}
