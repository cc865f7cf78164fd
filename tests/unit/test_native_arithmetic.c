/* test_native_arithmetic.c: every scalar operation of every dtype, one lane and many, gives the
 * interpreter's bits. */
#include "kernels/scalar_evaluate.h"
#include "native_fixture.h"
#include "support/dtype.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const tfcc_dtype all_dtypes[] = {
    TFCC_BOOL,   TFCC_INT8,   TFCC_INT16,   TFCC_INT32,    TFCC_INT64,   TFCC_UINT8,   TFCC_UINT16,
    TFCC_UINT32, TFCC_UINT64, TFCC_FLOAT16, TFCC_BFLOAT16, TFCC_FLOAT32, TFCC_FLOAT64,
};
enum { DTYPE_COUNT = sizeof all_dtypes / sizeof *all_dtypes, VALUE_COUNT = 48 };

static const double float_values[] = {
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    -1.5,
    2.5,
    -2.5,
    0.3,
    -0.7,
    3.0,
    -7.0,
    1e-40,
    -1e-40,
    6e-8,
    2.98e-8,
    1e-300,
    65504.0,
    65519.9,
    65520.0,
    127.7,
    128.0,
    -129.0,
    255.5,
    256.0,
    32768.0,
    65536.5,
    2147483647.0,
    2147483648.0,
    -2147483648.0,
    -2147483649.5,
    4294967295.0,
    4294967296.0,
    8388609.0,
    4503599627370497.0,
    9.2233720368547758e18,
    9.2233720368547738e18,
    -9.2233720368547758e18,
    1.8446744073709552e19,
    1.5e19,
    1e30,
    -1e30,
    1.7e308,
    INFINITY,
    -INFINITY,
    NAN,
};
_Static_assert(sizeof float_values / sizeof *float_values == VALUE_COUNT, "");

/* Integers: small numbers of both signs, the ends of every width, and patterns. */
static uint64_t integer_value(size_t k) {
    static const int64_t numbers[] = {0, 1, -1, 2, -2, 3, 7, -7, 10, 100, 12345, -54321, 16777217};
    size_t count = sizeof numbers / sizeof *numbers;
    if (k < count) return (uint64_t)numbers[k];
    k -= count;
    static const int widths[] = {7, 8, 15, 16, 31, 32, 63, 53, 24};
    uint64_t power = UINT64_C(1) << widths[k / 3 % 9];
    if (k < 27) return power + k % 3 - 1;
    return UINT64_C(0x9e3779b97f4a7c15) * (k + 1);
}

static uint64_t edge_value(tfcc_dtype dtype, size_t k) {
    if (dtype_is_bool(dtype)) return k & 1;
    if (!dtype_is_float(dtype)) return bits_from_integer(dtype, (int64_t)integer_value(k));
    return bits_from_double(dtype, float_values[k]);
}

static bool is_nan_bits(tfcc_dtype dtype, uint64_t bits) {
    return dtype_is_float(dtype) && isnan(bits_to_double(dtype, bits));
}

static int operand_count(ScalarOp op) {
    static const int counts[] = {
#define SCALAR(code, spelling, arity, meaning) arity,
#include "kernels/scalar_ops.def"
#undef SCALAR
    };
    return counts[op];
}

/* Whether the kernel level has this operation on this dtype. */
static bool is_defined(ScalarOp op, tfcc_dtype dtype) {
    bool is_half = dtype == TFCC_FLOAT16 || dtype == TFCC_BFLOAT16;
    if (op == SCALAR_SELECT) return true;
    if (is_half || op == SCALAR_CONVERT || op == SCALAR_BITCAST) return false;
    bool is_float = dtype_is_float(dtype), is_bool = dtype_is_bool(dtype);
    switch (op) {
    case SCALAR_EQUAL:
    case SCALAR_NOT_EQUAL:
    case SCALAR_LESS:
    case SCALAR_LESS_EQUAL: return true;
    case SCALAR_AND:
    case SCALAR_OR:
    case SCALAR_XOR:
    case SCALAR_NOT: return !is_float;
    case SCALAR_REMAINDER:
    case SCALAR_SHIFT_LEFT:
    case SCALAR_SHIFT_RIGHT: return !is_float && !is_bool;
    case SCALAR_SQRT:
    case SCALAR_FLOOR:
    case SCALAR_CEIL:
    case SCALAR_TRUNCATE:
    case SCALAR_ROUND_EVEN: return is_float;
    case SCALAR_MINIMUM:
    case SCALAR_MAXIMUM: return true;
    default: return !is_bool;
    }
}

static tfcc_dtype result_dtype(ScalarOp op, tfcc_dtype dtype) {
    return op >= SCALAR_EQUAL && op <= SCALAR_LESS_EQUAL ? TFCC_BOOL : dtype;
}

typedef struct Case {
    ScalarOp op;
    tfcc_dtype operand, result;
    int lanes;
    uint32_t function;
} Case;

static void add_case(NativeFixture *f, Case *cases, size_t *count, Case c) {
    tfcc_dtype dtypes[4];
    size_t operands = (size_t)operand_count(c.op);
    for (size_t k = 0; k < operands; k++) dtypes[k] = c.operand;
    if (c.op == SCALAR_SELECT) dtypes[0] = TFCC_BOOL;
    dtypes[operands] = c.result;
    LoopBuilder b;
    LoopFunction *function = native_fixture_function(f, "case", dtypes, operands + 1, &b);
    LoopInstruction *zero = loop_constant(&b, (LoopType){TFCC_INT64, 1}, 0);
    LoopInstruction *end = loop_slot(&b, 0);
    LoopBlock *outer = b.block;
    LoopInstruction *loop = loop_for_begin(&b, zero, end, c.lanes, NULL, 0);
    LoopInstruction *values[3];
    for (size_t k = 0; k < operands; k++)
        values[k] = loop_load(&b, (uint32_t)k, loop->index, c.lanes, NULL, NULL);
    LoopInstruction *result = loop_arithmetic(&b, c.op, c.result, values, operands);
    loop_store(&b, (uint32_t)operands, loop->index, result, NULL);
    loop_for_end(&b, loop, NULL, outer);
    c.function = function->number;
    cases[(*count)++] = c;
}

