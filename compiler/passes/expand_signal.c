/* expand_signal.c: windows and mel weights written out in other ops, computed in float64. */
#include "passes/expand.h"

/* ---- windows ---- */

/* Binds `angle` to i times 2 pi over the period. The period of a window of `length` elements is the
 * length where it is periodic, else one less; TensorFlow's windows of an odd length are periodic in
 * name only. */
static void let_angle(Composer *c, const GraphNode *node, bool is_tensorflow) {
    const char *period = !node_attribute_bool(node, "periodic") ? "length - 1"
                         : is_tensorflow                        ? "length - length % 2"
                                                                : "identity(length)";
    compose_let(c, "length", "reshape(%s, [])", node->row->parameters[0].name);
    compose_let(c, "period", "%s", period);
    compose_let(c, "count", "cast(range(maximum(length, 0)), float64)");
    compose_let(c, "angle", "count * 6.283185307179586 / cast(maximum(period, 1), float64)");
}

/* A window of one element is 1. */
static Value *raised_cosine(Composer *c, const GraphNode *node, const char *a, const char *b) {
    let_angle(c, node, true);
    compose_let(c, "window", "%s - %s * cos(angle)", a, b);
    return compose(c, "cast(where(equal(length, 1), 1, window), dtype)");
}

Value *expand_hann_window(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    return raised_cosine(c, node, "0.5", "0.5");
}

Value *expand_hamming_window(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    return raised_cosine(c, node, "0.54", "0.46");
}

Value *expand_blackman_window(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    let_angle(c, node, false);
    return compose(c, "cast(0.42 - 0.5 * cos(angle) + 0.08 * cos(2 * angle), dtype)");
}

/* ---- mel scale ---- */

/* Triangles between neighbouring places, num_mel_bins + 2 of them evenly spaced on the scale 2595
 * log10(1 + f / 700), which then stand at whole frequencies: floor((dft_length + 1) f /
 * sample_rate). */
Value *expand_mel_weight_matrix(Composer *c, GraphNode *node, Graph *graph) {
    (void)node, (void)graph;
    compose_let(c, "bins", "reshape(cast(num_mel_bins, int64), [])");
    compose_let(c, "n", "reshape(cast(dft_length, int64), [])");
    compose_let(c, "rate", "reshape(cast(sample_rate, float64), [])");
    compose_let(c, "low", "log(1 + cast(lower_edge_hertz, float64) / 700) * %.17g",
                2595 / 2.302585092994045684);
    compose_let(c, "high", "log(1 + cast(upper_edge_hertz, float64) / 700) * %.17g",
                2595 / 2.302585092994045684);
    compose_let(c, "step", "(high - low) / cast(bins + 2, float64)");
    compose_let(c, "mel", "low + cast(range(bins + 2), float64) * step");
    compose_let(c, "hertz", "700 * (exp(mel * %.17g) - 1)", 2.302585092994045684 / 2595);
    compose_let(c, "place", "floor(cast(n + 1, float64) * hertz / rate)");
    compose_let(c, "first", "place[:-2]");
    compose_let(c, "middle", "place[1:-1]");
    compose_let(c, "last", "place[2:]");
    compose_let(c, "i", "cast(range(n // 2 + 1), float64)[:, None]");
    compose_let(c, "rising",
                "where((i >= first) & (i <= middle), (i - first) / "
                "maximum(middle - first, 1), 0)");
    compose_let(c, "single",
                "where(equal(middle, first), cast(equal(i, middle), float64), rising)");
    compose_let(c, "falling", "(last - i) / maximum(last - middle, 1)");
    return compose(c, "cast(where((i >= middle) & (i < last), falling, single), dtype)");
}

/* TensorFlow's: triangles on the scale 1127 log(1 + f / 700) itself; frequency 0 has no weight. */
Value *expand_linear_to_mel_weight_matrix(Composer *c, GraphNode *node, Graph *graph) {
    (void)graph;
    int64_t bins = node_attribute_integer(node, "num_mel_bins"),
            frequencies = node_attribute_integer(node, "num_spectrogram_bins"),
            rate = node_attribute_integer(node, "sample_rate");
    compose_let(c, "hertz", "cast(range(1, %lld), float64) * %.17g", (long long)frequencies,
                (double)rate / 2 / (double)(frequencies - 1));
    compose_let(c, "mel", "(1127 * log(1 + hertz / 700))[:, None]");
    compose_let(c, "low", "1127 * log(1 + cast(%.17g, float64) / 700)",
                node_attribute_float(node, "lower_edge_hertz"));
    compose_let(c, "high", "1127 * log(1 + cast(%.17g, float64) / 700)",
                node_attribute_float(node, "upper_edge_hertz"));
    compose_let(c, "edges", "linspace(low, high, %lld)", (long long)bins + 2);
    compose_let(c, "rising", "(mel - edges[:-2]) / (edges[1:-1] - edges[:-2])");
    compose_let(c, "falling", "(edges[2:] - mel) / (edges[2:] - edges[1:-1])");
    return compose(c, "cast(pad(maximum(minimum(rising, falling), 0), [[1, 0], [0, 0]]), dtype)");
}
