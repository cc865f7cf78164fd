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
    if (!import_integers(n, "shape", &sizes, &count)) {
        if (import_size(n, "shape", 0) >= 0)
            return import_write(n, "reshape(data, shape{not allowzero ? , allowzero=false})");
        return bind_declared_shape(n, 0, "shape", "the length of its shape is not known") &&
               import_write(n, "reshape(data, shape)");
    }
    int64_t *copied = arena_alloc_array(import_arena(n), count + 1, sizeof *copied);
    bool are_known = true;
    for (size_t i = 0; i < count; i++) {
        bool copies = sizes[i] == 0 && !import_bool(n, "allowzero");
        copied[i] = copies ? import_size(n, "data", (int)i) : sizes[i];
        are_known &= !copies || copied[i] >= 0;
    }
    if (!are_known) return import_write(n, "reshape(data, shape, allowzero=false)");
    import_bind_integers(n, "sizes", copied, count);
    return import_write(n, "reshape(data, sizes)");
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
    if (size < 0 && import_has(n, "num_outputs"))
        return import_write(
            n,
            "part = (shape(input)[axis] + parts - 1) // parts;"
            "outputs = split(input, concat([fill([parts - 1], part), [-1]], axis=0), axis=axis)");
    return import_write(n, "outputs = split(input, parts, axis=axis)");
}
