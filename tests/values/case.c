/* case.c: reading tensors of value cases, and comparing them. */
#include "case.h"

#include <math.h>
#include <string.h>
#include "kernels/scalar_evaluate.h"
#include "support/dtype.h"

/* ---- reading ---- */

static bool read_element(const TreeNode *scalar, CaseTensor *tensor, int64_t at) {
    if (scalar->kind != TREE_SCALAR || at >= tensor->count) return false;
    Number number = tree_resolve(scalar);
    tfcc_dtype dtype = tensor->dtype;
    uint64_t bits;
    if (number.kind == NUMBER_BOOL) {
        bits = bits_from_integer(dtype, number.boolean);
    } else if (number.kind == NUMBER_INTEGER && !dtype_is_float(dtype)) {
        bits = bits_from_integer(dtype, (int64_t)(uint64_t)number.integer);
    } else if (number.kind == NUMBER_INTEGER) {
        bits = bits_from_double(dtype, (double)number.integer);
    } else if (number.kind == NUMBER_FLOAT && dtype_is_float(dtype)) {
        bits = bits_from_double(dtype, number.real);
    } else {
        return false;
    }
    bits_store(dtype, tensor->bytes, at, bits);
    return true;
}

static bool read_elements(const Tree *tree, const TreeNode *node, CaseTensor *tensor, int64_t *next) {
    if (node->kind != TREE_SEQUENCE) return read_element(node, tensor, (*next)++);
    for (size_t k = 0; k < node->length; k++) {
        TreeNode item = tree_item(tree, node, k);
        if (!read_elements(tree, &item, tensor, next)) return false;
    }
    return true;
}

bool case_read_tensor(Arena *arena, const Tree *tree, const TreeNode *value, const TreeNode *shape, tfcc_dtype dtype,
                      CaseTensor *tensor) {
    *tensor = (CaseTensor){.dtype = dtype, .count = 1};
    if (shape->kind == TREE_SEQUENCE) {
        for (size_t k = 0; k < shape->length && k < TFCC_MAX_RANK; k++) {
            TreeNode size = tree_item(tree, shape, k);
            tensor->dims[tensor->rank++] = (int64_t)tree_resolve(&size).integer;
        }
    } else {
        TreeNode node = *value;
        while (node.kind == TREE_SEQUENCE && tensor->rank < TFCC_MAX_RANK) {
            tensor->dims[tensor->rank++] = (int64_t)node.length;
            if (node.length == 0) break;
            node = tree_item(tree, &node, 0);
        }
    }
    for (int k = 0; k < tensor->rank; k++) tensor->count *= tensor->dims[k];
    tensor->bytes = arena_alloc(arena, (size_t)tensor->count * dtype_size(dtype) + 8);
    int64_t next = 0;
    return read_elements(tree, value, tensor, &next) && next == tensor->count;
}

/* ---- comparing ---- */

static double number_of(const TreeNode *mapping, const char *key, double otherwise) {
    TreeNode node = mapping->kind == TREE_MAPPING ? tree_get(mapping, key) : (TreeNode){0};
    if (node.kind != TREE_SCALAR) return otherwise;
    Number number = tree_resolve(&node);
    return number.kind == NUMBER_FLOAT ? number.real : number.kind == NUMBER_INTEGER ? (double)number.integer : otherwise;
}

CaseTolerance case_tolerance(const TreeNode *test, const TreeNode *run) {
    CaseTolerance tolerance;
    tolerance.relative = number_of(run, "tolerance", number_of(test, "tolerance", 0));
    tolerance.ulps = number_of(run, "ulps", number_of(test, "ulps", -1));
    TreeNode sign = tree_get(test, "signed_zero");
    tolerance.signed_zero = sign.kind == TREE_SCALAR && tree_is(&sign, "true");
    return tolerance;
}

static double ulp_of(tfcc_dtype dtype, double number) {
    int digits = dtype == TFCC_FLOAT64 ? 53 : dtype == TFCC_FLOAT32 ? 24 : dtype == TFCC_FLOAT16 ? 11 : 8;
    int lowest = dtype == TFCC_FLOAT64 ? -1074 : dtype == TFCC_FLOAT32 ? -149 : dtype == TFCC_FLOAT16 ? -24 : -133;
    int exponent;
    frexp(number, &exponent);
    return ldexp(1.0, exponent - digits < lowest ? lowest : exponent - digits);
}

static bool same_number(tfcc_dtype dtype, double expected, double actual, CaseTolerance tolerance) {
    if (isnan(expected) || isnan(actual)) return isnan(expected) && isnan(actual);
    if (isinf(expected) || isinf(actual) || expected == actual)
        return expected == actual && (!tolerance.signed_zero || expected != 0 || signbit(expected) == signbit(actual));
    double error = fabs(expected - actual);
    if (tolerance.ulps >= 0 && error > tolerance.ulps * ulp_of(dtype, expected)) return false;
    return error <= tolerance.relative * fmax(1, fabs(expected));
}

