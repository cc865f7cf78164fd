/* onnx_shapes.c: the ops that take apart, join and reshape, where ONNX's form needs more than an
 * expression. */
#include "import/import.h"

#include <string.h>

/* Before op set 15 there is no start and no end. */
bool import_shape(ImportNode *n) {
    int64_t start = import_integer(n, "start", 0), end = import_integer(n, "end", INT64_MAX);
    if (start == 0 && !import_has(n, "end")) return import_write(n, "shape(data, out_type=int64)");
    int rank = import_rank(n, "data");
    if (rank < 0) return import_refuse(n, "start and end need an input whose rank is known");
    if (start < 0) start += rank;
    if (end < 0) end += rank;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    import_bind(n, "from", "%lld", (long long)start);
    import_bind(n, "to", "%lld", (long long)end);
    return import_write(n, "sizes = shape(data, out_type=int64); shape = sizes[from:to]");
}

/* The shape that the model declares for an output whose rank its inputs do not tell; false after a refusal. */
static bool bind_declared_shape(ImportNode *n, size_t output, const char *name, const char *why) {
    const OnnxValueInfo *declared = import_declared(n, output);
    if (!declared || !declared->has_shape || declared->rank > MAX_RANK)
        return import_refuse(n, "%s", why);
    int unknown = 0;
    int64_t sizes[MAX_RANK];
    for (int i = 0; i < declared->rank; i++) {
        sizes[i] = declared->sizes[i].size;
        unknown += sizes[i] < 0;
    }
    if (unknown > 1) return import_refuse(n, "%s", why);
    import_bind_integers(n, name, sizes, (size_t)declared->rank);
    return true;
}

/* A 0 in the shape copies the input's size, unless allowzero says that it is one. */
bool import_reshape(ImportNode *n) {
    const int64_t *sizes;
    size_t count;
    bool is_known = import_integers(n, "shape", &sizes, &count);
    if (!is_known && import_size(n, "shape", 0) < 0 &&
        !bind_declared_shape(n, 0, "shape", "the length of its shape is not known"))
        return false;
    if (import_bool(n, "allowzero") ||
        (!is_known && import_has(n, "shape") && import_value(n, "shape") == NULL))
        return import_write(n, "reshape(data, shape)");
    if (!is_known) {
        int64_t length = import_size(n, "shape", 0);
        int rank = import_rank(n, "data");
        if (rank < 0)
            return import_refuse(n, "a shape that is computed needs an input whose rank is known");
        /* As many of the input's sizes as the shape is long, and no more than there are. */
        import_bind(n, "length", "%lld", (long long)length);
        import_bind(n, "padding", "%lld", (long long)(length > rank ? length - rank : 0));
        return import_write(
            n, length > rank
                   ? "sizes = concat([shape(data, out_type=int64), zeros([padding], dtype=int64)], "
                     "axis=0);"
                     "wanted = where(shape == 0, sizes, shape); reshaped = reshape(data, wanted)"
                   : "sizes = shape(data, out_type=int64)[:length];"
                     "wanted = where(shape == 0, sizes, shape); reshaped = reshape(data, wanted)");
    }
    bool has_zero = false;
    for (size_t i = 0; i < count; i++) has_zero |= sizes[i] == 0;
    if (!has_zero) return import_write(n, "reshape(data, shape)");
    Text text = {.arena = import_arena(n)};
    int rank = import_rank(n, "data");
    text_add_char(&text, '[');
    for (size_t i = 0; i < count; i++) {
        int64_t size = sizes[i];
        if (size == 0) {
            if (rank >= 0 && (int)i >= rank)
                return import_refuse(
                    n, "size %zu of its shape is 0, and its input has only %d dimensions", i, rank);
            size = import_size(n, "data", (int)i);
        }
        text_add(&text, i ? ", " : "");
        if (sizes[i] == 0 && size < 0)
            text_add_format(&text, "shape(data)[%zu]", i);
        else
            text_add_format(&text, "%lld", (long long)size);
    }
    text_add_char(&text, ']');
    return import_write(n, arena_format(import_arena(n), "reshape(data, %s)", text.bytes));
}

/* Equal parts but for the last, or parts of given sizes. */
bool import_split(ImportNode *n) {
    if (import_has(n, "split")) {
        const int64_t *sizes;
        size_t count, outputs = import_onnx(n)->output_count;
        if (import_integers(n, "split", &sizes, &count) && count != outputs)
            return import_refuse(n, "it has %zu outputs, and %zu sizes", outputs, count);
        return import_write(n, "outputs = split(input, split, axis=axis)");
    }
    int64_t parts = import_integer(n, "num_outputs", (int64_t)import_onnx(n)->output_count);
    if (parts < 1 || parts != (int64_t)import_onnx(n)->output_count)
        return import_refuse(n, "it has %zu outputs, and num_outputs is %lld",
                             import_onnx(n)->output_count, (long long)parts);
    int64_t size = import_size(n, "input", (int)import_integer(n, "axis", 0));
    if (size >= 0 && size % parts != 0) {
        int64_t part = (size + parts - 1) / parts;
        int64_t *sizes = arena_alloc_array(import_arena(n), (size_t)parts, sizeof *sizes);
        for (int64_t i = 0; i < parts; i++) {
            int64_t left = size - i * part;
            sizes[i] = left < 0 ? 0 : left < part ? left : part;
        }
        import_bind_integers(n, "sizes", sizes, (size_t)parts);
        return import_write(n, "outputs = split(input, sizes, axis=axis)");
    }
    import_bind(n, "parts", "%lld", (long long)parts);
    return import_write(n, "outputs = split(input, parts, axis=axis)");
}
