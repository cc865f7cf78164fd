/* onnx_learning.c: the classifiers, regressors and feature ops of ai.onnx.ml but for the trees. Where
 * ONNX's text is silent they follow ONNX Runtime. */
#include "import/onnx_learning.h"

#include "support/dtype.h"
#include "support/half.h"
#include <math.h>
#include <string.h>

/* ---- scores ---- */

/* Statements that make `done` of `scores`; NULL for a word that is no transform. The last one is
 * sqrt(2) times an approximation of the inverse of erf. */
static const char *transform_text(const char *transform) {
    static const struct {
        const char *word, *text;
    } transforms[] = {
        {"NONE", "done = scores"},
        {"LOGISTIC", "done = sigmoid(scores)"},
        {"SOFTMAX", "done = softmax(scores)"},
        {"SOFTMAX_ZERO",
         "powers = where(abs(scores) > 1e-7, exp(scores - reduce_max(scores, axis=-1, "
         "keepdims=true)), 0); done = powers / reduce_sum(powers, axis=-1, keepdims=true)"},
        {"PROBIT", "sided = 2 * scores - 1; logarithm = log((1 - sided) * (1 + sided)); "
                   "middle = 4.3307467508 + 0.5 * logarithm; done = 1.41421356 * sign(sided) * "
                   "sqrt(sqrt(square(middle) - logarithm / 0.147) - middle)"},
    };
    for (size_t k = 0; k < sizeof transforms / sizeof transforms[0]; k++)
        if (strcmp(transform, transforms[k].word) == 0) return transforms[k].text;
    return NULL;
}

static bool write_output(ImportNode *n, const char *output, const char *name) {
    bool is_float = import_dtype(n, name) == TFCC_FLOAT32;
    return import_write(n, arena_format(import_arena(n),
                                        is_float ? "%s = %s" : "%s = cast(%s, float32)", output,
                                        name));
}

bool learning_transform(ImportNode *n, const char *transform) {
    const char *text = transform_text(transform);
    return text ? import_write(n, text) : import_refuse(n, "its post_transform is `%s`", transform);
}

bool learning_give(ImportNode *n, const char *output, const char *transform) {
    return learning_transform(n, transform) && write_output(n, output, "done");
}

/* ---- labels ---- */

static const OnnxAttribute *labels_of(const ImportNode *n, bool *is_text) {
    static const char *const names[] = {"classlabels_int64s", "classlabels_ints",
                                        "classlabels_strings"};
    for (int k = 0; k < 3; k++) {
        if (!import_has(n, names[k])) continue;
        const OnnxAttribute *labels = import_attribute(n, names[k]);
        *is_text = k == 2;
        if (labels && labels->count > 0) return labels;
    }
    return NULL;
}

size_t learning_class_count(const ImportNode *n) {
    bool is_text;
    const OnnxAttribute *labels = labels_of(n, &is_text);
    return labels ? labels->count : 0;
}

/* Y from `place`, the index of the class. */
static bool write_labels(ImportNode *n) {
    bool is_text, is_plain = true;
    const OnnxAttribute *labels = labels_of(n, &is_text);
    if (!import_is_wanted(n, 0)) return true;
    if (!labels) return import_write(n, "Y = place");
    if (is_text) return import_refuse(n, "its labels are strings, which tensors here cannot hold");
    for (size_t k = 0; k < labels->count; k++) is_plain &= labels->integers[k] == (int64_t)k;
    if (is_plain) return import_write(n, "Y = place");
    int64_t count = (int64_t)labels->count;
    import_bind_tensor(n, "labels", TFCC_INT64, 1, &count, labels->integers);
    return import_write(n, "Y = gather(labels, place)");
}

bool learning_classify(ImportNode *n) {
    return import_write(n, "place = argmax(scores, axis=1)") && write_labels(n) &&
           learning_give(n, "Z", import_word(n, "post_transform"));
}

