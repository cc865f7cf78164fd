/* layer.c: the frame around layers: their arguments, variables and result. */
#include "source/layer.h"

#include "source/files.h"
#include <stdarg.h>
#include <string.h>

typedef struct LayerRow {
    bool (*build)(Layer *layer);
    const char *variables; /* separated by blanks */
} LayerRow;

static const LayerRow rows[OP_COUNT] = {
#define OP(code, spelling, effects, shape, lowering, gradient, signature, meaning)
#define ALIAS(spelling, code)
#define EXPANSION(code, name)
#define LAYER(code, name, variables) [OP_##code] = {layer_##name, variables},
#include "graph/ops.def"
#undef OP
#undef ALIAS
#undef EXPANSION
#undef LAYER
};

bool layer_error(Layer *layer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *sentence = arena_format_list(layer->builder->arena, format, arguments);
    va_end(arguments);
    return diagnose_error(layer->builder->diagnostics, layer->place, "%s: %s",
                          layer->node->row->spelling, sentence);
}

/* ---- names ---- */

bool is_layer(const OpRow *row) {
    return rows[row->code].build != NULL;
}

/* Names of one layer, NAME/kernel, …, where they are not taken. `layer` makes their nodes when one is
 * asked for; NULL: they are being made. */
static void declare_variables(Builder *b, const OpRow *row, const char *name, Declared *layer,
                              Place place) {
    const char *variables = rows[row->code].variables;
    while (*variables) {
        size_t length = strcspn(variables, " ");
        const char *full = arena_format(b->arena, "%s/%.*s", name, (int)length, variables);
        bool added;
        MapEntry *entry = map_insert(&b->scope->names, full, strlen(full), &added);
        /* A node of that name is the user's; what the layer makes is then reported. */
        if (added) {
            Declared *declared = entry->value = arena_alloc(b->arena, sizeof *declared);
            declared->name = entry->key;
            declared->place = place;
            declared->layer = layer;
        }
        variables += length + (variables[length] == ' ');
    }
}

/* The op that a node begins with, before anything else is known of it: `op: dense`, `dense(…)`. */
static const OpRow *leading_op(Builder *b, const TreeNode *yaml) {
    TreeNode op = yaml->kind == TREE_MAPPING ? tree_get(yaml, "op") : *yaml;
    if (op.kind != TREE_SCALAR) return NULL;
    const char *text = tree_text(b->arena, &op);
    text += strspn(text, " \n\t");
    return op_find(arena_copy_text(b->arena, text, strcspn(text, " (\n\t")));
}

void declare_layer_variables(Builder *b, Declared *layer) {
    const OpRow *row = leading_op(b, &layer->yaml);
    if (!row || !is_layer(row)) return;
    declare_variables(b, row, layer->name, layer, layer->place);
}

/* ---- values of variables ---- */

static Value *stored_value(Layer *layer, const FileValue *file, const char *text) {
    Builder *b = layer->builder;
    ConstantData *data = arena_alloc(b->arena, sizeof *data);
    if (!file_read_tensor(b->c, file, data)) return NULL;
    data->origin = file_value_text(b->arena, file);
    Value *value = add_constant(b, data, NOT_WEAK, NULL, layer->place)->outputs[0];
    composer_bind(layer->composer, "stored", value);
    return compose(layer->composer, "%s", text);
}

/* The first of the forms that the file has; the last one names what is missing. */
static Value *value_from_file(Layer *layer, const StoredForm *forms) {
    Builder *b = layer->builder;
    FileValue file;
    if (!read_file_mapping(b, &layer->weights->yaml, &file)) return NULL;
    const char *prefix = file.tensor;
    for (const StoredForm *form = forms; form->name; form++)
        for (const char *separator = "/."; *separator; separator++) {
            file.tensor = !prefix
                              ? form->name
                              : arena_format(b->arena, "%s%c%s", prefix, *separator, form->name);
            if (file_has_tensor(b->c, &file)) return stored_value(layer, &file, form->text);
        }
    file.tensor = prefix ? arena_format(b->arena, "%s/%s", prefix, forms->name) : forms->name;
    ConstantData data;
    file_read_tensor(b->c, &file, &data); /* which says so */
    return NULL;
}

static bool name_taken(Layer *layer, const char *name) {
    Declared *declared = scope_find(layer->builder, name);
    diagnose_error(layer->builder->diagnostics, layer->place,
                   "%s: its variable `%s` has the name of a node", layer->node->row->spelling,
                   name);
    if (declared) note_declared(layer->builder, declared);
    return false;
}

bool layer_variable(Layer *layer, const char *variable, const StoredForm *forms, const char *sizes,
                    const char *initial) {
    Builder *b = layer->builder;
    const char *name = arena_format(b->arena, "%s/%s", layer->name, variable);
    Declared *declared = scope_find(b, name);
    if (!declared || declared->node) return name_taken(layer, name);
    GraphNode *node = declared->node =
        graph_add_node(b->graph, op_row(OP_VARIABLE), declared->name, NULL, layer->place);
    node->name_place = layer->place;
    node->outputs[0]->name = declared->name;
    graph_add_variable(b->graph, declared->name, node);
    node->arguments[op_parameter(node->row, "value")].place = layer->place;
    b->draw_count = 0;
    GraphNode *owner = b->owner;
    b->owner = node; /* whose name seeds what is random */
    node->variable->initial =
        layer->weights ? value_from_file(layer, forms) : compose(layer->composer, "%s", initial);
    if (layer->weights) node->variable->sizes = compose(layer->composer, "%s", sizes);
    b->owner = owner;
    composer_bind(layer->composer, variable, node->outputs[0]);
    return node->variable->initial != NULL;
}

