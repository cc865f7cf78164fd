/* sentence.c: what inference has to say, now as a diagnostic or later as the message of a run. */
#include "graph/rules.h"
#include "support/dtype.h"
#include <stdarg.h>
#include <string.h>

Sentence sentence_begin(InferContext *c) {
    return (Sentence){.now = {.arena = c->graph->arena}, .later = {.arena = c->graph->arena}};
}

/* A per cent sign of a name is no number to print. */
static void add_escaped(Text *text, const char *plain) {
    for (const char *at = plain; *at; at++) {
        if (*at == '%') text_add_char(text, '%');
        text_add_char(text, *at);
    }
}

static void add_plain(Sentence *s, const char *plain) {
    text_add(&s->now, plain);
    add_escaped(&s->later, plain);
}

void sentence_text(Sentence *s, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add_plain(s, arena_format_list(s->now.arena, format, arguments));
    va_end(arguments);
}

void sentence_dim(Sentence *s, Dim dim) {
    dim_print(&s->now, dim);
    if (dim->kind == DIM_CONSTANT || s->value_count == sizeof s->values / sizeof s->values[0] ||
        dim->kind == DIM_OVERFLOW) {
        Text text = {.arena = s->now.arena};
        dim_print(&text, dim);
        add_escaped(&s->later, text.bytes);
        return;
    }
    text_add_format(&s->later, s->value_count < 10 ? "%%%zu" : "%%{%zu}", s->value_count);
    s->values[s->value_count++] = dim;
}

void sentence_shape(Sentence *s, const Shape *shape) {
    if (!shape_has_rank(shape)) {
        add_plain(s, "[...]");
        return;
    }
    add_plain(s, "[");
    for (int i = 0; i < shape->rank; i++) {
        if (i) add_plain(s, ", ");
        sentence_dim(s, shape->dims[i]);
    }
    add_plain(s, "]");
}

static const char *parameter_of_input(const GraphNode *node, size_t index, size_t *position) {
    for (size_t p = 0; p < node->row->parameter_count; p++) {
        const Argument *a = &node->arguments[p];
        if (a->kind != ARGUMENT_INPUTS || index < a->first || index >= a->first + a->count)
            continue;
        *position = index - a->first;
        return node->row->parameters[p].name;
    }
    return "input";
}

const char *input_text(const InferContext *c, size_t index) {
    const Value *value = c->node->inputs[index];
    Arena *arena = c->graph->arena;
    if (value->name) return escape_for_message(arena, value->name);
    if (value->node->name && value->index == 0) return escape_for_message(arena, value->node->name);
    size_t position = 0;
    const char *parameter = parameter_of_input(c->node, index, &position);
    size_t last = 0;
    const char *next = parameter_of_input(c->node, index + 1, &last);
    bool is_list = position > 0 ||
                   (index + 1 < c->node->input_count && last > 0 && strcmp(next, parameter) == 0);
    return is_list ? arena_format(arena, "%s[%zu]", parameter, position)
                   : arena_format(arena, "'%s'", parameter);
}

void sentence_input(Sentence *s, const InferContext *c, size_t index) {
    sentence_text(s, "%s is ", input_text(c, index));
    sentence_shape(s, &c->node->inputs[index]->type.shape);
}

/* Where the named inputs come from, as far as the error's own line does not show it. */
static void note_inputs(const InferContext *c) {
    const GraphNode *node = c->node;
    int notes = 0;
    for (size_t i = 0; i < node->input_count && i < 16 && notes < 2; i++) {
        const Value *value = node->inputs[i];
        const GraphNode *from = value->node;
        bool repeated = false;
        for (size_t k = 0; k < i; k++) repeated |= node->inputs[k]->node == from;
        if (repeated || !from->name || !from->place.file || from->place.line == node->place.line)
            continue;
        Place place = from->name_place.file ? from->name_place : from->place;
        diagnose_note(c->graph->diagnostics, place, "%s is declared here, %s",
                      escape_for_message(c->graph->arena, from->name),
                      value->type.dtype == TFCC_NONE ? ""
                                                     : type_text(c->graph->arena, &value->type));
        notes++;
    }
}

/* What is wrong with a part of a composition is told of the op that the user wrote. */
static const char *composition_text(InferContext *c) {
    const OpRow *whole = c->node->part_of;
    return whole ? arena_format(c->graph->arena, "%s: ", whole->spelling) : "";
}

bool infer_error(InferContext *c, const Sentence *s) {
    diagnose_error(c->graph->diagnostics, c->node->place, "%s%s: %s", composition_text(c),
                   c->node->row->spelling, s->now.bytes);
    note_inputs(c);
    return false;
}

bool infer_error_text(InferContext *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_format_list(c->graph->arena, format, arguments);
    va_end(arguments);
    diagnose_error(c->graph->diagnostics, c->node->place, "%s%s: %s", composition_text(c),
                   c->node->row->spelling, text);
    note_inputs(c);
    return false;
}

bool infer_error_at(InferContext *c, size_t input, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_format_list(c->graph->arena, format, arguments);
    va_end(arguments);
    Place place = c->node->input_places[input].file ? c->node->input_places[input] : c->node->place;
    diagnose_error(c->graph->diagnostics, place, "%s%s: %s", composition_text(c),
                   c->node->row->spelling, text);
    note_inputs(c);
    return false;
}

bool infer_holds(Dim condition) {
    return dim_low(condition) > 0 && condition->kind != DIM_OVERFLOW;
}

bool infer_require(InferContext *c, Dim condition, const Sentence *s) {
    if (infer_holds(condition)) return true;
    if (dim_is(condition, 0) || condition->kind == DIM_OVERFLOW) return infer_error(c, s);
    GraphNode *node = c->node;
    for (size_t i = 0; i < node->requirement_count; i++)
        if (node->requirements[i].condition == condition) return true;
    Requirement *requirement = ARENA_PUSH(c->graph->arena, node->requirements,
                                          node->requirement_count, node->requirement_capacity);
    Text message = {.arena = c->graph->arena};
    text_add_format(&message, "%s '", node->row->spelling);
    add_escaped(&message, node->label);
    text_add_format(&message, "': ");
    text_add(&message, s->later.bytes);
    *requirement = (Requirement){.node = node,
                                 .condition = condition,
                                 .message = message.bytes,
                                 .value_count = s->value_count};
    memcpy(requirement->values, s->values, sizeof s->values);
    return true;
}
