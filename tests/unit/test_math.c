/* test_math.c: every function of the kernel level against long double libm, over its whole range
 * and at its edges.
 *
 * The builders fold constants, so expanding a function of a constant gives its value at once, by
 * the same arithmetic that the native code carries out. Bounds are in units of the last place: 2
 * for float64 (3 for those made of two others), 1 for float32 through float64.
 */
#include "kernels/math.h"
#include "kernels/scalar_evaluate.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

typedef struct Case {
    ScalarOp op;
    const char *name;
    long double (*reference)(long double);
    double low, high; /* sampled range; where low > 0, sampled by exponent too */
    double bound64, bound32;
} Case;

static long double sigmoid_reference(long double x) {
    return 1 / (1 + expl(-x));
}

static const Case cases[] = {
    {SCALAR_EXP, "exp", expl, -745, 710, 1.5, 1.5},
    {SCALAR_EXPM1, "expm1", expm1l, -50, 710, 3, 3},
    {SCALAR_LOG, "log", logl, 1e-310, 1e300, 1.5, 1.5},
    {SCALAR_LOG1P, "log1p", log1pl, -0.999999, 1e6, 3, 1},
    {SCALAR_SIN, "sin", sinl, -1e9, 1e9, 2, 1},
    {SCALAR_COS, "cos", cosl, -1e5, 1e5, 2, 1},
    {SCALAR_TAN, "tan", tanl, -1e3, 1e3, 3, 1},
    {SCALAR_ASIN, "asin", asinl, -1, 1, 2, 1},
    {SCALAR_ACOS, "acos", acosl, -1, 1, 2, 1},
    {SCALAR_ATAN, "atan", atanl, -1e4, 1e4, 2, 1},
    {SCALAR_SINH, "sinh", sinhl, -709, 709, 3, 1},
    {SCALAR_COSH, "cosh", coshl, -709, 709, 3, 1},
    {SCALAR_TANH, "tanh", tanhl, -30, 30, 3, 3},
    {SCALAR_ASINH, "asinh", asinhl, -1e10, 1e10, 3, 1},
    {SCALAR_ACOSH, "acosh", acoshl, 1.0001, 1e10, 3, 1},
    {SCALAR_ATANH, "atanh", atanhl, -0.9999, 0.9999, 3, 1},
    {SCALAR_SIGMOID, "sigmoid", sigmoid_reference, -700, 40, 2.5, 2.5},
    {SCALAR_ERF, "erf", erfl, -7, 7, 2, 2},
    {SCALAR_ERFC, "erfc", erfcl, -7, 27, 4, 1},
};

typedef struct Bench {
    Arena *arena;
    Program *program;
} Bench;

static Bench bench_open(void) {
    Bench bench = {.arena = arena_create()};
    Graph *graph = graph_create(bench.arena, diagnostics_create(bench.arena), "math");
    bench.program = program_create(bench.arena, graph);
    return bench;
}

static double apply(Bench *bench, ScalarOp op, tfcc_dtype dtype, double x, double y) {
    Kernel *kernel = kernel_create(bench->program, KERNEL_STRUCTURED, "math", (Place){0}, NULL);
    Scalar *operands[2] = {scalar_float(kernel, dtype, x), scalar_float(kernel, dtype, y)};
    Scalar *result = math_expand(kernel, op, operands);
    cr_assert(result->op == SCALAR_CONSTANT, "a function of a constant folds");
    return bits_to_double(dtype, result->as.bits);
}

static double ulp(tfcc_dtype dtype, long double exact) {
    long double a = fabsl(exact);
    int bits = dtype == TFCC_FLOAT32 ? 24 : 53, lowest = dtype == TFCC_FLOAT32 ? -149 : -1074;
    int exponent;
    if (a == 0) return ldexp(1, lowest);
    frexpl(a, &exponent);
    int unit = exponent - bits > lowest ? exponent - bits : lowest;
    return ldexp(1, unit);
}

/* xorshift; the sample is the same in every run */
static double next_uniform(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (double)(*state >> 11) * 0x1p-53;
}

static double sample(const Case *c, uint64_t *state) {
    double u = next_uniform(state);
    if (c->low > 0) return exp(log(c->low) + u * (log(c->high) - log(c->low)));
    double x = c->low + u * (c->high - c->low);
    /* Every third one near zero. */
    return next_uniform(state) < 0.33 ? x * exp2(-40 * next_uniform(state)) : x;
}

static void check_case(const Case *c, tfcc_dtype dtype, double bound) {
    Bench bench = bench_open();
    uint64_t state = 88172645463325252u + (uint64_t)c->op;
    double worst = 0, where = 0;
    for (int k = 0; k < 1500; k++) {
        double x = sample(c, &state);
        if (dtype == TFCC_FLOAT32) x = (double)(float)x;
        long double exact = c->reference((long double)x);
        long double largest = dtype == TFCC_FLOAT32 ? 3.4e38L : 1.79e308L;
        if (fabsl(exact) > largest || !isfinite(x)) continue;
        double error = (double)(fabsl((long double)apply(&bench, c->op, dtype, x, 0) - exact) /
                                (long double)ulp(dtype, exact));
        if (!(error <= worst)) {
            worst = error;
            where = x;
        }
    }
    cr_expect(worst <= bound, "%s of %s: %.2f ulp at %.17g, at most %.1f are allowed", c->name,
              dtype == TFCC_FLOAT32 ? "float32" : "float64", worst, where, bound);
    arena_destroy(bench.arena);
}

Test(math, float64_accuracy) {
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        check_case(&cases[k], TFCC_FLOAT64, cases[k].bound64);
}

Test(math, float32_accuracy) {
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        check_case(&cases[k], TFCC_FLOAT32, cases[k].bound32);
}

