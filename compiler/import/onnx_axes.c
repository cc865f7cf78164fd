/* onnx_axes.c: ops over axes: unsqueeze, slices, gather. ONNX lets a run compute the axes; how many
 * there are has to be known, so that the rank of the result is. Axes that are known give the plain
 * form. */
#include "import/import.h"

#include <string.h>

/* Without axes the rank of the result depends on sizes. Where some of them are known only when the
 * model runs it is the declared one, or else these count as other than 1; the run tells. */
bool import_squeeze(ImportNode *n) {
    const OnnxValueInfo *declared = import_declared(n, 0);
    int rank = import_rank(n, "data"), kept = 0;
    bool is_known = import_has(n, "axes") || rank < 0;
    for (int i = 0; i < rank && !is_known; i++) kept += import_size(n, "data", i) != 1;
    for (int i = 0; i < rank && !is_known; i++) {
        if (import_size(n, "data", i) >= 0) continue;
        Text text = {.arena = import_arena(n)};
        if (declared && declared->has_shape) kept = declared->rank;
        text_add(&text, "ensure_shape(squeeze(data), [");
        for (int k = 0; k < kept; k++) text_add(&text, k ? ", null" : "null");
        text_add(&text, "])");
        return import_write(n, text.bytes);
    }
    return import_write(n, "squeeze(data, axis=axes)");
}

/* Axes count in the result. */
bool import_unsqueeze(ImportNode *n) {
    const int64_t *axes;
    size_t count;
    if (import_integers(n, "axes", &axes, &count) && count == 1)
        import_bind(n, "axes", "%lld", (long long)axes[0]);
    return import_write(n, "expand_dims(data, axes)");
}

/* ---- Slices ---- */

typedef struct Slices {
    const int64_t *axes, *starts, *ends,
        *steps; /* NULL: all of them from the first, computed, …, 1 */
    size_t count;
    int rank;
} Slices;

static bool same_length(ImportNode *n, const char *name, size_t count, const int64_t **numbers) {
    size_t length;
    if (!import_has(n, name)) return true;
    if (!import_integers(n, name, numbers, &length)) {
        int64_t size = import_size(n, name, 0);
        if (size < 0) return true;
        length = (size_t)size;
    }
    return length == count || import_refuse(n, "its starts and %s are of different lengths", name);
}

static bool measure_slices(ImportNode *n, Slices *s) {
    *s = (Slices){.rank = import_rank(n, "data")};
    if (s->rank < 0) return import_refuse(n, "it needs an input whose rank is known");
    if (!import_integers(n, "starts", &s->starts, &s->count)) {
        int64_t length = import_size(n, "starts", 0);
        if (length < 0) return import_refuse(n, "how many axes it slices has to be known");
        s->count = (size_t)length;
    }
    if (s->count > (size_t)s->rank)
        return import_refuse(n, "it slices more axes than its input has");
    return same_length(n, "ends", s->count, &s->ends) &&
           same_length(n, "axes", s->count, &s->axes) &&
           same_length(n, "steps", s->count, &s->steps);
}

/* Which of the slices is that of an axis, or -1. */
static bool assign_axes(ImportNode *n, const Slices *s, int of_axis[MAX_RANK]) {
    for (int i = 0; i < MAX_RANK; i++) of_axis[i] = -1;
    for (size_t i = 0; i < s->count; i++) {
        int64_t given = s->axes ? s->axes[i] : (int64_t)i,
                axis = given < 0 ? given + s->rank : given;
        if (axis < 0 || axis >= s->rank || of_axis[axis] >= 0)
            return import_refuse(n, "its axis %lld is out of range, or there twice",
                                 (long long)given);
        of_axis[axis] = (int)i;
    }
    return true;
}

static void add_bound(Text *text, const char *name, size_t index, const int64_t *numbers) {
    if (numbers)
        text_add_format(text, "%lld", (long long)numbers[index]);
    else
        text_add_format(text, "%s[%zu]", name, index);
}

/* `a:b:c`; Python leaves out what reaches to the end. */
static bool add_slice(ImportNode *n, Text *text, const Slices *s, size_t i) {
    int64_t step = s->steps ? s->steps[i] : 1;
    if (step == 0) return import_refuse(n, "its step is 0");
    bool from_end = s->starts && (step > 0 ? s->starts[i] == 0 : s->starts[i] >= INT32_MAX);
    bool to_end = s->ends && (step > 0 ? s->ends[i] >= INT32_MAX : s->ends[i] <= -INT32_MAX);
    if (!from_end) add_bound(text, "starts", i, s->starts);
    text_add_char(text, ':');
    if (!to_end) add_bound(text, "ends", i, s->ends);
    if (step != 1) text_add_format(text, ":%lld", (long long)step);
    return true;
}

