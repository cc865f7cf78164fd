/* import_constant.c: constants of the model: in place, as a node with a literal, or in the file of
 * weights. None is copied: the graph's constant is the mapped file. */
#include "graph/infer.h"
#include "graph/print.h"
#include "graph/print_names.h"
#include "import/import_internal.h"
#include "support/dtype.h"
#include <string.h>

bool import_is_literal(const ConstantData *data) {
    if (data->element_count > IMPORT_INLINE_ELEMENTS) return false;
    if (data->element_count == 0) return data->rank == 1;
    return dtype_is_bool(data->dtype) || dtype_is_integer(data->dtype) ||
           (dtype_bits(data->dtype) >= 16 && constant_is_finite(data));
}

void import_add_literal(Text *text, const ConstantData *data) {
    print_constant(text, data);
}

Value *import_constant_value(Importer *im, ImportValue *constant, const char **reason) {
    if (constant->value) return constant->value;
    Diagnostics *outer = im->model->diagnostics;
    im->model->diagnostics =
        diagnostics_create(im->arena); /* the reason is part of a longer list */
    const ConstantData *data = onnx_tensor_data(im->model, constant->tensor);
    const char *message = diagnostics_first_message(im->model->diagnostics);
    im->model->diagnostics = outer;
    if (!data) {
        *reason = message ? message : "a constant cannot be read";
        return NULL;
    }
    GraphNode *node = graph_add_node(im->graph, op_row(OP_CONSTANT), NULL, NULL, (Place){0});
    node->label = constant->name;
    node->constant = data;
    node->outputs[0]->name = constant->name;
    if (!infer_node(im->graph, node)) {
        *reason = arena_format(im->arena, "the constant `%s` is no value that a graph may have",
                               constant->name);
        return NULL;
    }
    return constant->value = node->outputs[0];
}

/* The tensor's name in the file of weights. */
static const char *add_weight(Importer *im, const ImportValue *constant) {
    ImportResult *result = im->result;
    const char *name = constant->name;
    for (unsigned long k = 1;
         map_find(&im->weight_names, name, strlen(name)) || strcmp(name, "__metadata__") == 0; k++)
        name = arena_format(im->arena, "%s_%lu", constant->name, k);
    map_set(&im->weight_names, name, im);
    size_t count = result->weight_count, capacity = im->weight_capacity;
    *ARENA_PUSH(im->arena, result->weights, count, capacity) = &constant->tensor->data;
    count = result->weight_count;
    capacity = im->weight_capacity;
    *ARENA_PUSH(im->arena, result->weight_names, count, capacity) = name;
    result->weight_count = count;
    im->weight_capacity = capacity;
    return name;
}

static bool is_written_as_literal(const ConstantData *data) {
    return data->element_count <= IMPORT_INLINE_ELEMENTS &&
           (!dtype_is_float8(data->dtype) || constant_is_finite(data));
}

bool import_write_constant(Importer *im, ImportValue *constant, const char **reason) {
    if (!import_constant_value(im, constant, reason)) return false;
    if (constant->is_written) return true;
    constant->is_written = true;
    ImportScope *scope = constant->scope;
    const ConstantData *data = &constant->tensor->data;
    constant->name = import_free_name(im, scope, constant->name, true);
    Declared *declared = arena_alloc(im->arena, sizeof *declared);
    declared->name = constant->name;
    declared->node = constant->value->node;
    declared->is_node_name = true;
    map_set(&scope->builder_scope->names, constant->name, declared);
    Text *text = scope->text;
    import_add_key(text, constant->name, scope->indent);
    text_add(text, " {op: constant, value: ");
    if (is_written_as_literal(data)) {
        print_constant(text, data);
        text_add_format(text, ", dtype: %s", dtype_name(data->dtype));
        if (data->element_count == 0) {
            text_add(text, ", shape: [");
            for (int i = 0; i < data->rank; i++)
                text_add_format(text, "%s%lld", i ? ", " : "", (long long)data->dims[i]);
            text_add_char(text, ']');
        }
    } else {
        text_add(text, "{file: ");
        print_scalar(text, im->weights);
        text_add(text, ", tensor: ");
        print_scalar(text, add_weight(im, constant));
        text_add_char(text, '}');
        if (!dtype_info(data->dtype)->safetensors_name)
            text_add_format(text, ", dtype: %s", dtype_name(data->dtype));
    }
    text_add(text, "}\n");
    return true;
}

/* ---- ONNX's Constant ---- */

/* Numbers of an attribute, as a tensor of the model. */
static OnnxTensor *tensor_of_numbers(Importer *im, tfcc_dtype dtype, const void *numbers,
                                     size_t count, bool is_list) {
    OnnxTensor *tensor = arena_alloc(im->arena, sizeof *tensor);
    size_t size = count * dtype_size(dtype);
    *tensor = (OnnxTensor){.dtype = dtype, .dtype_name = dtype_name(dtype)};
    tensor->data = (ConstantData){.dtype = dtype,
                                  .rank = is_list,
                                  .dims = {is_list ? (int64_t)count : 0},
                                  .element_count = (int64_t)count,
                                  .bytes = arena_copy(im->arena, numbers, size),
                                  .size = size};
    return tensor;
}

/* It holds its value in one of several attributes, and becomes a node only where it is not written
 * in place. */
bool import_constant(ImportNode *n) {
    static const char *const names[] = {"value",      "sparse_value", "value_int",
                                        "value_ints", "value_float",  "value_floats"};
    const OnnxAttribute *a = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !a; i++)
        if (import_has(n, names[i])) a = import_attribute(n, names[i]);
    if (!a) return import_refuse(n, "it has no value that a tensor of numbers can hold");
    OnnxTensor *tensor = a->tensor;
    if (a->kind == ONNX_INTEGER)
        tensor = tensor_of_numbers(n->importer, TFCC_INT64, &a->integer, 1, false);
    else if (a->kind == ONNX_FLOAT)
        tensor = tensor_of_numbers(n->importer, TFCC_FLOAT32, &a->number, 1, false);
    else if (a->kind == ONNX_INTEGERS)
        tensor = tensor_of_numbers(n->importer, TFCC_INT64, a->integers, a->count, true);
    else if (a->kind == ONNX_FLOATS)
        tensor = tensor_of_numbers(n->importer, TFCC_FLOAT32, a->numbers, a->count, true);
    if (tensor->problem) return import_refuse(n, "it cannot be used: %s", tensor->problem);
    if (import_is_wanted(n, 0))
        import_add_tensor(n->importer, n->scope, n->onnx->outputs[0], n->onnx->outputs[0], tensor);
    return true;
}