static const char *position_text(Arena *arena, const CaseTensor *tensor, int64_t at) {
    char text[256] = "";
    int64_t place[TFCC_MAX_RANK] = {0};
    for (int k = tensor->rank; k-- > 0;) {
        place[k] = at % tensor->dims[k];
        at /= tensor->dims[k];
    }
    size_t length = 0;
    for (int k = 0; k < tensor->rank; k++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%lld", k ? ", " : "", (long long)place[k]);
    return arena_format(arena, "[%s]", text);
}

const char *case_compare(Arena *arena, const CaseTensor *expected, const CaseTensor *actual, CaseTolerance tolerance) {
    if (expected->dtype != actual->dtype)
        return arena_format(arena, "is %s instead of %s", dtype_name(actual->dtype), dtype_name(expected->dtype));
    bool same_shape = expected->rank == actual->rank;
    for (int k = 0; same_shape && k < expected->rank; k++) same_shape = expected->dims[k] == actual->dims[k];
    if (!same_shape) {
        Text text = {.arena = arena};
        text_add(&text, "has shape [");
        for (int k = 0; k < actual->rank; k++) text_add_format(&text, " %lld", (long long)actual->dims[k]);
        text_add(&text, " ] instead of [");
        for (int k = 0; k < expected->rank; k++) text_add_format(&text, " %lld", (long long)expected->dims[k]);
        text_add(&text, " ]");
        return text.bytes;
    }
    for (int64_t k = 0; k < expected->count; k++) {
        uint64_t wanted = bits_load(expected->dtype, expected->bytes, k), got = bits_load(actual->dtype, actual->bytes, k);
        if (wanted == got) continue;
        if (!dtype_is_float(expected->dtype)) {
            return arena_format(arena, "%s is %lld instead of %lld", position_text(arena, expected, k),
                                (long long)bits_to_integer(actual->dtype, got), (long long)bits_to_integer(expected->dtype, wanted));
        }
        double a = bits_to_double(expected->dtype, wanted), b = bits_to_double(actual->dtype, got);
        if (!same_number(expected->dtype, a, b, tolerance))
            return arena_format(arena, "%s is %.17g instead of %.17g", position_text(arena, expected, k), b, a);
    }
    return NULL;
}

/* ---- statistics ---- */

static bool read_range(const Tree *tree, const TreeNode *wanted, const char *key, double *low, double *high) {
    TreeNode range = tree_get(wanted, key);
    if (range.kind != TREE_SEQUENCE || range.length != 2) return false;
    TreeNode first = tree_item(tree, &range, 0), second = tree_item(tree, &range, 1);
    Number a = tree_resolve(&first), b = tree_resolve(&second);
    *low = a.kind == NUMBER_INTEGER ? (double)a.integer : a.real;
    *high = b.kind == NUMBER_INTEGER ? (double)b.integer : b.real;
    return true;
}

const char *case_check_statistics(Arena *arena, const Tree *tree, const TreeNode *wanted, const CaseTensor *actual) {
    TreeNode dtype = tree_get(wanted, "dtype"), shape = tree_get(wanted, "shape");
    if (dtype.kind == TREE_SCALAR && !tree_is(&dtype, dtype_name(actual->dtype)))
        return arena_format(arena, "is %s", dtype_name(actual->dtype));
    if (shape.kind == TREE_SEQUENCE) {
        if ((int)shape.length != actual->rank) return arena_format(arena, "has rank %d", actual->rank);
        for (int k = 0; k < actual->rank; k++) {
            TreeNode size = tree_item(tree, &shape, (size_t)k);
            if ((int64_t)tree_resolve(&size).integer != actual->dims[k]) return "has another shape";
        }
    }
    double sum = 0, squares = 0, smallest = INFINITY, largest = -INFINITY, low, high;
    bool is_float = dtype_is_float(actual->dtype);
    for (int64_t k = 0; k < actual->count; k++) {
        uint64_t bits = bits_load(actual->dtype, actual->bytes, k);
        double number = is_float ? bits_to_double(actual->dtype, bits) : (double)bits_to_integer(actual->dtype, bits);
        sum += number;
        squares += number * number;
        smallest = fmin(smallest, number);
        largest = fmax(largest, number);
    }
    double mean = sum / (double)actual->count, deviation = sqrt(fmax(0, squares / (double)actual->count - mean * mean));
    if (read_range(tree, wanted, "mean", &low, &high) && !(mean >= low && mean <= high))
        return arena_format(arena, "has mean %g, not in [%g, %g]", mean, low, high);
    if (read_range(tree, wanted, "std", &low, &high) && !(deviation >= low && deviation <= high))
        return arena_format(arena, "has deviation %g, not in [%g, %g]", deviation, low, high);
    if (actual->count > 0 && smallest < number_of(wanted, "min", -INFINITY)) return arena_format(arena, "reaches down to %.17g", smallest);
    if (actual->count > 0 && largest > number_of(wanted, "max", INFINITY)) return arena_format(arena, "reaches up to %.17g", largest);
    return NULL;
}
