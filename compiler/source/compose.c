/* compose.c: texts with bound names to inferred nodes.
 *
 * The text is parsed as any expression; then every bound name gives way to what it stands for, and
 * every place to the owner's, so that the builder of the graph language does the rest. The builder
 * makes a node before its inputs; inference needs the opposite order, which a walk over the new
 * nodes restores.
 */
#include "source/compose.h"

#include "graph/infer.h"
#include "source/build_internal.h"
#include "source/tree_place.h"
#include "support/dtype.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct Binding {
    Expression *expression; /* NULL: absent */
    Value *value;           /* of a name that stands for one value */
    bool is_broken;         /* what it should stand for could not be made */
} Binding;

struct Composer {
    Graph *graph;
    const GraphNode *owner;
    Place place;
    Map bindings; /* name -> Binding */
    Builder *builder;
    bool is_inferred; /* new nodes are; not so while the source is read */
    bool is_broken;   /* the text being composed uses a broken name */
};

/* ---- what names stand for ---- */

static Expression *expression_of_kind(Composer *c, ExpressionKind kind) {
    Expression *expression = arena_alloc(c->graph->arena, sizeof *expression);
    expression->kind = kind;
    expression->place = c->place;
    return expression;
}

static Expression *expression_of_number(Composer *c, Number number) {
    Expression *expression = expression_of_kind(c, EXPRESSION_NUMBER);
    expression->number = number;
    return expression;
}

static Expression *expression_of_integer(Composer *c, int64_t number) {
    return expression_of_number(c, (Number){.kind = NUMBER_INTEGER, .integer = number});
}

static Expression *expression_of_float(Composer *c, double number) {
    return expression_of_number(c, (Number){.kind = NUMBER_FLOAT, .real = number});
}

static Expression *expression_of_text(Composer *c, ExpressionKind kind, const char *text) {
    Expression *expression = expression_of_kind(c, kind);
    expression->text = text;
    return expression;
}

static Expression *expression_of_value(Composer *c, Value *value) {
    Expression *expression = expression_of_kind(c, EXPRESSION_VALUE);
    expression->value = value;
    return expression;
}

static Expression *expression_of_list(Composer *c, size_t count) {
    Expression *list = expression_of_kind(c, EXPRESSION_LIST);
    list->item_count = list->item_capacity = count;
    list->items = arena_alloc_array(c->graph->arena, count ? count : 1, sizeof *list->items);
    return list;
}

static Expression *expression_of_size(Composer *c, const ShapeEntry *entry) {
    if (entry->name) return expression_of_text(c, EXPRESSION_NAME, entry->name);
    if (entry->size >= 0) return expression_of_integer(c, entry->size);
    return expression_of_number(c, (Number){.kind = NUMBER_NULL});
}

static void bind(Composer *c, const char *name, Binding binding) {
    Binding *kept = arena_copy(c->graph->arena, &binding, sizeof binding);
    map_set(&c->bindings, arena_copy_text(c->graph->arena, name, strlen(name)), kept);
}

void composer_bind(Composer *c, const char *name, Value *value) {
    bind(c, name, (Binding){value ? expression_of_value(c, value) : NULL, value, false});
}

void composer_bind_list(Composer *c, const char *name, Value *const *values, size_t count) {
    Expression *list = expression_of_list(c, count);
    for (size_t i = 0; i < count; i++) list->items[i] = expression_of_value(c, values[i]);
    bind(c, name, (Binding){.expression = list});
}

void composer_bind_integer(Composer *c, const char *name, int64_t number) {
    bind(c, name, (Binding){.expression = expression_of_integer(c, number)});
}

void composer_bind_integers(Composer *c, const char *name, const int64_t *numbers, size_t count) {
    Expression *list = expression_of_list(c, count);
    for (size_t i = 0; i < count; i++) list->items[i] = expression_of_integer(c, numbers[i]);
    bind(c, name, (Binding){.expression = list});
}