/* All pairs of values, as many elements as VALUE_COUNT squared. */
enum { ELEMENTS = VALUE_COUNT * VALUE_COUNT };

static uint64_t operand_value(const Case *c, size_t operand, size_t element) {
    if (c->op == SCALAR_SELECT && operand == 0) return element % 3 == 0;
    size_t which =
        operand % 2 == (c->op == SCALAR_SELECT) ? element % VALUE_COUNT : element / VALUE_COUNT;
    return edge_value(c->operand, which);
}

static void check_case(const NativeFixture *f, const Case *c) {
    size_t operands = (size_t)operand_count(c->op);
    static uint64_t storage[4][ELEMENTS + 1];
    void *buffers[4];
    for (size_t k = 0; k <= operands; k++) {
        buffers[k] = (char *)storage[k] + 1; /* no address needs to be aligned */
        tfcc_dtype dtype = c->op == SCALAR_SELECT && k == 0 ? TFCC_BOOL : c->operand;
        for (int64_t i = 0; i < ELEMENTS && k < operands; i++)
            bits_store(dtype, buffers[k], i, operand_value(c, k, (size_t)i));
    }
    int64_t dims[] = {ELEMENTS}, failure[TFCC_ABI_FAILURE_VALUES];
    cr_assert_eq(f->model->steps[c->function].kernel(buffers, dims, failure), 0);
    for (int64_t i = 0; i < ELEMENTS; i++) {
        uint64_t values[3] = {0};
        for (size_t k = 0; k < operands; k++) values[k] = operand_value(c, k, (size_t)i);
        uint64_t expected = scalar_evaluate(c->op, c->result, c->operand, values);
        uint64_t got = bits_load(c->result, buffers[operands], i);
        if (is_nan_bits(c->result, expected) && is_nan_bits(c->result, got)) continue;
        cr_assert_eq(
            got, expected,
            "%s -O%d: operation %d, %s to %s, %d lanes: of 0x%llx, 0x%llx: 0x%llx, not 0x%llx",
            f->target.cpu, f->compilation.options.optimisation, (int)c->op, dtype_name(c->operand),
            dtype_name(c->result), c->lanes, (unsigned long long)values[0],
            (unsigned long long)values[1], (unsigned long long)got, (unsigned long long)expected);
    }
}

static void check_all(const char *cpu, int optimisation, bool conversions, int lanes) {
    NativeFixture *f = native_fixture_create(cpu, optimisation);
    static Case cases[2000];
    size_t count = 0;
    for (size_t from = 0; from < DTYPE_COUNT; from++) {
        tfcc_dtype dtype = all_dtypes[from];
        for (size_t to = 0; to < DTYPE_COUNT && conversions; to++) {
            Case c = {SCALAR_CONVERT, dtype, all_dtypes[to], lanes, 0};
            add_case(f, cases, &count, c);
            c.op = SCALAR_BITCAST;
            if (dtype_size(c.operand) == dtype_size(c.result) && c.operand != TFCC_BOOL &&
                c.result != TFCC_BOOL)
                add_case(f, cases, &count, c);
        }
        for (ScalarOp op = SCALAR_SELECT; op <= SCALAR_ROUND_EVEN && !conversions; op++)
            if (is_defined(op, dtype))
                add_case(f, cases, &count, (Case){op, dtype, result_dtype(op, dtype), lanes, 0});
    }
    native_fixture_build(f);
    native_fixture_check_symbols(f); /* no conversion or division calls libgcc */
    if (native_fixture_can_run(f)) {
        native_fixture_load(f);
        for (size_t k = 0; k < count; k++) check_case(f, &cases[k]);
    }
    native_fixture_destroy(f);
}

#define ON_EVERY_PROCESSOR(NAME, LEVEL, CONVERSIONS, LANES)                                        \
    Test(native_arithmetic, NAME##_v1) {                                                           \
        check_all("x86-64", LEVEL, CONVERSIONS, LANES);                                            \
    }                                                                                              \
    Test(native_arithmetic, NAME##_v2) {                                                           \
        check_all("x86-64-v2", LEVEL, CONVERSIONS, LANES);                                         \
    }                                                                                              \
    Test(native_arithmetic, NAME##_v3) {                                                           \
        check_all("x86-64-v3", LEVEL, CONVERSIONS, LANES);                                         \
    }                                                                                              \
    Test(native_arithmetic, NAME##_v4) {                                                           \
        check_all("x86-64-v4", LEVEL, CONVERSIONS, LANES);                                         \
    }

ON_EVERY_PROCESSOR(operations_one_lane, 2, false, 1)
ON_EVERY_PROCESSOR(operations_16_lanes, 2, false, 16)
ON_EVERY_PROCESSOR(conversions_one_lane, 2, true, 1)
ON_EVERY_PROCESSOR(conversions_16_lanes, 2, true, 16)

Test(native_arithmetic, operations_unoptimised) {
    check_all("x86-64-v3", 0, false, 8);
}
Test(native_arithmetic, conversions_unoptimised) {
    check_all("x86-64-v3", 0, true, 8);
}
Test(native_arithmetic, conversions_unoptimised_one_lane) {
    check_all("x86-64-v2", 0, true, 1);
}