bool learning_classify_one(ImportNode *n, double threshold, bool is_probability) {
    const char *transform = import_word(n, "post_transform");
    if (!transform_text(transform) || strcmp(transform, "PROBIT") == 0)
        return import_refuse(n, "its post_transform is `%s`", transform);
    if (learning_class_count(n) == 1) /* whether it is the class, or 0 */
        return import_refuse(n, "it has one label for two classes");
    import_bind(n, "threshold", "%.1f", threshold);
    const char *pair = strcmp(transform, "LOGISTIC") == 0
                           ? "pair = sigmoid(concat([-scores, scores], axis=1))"
                       : is_probability ? "pair = concat([1 - scores, scores], axis=1)"
                                        : "pair = concat([-scores, scores], axis=1)";
    return import_write(n, "place = cast(scores[:, 0] > threshold, int64)") && write_labels(n) &&
           import_write(n, pair) && write_output(n, "Z", "pair");
}

/* ---- linear models ---- */

static bool as_float(ImportNode *n) {
    tfcc_dtype dtype = import_dtype(n, "X");
    return dtype == TFCC_FLOAT32 || dtype == TFCC_FLOAT64 ||
           import_write(n, "X = cast(X, float32)");
}

/* A list of floats as a tensor of X's dtype. */
static bool bind_numbers(ImportNode *n, const char *name, const char *attribute, int rank,
                         const int64_t *dims) {
    const double *numbers;
    size_t count, wanted = 1;
    for (int k = 0; k < rank; k++) wanted *= (size_t)dims[k];
    if (!import_floats(n, attribute, &numbers, &count) || count != wanted)
        return import_refuse(n, "its %s are not %zu numbers", attribute, wanted);
    tfcc_dtype dtype = import_dtype(n, "X") == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
    size_t size = dtype_size(dtype);
    char *bytes = arena_alloc_array(import_arena(n), count + 1, size);
    for (size_t k = 0; k < count; k++) float_element_store(dtype, bytes + k * size, numbers[k]);
    import_bind_tensor(n, name, dtype, rank, dims, bytes);
    return true;
}

static size_t float_count(const ImportNode *n, const char *name) {
    const double *numbers;
    size_t count;
    return import_floats(n, name, &numbers, &count) ? count : 0;
}

/* `scores` [rows, targets] of the attributes coefficients and intercepts. */
static bool write_linear(ImportNode *n, size_t targets) {
    size_t count = float_count(n, "coefficients");
    if (targets == 0 || count == 0 || count % targets)
        return import_refuse(n, "its %zu coefficients are not those of %zu targets", count,
                             targets);
    if (!as_float(n) || !bind_numbers(n, "weights", "coefficients", 2,
                                      (int64_t[]){(int64_t)targets, (int64_t)(count / targets)}))
        return false;
    bool has_intercepts = float_count(n, "intercepts") > 0;
    int64_t width = (int64_t)targets;
    if (has_intercepts && !bind_numbers(n, "offsets", "intercepts", 1, &width)) return false;
    return import_write(n, has_intercepts
                               ? "scores = matmul(X, weights, transpose_b=true) + offsets"
                               : "scores = matmul(X, weights, transpose_b=true)");
}

bool import_linear_regressor(ImportNode *n) {
    int64_t targets = import_integer(n, "targets", 1);
    return write_linear(n, targets > 0 ? (size_t)targets : 0) &&
           learning_give(n, "Y", import_word(n, "post_transform"));
}

/* With two labels one row of coefficients will do. */
bool import_linear_classifier(ImportNode *n) {
    size_t classes = learning_class_count(n), count = float_count(n, "coefficients");
    int64_t features = import_size(n, "X", 1);
    size_t intercepts = float_count(n, "intercepts");
    size_t rows = features > 0 ? count / (size_t)features : intercepts ? intercepts : classes;
    if (!write_linear(n, rows)) return false;
    if (rows == 1 && classes == 2) return learning_classify_one(n, 0, true);
    if (rows != classes && classes)
        return import_refuse(n, "it has %zu labels and coefficients for %zu", classes, rows);
    return learning_classify(n);
}

/* ---- support vectors ---- */

enum { MOST_WEIGHTS = 1 << 27 };

