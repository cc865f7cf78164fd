/* emit_arithmetic.c: the rows of scalar_ops.def as LLVM IR, lane by lane.
 *
 * The meaning is scalar_evaluate.c's, bit for bit: integers wrap (no nsw, no nuw), floats carry no
 * fast-math flag, nothing is contracted, and what LLVM leaves undefined (division by zero, shifts
 * that are too wide) is decided before LLVM sees it.
 */
#include "native/emitter.h"

#include "support/dtype.h"
#include <assert.h>

static LLVMValueRef unary_intrinsic(FunctionEmitter *e, Intrinsic intrinsic, LLVMValueRef a) {
    LLVMTypeRef type = LLVMTypeOf(a);
    return native_intrinsic(e->module, intrinsic, &type, 1, &a, 1);
}

static LLVMValueRef binary_intrinsic(FunctionEmitter *e, Intrinsic intrinsic, LLVMValueRef a,
                                     LLVMValueRef b) {
    LLVMTypeRef type = LLVMTypeOf(a);
    return native_intrinsic(e->module, intrinsic, &type, 1, (LLVMValueRef[]){a, b}, 2);
}

static uint64_t float_bits(tfcc_dtype dtype, double number) {
    union {
        float single;
        uint32_t bits;
    } narrow = {(float)number};
    union {
        double number;
        uint64_t bits;
    } wide = {number};
    return dtype == TFCC_FLOAT32 ? narrow.bits : wide.bits;
}

static LLVMValueRef float_constant(FunctionEmitter *e, tfcc_dtype dtype, int lanes, double number) {
    return emitter_splat_bits(e->module, dtype, lanes, float_bits(dtype, number));
}

/* ---- rounding, where the processor has no instruction for it ---- */

/* |a| + 2^m - 2^m rounds to the nearest even integer for |a| < 2^m, where m is the fraction's
 * width; larger numbers are integers. */
static LLVMValueRef round_even_by_adding(FunctionEmitter *e, tfcc_dtype dtype, int lanes,
                                         LLVMValueRef a) {
    LLVMValueRef magic = float_constant(e, dtype, lanes, dtype == TFCC_FLOAT32 ? 0x1p23 : 0x1p52);
    LLVMValueRef magnitude = unary_intrinsic(e, INTRINSIC_FABS, a);
    LLVMValueRef sum = LLVMBuildFAdd(e->builder, magnitude, magic, "");
    LLVMValueRef rounded = LLVMBuildFSub(e->builder, sum, magic, "");
    rounded = binary_intrinsic(e, INTRINSIC_COPYSIGN, rounded, a);
    LLVMValueRef is_small = LLVMBuildFCmp(e->builder, LLVMRealOLT, magnitude, magic, "");
    return LLVMBuildSelect(e->builder, is_small, rounded, a, "");
}

/* The nearest integer, one less where that is above. The sign is a's, so that -0 stays. */
static LLVMValueRef floor_by_adding(FunctionEmitter *e, tfcc_dtype dtype, int lanes,
                                    LLVMValueRef a) {
    LLVMValueRef nearest = round_even_by_adding(e, dtype, lanes, a);
    LLVMValueRef less = LLVMBuildFSub(e->builder, nearest, float_constant(e, dtype, lanes, 1), "");
    LLVMValueRef is_above = LLVMBuildFCmp(e->builder, LLVMRealOGT, nearest, a, "");
    return LLVMBuildSelect(e->builder, is_above, less, nearest, "");
}

static LLVMValueRef emit_rounding(FunctionEmitter *e, ScalarOp op, tfcc_dtype dtype, int lanes,
                                  LLVMValueRef a) {
    if (e->module->has_rounding) {
        Intrinsic intrinsic = op == SCALAR_FLOOR      ? INTRINSIC_FLOOR
                              : op == SCALAR_CEIL     ? INTRINSIC_CEIL
                              : op == SCALAR_TRUNCATE ? INTRINSIC_TRUNC
                                                      : INTRINSIC_ROUNDEVEN;
        return unary_intrinsic(e, intrinsic, a);
    }
    LLVMValueRef result;
    switch (op) {
    case SCALAR_ROUND_EVEN: return round_even_by_adding(e, dtype, lanes, a);
    case SCALAR_FLOOR: return floor_by_adding(e, dtype, lanes, a);
    case SCALAR_CEIL: /* -floor(-a) */
        result = floor_by_adding(e, dtype, lanes, LLVMBuildFNeg(e->builder, a, ""));
        return LLVMBuildFNeg(e->builder, result, "");
    default:
        result = floor_by_adding(e, dtype, lanes, unary_intrinsic(e, INTRINSIC_FABS, a));
        return binary_intrinsic(e, INTRINSIC_COPYSIGN, result, a);
    }
}

