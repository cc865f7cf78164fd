/* lower_sample.c: elements between the elements of a tensor. */
#include "kernels/lower_sample.h"

Scalar *sample_position(Kernel *k, Scalar *whole) {
    return scalar_convert(k, whole->dtype == TFCC_FLOAT32 ? TFCC_INT32 : TFCC_INT64, whole);
}

Scalar *sample_clamp(Kernel *k, Scalar *position, Dim size) {
    DimTable *dims = k->program->graph->dims;
    int64_t number;
    /* Vectors of 32 bits have twice the elements, and an instruction for this. */
    bool is_short = dim_is_constant(size, &number) && number <= INT32_MAX;
    if (!is_short) position = scalar_convert(k, TFCC_INT64, position);
    Scalar *last = scalar_index(k, dim_subtract(dims, size, dim_constant(dims, 1)));
    Scalar *zero = scalar_integer(k, position->dtype, 0);
    position = scalar_maximum(k, position, zero);
    return scalar_convert(k, TFCC_INT64,
                          scalar_minimum(k, position, scalar_convert(k, position->dtype, last)));
}

/* ---- taps ---- */

/* `count` positions from floor(coordinate) + first on; what the coordinate is behind the floor. */
static Scalar *place_taps(Kernel *k, Taps *taps, Scalar *coordinate, int first, int count) {
    Scalar *floor = scalar_unary(k, SCALAR_FLOOR, coordinate);
    Scalar *position = sample_position(k, floor);
    taps->count = count;
    for (int t = 0; t < count; t++)
        taps->position[t] =
            scalar_add(k, position, scalar_integer(k, position->dtype, (int64_t)first + t));
    return scalar_subtract(k, coordinate, floor);
}

Taps sample_linear_taps(Kernel *k, int axis, Scalar *coordinate) {
    Taps taps = {.axis = axis};
    Scalar *ratio = place_taps(k, &taps, coordinate, 0, 2);
    taps.weight[0] = scalar_subtract(k, scalar_like(k, ratio, 1), ratio);
    taps.weight[1] = ratio;
    return taps;
}

/* ((a + 2) d - (a + 3)) d^2 + 1 */
static Scalar *cubic_near(Kernel *k, Scalar *d, double a) {
    Scalar *inner = scalar_subtract(k, scalar_multiply(k, scalar_like(k, d, a + 2), d),
                                    scalar_like(k, d, a + 3));
    return scalar_add(k, scalar_multiply(k, scalar_multiply(k, inner, d), d), scalar_like(k, d, 1));
}

/* ((a d - 5 a) d + 8 a) d - 4 a */
static Scalar *cubic_far(Kernel *k, Scalar *d, double a) {
    Scalar *inner =
        scalar_subtract(k, scalar_multiply(k, scalar_like(k, d, a), d), scalar_like(k, d, 5 * a));
    inner = scalar_add(k, scalar_multiply(k, inner, d), scalar_like(k, d, 8 * a));
    return scalar_subtract(k, scalar_multiply(k, inner, d), scalar_like(k, d, 4 * a));
}

Scalar *sample_cubic_weight(Kernel *k, Scalar *distance, double a) {
    Scalar *is_near = scalar_less_equal(k, distance, scalar_like(k, distance, 1));
    Scalar *is_far = scalar_less(k, distance, scalar_like(k, distance, 2));
    return scalar_select(
        k, is_near, cubic_near(k, distance, a),
        scalar_select(k, is_far, cubic_far(k, distance, a), scalar_like(k, distance, 0)));
}

Taps sample_cubic_taps(Kernel *k, int axis, Scalar *coordinate, double a) {
    Taps taps = {.axis = axis};
    Scalar *ratio = place_taps(k, &taps, coordinate, -1, 4), *one = scalar_like(k, ratio, 1);
    Scalar *rest = scalar_subtract(k, one, ratio);
    taps.weight[0] = cubic_far(k, scalar_add(k, ratio, one), a);
    taps.weight[1] = cubic_near(k, ratio, a);
    taps.weight[2] = cubic_near(k, rest, a);
    taps.weight[3] = cubic_far(k, scalar_add(k, rest, one), a);
    return taps;
}

void sample_clamp_taps(Kernel *k, Taps *taps, Dim size) {
    for (int t = 0; t < taps->count; t++)
        taps->position[t] = sample_clamp(k, taps->position[t], size);
}

void sample_mask_taps(Kernel *k, Taps *taps, Dim size) {
    for (int t = 0; t < taps->count; t++) {
        taps->position[t] = scalar_convert(k, TFCC_INT64, taps->position[t]);
        taps->inside[t] = scalar_in_range(k, taps->position[t], scalar_integer(k, TFCC_INT64, 0),
                                          scalar_index(k, size));
    }
}

/* ---- samples ---- */

typedef struct Sample {
    Kernel *kernel;
    Buffer *buffer;
    Scalar **index;
    const Taps *taps;
    int axis_count;
    Combiner combiner;
    bool skips_zeros;
    tfcc_dtype dtype;
    Scalar *result;
} Sample;

static void add_element(Sample *s, Scalar *weight, Scalar *inside) {
    Kernel *k = s->kernel;
    Scalar *element =
        scalar_load_if(k, s->buffer, s->index, inside, scalar_integer(k, s->buffer->type.dtype, 0));
    element = scalar_convert(k, s->dtype, element);
    if (weight && s->skips_zeros) {
        Scalar *zero = scalar_like(k, element, 0);
        element = scalar_select(k, scalar_equal(k, weight, zero), zero, element);
    }
    if (weight) element = scalar_multiply(k, weight, element);
    s->result =
        s->result ? scalar_binary(k, combiner_operation(s->combiner, s->dtype), s->result, element)
                  : element;
}

/* All taps of the axes from `at` on, under the weight and the condition of those before. */
static void add_taps(Sample *s, int at, Scalar *weight, Scalar *inside) {
    if (at == s->axis_count) {
        add_element(s, weight, inside);
        return;
    }
    const Taps *taps = &s->taps[at];
    for (int t = 0; t < taps->count; t++) {
        Kernel *k = s->kernel;
        Scalar *both = weight ? scalar_multiply(k, weight, taps->weight[t]) : taps->weight[t];
        Scalar *all = !taps->inside[t] ? inside
                      : inside         ? scalar_and(k, inside, taps->inside[t])
                                       : taps->inside[t];
        s->index[taps->axis] = taps->position[t];
        add_taps(s, at + 1, both, all);
    }
}

Scalar *sample_buffer(Kernel *k, Buffer *buffer, Scalar **index, const Taps *taps, int axis_count,
                      Combiner combiner, bool skips_zeros) {
    Sample sample = {k, buffer, index, taps, axis_count, combiner, skips_zeros, TFCC_NONE, NULL};
    tfcc_dtype own = buffer->type.dtype;
    sample.dtype = axis_count > 0        ? taps[0].weight[0]->dtype
                   : own == TFCC_FLOAT64 ? TFCC_FLOAT64
                                         : TFCC_FLOAT32;
    add_taps(&sample, 0, NULL, NULL);
    return sample.result;
}