/* `products` [rows, vectors] of X with the matrix `vectors`, by the kernel. */
static bool write_kernel(ImportNode *n) {
    const double *parameters;
    size_t count;
    const char *kernel = import_word(n, "kernel_type");
    bool has_parameters = import_floats(n, "kernel_params", &parameters, &count) && count >= 3;
    import_bind(n, "gamma", "%.9g", has_parameters ? parameters[0] : 0.0);
    import_bind(n, "coef0", "%.9g", has_parameters ? parameters[1] : 0.0);
    import_bind(n, "degree", "%.9g", has_parameters ? parameters[2] : 0.0);
    if (!import_write(n, "dots = matmul(X, vectors, transpose_b=true)")) return false;
    if (strcmp(kernel, "LINEAR") == 0) return import_write(n, "products = dots");
    if (strcmp(kernel, "POLY") == 0)
        return import_write(n, "products = pow(dots * gamma + coef0, degree)");
    if (strcmp(kernel, "SIGMOID") == 0)
        return import_write(n, "products = tanh(dots * gamma + coef0)");
    if (strcmp(kernel, "RBF") == 0)
        return import_write(n, "products = exp(-gamma * reduce_sum(squared_difference("
                               "expand_dims(X, 1), vectors), axis=-1))");
    return import_refuse(n, "its kernel_type is `%s`", kernel);
}

/* `vectors` [vectors, features] of the attribute support_vectors. */
static bool bind_vectors(ImportNode *n, int64_t vectors) {
    int64_t count = (int64_t)float_count(n, "support_vectors");
    if (count == 0 || count % vectors)
        return import_refuse(n, "its support_vectors are not %lld vectors", (long long)vectors);
    return bind_numbers(n, "vectors", "support_vectors", 2, (int64_t[]){vectors, count / vectors});
}

bool import_svm_regressor(ImportNode *n) {
    int64_t vectors = import_integer(n, "n_supports", 0), one = 1,
            count = (int64_t)float_count(n, "coefficients");
    if (!as_float(n) || !bind_numbers(n, "offset", "rho", 1, &one)) return false;
    if (vectors > 0) {
        if (!bind_vectors(n, vectors) || !write_kernel(n) ||
            !bind_numbers(n, "weights", "coefficients", 2, (int64_t[]){vectors, 1}))
            return false;
    } else if (!bind_numbers(n, "weights", "coefficients", 2, (int64_t[]){count, 1}) ||
               !import_write(n, "products = X")) {
        return false;
    }
    if (!import_write(n, "scores = products @ weights + offset")) return false;
    if (import_integer(n, "one_class", 0) &&
        !import_write(n, "scores = where(scores > 0, 1.0, -1.0)"))
        return false;
    return learning_give(n, "Y", import_word(n, "post_transform"));
}

/* Pairs of classes vote: the score of (i, j) takes i's coefficients for j's vectors and j's for
 * i's. The matrix [vectors, pairs] of it is made here. */
