/* onnx_ngrams.c: the row of TfIdfVectorizer, for tokens that are numbers. */
#include "import/import.h"

#include <string.h>

/* The n-grams of one length in the pool: `count` of them, `length` numbers each. */
typedef struct Grams {
    const int64_t *numbers;
    int64_t length, count;
} Grams;

/* `[a, b, …]`: number `place` of each n-gram. */
static void add_column(Text *text, const Grams *grams, int64_t place) {
    text_add_char(text, '[');
    for (int64_t k = 0; k < grams->count; k++)
        text_add_format(text, "%s%lld", k ? ", " : "",
                        (long long)grams->numbers[k * grams->length + place]);
    text_add_char(text, ']');
}

/* How often each of the n-grams stands in X with `step - 1` tokens left out between its own: all of
 * its numbers have to be equal, each looked at in X from another place on. */
static const char *hits(ImportNode *n, const Grams *grams, int64_t step) {
    Text text = {.arena = import_arena(n)};
    text_add(&text, "reduce_sum(cast(");
    for (int64_t j = 0; j < grams->length; j++) {
        int64_t behind = (grams->length - 1 - j) * step;
        text_add_format(&text, "%s(X[..., %lld:", j ? " & " : "", (long long)(j * step));
        if (behind) text_add_format(&text, "-%lld", (long long)behind);
        text_add(&text, ", None] == ");
        add_column(&text, grams, j);
        text_add_char(&text, ')');
    }
    text_add(&text, ", float32), axis=-2)");
    return text.bytes;
}

/* `counts`: those of all n-grams in the order of the pool. */
static bool write_counts(ImportNode *n, const int64_t *pool, size_t pool_count,
                         const int64_t *starts, size_t start_count) {
    int64_t least = import_integer(n, "min_gram_length", 1),
            most = import_integer(n, "max_gram_length", 1),
            skips = import_integer(n, "max_skip_count", 0), grams_count = 0;
    Text parts = {.arena = import_arena(n)};
    text_add(&parts, "counts = concat([");
    for (size_t s = 0; s < start_count; s++) {
        int64_t end = s + 1 < start_count ? starts[s + 1] : (int64_t)pool_count,
                length = (int64_t)s + 1;
        if (starts[s] < 0 || end < starts[s] || end > (int64_t)pool_count ||
            (end - starts[s]) % length)
            return import_refuse(n, "its ngram_counts do not fit its pool");
        Grams grams = {pool + starts[s], length, (end - starts[s]) / length};
        if (grams.count == 0) continue;
        grams_count += grams.count;
        const char *name = arena_format(import_arena(n), "counts_%lld", (long long)length);
        Text sum = {.arena = import_arena(n)};
        text_add_format(&sum, "%s = ", name);
        bool counts = length >= least && length <= most;
        for (int64_t skip = 0; counts && skip <= (length == 1 ? 0 : skips); skip++)
            text_add_format(&sum, "%s%s", skip ? " + " : "", hits(n, &grams, skip + 1));
        import_bind(n, "count", "%lld", (long long)grams.count);
        if (!counts) text_add(&sum, "zeros(concat([shape(X)[:-1], [count]], axis=0))");
        if (!import_write(n, sum.bytes)) return false;
        text_add_format(&parts, "%s%s", parts.bytes[parts.length - 1] == '[' ? "" : ", ", name);
    }
    text_add(&parts, "], axis=-1)");
    import_bind(n, "grams", "%lld", (long long)grams_count);
    return grams_count ? import_write(n, parts.bytes) : import_refuse(n, "its pool is empty");
}

bool import_tf_idf_vectorizer(ImportNode *n) {
    const int64_t *pool, *starts, *places;
    const double *weights;
    size_t pool_count, start_count, place_count, weight_count;
    const char *mode = import_word(n, "mode");
    if (!import_integers(n, "pool_int64s", &pool, &pool_count))
        return import_refuse(n, "its pool is of strings, which tensors here cannot hold");
    if (!import_integers(n, "ngram_counts", &starts, &start_count) ||
        !import_integers(n, "ngram_indexes", &places, &place_count))
        return import_refuse(n, "its ngram_counts or ngram_indexes are missing");
    if (!write_counts(n, pool, pool_count, starts, start_count)) return false;
    if (import_floats(n, "weights", &weights, &weight_count) && weight_count != place_count)
        return import_refuse(n, "it has %zu weights for %zu n-grams", weight_count, place_count);
    int64_t size = 0;
    for (size_t k = 0; k < place_count; k++) {
        if (places[k] < 0 || places[k] >= INT32_MAX)
            return import_refuse(n, "its ngram_indexes are out of range");
        if (places[k] >= size) size = places[k] + 1;
    }
    import_bind(n, "size", "%lld", (long long)size);
    if (strcmp(mode, "TF") == 0) {
        import_bind_absent(n, "weights");
        return import_write(n, "Y = tensordot(counts, one_hot(ngram_indexes, size), 1)");
    }
    if (strcmp(mode, "IDF") != 0 && strcmp(mode, "TFIDF") != 0)
        return import_refuse(n, "its mode is '%s'; ONNX has TF, IDF and TFIDF", mode);
    return import_write(n, "found = {mode == 'IDF' ? minimum(counts, 1) : counts};"
                           "Y = tensordot(found{ * weights}, one_hot(ngram_indexes, size), 1)");
}