/* ---- the smaller and the larger ---- */

/* x < y ? x : y, or x > y ? x : y, which is one instruction on x86: y where they are equal or one
 * is NaN. */
static LLVMValueRef choose(FunctionEmitter *e, LLVMRealPredicate predicate, LLVMValueRef x,
                           LLVMValueRef y) {
    return LLVMBuildSelect(e->builder, LLVMBuildFCmp(e->builder, predicate, x, y, ""), x, y, "");
}

/* Lanes `first` … `first` + count - 1. */
static LLVMValueRef some_lanes(FunctionEmitter *e, LLVMValueRef value, int first, int count) {
    LLVMValueRef lanes[MOST_LANES];
    for (int lane = 0; lane < count; lane++)
        lanes[lane] = native_int32(e->module, (uint32_t)(first + lane));
    return LLVMBuildShuffleVector(e->builder, value, LLVMGetPoison(LLVMTypeOf(value)),
                                  LLVMConstVector(lanes, (unsigned)count), "");
}

static LLVMValueRef emit_extreme(FunctionEmitter *e, ScalarOp op, tfcc_dtype dtype, int lanes,
                                 LLVMValueRef a, LLVMValueRef b);

/* A vector of several registers is done in halves, one after the other: LLVM would do each step for
 * all registers before the next step, and run out of them. */
static LLVMValueRef extreme_in_halves(FunctionEmitter *e, ScalarOp op, tfcc_dtype dtype, int lanes,
                                      LLVMValueRef a, LLVMValueRef b) {
    LLVMValueRef halves[2], both[MOST_LANES];
    for (int k = 0; k < 2; k++)
        halves[k] =
            emit_extreme(e, op, dtype, lanes / 2, some_lanes(e, a, k * lanes / 2, lanes / 2),
                         some_lanes(e, b, k * lanes / 2, lanes / 2));
    for (int lane = 0; lane < lanes; lane++) both[lane] = native_int32(e->module, (uint32_t)lane);
    return LLVMBuildShuffleVector(e->builder, halves[0], halves[1],
                                  LLVMConstVector(both, (unsigned)lanes), "");
}

/* Both orders of the operands are asked. The answers differ where there is a NaN or zeros of two
 * signs: their bits together are then NaN, or -0, the smaller. For the larger the bits in which
 * they differ are subtracted again: NaN stays, -0 becomes -0 - -0 = 0, and where they do not differ
 * nothing changes. LLVM's own form, which is longer, is better where one operand is known. */
static LLVMValueRef emit_extreme(FunctionEmitter *e, ScalarOp op, tfcc_dtype dtype, int lanes,
                                 LLVMValueRef a, LLVMValueRef b) {
    bool is_minimum = op == SCALAR_MINIMUM;
    if (LLVMIsConstant(a) || LLVMIsConstant(b))
        return binary_intrinsic(e, is_minimum ? INTRINSIC_MINIMUM : INTRINSIC_MAXIMUM, a, b);
    bool is_wide = lanes * (int)dtype_size(dtype) > e->module->target.vector_bytes;
    if (is_wide && lanes % 2 == 0) return extreme_in_halves(e, op, dtype, lanes, a, b);
    LLVMRealPredicate predicate = is_minimum ? LLVMRealOLT : LLVMRealOGT;
    LLVMTypeRef floats = LLVMTypeOf(a);
    LLVMTypeRef words =
        emitter_type(e->module, dtype == TFCC_FLOAT32 ? TFCC_UINT32 : TFCC_UINT64, lanes);
    LLVMValueRef x = LLVMBuildBitCast(e->builder, choose(e, predicate, a, b), words, "");
    LLVMValueRef y = LLVMBuildBitCast(e->builder, choose(e, predicate, b, a), words, "");
    LLVMValueRef both = LLVMBuildOr(e->builder, x, y, "");
    both = LLVMBuildBitCast(e->builder, both, floats, "");
    if (is_minimum) return both;
    LLVMValueRef differing = LLVMBuildXor(e->builder, x, y, "");
    differing = LLVMBuildBitCast(e->builder, differing, floats, "");
    return LLVMBuildFSub(e->builder, both, differing, "");
}

/* ---- integer division ---- */

/* Vectors of up to 32 bits divide as floating point: the quotient of two w-bit integers that is no
 * integer differs from the nearest one by a 2^-w-th of itself at least, so a fraction of more than
 * w bits truncates right. */