static bool write_votes(ImportNode *n, const int64_t *of_class, size_t classes, int64_t vectors) {
    size_t pairs = classes * (classes - 1) / 2, count;
    const double *given;
    if (!import_floats(n, "coefficients", &given, &count) ||
        count != (classes - 1) * (size_t)vectors)
        return import_refuse(n, "its coefficients are not %zu for every vector", classes - 1);
    if (classes > 512 || (size_t)vectors > MOST_WEIGHTS / pairs)
        return import_refuse(n, "%zu classes with %lld vectors are too many", classes,
                             (long long)vectors);
    tfcc_dtype dtype = import_dtype(n, "X") == TFCC_FLOAT64 ? TFCC_FLOAT64 : TFCC_FLOAT32;
    size_t size = dtype_size(dtype), pair = 0;
    char *bytes = arena_alloc_array(import_arena(n), (size_t)vectors * pairs + 1, size);
    float *first = arena_alloc_array(import_arena(n), pairs * classes + 1, sizeof(float)),
          *second = arena_alloc_array(import_arena(n), pairs * classes + 1, sizeof(float));
    for (size_t i = 0; i < classes; i++)
        for (size_t j = i + 1; j < classes; j++, pair++) {
            first[pair * classes + i] = second[pair * classes + j] = 1;
            size_t v = 0;
            for (size_t of = 0; of < classes; of++)
                for (int64_t m = 0; m < of_class[of]; m++, v++) {
                    double weight = of == i   ? given[(j - 1) * (size_t)vectors + v]
                                    : of == j ? given[i * (size_t)vectors + v]
                                              : 0;
                    float_element_store(dtype, bytes + (v * pairs + pair) * size, weight);
                }
        }
    int64_t shape[] = {(int64_t)pairs, (int64_t)classes}, width = (int64_t)pairs;
    import_bind_tensor(n, "weights", dtype, 2, (int64_t[]){vectors, width}, bytes);
    import_bind_tensor(n, "first", TFCC_FLOAT32, 2, shape, first);
    import_bind_tensor(n, "second", TFCC_FLOAT32, 2, shape, second);
    return bind_numbers(n, "offset", "rho", 1, &width) &&
           import_write(n, "scores = products @ weights + offset; "
                           "wins = cast(scores > 0, float32); "
                           "votes = wins @ first + (1 - wins) @ second; "
                           "place = argmax(votes, axis=1)");
}

bool import_svm_classifier(ImportNode *n) {
    const int64_t *of_class;
    size_t classes = learning_class_count(n), listed;
    if (float_count(n, "prob_a"))
        return import_refuse(n, "it gives probabilities, which are found by an iteration that has "
                                "no op here; export the model without them");
    if (!import_integers(n, "vectors_per_class", &of_class, &listed) || listed == 0 || classes < 2)
        return import_refuse(n, "it has no support vectors for classes");
    int64_t vectors = 0;
    for (size_t k = 0; k < listed; k++) {
        if (of_class[k] < 0 || of_class[k] > INT32_MAX)
            return import_refuse(n, "its vectors_per_class holds %lld", (long long)of_class[k]);
        vectors += of_class[k];
    }
    if (listed != classes || vectors < 1)
        return import_refuse(n, "its vectors_per_class are not those of %zu classes", classes);
    if (!as_float(n) || !bind_vectors(n, vectors) || !write_kernel(n) ||
        !write_votes(n, of_class, classes, vectors) || !write_labels(n))
        return false;
    if (classes > 2) return learning_give(n, "Z", import_word(n, "post_transform"));
    return import_write(n, "pair = concat([-scores, scores], axis=1)") &&
           write_output(n, "Z", "pair");
}

/* ---- features ---- */

/* What a list gives to X's columns: one number, or one for each. */
static bool bind_columns(ImportNode *n, const char *name, const char *attribute) {
    int64_t count = (int64_t)float_count(n, attribute);
    return bind_numbers(n, name, attribute, 1, &count);
}

bool import_scaler(ImportNode *n) {
    return as_float(n) && bind_columns(n, "offsets", "offset") &&
           bind_columns(n, "factors", "scale") &&
           import_write(n, "scores = (X - offsets) * factors") && write_output(n, "Y", "scores");
}

/* What is replaced may be NaN. */
bool import_imputer(ImportNode *n) {
    const int64_t *integers;
    size_t count;
    if (dtype_is_integer(import_dtype(n, "X"))) {
        if (!import_integers(n, "imputed_value_int64s", &integers, &count) || count == 0)
            return import_refuse(n, "it has no imputed_value_int64s");
        int64_t size = (int64_t)count;
        import_bind_tensor(n, "values", TFCC_INT64, 1, &size, integers);
        return import_write(n, "Y = where(equal(X, replaced_value_int64), values, X)");
    }
    if (!bind_columns(n, "values", "imputed_value_floats")) return false;
    if (isnan(import_float(n, "replaced_value_float", 0)))
        return import_write(n, "Y = where(is_nan(X), values, X)");
    return import_write(n, "Y = where(equal(X, replaced_value_float), values, X)");
}

