/* header.c: the header of an object: what a C or C++ program needs to use the model.
 *
 * Everything it declares begins with the model's prefix. What is not known when compiling (a size,
 * a rank) has no macro.
 */
#include "native/module.h"
#include "support/dtype.h"
#include <ctype.h>
#include <string.h>

typedef struct HeaderWriter {
    Arena *arena;
    Text *text;
    const Graph *graph;
    const char *prefix;
    ModelIdentifiers *names;
} HeaderWriter;

/* A name of the user inside a comment: no end of comment, no control characters. */
static const char *comment_text(HeaderWriter *w, const char *name) {
    const char *escaped = escape_for_message(w->arena, name);
    char *copy = arena_copy_text(w->arena, escaped, strlen(escaped));
    for (char *p = copy; *p; p++)
        if ((p[0] == '*' && p[1] == '/') || (p[0] == '/' && p[1] == '*') || *p == '\\') *p = '_';
    return copy;
}

static const char *describe(HeaderWriter *w, const Type *type) {
    return comment_text(w, type_text(w->arena, type));
}

static const char *upper_case(HeaderWriter *w, const char *name) {
    char *copy = arena_copy_text(w->arena, name, strlen(name));
    for (char *p = copy; *p; p++) *p = (char)toupper((unsigned char)*p);
    return copy;
}

/* ---- sizes ---- */

/* NAME_X_RANK, NAME_X_DIM_k, NAME_X_SIZE (elements) and NAME_X_BYTES, as far as they are known. */
static void add_sizes(HeaderWriter *w, const char *identifier, const Type *type) {
    if (type->shape.runtime_rank) return;
    text_add_format(w->text, "#define %s_%s_RANK %d\n", w->prefix, identifier, type->shape.rank);
    for (int axis = 0; axis < type->shape.rank; axis++) {
        int64_t size;
        if (dim_is_constant(type->shape.dims[axis], &size))
            text_add_format(w->text, "#define %s_%s_DIM_%d INT64_C(%lld)\n", w->prefix, identifier,
                            axis, (long long)size);
    }
    if (!type_is_plain(type)) return;
    long long count = (long long)type_element_count(type);
    text_add_format(w->text, "#define %s_%s_SIZE INT64_C(%lld)\n", w->prefix, identifier, count);
}

static void add_handles(HeaderWriter *w) {
    const Graph *g = w->graph;
    Map sized = map_create(w->arena);
    for (size_t k = 0; k < g->feed_count; k++) {
        text_add_format(w->text, "/* feed `%s`: %s */\n", comment_text(w, g->feeds[k].name),
                        describe(w, &g->feeds[k].value->type));
        text_add_format(w->text, "extern const char %s_feed_%s[];\n", w->prefix,
                        w->names->feeds[k]);
        add_sizes(w, w->names->feeds[k], &g->feeds[k].value->type);
        map_set(&sized, w->names->feeds[k], g->feeds[k].value);
    }
    if (g->feed_count > 0) text_add_char(w->text, '\n');
    for (size_t k = 0; k < g->fetch_count; k++) {
        const Fetch *fetch = &g->fetches[k];
        text_add_format(w->text, "/* fetch `%s`: %s */\n", comment_text(w, fetch->name),
                        fetch->value ? describe(w, &fetch->value->type)
                                     : "a target, without a value");
        text_add_format(w->text, "extern const char %s_fetch_%s[];\n", w->prefix,
                        w->names->fetches[k]);
        if (fetch->value && !map_get(&sized, w->names->fetches[k])) {
            add_sizes(w, w->names->fetches[k], &fetch->value->type);
            map_set(&sized, w->names->fetches[k], fetch->value);
        }
    }
    if (g->fetch_count > 0) text_add_char(w->text, '\n');
}

/* ---- typed functions ---- */

static void add_parameter(HeaderWriter *w, const Type *type, const char *name, bool is_fetch) {
    const char *element = dtype_info(type->dtype) ? dtype_info(type->dtype)->c_type : "void";
    text_add_format(w->text, ",\n    %s%s *%s", is_fetch ? "" : "const ",
                    type_is_plain(type) ? element : "tfcc_tensor", name);
}

