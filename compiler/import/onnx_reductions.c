/* onnx_reductions.c: reductions, whose axes are an attribute or an input, and softmax of old. */
#include "import/import.h"
#include "support/dtype.h"

/* The reduction of an expression over data. An empty list of axes means all of them, or (where the
 * node says so) none, and then nothing at all is done. */
static bool reduce(ImportNode *n, const char *op, const char *what) {
    const int64_t *axes;
    size_t count;
    bool is_empty =
        import_integers(n, "axes", &axes, &count) ? count == 0 : import_size(n, "axes", 0) == 0;
    if (is_empty) import_bind_absent(n, "axes");
    if (!import_has(n, "axes") && import_bool(n, "noop_with_empty_axes"))
        return import_write(n, "data");
    return import_write(
        n, arena_format(import_arena(n), op,
                        arena_format(import_arena(n),
                                     "(%s{, axis=axes}{keepdims ? , keepdims=true})", what)));
}

/* Whether anything or all of it is true are the extremes of bools. */
bool import_reduce_max(ImportNode *n) {
    return reduce(n, import_dtype(n, "data") == TFCC_BOOL ? "reduce_any%s" : "reduce_max%s",
                  "data");
}
bool import_reduce_min(ImportNode *n) {
    return reduce(n, import_dtype(n, "data") == TFCC_BOOL ? "reduce_all%s" : "reduce_min%s",
                  "data");
}
bool import_reduce_mean(ImportNode *n) {
    return reduce(n, "reduce_mean%s", "data");
}
bool import_reduce_sum(ImportNode *n) {
    return reduce(n, "reduce_sum%s", "data");
}
bool import_reduce_prod(ImportNode *n) {
    return reduce(n, "reduce_prod%s", "data");
}
bool import_reduce_l1(ImportNode *n) {
    return reduce(n, "reduce_sum%s",
                  dtype_is_unsigned(import_dtype(n, "data")) ? "data" : "abs(data)");
}
bool import_reduce_sum_square(ImportNode *n) {
    return reduce(n, "reduce_sum%s", "square(data)");
}

/* Functions of floats; integers are computed in float64. */
bool import_reduce_l2(ImportNode *n) {
    if (dtype_is_integer(import_dtype(n, "data")))
        return reduce(n, "cast(sqrt(reduce_sum%s), dtype(data))", "square(cast(data, float64))");
    return reduce(n, "sqrt(reduce_sum%s)", "square(data)");
}
bool import_reduce_log_sum(ImportNode *n) {
    if (dtype_is_integer(import_dtype(n, "data")))
        return reduce(n, "cast(log(reduce_sum%s), dtype(data))", "cast(data, float64)");
    return reduce(n, "log(reduce_sum%s)", "data");
}
bool import_reduce_log_sum_exp(ImportNode *n) {
    if (dtype_is_integer(import_dtype(n, "data")))
        return reduce(n, "cast(reduce_logsumexp%s, dtype(data))", "cast(data, float64)");
    return reduce(n, "reduce_logsumexp%s", "data");
}

/* Before op set 13 everything from the axis on counts as one dimension. */
static bool along_rows(ImportNode *n, const char *op) {
    int rank = import_rank(n, "input");
    int64_t axis = import_integer(n, "axis", 1);
    if (rank < 0) return import_refuse(n, "before op set 13 it needs an input whose rank is known");
    if (axis < 0) axis += rank;
    if (axis == rank - 1) return import_write(n, arena_format(import_arena(n), "%s(input)", op));
    import_bind(n, "from", "%lld", (long long)axis);
    return import_write(
        n, arena_format(
               import_arena(n),
               "sizes = shape(input);"
               "rows = reshape(input, [reduce_prod(sizes[:from]), reduce_prod(sizes[from:])]);"
               "output = reshape(%s(rows), sizes)",
               op));
}

bool import_softmax_flattened(ImportNode *n) {
    return along_rows(n, "softmax");
}
bool import_log_softmax_flattened(ImportNode *n) {
    return along_rows(n, "log_softmax");
}
bool import_hardmax_flattened(ImportNode *n) {
    return along_rows(n, "hardmax");
}