static LLVMValueRef divide_as_float(FunctionEmitter *e, tfcc_dtype dtype, int lanes, LLVMValueRef a,
                                    LLVMValueRef b) {
    bool is_signed = dtype_is_signed(dtype);
    LLVMTypeRef wide =
        emitter_type(e->module, dtype_bits(dtype) <= 16 ? TFCC_FLOAT32 : TFCC_FLOAT64, lanes);
    LLVMOpcode into = is_signed ? LLVMSIToFP : LLVMUIToFP;
    LLVMValueRef x = LLVMBuildCast(e->builder, into, a, wide, "");
    LLVMValueRef y = LLVMBuildCast(e->builder, into, b, wide, "");
    return LLVMBuildCast(e->builder, is_signed ? LLVMFPToSI : LLVMFPToUI,
                         LLVMBuildFDiv(e->builder, x, y, ""), LLVMTypeOf(a), "");
}

/* a / b or a % b for every a and b: 0 where b is 0; where b is -1, -a or 0. */
static LLVMValueRef emit_integer_division(FunctionEmitter *e, bool is_remainder, tfcc_dtype dtype,
                                          int lanes, LLVMValueRef a, LLVMValueRef b) {
    LLVMBuilderRef builder = e->builder;
    bool is_signed = dtype_is_signed(dtype);
    LLVMTypeRef type = LLVMTypeOf(a);
    LLVMValueRef zero = LLVMConstNull(type);
    LLVMValueRef one = emitter_splat_bits(e->module, dtype, lanes, 1);
    LLVMValueRef by_zero = LLVMBuildICmp(builder, LLVMIntEQ, b, zero, "");
    LLVMValueRef special = by_zero, by_minus_one = NULL;
    if (is_signed) {
        by_minus_one = LLVMBuildICmp(builder, LLVMIntEQ, b, LLVMConstAllOnes(type), "");
        special = LLVMBuildOr(builder, by_zero, by_minus_one, "");
    }
    LLVMValueRef divisor = LLVMBuildSelect(builder, special, one, b, "");
    LLVMValueRef result;
    if (lanes > 1 && dtype_bits(dtype) <= 32 && !LLVMIsConstant(b)) {
        result = divide_as_float(e, dtype, lanes, a, divisor);
        if (is_remainder)
            result = LLVMBuildSub(builder, a, LLVMBuildMul(builder, result, divisor, ""), "");
    } else if (is_remainder) {
        result = is_signed ? LLVMBuildSRem(builder, a, divisor, "")
                           : LLVMBuildURem(builder, a, divisor, "");
    } else {
        result = is_signed ? LLVMBuildSDiv(builder, a, divisor, "")
                           : LLVMBuildUDiv(builder, a, divisor, "");
    }
    if (is_remainder) return result; /* by one, which stands for both, it is 0 already */
    if (is_signed)
        result = LLVMBuildSelect(builder, by_minus_one, LLVMBuildNeg(builder, a, ""), result, "");
    return LLVMBuildSelect(builder, by_zero, zero, result, "");
}

/* ---- by kind of operand ---- */

static LLVMValueRef emit_float(FunctionEmitter *e, ScalarOp op, tfcc_dtype dtype, int lanes,
                               LLVMValueRef *v) {
    LLVMBuilderRef builder = e->builder;
    switch (op) {
    case SCALAR_ADD: return LLVMBuildFAdd(builder, v[0], v[1], "");
    case SCALAR_SUBTRACT: return LLVMBuildFSub(builder, v[0], v[1], "");
    case SCALAR_MULTIPLY: return LLVMBuildFMul(builder, v[0], v[1], "");
    case SCALAR_DIVIDE: return LLVMBuildFDiv(builder, v[0], v[1], "");
    case SCALAR_NEGATE: return LLVMBuildFNeg(builder, v[0], "");
    case SCALAR_ABSOLUTE: return unary_intrinsic(e, INTRINSIC_FABS, v[0]);
    case SCALAR_MINIMUM:
    case SCALAR_MAXIMUM: return emit_extreme(e, op, dtype, lanes, v[0], v[1]);
    case SCALAR_EQUAL: return LLVMBuildFCmp(builder, LLVMRealOEQ, v[0], v[1], "");
    case SCALAR_NOT_EQUAL: return LLVMBuildFCmp(builder, LLVMRealUNE, v[0], v[1], "");
    case SCALAR_LESS: return LLVMBuildFCmp(builder, LLVMRealOLT, v[0], v[1], "");
    case SCALAR_LESS_EQUAL: return LLVMBuildFCmp(builder, LLVMRealOLE, v[0], v[1], "");
    case SCALAR_SQRT: return unary_intrinsic(e, INTRINSIC_SQRT, v[0]);
    case SCALAR_FLOOR:
    case SCALAR_CEIL:
    case SCALAR_TRUNCATE:
    case SCALAR_ROUND_EVEN: return emit_rounding(e, op, dtype, lanes, v[0]);
    default: assert(false && "an operation on floats"); return NULL;
    }
}