/* `data[a:b:c, …]` over the axes that are named. */
bool import_slice(ImportNode *n) {
    Slices s;
    int of_axis[MAX_RANK], last = -1;
    if (!measure_slices(n, &s)) return false;
    if ((import_has(n, "axes") && !s.axes) || (import_has(n, "steps") && !s.steps))
        return import_write(n, "strided_slice(data, starts, ends, strides=steps, axes=axes)");
    if (!assign_axes(n, &s, of_axis)) return false;
    for (int axis = 0; axis < s.rank; axis++)
        if (of_axis[axis] >= 0) last = axis;
    if (last < 0) return import_write(n, "data");
    Text text = {.arena = import_arena(n)};
    text_add(&text, "data[");
    for (int axis = 0; axis <= last; axis++) {
        text_add(&text, axis ? ", " : "");
        if (of_axis[axis] < 0)
            text_add_char(&text, ':');
        else if (!add_slice(n, &text, &s, (size_t)of_axis[axis]))
            return false;
    }
    text_add_char(&text, ']');
    return import_write(n, text.bytes);
}

/* ---- Indices ---- */

const char *import_count_from_end(ImportNode *n, const char *indices, const char *data, int axis) {
    Arena *arena = import_arena(n);
    const int64_t *numbers;
    size_t count;
    bool is_known = import_integers(n, indices, &numbers, &count), is_negative = !is_known;
    for (size_t i = 0; is_known && i < count; i++) is_negative |= numbers[i] < 0;
    if (!is_negative) return indices;
    int64_t size = import_size(n, data, axis);
    if (size < 0)
        return arena_format(arena, "where(%s < 0, %s + shape(%s, out_type=dtype(%s))[%d], %s)",
                            indices, indices, data, indices, axis, indices);
    if (is_known && import_rank(n, indices) == 0)
        return arena_format(arena, "%lld", (long long)(numbers[0] + size));
    return arena_format(arena, "where(%s < 0, %s + %lld, %s)", indices, indices, (long long)size,
                        indices);
}

bool import_gather(ImportNode *n) {
    int rank = import_rank(n, "data");
    int64_t axis = import_integer(n, "axis", 0);
    if (rank < 0) return import_refuse(n, "it needs an input whose rank is known");
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return import_refuse(n, "its axis is out of range");
    const char *index = import_count_from_end(n, "indices", "data", (int)axis);
    return import_write(n, arena_format(import_arena(n), "gather(data, %s, axis=axis)", index));
}

/* How many dimensions an index of `indices` addresses is its last size. Where that is not known the
 * ranks tell it, and it is required: the name of the indices of that size. */
static const char *indices_of_depth(ImportNode *n, int depth) {
    int rank = import_rank(n, "indices");
    if (rank < 1 || import_size(n, "indices", -1) >= 0 || depth < 0) return "indices";
    Text text = {.arena = import_arena(n)};
    text_add(&text, "places = ensure_shape(indices, [");
    for (int i = 1; i < rank; i++) text_add(&text, "null, ");
    text_add_format(&text, "%d])", depth);
    return import_write(n, text.bytes) ? "places" : "indices";
}

bool import_gather_nd(ImportNode *n) {
    const OnnxValueInfo *declared = import_declared(n, 0);
    int data = import_rank(n, "data"), indices = import_rank(n, "indices"), depth = -1,
        batch = (int)import_integer(n, "batch_dims", 0);
    if (data >= 0 && declared && declared->has_shape)
        depth = data + indices - 1 - batch - declared->rank;
    return import_write(n, arena_format(import_arena(n),
                                        "gather_nd(data, %s{batch_dims != 0 ? , "
                                        "batch_dims=batch_dims}, negative_indices=true)",
                                        indices_of_depth(n, depth)));
}

bool import_scatter_nd(ImportNode *n) {
    int data = import_rank(n, "data"), indices = import_rank(n, "indices"),
        updates = import_rank(n, "updates");
    int depth = data >= 0 && updates >= 0 ? data - (updates - (indices - 1)) : -1;
    return import_write(
        n, arena_format(import_arena(n),
                        "tensor_scatter_nd_{reduction == 'none' ? update : reduction == 'add' ? "
                        "add : reduction == 'mul' ? mul : reduction == 'max' ? max : min}"
                        "(data, %s, updates, negative_indices=true)",
                        indices_of_depth(n, depth)));
}
