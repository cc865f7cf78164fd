/* import_query.c: what a row's function may ask about its node. */
#include "import/import_internal.h"
#include "support/dtype.h"
#include "support/half.h"
#include <stdlib.h>
#include <string.h>

bool import_has(const ImportNode *n, const char *name) {
    const ImportBinding *binding = import_binding(n, name);
    return binding && binding->kind != BOUND_ABSENT;
}

static Value *value_of(const ImportNode *n, ImportValue *value) {
    const char *reason = NULL;
    if (!value) return NULL;
    if (!value->value && value->tensor) import_constant_value(n->importer, value, &reason);
    if (reason) import_refuse((ImportNode *)(uintptr_t)n, "%s", reason);
    return value->value;
}

Value *import_value(const ImportNode *n, const char *name) {
    const ImportBinding *binding = import_binding(n, name);
    return binding && binding->kind == BOUND_VALUE ? value_of(n, binding->value) : NULL;
}

size_t import_list(const ImportNode *n, const char *name, Value ***values) {
    const ImportBinding *binding = import_binding(n, name);
    *values = NULL;
    if (!binding || binding->kind != BOUND_LIST) return 0;
    *values = arena_alloc_array(n->importer->arena, binding->count, sizeof **values);
    for (size_t i = 0; i < binding->count; i++) (*values)[i] = value_of(n, binding->values[i]);
    return binding->count;
}

/* Of a list, its first value. */
static Value *any_value(const ImportNode *n, const char *name) {
    const ImportBinding *binding = import_binding(n, name);
    if (binding && binding->kind == BOUND_LIST && binding->count)
        return value_of(n, binding->values[0]);
    return import_value(n, name);
}

tfcc_dtype import_dtype(const ImportNode *n, const char *name) {
    const ImportBinding *binding = import_binding(n, name);
    if (binding && binding->kind == BOUND_TEXT) return dtype_from_name(binding->text);
    const Value *value = any_value(n, name);
    return value ? value->type.dtype : TFCC_NONE;
}

int import_rank(const ImportNode *n, const char *name) {
    const Value *value = any_value(n, name);
    return value && shape_has_rank(&value->type.shape) ? value->type.shape.rank : -1;
}

int64_t import_size(const ImportNode *n, const char *name, int axis) {
    const Value *value = any_value(n, name);
    int rank = import_rank(n, name);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return -1;
    Dim size = value->type.shape.dims[axis];
    return size->kind == DIM_CONSTANT ? size->constant : -1;
}

bool import_integers(const ImportNode *n, const char *name, const int64_t **numbers,
                     size_t *count) {
    const ImportBinding *binding = import_binding(n, name);
    if (!binding) return false;
    if (binding->kind == BOUND_TEXT) {
        const OnnxAttribute *a = binding->attribute;
        if (!a || (a->kind != ONNX_INTEGERS && a->kind != ONNX_INTEGER && a->count)) return false;
        *numbers = a->kind == ONNX_INTEGER ? &a->integer : a->integers;
        *count = a->kind == ONNX_INTEGER ? 1 : a->count;
        return true;
    }
    const Value *value = import_value(n, name);
    return value && value_known_integers(n->importer->arena, value, numbers, count);
}

static double element_as_double(const ConstantData *data, int64_t index) {
    return float_element_load(data->dtype,
                              (const char *)data->bytes + (size_t)index * dtype_size(data->dtype));
}

bool import_floats(const ImportNode *n, const char *name, const double **numbers, size_t *count) {
    const ImportBinding *binding = import_binding(n, name);
    if (!binding || binding->kind == BOUND_ABSENT || binding->kind == BOUND_LIST) return false;
    double *result;
    if (binding->kind == BOUND_TEXT) {
        const OnnxAttribute *a = binding->attribute;
        if (!a || (a->kind != ONNX_FLOATS && a->kind != ONNX_FLOAT)) return false;
        *count = a->kind == ONNX_FLOAT ? 1 : a->count;
        result = arena_alloc_array(n->importer->arena, *count, sizeof *result);
        for (size_t i = 0; i < *count; i++)
            result[i] = (double)(a->kind == ONNX_FLOAT ? a->number : a->numbers[i]);
        *numbers = result;
        return true;
    }
    const Value *value = import_value(n, name);
    if (!value || value->node->row->code != OP_CONSTANT || !dtype_is_float(value->type.dtype) ||
        dtype_bits(value->type.dtype) < 16 || value->node->constant->element_count > 1 << 16)
        return false;
    *count = (size_t)value->node->constant->element_count;
    result = arena_alloc_array(n->importer->arena, *count, sizeof *result);
    for (size_t i = 0; i < *count; i++)
        result[i] = element_as_double(value->node->constant, (int64_t)i);
    *numbers = result;
    return true;
}

int64_t import_integer(const ImportNode *n, const char *name, int64_t otherwise) {
    const int64_t *numbers;
    size_t count;
    if (import_integers(n, name, &numbers, &count)) return count ? numbers[0] : otherwise;
    const ImportBinding *binding = import_binding(n, name);
    if (binding && binding->kind == BOUND_TEXT) return strtoll(binding->text, NULL, 10);
    return otherwise;
}

double import_float(const ImportNode *n, const char *name, double otherwise) {
    const double *numbers;
    size_t count;
    if (import_floats(n, name, &numbers, &count)) return count ? numbers[0] : otherwise;
    const ImportBinding *binding = import_binding(n, name);
    if (binding && binding->kind == BOUND_TEXT) return strtod(binding->text, NULL);
    return otherwise;
}

bool import_bool(const ImportNode *n, const char *name) {
    const ImportBinding *binding = import_binding(n, name);
    return binding && binding->kind == BOUND_TEXT && strcmp(binding->text, "false") != 0;
}

const char *import_word(const ImportNode *n, const char *name) {
    const ImportBinding *binding = import_binding(n, name);
    if (!binding || binding->kind != BOUND_TEXT) return "";
    if (binding->attribute) return binding->attribute->text;
    size_t length = strlen(binding->text);
    return length < 2 ? "" : arena_copy_text(n->importer->arena, binding->text + 1, length - 2);
}

const OnnxNode *import_onnx(const ImportNode *n) {
    return n->onnx;
}

/* The attribute of the node; inside a function one may stand for an attribute of the call, which
 * may be absent. */
const OnnxAttribute *import_attribute(const ImportNode *n, const char *name) {
    for (size_t i = 0; i < n->onnx->attribute_count; i++) {
        const OnnxAttribute *a = &n->onnx->attributes[i];
        if (strcmp(a->name, name) != 0) continue;
        if (!a->reference) return a;
        return n->scope->attributes ? map_get(n->scope->attributes, a->reference) : NULL;
    }
    return NULL;
}

int64_t import_opset(const ImportNode *n) {
    return n->opset;
}

Arena *import_arena(const ImportNode *n) {
    return n->importer->arena;
}

bool import_is_wanted(const ImportNode *n, size_t output) {
    return output < n->onnx->output_count && *n->onnx->outputs[output];
}

const OnnxValueInfo *import_declared(const ImportNode *n, size_t output) {
    return import_is_wanted(n, output) ? map_get(&n->scope->declared, n->onnx->outputs[output])
                                       : NULL;
}