/* The shift counts that LLVM defines: the low bits, as the interpreter takes them. */
static LLVMValueRef shift_count(FunctionEmitter *e, tfcc_dtype dtype, int lanes, LLVMValueRef b) {
    uint64_t mask = (uint64_t)dtype_bits(dtype) - 1;
    return LLVMBuildAnd(e->builder, b, emitter_splat_bits(e->module, dtype, lanes, mask), "");
}

static LLVMValueRef emit_integer(FunctionEmitter *e, ScalarOp op, tfcc_dtype dtype, int lanes,
                                 LLVMValueRef *v) {
    LLVMBuilderRef builder = e->builder;
    bool is_signed = dtype_is_signed(dtype);
    switch (op) {
    case SCALAR_ADD: return LLVMBuildAdd(builder, v[0], v[1], "");
    case SCALAR_SUBTRACT: return LLVMBuildSub(builder, v[0], v[1], "");
    case SCALAR_MULTIPLY: return LLVMBuildMul(builder, v[0], v[1], "");
    case SCALAR_DIVIDE: return emit_integer_division(e, false, dtype, lanes, v[0], v[1]);
    case SCALAR_REMAINDER: return emit_integer_division(e, true, dtype, lanes, v[0], v[1]);
    case SCALAR_NEGATE: return LLVMBuildNeg(builder, v[0], "");
    case SCALAR_ABSOLUTE: {
        if (!is_signed) return v[0];
        LLVMTypeRef type = LLVMTypeOf(v[0]);
        LLVMValueRef defined = LLVMConstNull(e->module->bool_type);
        return native_intrinsic(e->module, INTRINSIC_ABS, &type, 1, (LLVMValueRef[]){v[0], defined},
                                2);
    }
    case SCALAR_MINIMUM:
        return binary_intrinsic(e, is_signed ? INTRINSIC_SMIN : INTRINSIC_UMIN, v[0], v[1]);
    case SCALAR_MAXIMUM:
        return binary_intrinsic(e, is_signed ? INTRINSIC_SMAX : INTRINSIC_UMAX, v[0], v[1]);
    case SCALAR_EQUAL: return LLVMBuildICmp(builder, LLVMIntEQ, v[0], v[1], "");
    case SCALAR_NOT_EQUAL: return LLVMBuildICmp(builder, LLVMIntNE, v[0], v[1], "");
    case SCALAR_LESS:
        return LLVMBuildICmp(builder, is_signed ? LLVMIntSLT : LLVMIntULT, v[0], v[1], "");
    case SCALAR_LESS_EQUAL:
        return LLVMBuildICmp(builder, is_signed ? LLVMIntSLE : LLVMIntULE, v[0], v[1], "");
    case SCALAR_AND: return LLVMBuildAnd(builder, v[0], v[1], "");
    case SCALAR_OR: return LLVMBuildOr(builder, v[0], v[1], "");
    case SCALAR_XOR: return LLVMBuildXor(builder, v[0], v[1], "");
    case SCALAR_NOT: return LLVMBuildNot(builder, v[0], "");
    case SCALAR_SHIFT_LEFT:
        return LLVMBuildShl(builder, v[0], shift_count(e, dtype, lanes, v[1]), "");
    case SCALAR_SHIFT_RIGHT: {
        LLVMValueRef count = shift_count(e, dtype, lanes, v[1]);
        return is_signed ? LLVMBuildAShr(builder, v[0], count, "")
                         : LLVMBuildLShr(builder, v[0], count, "");
    }
    default: assert(false && "an operation on integers"); return NULL;
    }
}

LLVMValueRef emit_arithmetic(FunctionEmitter *e, ScalarOp op, tfcc_dtype result, tfcc_dtype operand,
                             int lanes, LLVMValueRef *values) {
    switch (op) {
    case SCALAR_CONVERT: return emit_convert(e, result, operand, lanes, values[0]);
    case SCALAR_BITCAST: return emit_bitcast(e, result, operand, lanes, values[0]);
    case SCALAR_SELECT: return LLVMBuildSelect(e->builder, values[0], values[1], values[2], "");
    default: break;
    }
    if (operand == TFCC_FLOAT32 || operand == TFCC_FLOAT64)
        return emit_float(e, op, operand, lanes, values);
    assert(!dtype_is_float(operand)); /* the 16-bit types are converted before */
    return emit_integer(e, op, operand, lanes, values);
}