void composer_bind_number(Composer *c, const char *name, double number) {
    bind(c, name, (Binding){.expression = expression_of_float(c, number)});
}

void composer_bind_bool(Composer *c, const char *name, bool truth) {
    Number number = {.kind = NUMBER_BOOL, .boolean = truth};
    bind(c, name, (Binding){.expression = expression_of_number(c, number)});
}

void composer_bind_word(Composer *c, const char *name, const char *word) {
    bind(c, name, (Binding){.expression = expression_of_text(c, EXPRESSION_STRING, word)});
}

void composer_bind_dtype(Composer *c, const char *name, tfcc_dtype dtype) {
    composer_bind_word(c, name, dtype_name(dtype));
}

void composer_bind_argument(Composer *c, const char *name, const Argument *argument) {
    switch (argument->kind) {
    case ARGUMENT_ABSENT:
    case ARGUMENT_INPUTS: bind(c, name, (Binding){0}); return;
    case ARGUMENT_BOOL: composer_bind_bool(c, name, argument->as.boolean); return;
    case ARGUMENT_INTEGER: composer_bind_integer(c, name, argument->as.integer); return;
    case ARGUMENT_FLOAT: composer_bind_number(c, name, argument->as.number); return;
    case ARGUMENT_DTYPE: composer_bind_dtype(c, name, argument->as.dtype); return;
    case ARGUMENT_WORD: composer_bind_word(c, name, argument->as.word); return;
    case ARGUMENT_INTEGERS:
        composer_bind_integers(c, name, argument->as.integers, argument->count);
        return;
    case ARGUMENT_FLOATS:
    case ARGUMENT_SHAPE:
    case ARGUMENT_WORD_OR_INTEGERS: break;
    }
    Expression *list = expression_of_list(c, argument->count);
    for (size_t i = 0; i < argument->count; i++)
        list->items[i] = argument->kind == ARGUMENT_FLOATS
                             ? expression_of_float(c, argument->as.numbers[i])
                             : expression_of_size(c, &argument->as.sizes[i]);
    bind(c, name, (Binding){.expression = list});
}

static void bind_parameters(Composer *c, const GraphNode *node) {
    for (size_t p = 0; p < node->row->parameter_count; p++) {
        const Parameter *parameter = &node->row->parameters[p];
        const Argument *argument = &node->arguments[p];
        if (parameter->kind == PARAMETER_VARIABLE && node->variable)
            composer_bind(c, parameter->name, node->variable->node->outputs[0]);
        else if (argument->kind != ARGUMENT_INPUTS)
            composer_bind_argument(c, parameter->name, argument);
        else if (parameter->kind == PARAMETER_TENSOR_LIST)
            composer_bind_list(c, parameter->name, node->inputs + argument->first, argument->count);
        else
            composer_bind(c, parameter->name, node->inputs[argument->first]);
    }
}

bool composer_has(const Composer *c, const char *name) {
    const Binding *binding = map_get(&c->bindings, name);
    return binding && (binding->expression || binding->is_broken);
}

static Composer *create(Graph *graph, const GraphNode *owner, Builder *builder) {
    Composer *c = arena_alloc(graph->arena, sizeof *c);
    c->graph = graph;
    c->owner = owner;
    c->builder = builder;
    c->bindings = map_create(graph->arena);
    if (owner) c->place = owner->place;
    if (owner) bind_parameters(c, owner);
    return c;
}

Composer *composer_create_in(Builder *builder, const GraphNode *owner) {
    return create(builder->graph, owner, builder);
}

Composer *composer_create(Graph *graph, const GraphNode *owner) {
    Builder *b = arena_alloc(graph->arena, sizeof *b);
    b->arena = graph->arena;
    b->diagnostics = graph->diagnostics;
    b->graph = graph;
    b->bound_dims = map_create(graph->arena);
    b->scope = scope_create(b, NULL);
    Composer *c = create(graph, owner, b);
    c->is_inferred = true;
    return c;
}