static void describe_parameters(HeaderWriter *w, size_t index) {
    const Graph *g = w->graph;
    const Signature *s = &g->signatures[index];
    text_add_format(w->text, "/* signature `%s`\n", comment_text(w, s->name));
    for (size_t k = 0; k < s->feed_count; k++)
        text_add_format(w->text, " *   feed   %s: %s\n", w->names->signature_feeds[index][k],
                        describe(w, &g->feeds[s->feeds[k]].value->type));
    for (size_t k = 0; k < s->fetch_count; k++)
        text_add_format(w->text, " *   fetch  %s: %s; NULL where it is not wanted\n",
                        w->names->signature_fetches[index][k],
                        describe(w, &g->fetches[s->fetches[k]].value->type));
    for (size_t k = 0; k < s->target_count; k++)
        text_add_format(w->text, " *   target `%s`\n",
                        comment_text(w, g->fetches[s->targets[k]].name));
    text_add(w->text, " */\n");
}

static void add_signatures(HeaderWriter *w) {
    const Graph *g = w->graph;
    for (size_t k = 0; k < g->signature_count; k++) {
        const Signature *s = &g->signatures[k];
        describe_parameters(w, k);
        text_add_format(w->text, "tfcc_status %s_signature_%s(tfcc_session *session", w->prefix,
                        w->names->signatures[k]);
        for (size_t j = 0; j < s->feed_count; j++)
            add_parameter(w, &g->feeds[s->feeds[j]].value->type, w->names->signature_feeds[k][j],
                          false);
        for (size_t j = 0; j < s->fetch_count; j++)
            add_parameter(w, &g->fetches[s->fetches[j]].value->type,
                          w->names->signature_fetches[k][j], true);
        text_add(w->text, ");\n\n");
    }
}

void native_header(const Compilation *c, Text *text) {
    HeaderWriter writer = {.arena = c->arena, .text = text, .graph = c->graph};
    HeaderWriter *w = &writer;
    w->prefix = model_prefix(c);
    w->names = model_identifiers(c->arena, c->graph);
    const char *guard = upper_case(w, w->prefix), *prefix = w->prefix;
    text_add_format(text,
                    "/* %s: a graph compiled by tfcc. Made from its description; do not edit. */\n",
                    comment_text(w, c->graph->name));
    text_add_format(text, "#ifndef TFCC_MODEL_%s_H\n#define TFCC_MODEL_%s_H\n\n", guard, guard);
    text_add(text, "#include <stdint.h>\n#include <tfcc/runtime.h>\n\n");
    text_add(text, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    text_add_format(text, "extern const tfcc_model %s_model;\n\n", prefix);
    text_add(text, "/* A run, the shape of a fetch, the bytes of a run: see tfcc_run, tfcc_shape, "
                   "tfcc_workspace. */\n");
    text_add_format(text,
                    "tfcc_status %s_run(tfcc_session *session, const tfcc_feed *feeds, "
                    "size_t feed_count,\n    tfcc_fetch *fetches, size_t fetch_count);\n",
                    prefix);
    text_add_format(text,
                    "tfcc_status %s_shape(tfcc_session *session, const tfcc_feed *feeds, "
                    "size_t feed_count,\n    const char *fetch, tfcc_extent *extent);\n",
                    prefix);
    text_add_format(text,
                    "tfcc_status %s_workspace(tfcc_session *session, const tfcc_feed *feeds, "
                    "size_t feed_count,\n    const tfcc_fetch *fetches, size_t fetch_count, "
                    "size_t *bytes, tfcc_bound *bound);\n\n",
                    prefix);
    if (c->graph->feed_count + c->graph->fetch_count > 0)
        text_add(text,
                 "/* Handles stand for names in tfcc_feed and tfcc_fetch and need no look-up. "
                 "*/\n\n");
    add_handles(w);
    add_signatures(w);
    text_add(text, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
