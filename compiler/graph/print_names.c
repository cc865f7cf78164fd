/* print_names.c: names and literals of a dump. */
#include "graph/print_names.h"

#include "support/dtype.h"
#include "support/half.h"
#include <math.h>
#include <string.h>
#include <strings.h>

/* ---- Names ---- */

static const char *unique(Map *taken, Arena *arena, const char *wanted) {
    const char *name = wanted;
    for (int suffix = 1; map_find(taken, name, strlen(name)); suffix++)
        name = arena_format(arena, "%s_%d", wanted, suffix);
    map_set(taken, name, (void *)wanted);
    return name;
}

/* Inside a branch the label begins with the cond's and the branch's names, which reading back puts
 * there again. */
static const char *name_in_branch(const GraphNode *node) {
    const GraphNode *cond = node->guard->cond;
    if (!cond) return node->label;
    size_t length = strlen(cond->label);
    const char *branch = node->guard->wanted ? "/then/" : "/else/";
    if (strncmp(node->label, cond->label, length) != 0) return node->label;
    if (strncmp(node->label + length, branch, 6) != 0 || !node->label[length + 6])
        return node->label;
    return node->label + length + 6;
}

void print_choose_names(GraphPrinter *p) {
    const Graph *graph = p->graph;
    Map taken = map_create(p->arena);
    p->names = arena_alloc_array(p->arena, graph->node_count + 1, sizeof *p->names);
    for (size_t i = 0; i < graph->node_count; i++) {
        graph->nodes[i]->mark = (uint32_t)i;
        if (!graph->nodes[i]->name) continue;
        p->names[i] = graph->nodes[i]->name;
        map_set(&taken, graph->nodes[i]->name, graph->nodes[i]);
    }
    /* Names under which something is fetched stay free for it. */
    for (size_t i = 0; i < graph->fetch_count; i++)
        map_set(&taken, graph->fetches[i].name, graph->nodes);
    for (size_t i = 0; i < graph->node_count; i++) {
        const GraphNode *node = graph->nodes[i];
        if (!p->names[i])
            p->names[i] =
                unique(&taken, p->arena, node->guard ? name_in_branch(node) : node->label);
    }
}

/* What YAML and the language read as something else than a name. */
static bool is_plain(const char *text) {
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "none", "inf", "nan"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) return false;
    bool is_first = true;
    for (const char *at = text; *at; at++, is_first = false) {
        bool is_letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_';
        bool is_inner = (*at >= '0' && *at <= '9') || *at == '.';
        if (!is_letter && *at != '/' && (is_first || !is_inner)) return false;
    }
    return !is_first;
}

void print_scalar(Text *out, const char *text) {
    if (is_plain(text)) {
        text_add(out, text);
        return;
    }
    text_add_char(out, '"');
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\')
            text_add_format(out, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            text_add_format(out, "\\x%02x", byte);
        else
            text_add_char(out, (char)byte);
    }
    text_add_char(out, '"');
}

void print_value_name(GraphPrinter *p, const Value *value) {
    const char *name = p->names[value->node->mark];
    if (value->index > 0)
        name = value->name ? value->name : arena_format(p->arena, "%s:%d", name, value->index);
    print_scalar(p->out, name);
}

/* ---- Literals ---- */

static double float_element(const ConstantData *data, int64_t index) {
    const char *at = (const char *)data->bytes + (size_t)index * dtype_size(data->dtype);
    return float_element_load(data->dtype, at);
}

bool constant_is_finite(const ConstantData *data) {
    for (int64_t i = 0; dtype_is_float(data->dtype) && i < data->element_count; i++)
        if (!isfinite(float_element(data, i))) return false;
    return true;
}

static void print_element(Text *out, const ConstantData *data, int64_t index) {
    size_t size = dtype_size(data->dtype);
    const char *at = (const char *)data->bytes + (size_t)index * size;
    if (dtype_is_float(data->dtype)) {
        double number = float_element(data, index);
        if (isnan(number))
            text_add(out, ".nan");
        else if (isinf(number))
            text_add(out, number < 0 ? "-.inf" : ".inf");
        else
            text_add_double(out, number, data->dtype != TFCC_FLOAT64);
        return;
    }
    uint64_t bits = 0;
    memcpy(&bits, at, size); /* little-endian */
    if (dtype_is_bool(data->dtype)) {
        text_add(out, bits ? "true" : "false");
    } else if (dtype_is_signed(data->dtype)) {
        int shift = 64 - 8 * (int)size;
        text_add_format(out, "%lld", (long long)((int64_t)(bits << shift) >> shift));
    } else {
        text_add_format(out, "%llu", (unsigned long long)bits);
    }
}

bool constant_is_uniform(const ConstantData *data) {
    size_t size = dtype_size(data->dtype);
    const char *first = data->bytes;
    for (int64_t i = 1; i < data->element_count; i++)
        if (memcmp(first, first + (size_t)i * size, size) != 0) return false;
    return data->element_count > 1;
}

/* position[] counts through the dimensions; a bracket opens and closes with each one that begins
 * and ends. */
void print_constant(Text *out, const ConstantData *data) {
    if (data->element_count == 0) {
        text_add(out, data->rank ? "[]" : "0");
        return;
    }
    int64_t position[MAX_RANK] = {0};
    for (int d = 0; d < data->rank; d++) text_add_char(out, '[');
    for (int64_t i = 0; i < data->element_count; i++) {
        print_element(out, data, i);
        int closed = 0;
        for (int d = data->rank - 1; d >= 0 && ++position[d] == data->dims[d]; d--, closed++)
            position[d] = 0;
        for (int k = 0; k < closed; k++) text_add_char(out, ']');
        if (i + 1 == data->element_count) break;
        text_add(out, ", ");
        for (int k = 0; k < closed; k++) text_add_char(out, '[');
    }
}

void print_first_element(Text *out, const ConstantData *data) {
    print_element(out, data, 0);
}