void composer_set_place(Composer *c, Place place) {
    c->place = place;
}

/* ---- names in a text ---- */

/* `name:k`, or the name itself. */
static const Binding *find_binding(Composer *c, const char *name, size_t *output) {
    *output = 0;
    const Binding *binding = map_get(&c->bindings, name);
    const char *colon = strrchr(name, ':');
    if (binding || !colon) return binding;
    for (const char *digit = colon + 1; *digit; digit++)
        *output = *output * 10 + (size_t)(*digit - '0');
    return map_get(&c->bindings, arena_copy_text(c->graph->arena, name, (size_t)(colon - name)));
}

static Expression *substitute(Composer *c, Expression *expression);

static Expression *substitute_name(Composer *c, Expression *name) {
    size_t output;
    const Binding *binding = find_binding(c, name->text, &output);
    if (!binding) return name; /* a word */
    c->is_broken |= binding->is_broken;
    if (output == 0 || !binding->value) return binding->expression;
    Value *value = graph_output(c->graph, binding->value->node, output);
    assert(value && "a composition asks for an output that the node does not have");
    return expression_of_value(c, value);
}

/* Absent arguments are left out. */
static void substitute_arguments(Composer *c, Expression *call) {
    size_t kept = 0;
    for (size_t i = 0; i < call->item_count; i++) {
        Expression *item = substitute(c, call->items[i]);
        if (!item) continue;
        call->items[kept] = item;
        call->keywords[kept] = call->keywords[i];
        call->keyword_places[kept++] = c->place;
    }
    call->item_count = kept;
}

static Expression *substitute(Composer *c, Expression *expression) {
    if (!expression) return NULL;
    expression->place = expression->name_place = c->place;
    if (expression->kind == EXPRESSION_NAME) return substitute_name(c, expression);
    if (expression->kind == EXPRESSION_CALL) {
        substitute_arguments(c, expression);
        return expression;
    }
    for (size_t i = 0; i < expression->item_count; i++) {
        Expression *item = substitute(c, expression->items[i]);
        bool may_lack = expression->kind == EXPRESSION_SLICE || c->is_broken;
        assert((item || may_lack) && "an absent name stands only for a whole argument");
        (void)may_lack;
        expression->items[i] = item;
    }
    return expression;
}

/* The text as an expression with nothing bound left in it; NULL where it uses a broken name. */
static Expression *parse(Composer *c, const char *text) {
    Arena *arena = c->graph->arena;
    SourceFile *file = arena_alloc(arena, sizeof *file);
    *file = (SourceFile){.path = "composition", .bytes = text, .length = strlen(text)};
    Tree *tree = arena_alloc(arena, sizeof *tree);
    tree->file = file;
    tree->index = tree_index_create(arena, file);
    TreeNode scalar = {.kind = TREE_SCALAR,
                       .length = (uint32_t)file->length,
                       .source_length = (uint32_t)file->length,
                       .is_verbatim = true,
                       .as.text = text};
    if (!c->builder->tree) c->builder->tree = tree; /* some tree, for the builder's messages */
    Expression *expression = expression_parse(arena, c->graph->diagnostics, tree, &scalar);
    assert(expression && "a composition's text is an expression");
    c->is_broken = false;
    expression = substitute(c, expression);
    return c->is_broken ? NULL : expression;
}

/* ---- inference ---- */

/* Appends the node behind those of the new ones that it needs; `done` is by id from `first_id` on.
 */
static bool settle(Composer *c, GraphNode *node, uint32_t first_id, uint32_t end_id, bool *done) {
    if (node->id < first_id || node->id >= end_id || done[node->id - first_id]) return true;
    done[node->id - first_id] = true;
    bool fine = true;
    node->part_of = c->owner ? c->owner->row : NULL;
    for (size_t i = 0; i < node->input_count; i++)
        fine &= settle(c, node->inputs[i]->node, first_id, end_id, done);
    Graph *graph = c->graph;
    fine = fine && infer_node(graph, node);
    *ARENA_PUSH(graph->arena, graph->nodes, graph->node_count, graph->node_capacity) = node;
    return fine;
}

