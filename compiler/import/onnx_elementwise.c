/* onnx_elementwise.c: casts, arithmetic of several inputs, and that of the first op sets. */
#include "import/import_internal.h"

#include "support/dtype.h"
#include <string.h>

/* 8-bit floats saturate where the node says so, and 4-bit integers always, as in ONNX's reference. */
static const char *saturation(ImportNode *n, tfcc_dtype to) {
    bool saturates = dtype_is_4_bit(to) || (dtype_is_float8(to) && import_bool(n, "saturate"));
    return saturates ? ", saturate=true" : "";
}

bool import_cast(ImportNode *n) {
    const char *how = saturation(n, import_dtype(n, "to"));
    return import_write(n, arena_format(import_arena(n), "cast(input, to%s)", how));
}

bool import_cast_like(ImportNode *n) {
    return import_write(n, arena_format(import_arena(n), "cast_like(input, target_type%s)",
                                        saturation(n, import_dtype(n, "target_type"))));
}

/* A vector is a matrix of one row or column. */
bool import_matmul_integer(ImportNode *n) {
    bool is_row = import_rank(n, "A") == 1, is_column = import_rank(n, "B") == 1;
    import_alias(n, "left", "A");
    import_alias(n, "right", "B");
    return (!is_row || import_write(n, "left = expand_dims(A, 0)")) &&
           (!is_column || import_write(n, "right = expand_dims(B, 1)")) &&
           import_write(n, "product = matmul_integer(left, right, a_zero_point=a_zero_point, "
                           "b_zero_point=b_zero_point)") &&
           import_write(n, is_row && is_column ? "Y = reshape(product, [])"
                           : is_row            ? "Y = squeeze(product, [-2])"
                           : is_column         ? "Y = squeeze(product, [-1])"
                                               : "Y = product");
}

/* Before op set 7 the second input is stretched only where `broadcast` says so, from the axis given
 * on. */
static bool broadcast_old(ImportNode *n, const char *expression) {
    if (import_has(n, "axis") && import_bool(n, "broadcast")) {
        int rank = import_rank(n, "A"), part = import_rank(n, "B");
        if (rank < 0 || part < 0)
            return import_refuse(n, "it stretches an input whose rank is not known");
        int64_t axis = import_integer(n, "axis", 0);
        if (axis < 0) axis += rank;
        if (axis < 0 || axis + part > rank) return import_refuse(n, "its axis is out of range");
        Text text = {.arena = import_arena(n)};
        text_add(&text, "stretched = B[");
        for (int i = 0; i < part; i++) text_add(&text, i ? ", :" : ":");
        for (int64_t i = axis + part; i < rank; i++)
            text_add(&text, part || i > axis ? ", None" : "None");
        text_add_char(&text, ']');
        if (axis + part < rank) {
            if (!import_write(n, text.bytes)) return false;
            import_bind_absent(n, "B");
            return import_write(n, arena_format(import_arena(n), expression, "stretched"));
        }
    }
    return import_write(n, arena_format(import_arena(n), expression, "B"));
}

bool import_add(ImportNode *n) {
    return broadcast_old(n, "A + %s");
}
bool import_subtract(ImportNode *n) {
    return broadcast_old(n, "A - %s");
}
bool import_multiply(ImportNode *n) {
    return broadcast_old(n, "A * %s");
}
bool import_divide(ImportNode *n) {
    return broadcast_old(n,
                         dtype_is_integer(import_dtype(n, "A")) ? "truncatediv(A, %s)" : "A / %s");
}

#define OLD_OPERATOR(NAME, EXPRESSION)                                                             \
    bool import_##NAME(ImportNode *n) {                                                            \
        return broadcast_old(n, EXPRESSION);                                                       \
    }
OLD_OPERATOR(power, "A ** %s")
OLD_OPERATOR(and, "A & %s")
OLD_OPERATOR(or, "A | %s")
OLD_OPERATOR(xor, "A ^ %s")
OLD_OPERATOR(equal, "A == %s")
OLD_OPERATOR(less, "A < %s")
OLD_OPERATOR(greater, "A > %s")

/* Powers have the dtype of the base; both are computed in the float one of the two. */
bool import_power_of_any(ImportNode *n) {
    tfcc_dtype base = import_dtype(n, "A"), exponent = import_dtype(n, "B");
    if (base == exponent) return import_write(n, "A ** B");
    if (dtype_is_float(base) || !dtype_is_float(exponent))
        return import_write(n, "A ** cast(B, dtype(A))");
    return import_write(n, "cast(cast(A, dtype(B)) ** B, dtype(A))");
}

/* Input k of a list under a name of its own, `item0`, `item1`, … */
static size_t bind_items(ImportNode *n, const char *list) {
    const ImportBinding *inputs = import_binding(n, list);
    for (size_t k = 0; k < inputs->count; k++)
        import_add_binding(n, arena_format(import_arena(n), "item%zu", k),
                           (ImportBinding){.kind = BOUND_VALUE, .value = inputs->values[k]});
    return inputs->count;
}

/* item0 + item1 + … */
static const char *sum_of_items(ImportNode *n, size_t count) {
    Text text = {.arena = import_arena(n)};
    for (size_t k = 0; k < count; k++) text_add_format(&text, "%sitem%zu", k ? " + " : "", k);
    return text.bytes;
}

/* op(op(item0, item1), item2) … */
static bool chain(ImportNode *n, const char *op) {
    size_t count = bind_items(n, "inputs");
    const char *text = "item0";
    if (count == 0) return import_refuse(n, "it has no input");
    for (size_t k = 1; k < count; k++)
        text = arena_format(import_arena(n), "%s(%s, item%zu)", op, text, k);
    return import_write(n, text);
}

bool import_max(ImportNode *n) {
    return chain(n, "maximum");
}

bool import_min(ImportNode *n) {
    return chain(n, "minimum");
}

bool import_sum(ImportNode *n) {
    size_t count = bind_items(n, "inputs");
    return count ? import_write(n, sum_of_items(n, count)) : import_refuse(n, "it has no input");
}

bool import_mean(ImportNode *n) {
    size_t count = bind_items(n, "inputs");
    if (count < 2) return chain(n, "");
    return import_write(n,
                        arena_format(import_arena(n), "(%s) / %zu", sum_of_items(n, count), count));
}

/* Shifts by the width and more leave nothing; here they would count as the width - 1. */
bool import_bit_shift(ImportNode *n) {
    const char *direction = import_word(n, "direction");
    if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
        return import_refuse(n, "its direction is '%s'; ONNX has LEFT and RIGHT", direction);
    import_bind(n, "width", "%d", dtype_bits(import_dtype(n, "X")));
    return import_write(n, strcmp(direction, "LEFT") == 0 ? "where(Y < width, X << Y, 0)"
                                                          : "where(Y < width, X >> Y, 0)");
}
