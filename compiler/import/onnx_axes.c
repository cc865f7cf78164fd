/* onnx_axes.c: ops over axes: reductions, squeeze and unsqueeze, slices. ONNX lets a run compute the
 * axes; how many there are has to be known, so that the rank of the result is. Axes that are known
 * give the plain form. */
#include "import/import.h"

#include <string.h>

/* How many axes a run will name, and the rank they count in; false after a refusal. */
static bool measure_axes(ImportNode *n, const char *data, int *rank, int64_t *count) {
    *rank = import_rank(n, data);
    *count = import_size(n, "axes", 0);
    if (*rank < 0)
        return import_refuse(n, "axes that a run computes need an input whose rank is known");
    return *count >= 0 || import_refuse(n, "how many axes there are has to be known");
}

/* `mask`: for each of `rank` axes whether `axes` names it. */
static bool write_mask(ImportNode *n, int rank) {
    import_bind(n, "rank", "%d", rank);
    return import_write(n, "mask = reduce_any(expand_dims(floormod(axes, rank), 1) == "
                           "range(rank, dtype=dtype(axes)), axis=0)");
}

/* `sizes` without those whose mask is true; their number tells the result's rank. Sizes that stay go
 * to their places, all others to one more, which is cut off. */
static bool write_kept_sizes(ImportNode *n, const char *data, int kept) {
    import_bind(n, "kept", "%d", kept);
    import_bind(n, "room", "%d", kept + 1);
    return import_write(
        n, arena_format(
               import_arena(n),
               "place = where(mask, kept, cumsum(cast(logical_not(mask), int32), exclusive=true));"
               "sizes = scatter_nd(expand_dims(place, 1), shape(%s), [room])[:kept]",
               data));
}

/* ---- Reductions ---- */

/* One axis after the other: where the mask says so, the reduction, else what was there; the two stand
 * behind each other, and a slice takes one. */
static bool reduce_by_mask(ImportNode *n, const char *target, const char *op, const char *data) {
    int rank;
    int64_t count;
    if (!import_write(n, arena_format(import_arena(n), "whole = %s", data))) return false;
    if (!measure_axes(n, "whole", &rank, &count) || !write_mask(n, rank)) return false;
    bool keeps = import_bool(n, "keepdims");
    import_alias(n, "part", "whole");
    for (int k = 0; k < rank; k++) {
        import_bind(n, "k", "%d", k);
        Text text = {.arena = import_arena(n)};
        text_add_format(&text, "part = concat([%s(part, axis=k, keepdims=true), part], axis=k)[",
                        op);
        for (int i = 0; i < k; i++) text_add(&text, ":, ");
        text_add(&text, "where(mask[k], 0, 1):where(mask[k], 1, shape(whole)[k] + 1)]");
        if (!import_write(n, text.bytes)) return false;
    }
    if (keeps || rank == 0)
        return import_write(n, arena_format(import_arena(n), "%s = part", target));
    if (count > rank) return import_refuse(n, "it has more axes than its input");
    return write_kept_sizes(n, "whole", rank - (int)count) &&
           import_write(n, arena_format(import_arena(n), "%s = reshape(part, sizes)", target));
}

bool import_reduction(ImportNode *n, const char *target, const char *op, const char *data) {
    const int64_t *axes;
    size_t count;
    Arena *arena = import_arena(n);
    bool has_axes = import_has(n, "axes"),
         is_known = has_axes && import_integers(n, "axes", &axes, &count);
    if ((is_known && count == 0) || (has_axes && !is_known && import_size(n, "axes", 0) == 0)) {
        import_bind_absent(n, "axes");
        has_axes = false;
    }
    if (!has_axes && import_bool(n, "noop_with_empty_axes"))
        return import_write(n, arena_format(arena, "%s = %s", target, data));
    if (has_axes && !is_known) return reduce_by_mask(n, target, op, data);
    return import_write(
        n, arena_format(arena, "%s = %s(%s, axis=axes, keepdims=keepdims)", target, op, data));
}

static bool is_of_bools(const ImportNode *n) {
    return import_dtype(n, "data") == TFCC_BOOL;
}

bool import_reduce_max(ImportNode *n) {
    return import_reduction(n, "reduced", is_of_bools(n) ? "reduce_any" : "reduce_max", "data");
}
bool import_reduce_min(ImportNode *n) {
    return import_reduction(n, "reduced", is_of_bools(n) ? "reduce_all" : "reduce_min", "data");
}
bool import_reduce_mean(ImportNode *n) {
    return import_reduction(n, "reduced", "reduce_mean", "data");
}
bool import_reduce_sum(ImportNode *n) {
    return import_reduction(n, "reduced", "reduce_sum", "data");
}
bool import_reduce_prod(ImportNode *n) {
    return import_reduction(n, "reduced", "reduce_prod", "data");
}

/* ---- Squeeze, Unsqueeze ---- */

bool import_squeeze(ImportNode *n) {
    const int64_t *axes;
    size_t known;
    int rank;
    int64_t count;
    if (!import_has(n, "axes") || import_integers(n, "axes", &axes, &known))
        return import_write(n, "squeeze(data, axis=axes)");
    if (!measure_axes(n, "data", &rank, &count) || !write_mask(n, rank)) return false;
    if (count > rank) return import_refuse(n, "it has more axes than its input");
    return write_kept_sizes(n, "data", rank - (int)count) &&
           import_write(n, "squeezed = reshape(data, sizes)");
}