Test(math, edges_agree_with_libm) {
    static const double edges[] = {0.0, -0.0,  1.0,    -1.0,   0.5,     -0.5,  INFINITY, -INFINITY,
                                   NAN, 1e300, -1e300, 5e-324, -5e-324, 1e-20, -1e-20,   2.0};
    Bench bench = bench_open();
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (size_t e = 0; e < sizeof edges / sizeof *edges; e++) {
            double exact = (double)cases[k].reference((long double)edges[e]);
            double got = apply(&bench, cases[k].op, TFCC_FLOAT64, edges[e], 0);
            bool good = isnan(exact) ? isnan(got)
                        : isinf(exact) || exact == 0
                            ? got == exact && signbit(got) == signbit(exact)
                            : fabs(got - exact) <= 4 * ulp(TFCC_FLOAT64, exact);
            cr_expect(good, "%s(%g) is %.17g, not %.17g", cases[k].name, edges[e], got, exact);
        }
    arena_destroy(bench.arena);
}

/* glibc reduces its arguments exactly, so it is the reference over the whole range. */
Test(math, sines_of_large_numbers) {
    static const ScalarOp ops[] = {SCALAR_SIN, SCALAR_COS, SCALAR_TAN};
    static double (*const references[])(double) = {sin, cos, tan};
    Bench bench = bench_open();
    uint64_t state = 4711;
    /* The float64 that is closest to a multiple of pi / 2 (J.-M. Muller, Elementary Functions). */
    double closest = apply(&bench, SCALAR_COS, TFCC_FLOAT64, 0x1.6ac5b262ca1ffp+849, 0);
    cr_expect(fabs(closest - -4.687165924254627611e-19) <= 1e-34, "%.17g", closest);
    for (int k = 0; k < 600; k++) {
        double x =
            ldexp(1 + next_uniform(&state), (int)(1024 * next_uniform(&state))) * (k % 2 ? 1 : -1);
        for (size_t f = 0; f < 3; f++) {
            double exact = references[f](x), got = apply(&bench, ops[f], TFCC_FLOAT64, x, 0);
            cr_expect(fabs(got - exact) <= 3 * ulp(TFCC_FLOAT64, exact),
                      "function %zu of %a is %.17g, not %.17g", f, x, got, exact);
        }
    }
    arena_destroy(bench.arena);
}

Test(math, power) {
    static const double edges[] = {0.0,  -0.0,  1.0,    -1.0,   2.0,  -2.0,     0.5,
                                   -0.5, 3.0,   -3.0,   2.5,    -2.5, INFINITY, -INFINITY,
                                   NAN,  1e300, -1e300, 1e-300, 1e18, 1e17 + 1};
    Bench bench = bench_open();
    size_t count = sizeof edges / sizeof *edges;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            double exact = pow(edges[i], edges[j]);
            double got = apply(&bench, SCALAR_POWER, TFCC_FLOAT64, edges[i], edges[j]);
            bool good = isnan(exact) ? isnan(got)
                        : isinf(exact) || exact == 0
                            ? got == exact && signbit(got) == signbit(exact)
                            : fabs(got - exact) <= 2 * ulp(TFCC_FLOAT64, exact);
            cr_expect(good, "pow(%g, %g) is %.17g, not %.17g", edges[i], edges[j], got, exact);
        }
    uint64_t state = 99;
    double worst = 0;
    for (int k = 0; k < 1500; k++) {
        double x = exp(40 * next_uniform(&state) - 20), y = 60 * next_uniform(&state) - 30;
        long double exact = powl((long double)x, (long double)y);
        if (exact > 1e308L || exact < 1e-307L) continue;
        double error =
            (double)(fabsl((long double)apply(&bench, SCALAR_POWER, TFCC_FLOAT64, x, y) - exact) /
                     (long double)ulp(TFCC_FLOAT64, exact));
        worst = error > worst ? error : worst;
    }
    cr_expect(worst <= 2, "power: %.2f ulp", worst);
    arena_destroy(bench.arena);
}

Test(math, atan2_quadrants) {
    static const double edges[] = {0.0,      -0.0,      1.0, -1.0,   2.0,   -3.0,
                                   INFINITY, -INFINITY, NAN, 1e-300, -1e300};
    Bench bench = bench_open();
    size_t count = sizeof edges / sizeof *edges;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            double exact = atan2(edges[i], edges[j]);
            double got = apply(&bench, SCALAR_ATAN2, TFCC_FLOAT64, edges[i], edges[j]);
            bool good = isnan(exact) ? isnan(got)
                        : exact == 0 ? got == 0 && signbit(got) == signbit(exact)
                                     : fabs(got - exact) <= 2 * ulp(TFCC_FLOAT64, exact);
            cr_expect(good, "atan2(%g, %g) is %.17g, not %.17g", edges[i], edges[j], got, exact);
        }
    arena_destroy(bench.arena);
}

/* The known answers of the generator's authors: key and counter all zero, and all ones. */
Test(math, philox_known_answers) {
    static const uint32_t zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    Bench bench = bench_open();
    Kernel *kernel = kernel_create(bench.program, KERNEL_STRUCTURED, "philox", (Place){0}, NULL);
    for (uint64_t k = 0; k < 4; k++) {
        Scalar *operands[3] = {scalar_constant_bits(kernel, TFCC_UINT64, 0),
                               scalar_constant_bits(kernel, TFCC_UINT64, 0),
                               scalar_constant_bits(kernel, TFCC_UINT64, k)};
        Scalar *word = math_expand(kernel, SCALAR_RANDOM_BITS, operands);
        cr_expect(word->as.bits == zeros[k], "word %d is %llx", (int)k,
                  (unsigned long long)word->as.bits);
    }
    arena_destroy(bench.arena);
}
