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

/* ---- Axes ---- */

/* The axes as literals, or a refusal. */
static bool known_axes(ImportNode *n, const int64_t **axes, size_t *count) {
    return import_integers(n, "axes", axes, count) ||
           import_refuse(n, "its axes are computed in a run, and have to be known");
}

bool import_squeeze(ImportNode *n) {
    const int64_t *axes;
    size_t count;
    if (import_has(n, "axes") && !import_integers(n, "axes", &axes, &count)) {
        if (!bind_declared_shape(
                n, 0, "sizes",
                "its axes are computed in a run, and its output's shape is not declared"))
            return false;
        return import_write(n, "reshape(data, sizes)");
    }
    return import_write(n, "squeeze(data, axis=axes)");
}

/* Axes count in the result. */
bool import_unsqueeze(ImportNode *n) {
    const int64_t *axes;
    size_t count;
    if (!import_integers(n, "axes", &axes, &count)) {
        if (!bind_declared_shape(
                n, 0, "sizes",
                "its axes are computed in a run, and its output's shape is not declared"))
            return false;
        return import_write(n, "reshape(data, sizes)");
    }
    if (count == 1) {
        import_bind(n, "axis", "%lld", (long long)axes[0]);
        return import_write(n, "expand_dims(data, axis)");
    }
    int rank = import_rank(n, "data");
    if (rank < 0) return import_refuse(n, "several axes need an input whose rank is known");
    unsigned marked = 0;
    int64_t total = rank + (int64_t)count;
    if (total > MAX_RANK)
        return import_refuse(n, "its result has %lld dimensions, and at most %d are possible",
                             (long long)total, MAX_RANK);
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + total : axes[i];
        if (axis < 0 || axis >= total || (marked & 1u << axis))
            return import_refuse(n, "its axis %lld is out of range, or there twice",
                                 (long long)axes[i]);
        marked |= 1u << axis;
    }
    if (count == 0) return import_write(n, "data");
    Text text = {.arena = import_arena(n)};
    text_add(&text, "data[");
    for (int i = 0; i < total; i++)
        text_add_format(&text, "%s%s", i ? ", " : "", marked & 1u << i ? "None" : ":");
    text_add_char(&text, ']');
    return import_write(n, text.bytes);
}

/* ---- Slices ---- */

static void add_bound(Text *text, const char *name, size_t index, const int64_t *numbers) {
    if (numbers)
        text_add_format(text, "%lld", (long long)numbers[index]);
    else
        text_add_format(text, "%s[%zu]", name, index);
}

/* `data[a:b:c, …]` over the axes that are named. */
bool import_slice(ImportNode *n) {
    const int64_t *axes = NULL, *starts = NULL, *ends = NULL, *steps = NULL;
    size_t count, same;
    int rank = import_rank(n, "data");
    if (rank < 0) return import_refuse(n, "it needs an input whose rank is known");
    bool are_known = import_integers(n, "starts", &starts, &count);
    if (!are_known) {
        int64_t length = import_size(n, "starts", 0);
        if (length < 0) return import_refuse(n, "how many axes it slices has to be known");
        count = (size_t)length;
    }
    if (import_integers(n, "ends", &ends, &same) && same != count)
        return import_refuse(n, "its starts and ends are of different lengths");
    if (import_has(n, "axes")) {
        if (!known_axes(n, &axes, &same)) return false;
        if (same != count) return import_refuse(n, "its starts and axes are of different lengths");
    }
    if (import_has(n, "steps")) {
        if (!import_integers(n, "steps", &steps, &same))
            return import_refuse(n, "its steps are computed in a run, and have to be known");
        if (same != count) return import_refuse(n, "its starts and steps are of different lengths");
    }
    int of_axis[MAX_RANK], last = -1;
    for (int i = 0; i < MAX_RANK; i++) of_axis[i] = -1;
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes ? axes[i] : (int64_t)i;
        if (axis < 0) axis += rank;
        if (axis < 0 || axis >= rank || of_axis[axis] >= 0)
            return import_refuse(n, "its axis %lld is out of range, or there twice",
                                 (long long)(axes ? axes[i] : (int64_t)i));
        of_axis[axis] = (int)i;
        if (axis > last) last = (int)axis;
    }
    if (last < 0) return import_write(n, "data");
    Text text = {.arena = import_arena(n)};
    text_add(&text, "data[");
    for (int axis = 0; axis <= last; axis++) {
        text_add(&text, axis ? ", " : "");
        if (of_axis[axis] < 0) {
            text_add_char(&text, ':');
            continue;
        }
        size_t i = (size_t)of_axis[axis];
        int64_t step = steps ? steps[i] : 1;
        if (step == 0) return import_refuse(n, "its step is 0");
        /* Python leaves out what reaches to the end. */
        bool from_end = starts && (step > 0 ? starts[i] == 0 : starts[i] >= INT32_MAX);
        bool to_end = ends && (step > 0 ? ends[i] >= INT32_MAX : ends[i] <= -INT32_MAX);
        if (!from_end) add_bound(&text, "starts", i, starts);
        text_add_char(&text, ':');
        if (!to_end) add_bound(&text, "ends", i, ends);
        if (step != 1) text_add_format(&text, ":%lld", (long long)step);
    }
    text_add_char(&text, ']');
    return import_write(n, text.bytes);
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