bool import_normalizer(ImportNode *n) {
    const char *norm = import_word(n, "norm");
    const char *size =
        strcmp(norm, "MAX") == 0  ? "length = reduce_max(X, axis=1, keepdims=true)"
        : strcmp(norm, "L1") == 0 ? "length = reduce_sum(abs(X), axis=1, keepdims=true)"
        : strcmp(norm, "L2") == 0 ? "length = sqrt(reduce_sum(square(X), axis=1, keepdims=true))"
                                  : NULL;
    if (!size) return import_refuse(n, "its norm is `%s`", norm);
    return as_float(n) && import_write(n, size) &&
           import_write(n, "scores = X / where(equal(length, 0), 1, length)") &&
           write_output(n, "Y", "scores");
}

/* A vector gives a matrix of one row. */
bool import_array_feature_extractor(ImportNode *n) {
    if (import_rank(n, "X") == 1)
        return import_write(n, "Z = gather(expand_dims(X, 0), reshape(Y, [-1]), axis=1)");
    return import_write(n, "Z = gather(X, reshape(Y, [-1]), axis=-1)");
}

bool import_one_hot_encoder(ImportNode *n) {
    const int64_t *categories;
    size_t count;
    if (!import_integers(n, "cats_int64s", &categories, &count) || count == 0)
        return import_refuse(n, "its categories are strings, which tensors here cannot hold");
    int64_t size = (int64_t)count;
    import_bind_tensor(n, "categories", TFCC_INT64, 1, &size, categories);
    return import_write(n, "Y = cast(equal(expand_dims(cast(X, int64), -1), categories), float32)");
}

/* ---- labels by tables ---- */

static bool bind_table(ImportNode *n, const char *name, const char *prefix) {
    const int64_t *integers;
    size_t count;
    const char *floats = arena_format(import_arena(n), "%s_floats", prefix),
               *whole = arena_format(import_arena(n), "%s_int64s", prefix),
               *tensor = arena_format(import_arena(n), "%s_tensor", prefix);
    const OnnxAttribute *a = import_has(n, floats) ? import_attribute(n, floats) : NULL;
    if (a && a->kind == ONNX_FLOATS && a->count) {
        int64_t size = (int64_t)a->count;
        import_bind_tensor(n, name, TFCC_FLOAT32, 1, &size, a->numbers);
        return true;
    }
    if (import_has(n, whole) && import_integers(n, whole, &integers, &count) && count) {
        int64_t size = (int64_t)count;
        import_bind_tensor(n, name, TFCC_INT64, 1, &size, integers);
        return true;
    }
    if (import_value(n, tensor))
        return import_write(n,
                            arena_format(import_arena(n), "%s = reshape(%s, [-1])", name, tensor));
    return import_refuse(n, "its %s are strings, which tensors here cannot hold", prefix);
}

bool import_label_encoder(ImportNode *n) {
    if (!bind_table(n, "keys", "keys") || !bind_table(n, "values", "values")) return false;
    tfcc_dtype dtype = import_dtype(n, "values");
    const char *otherwise = import_value(n, "default_tensor") ? "reshape(default_tensor, [])"
                            : dtype_is_float(dtype)           ? "default_float"
                                                              : "default_int64";
    return import_write(
        n, arena_format(import_arena(n), "Y = label_encoder(X, keys, values, %s)", otherwise));
}

/* Its maps from labels to scores are the columns of the scores themselves. */
bool import_zip_map(ImportNode *n) {
    return import_write(n, "Z = X");
}

/* ---- optimisers ---- */

bool import_momentum(ImportNode *n) {
    bool is_nesterov = strcmp(import_word(n, "mode"), "nesterov") == 0;
    return import_write(n, "gradient = {norm_coefficient != 0 ? norm_coefficient * X + G : G}; "
                           "part = cast(where(T > 0, beta, 1.0), dtype(X)); "
                           "velocity = alpha * V + part * gradient; rate = cast(R, dtype(X)); "
                           "V_new = velocity") &&
           import_write(n, is_nesterov ? "X_new = X - rate * (gradient + alpha * velocity)"
                                       : "X_new = X - rate * velocity");
}