/* Infers the nodes from `first` on, which the builder has made. */
static bool settle_nodes(Composer *c, size_t first, uint32_t first_id) {
    if (!c->is_inferred) return true;
    Graph *graph = c->graph;
    settle_masks(c->builder);
    c->builder->late_count = 0;
    size_t count = graph->node_count - first;
    uint32_t end_id = graph->next_id;
    GraphNode **made = arena_copy(graph->arena, graph->nodes + first, count * sizeof(GraphNode *));
    bool *done = arena_alloc_array(graph->arena, end_id - first_id + 1, sizeof *done);
    graph->node_count = first;
    bool fine = true;
    for (size_t i = 0; i < count; i++) fine &= settle(c, made[i], first_id, end_id, done);
    return fine;
}

/* ---- texts ---- */

static Value *compose_text(Composer *c, const char *text) {
    Expression *expression = parse(c, text);
    if (!expression) return NULL;
    size_t first = c->graph->node_count, errors = diagnostics_error_count(c->graph->diagnostics);
    uint32_t first_id = c->graph->next_id;
    if (c->is_inferred) c->builder->owner = (GraphNode *)(uintptr_t)c->owner;
    Value *value = evaluate_value(c->builder, expression);
    if (diagnostics_error_count(c->graph->diagnostics) > errors) return NULL;
    return settle_nodes(c, first, first_id) ? value : NULL;
}

static const char *format_text(Composer *c, const char *format, va_list arguments) {
    va_list copy;
    va_copy(copy, arguments);
    int length = vsnprintf(NULL, 0, format, copy);
    va_end(copy);
    char *text = arena_alloc(c->graph->arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

Value *compose(Composer *c, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = format_text(c, format, arguments);
    va_end(arguments);
    return compose_text(c, text);
}

Value *compose_let(Composer *c, const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *text = format_text(c, format, arguments);
    va_end(arguments);
    Value *value = compose_text(c, text);
    bind(c, name,
         (Binding){value ? expression_of_value(c, value) : NULL, value, .is_broken = !value});
    return value;
}

GraphNode *compose_node(Composer *c, const char *name, const char *text) {
    Graph *graph = c->graph;
    Expression *expression = parse(c, text);
    if (!expression) {
        bind(c, name, (Binding){.is_broken = true});
        return NULL;
    }
    const OpRow *row = op_row(OP_IDENTITY);
    if (expression->kind == EXPRESSION_CALL && !(row = op_find(expression->text)))
        assert(0 && "a composition calls an op that is in the table");
    size_t first = graph->node_count, errors = diagnostics_error_count(graph->diagnostics);
    uint32_t first_id = graph->next_id;
    GraphNode *node = graph_add_node(graph, row, name, NULL, c->place);
    c->builder->owner = node;
    c->builder->draw_count = 0;
    fill_expression(c->builder, expression, node);
    bool fine =
        diagnostics_error_count(graph->diagnostics) == errors && settle_nodes(c, first, first_id);
    Value *value = fine && node->output_count ? node->outputs[0] : NULL;
    if (value) value->name = node->name;
    bind(c, name,
         (Binding){value ? expression_of_value(c, value) : NULL, value, .is_broken = !fine});
    return fine ? node : NULL;
}

bool compose_into(Composer *c, GraphNode *target, const char *text) {
    Expression *expression = parse(c, text);
    if (!expression) return false;
    size_t errors = diagnostics_error_count(c->graph->diagnostics);
    fill_expression(c->builder, expression, target);
    return diagnostics_error_count(c->graph->diagnostics) == errors;
}
