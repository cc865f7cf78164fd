/* onnx_random.c: the ops that draw random numbers: ONNX's seeds are floats. */
#include "import/import.h"

#include <string.h>

typedef struct RandomOp {
    const char *op, *expression;
} RandomOp;

static const RandomOp ops[] = {
    {"RandomNormal", "random_normal(shape, mean=mean, stddev=scale, dtype=dtype, seed=seed)"},
    {"RandomUniform", "random_uniform(shape, low, high, dtype=dtype, seed=seed)"},
    {"RandomNormalLike", "random_normal(shape(input), mean=mean, stddev=scale, "
                         "dtype={dtype ? dtype : dtype(input)}, seed=seed)"},
    {"RandomUniformLike",
     "random_uniform(shape(input), low, high, dtype={dtype ? dtype : dtype(input)}, seed=seed)"},
    {"Bernoulli", "bernoulli(input, dtype=dtype, seed=seed)"},
    {"Multinomial",
     "random_categorical(input, sample_size, dtype={dtype ? dtype : int32}, seed=seed)"},
};

/* A whole number stands for itself, any other by its bits. */
static int64_t seed_of(double number) {
    if (number > -0x1p53 && number < 0x1p53 && (double)(int64_t)number == number)
        return (int64_t)number;
    int64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

bool import_random(ImportNode *n) {
    if (import_has(n, "seed"))
        import_bind(n, "seed", "%lld", (long long)seed_of(import_float(n, "seed", 0)));
    const char *op = import_onnx(n)->op;
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        if (strcmp(op, ops[k].op) == 0) return import_write(n, ops[k].expression);
    return import_refuse(n, "it draws no random numbers");
}