/* Sizes of the input where the mask over the result's axes is false, in their order. */
static bool unsqueeze_by_mask(ImportNode *n) {
    int rank;
    int64_t count;
    if (!measure_axes(n, "data", &rank, &count)) return false;
    if (rank + count > MAX_RANK)
        return import_refuse(n, "its result has %lld dimensions, and at most %d are possible",
                             (long long)(rank + count), MAX_RANK);
    if (!write_mask(n, rank + (int)count)) return false;
    import_bind(n, "last", "%d", rank);
    return import_write(
        n,
        "place = cumsum(cast(logical_not(mask), int32), exclusive=true);"
        "sizes = where(mask, 1, gather(concat([shape(data), [1]], axis=0), minimum(place, last)));"
        "expanded = reshape(data, sizes)");
}

bool import_unsqueeze(ImportNode *n) {
    const int64_t *axes;
    size_t count;
    if (!import_integers(n, "axes", &axes, &count)) return unsqueeze_by_mask(n);
    if (count == 0) return import_write(n, "data");
    if (count == 1) {
        import_bind(n, "axis", "%lld", (long long)axes[0]);
        return import_write(n, "expand_dims(data, axis)");
    }
    int rank = import_rank(n, "data");
    if (rank < 0) return import_refuse(n, "several axes need an input whose rank is known");
    unsigned marked = 0;
    if (count > MAX_RANK || rank + (int)count > MAX_RANK)
        return import_refuse(n, "its result has more than %d dimensions", MAX_RANK);
    int total = rank + (int)count;
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + total : axes[i];
        if (axis < 0 || axis >= total || (marked & 1u << axis))
            return import_refuse(n, "its axis %lld is out of range, or there twice",
                                 (long long)axes[i]);
        marked |= 1u << axis;
    }
    Text text = {.arena = import_arena(n)};
    text_add(&text, "data[");
    for (int i = 0; i < total; i++)
        text_add_format(&text, "%s%s", i ? ", " : "", marked & 1u << i ? "None" : ":");
    text_add_char(&text, ']');
    return import_write(n, text.bytes);
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

/* Axis k by the indices first, first + step, … that a run computes; `begin`, `end` and `step` hold
 * one number for each axis. */
static bool gather_slices(ImportNode *n, const Slices *s) {
    import_alias(n, "part", "data");
    for (int k = 0; k < s->rank; k++) {
        import_bind(n, "k", "%d", k);
        /* A start is clamped to 0 … n, or n - 1 where it goes down; an end to 0 … n, or -1 … n - 1. */
        if (!import_write(
                n,
                "n = shape(data, out_type=int64)[k]; by = step[k]; top = where(by > 0, n, n - 1);"
                "from = clip_by_value(where(begin[k] < 0, begin[k] + n, begin[k]), 0, top);"
                "to = clip_by_value(where(end[k] < 0, end[k] + n, end[k]), where(by > 0, 0, -1), "
                "top);"
                "part = gather(part, range(from, to, by), axis=k)"))
            return false;
    }
    return import_write(n, "part");
}

static bool slice_by_mask(ImportNode *n, const Slices *s) {
    import_bind(n, "rank", "%d", s->rank);
    if (!import_has(n, "axes")) {
        int64_t *all = arena_alloc_array(import_arena(n), s->count, sizeof *all);
        for (size_t i = 0; i < s->count; i++) all[i] = (int64_t)i;
        import_bind_integers(n, "axes", all, s->count);
    }
    return import_write(
               n, "hit = expand_dims(floormod(cast(axes, int64), rank), 1) == range(rank, "
                  "dtype=int64);"
                  "mask = reduce_any(hit, axis=0);"
                  "begin = reduce_sum(where(hit, expand_dims(cast(starts, int64), 1), 0), axis=0);"
                  "last = reduce_sum(where(hit, expand_dims(cast(ends, int64), 1), 0), axis=0);"
                  "end = where(mask, last, shape(data, out_type=int64));"
                  "step = {steps ? where(mask, reduce_sum(where(hit, expand_dims(cast(steps, "
                  "int64), 1), 0), axis=0), 1)"
                  " : ones([rank], dtype=int64)}") &&
           gather_slices(n, s);
}

/* `data[a:b:c, …]` over the axes that are named. */
bool import_slice(ImportNode *n) {
    Slices s;
    int of_axis[MAX_RANK], last = -1;
    if (!measure_slices(n, &s)) return false;
    if ((import_has(n, "axes") && !s.axes) || (import_has(n, "steps") && !s.steps))
        return slice_by_mask(n, &s);
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

bool import_count_from_end(ImportNode *n, const char *name, const char *indices, const char *data,
                           int axis) {
    const int64_t *numbers;
    size_t count;
    bool is_negative = !import_integers(n, indices, &numbers, &count), is_known = !is_negative;
    for (size_t i = 0; is_known && i < count; i++) is_negative |= numbers[i] < 0;
    import_alias(n, name, indices);
    if (!is_negative) return true;
    int64_t size = import_size(n, data, axis);
    if (is_known && size >= 0 && import_rank(n, indices) == 0) {
        import_bind(n, name, "%lld", (long long)(numbers[0] + size));
        return true;
    }
    if (size >= 0)
        import_bind(n, "size", "%lld", (long long)size);
    else if (!import_write(n,
                           arena_format(import_arena(n), "size = shape(%s, out_type=dtype(%s))[%d]",
                                        data, indices, axis)))
        return false;
    const char *text = arena_format(import_arena(n), "%s = where(%s < 0, %s + size, %s)", name,
                                    indices, indices, indices);
    return import_write(n, text);
}

bool import_gather(ImportNode *n) {
    int rank = import_rank(n, "data");
    int64_t axis = import_integer(n, "axis", 0);
    if (rank < 0) return import_refuse(n, "it needs an input whose rank is known");
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return import_refuse(n, "its axis is out of range");
    return import_count_from_end(n, "index", "indices", "data", (int)axis) &&
           import_write(n, "output = gather(data, index, axis=axis)");
}
