/* onnx_layout.c: rows of ops that move data, as far as they depend on what is known of sizes. */
#include "import/import.h"

/* The product of sizes first … last - 1 of `input`, or -1. */
static int64_t known_product(const ImportNode *n, const char *input, int first, int last) {
    int64_t product = 1;
    for (int i = first; i < last; i++) {
        int64_t size = import_size(n, input, i);
        if (size < 0 || (size > 0 && product > INT32_MAX / size)) return -1;
        product *= size;
    }
    return product;
}

/* A matrix: the dimensions in front of `axis` become its rows. What is not known of one is left open
 * with -1, unless the other is 0. */
bool import_flatten(ImportNode *n) {
    int rank = import_rank(n, "input"), axis = (int)import_integer(n, "axis", 1);
    if (rank < 0) return import_refuse(n, "the rank of its input is not known");
    if (axis < -rank || axis > rank) return import_refuse(n, "its axis, %d, is out of range", axis);
    if (axis < 0) axis += rank;
    int64_t sizes[2] = {known_product(n, "input", 0, axis), known_product(n, "input", axis, rank)};
    if ((sizes[0] >= 0 && sizes[1] >= 0) || sizes[0] > 0 || sizes[1] > 0) {
        import_bind_integers(n, "sizes", sizes, 2);
        return import_write(n, "reshape(input, sizes)");
    }
    import_bind(n, "axis", "%d", axis);
    return import_write(
        n, "dims = shape(input);"
           "output = reshape(input, [reduce_prod(dims[:axis]), reduce_prod(dims[axis:])])");
}

/* ---- Range ---- */

/* Whether `limit` does not lie on the wrong side of `start`, as far as is known. */
static bool leads_to_limit(const ImportNode *n) {
    const Value *start = import_value(n, "start"), *limit = import_value(n, "limit");
    const int64_t *step;
    size_t count;
    if (!start || !limit || !start->elements || !limit->elements ||
        !import_integers(n, "delta", &step, &count) || count != 1)
        return false;
    return step[0] > 0 ? dim_high(start->elements[0]) <= dim_low(limit->elements[0])
                       : dim_low(start->elements[0]) >= dim_high(limit->elements[0]);
}

/* What leads away from its limit is empty for ONNX, and a failure for TensorFlow. Vectors of one are
 * seen in place of scalars. */
bool import_range(ImportNode *n) {
    if (leads_to_limit(n))
        return import_write(n, "range(scalar(start), scalar(limit), scalar(delta))");
    return import_write(
        n, "end = where(equal(scalar(limit) < scalar(start), scalar(delta) > 0), scalar(start), "
           "scalar(limit)); output = range(scalar(start), end, scalar(delta))");
}

/* ---- Pad ---- */

/* `paddings`, in pairs, of pads that are known. Negative ones cut off: the name of what is left to
 * be padded. */
static const char *pad_literally(ImportNode *n, const int64_t *pads, size_t count) {
    Arena *arena = import_arena(n);
    int64_t *begin = arena_alloc_array(arena, count + 1, sizeof *begin),
            *end = arena_alloc_array(arena, count + 1, sizeof *end);
    Text text = {.arena = arena};
    bool cuts = false;
    text_add_char(&text, '[');
    for (size_t i = 0; i < count / 2; i++) {
        int64_t before = pads[i], after = pads[count / 2 + i];
        cuts |= before < 0 || after < 0;
        begin[i] = before < 0 ? -before : 0;
        end[i] = after < 0 ? after : INT32_MAX;
        text_add_format(&text, "%s[%lld, %lld]", i ? ", " : "",
                        (long long)(before < 0 ? 0 : before), (long long)(after < 0 ? 0 : after));
    }
    text_add_char(&text, ']');
    import_bind(n, "paddings", "%s", text.bytes);
    if (!cuts) return "data";
    import_bind_integers(n, "begin", begin, count / 2);
    import_bind_integers(n, "end", end, count / 2);
    import_write(n, "rest = strided_slice(data, begin, end, axes=axes)");
    return "rest";
}

/* ONNX has all that comes in front, then all that comes behind; here they stand in pairs. */
bool import_pad(ImportNode *n) {
    const char *what = "data", *filler = "{, constant_values=constant_value}";
    const int64_t *pads;
    size_t count;
    if (!import_has(n, "axes")) import_bind_absent(n, "axes"); /* op sets before 18 have none */
    if (import_has(n, "value")) filler = "{value != 0 ? , constant_values=value}";
    if (import_rank(n, "constant_value") > 0)
        filler = ", constant_values=reshape(constant_value, [])";
    if (!import_integers(n, "pads", &pads, &count))
        import_write(n, "paddings = transpose(reshape(pads, [2, -1]))");
    else if (count % 2 != 0)
        return import_refuse(n, "its pads are no pairs");
    else
        what = pad_literally(n, pads, count);
    return import_write(n, arena_format(import_arena(n),
                                        "pad(%s, paddings{mode != 'constant' ? , mode=mode}%s"
                                        "{, axes=axes})",
                                        what, filler));
}