static bool layer_node(Layer *layer, OpCode code, const char *name, const char *text) {
    Builder *b = layer->builder;
    Declared *declared = scope_find(b, arena_format(b->arena, "%s/%s", layer->name, name));
    if (declared->node) return name_taken(layer, declared->name);
    GraphNode *node = declared->node =
        graph_add_node(b->graph, op_row(code), declared->name, NULL, layer->place);
    node->name_place = layer->place;
    if (node->output_count > 0) node->outputs[0]->name = declared->name;
    return compose_into(layer->composer, node, text);
}

bool layer_target(Layer *layer, const char *name, const char *text) {
    return layer_node(layer, OP_GROUP, name, text);
}

bool layer_value(Layer *layer, const char *name, const char *text) {
    return layer_node(layer, OP_IDENTITY, name, text);
}

const char *layer_initializer(Layer *layer, const char *attribute, const char *sizes) {
    Arena *arena = layer->builder->arena;
    const char *word = node_attribute_word(layer->node, attribute);
    if (strcmp(word, "uniform") == 0)
        return arena_format(arena, "random_uniform(%s, -0.05, 0.05, dtype=dtype)", sizes);
    const OpRow *row = op_find(word);
    bool fits = row && op_parameter(row, "shape") == 0 && op_parameter(row, "dtype") > 0;
    if (fits) return arena_format(arena, "%s(%s, dtype=dtype)", word, sizes);
    layer_error(layer, "there is no initializer `%s`; there are zeros, ones, glorot_uniform, …",
                word);
    return NULL;
}

const char *layer_activation(Layer *layer, const char *text) {
    const char *word = node_attribute_word(layer->node, "activation");
    if (!word || strcmp(word, "linear") == 0) return text;
    const OpRow *row = op_find(word);
    bool fits = row && row->parameter_count > 0 && row->parameters[0].kind == PARAMETER_TENSOR;
    for (size_t p = 1; fits && p < row->parameter_count; p++)
        fits = row->parameters[p].is_optional || row->parameters[p].text;
    if (fits) return arena_format(layer->builder->arena, "%s(%s)", word, text);
    layer_error(layer, "there is no activation `%s`; it is an op of one tensor, as relu", word);
    return NULL;
}

bool layer_result(Layer *layer, const char *text) {
    if (!text) return false;
    change_row(layer->builder, layer->node, op_row(OP_IDENTITY));
    return compose_into(layer->composer, layer->node, text);
}

/* ---- building ---- */

/* A layer inside an expression is called after the node it is a part of, y/dense, y/dense_1, …: the
 * first whose variables' names are free. */
static const char *part_name(Builder *b, const OpRow *row) {
    const char *variables = rows[row->code].variables;
    const char *name = arena_format(b->arena, "%s/%s", b->owner->label, row->spelling);
    for (size_t k = 1;; k++) {
        const char *first =
            arena_format(b->arena, "%s/%.*s", name, (int)strcspn(variables, " "), variables);
        if (!map_get(&b->scope->names, first)) return name;
        name = arena_format(b->arena, "%s/%s_%zu", b->owner->label, row->spelling, k);
    }
}

GraphNode *build_layer(Builder *b, const Call *call, GraphNode *target) {
    if (b->scope->cond || !b->owner) {
        diagnose_error(b->diagnostics, call->place,
                       "%s brings variables, so it stands at the top level of the graph, not in a "
                       "branch",
                       call->row->spelling);
        return NULL;
    }
    Bound *bound = bind_arguments(b, call);
    if (!bound) return NULL;
    GraphNode *node = begin_node(b, call->row, target, call->place);
    Layer layer = {.builder = b, .node = node, .name = node->name, .place = call->place};
    if (!node->name) {
        layer.name = part_name(b, call->row);
        declare_variables(b, call->row, layer.name, NULL, call->place);
    }
    bool fine = true;
    for (size_t p = 0; p < call->row->parameter_count; p++) {
        if (call->row->parameters[p].kind == PARAMETER_VALUE)
            layer.weights = bound[p].value;
        else
            fine &= fill_parameter(b, call, node, p, &bound[p]);
    }
    if (layer.weights &&
        (layer.weights->kind != EXPRESSION_YAML || layer.weights->yaml.kind != TREE_MAPPING))
        fine = diagnose_error(b->diagnostics, layer.weights->place,
                              "`weights` is {file: …, tensor: …} or {checkpoint: …, tensor: …}");
    if (!fine) return NULL;
    layer.composer = composer_create_in(b, node);
    return rows[call->row->code].build(&layer) ? node : NULL;
}
