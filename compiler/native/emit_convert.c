/* emit_convert.c: conversions between dtypes, with TensorFlow's results on x86-64 on every
 * processor.
 *
 * float16 and bfloat16 are converted by integer operations: LLVM would call libgcc where the
 * processor has no instruction. F16C's conversions give the same bits and are used where they are
 * there.
 */
#include "native/emitter.h"

#include "support/dtype.h"
#include <assert.h>

static LLVMValueRef constant_of(FunctionEmitter *e, tfcc_dtype dtype, int lanes, uint64_t bits) {
    return emitter_splat_bits(e->module, dtype, lanes, bits);
}

/* A uint32 in every lane. */
static LLVMValueRef word(FunctionEmitter *e, int lanes, uint32_t bits) {
    return constant_of(e, TFCC_UINT32, lanes, bits);
}

/* Keeps LLVM from moving arithmetic across a conversion, where it would become arithmetic on
 * `half`. */
static LLVMValueRef fence(FunctionEmitter *e, LLVMValueRef value) {
    LLVMTypeRef type = LLVMTypeOf(value);
    return native_intrinsic(e->module, INTRINSIC_ARITHMETIC_FENCE, &type, 1, &value, 1);
}

static LLVMTypeRef half_type(FunctionEmitter *e, int lanes) {
    LLVMTypeRef half = LLVMHalfTypeInContext(e->module->context);
    return lanes == 1 ? half : LLVMVectorType(half, (unsigned)lanes);
}

/* The fraction and exponent move 13 bits up, and a product with 2^112 corrects the exponent's bias,
 * of subnormals too; the largest exponent becomes the largest one again, and NaN quiet. */
static LLVMValueRef float16_to_float32(FunctionEmitter *e, int lanes, LLVMValueRef half) {
    LLVMBuilderRef b = e->builder;
    if (e->module->has_half) {
        LLVMValueRef typed = LLVMBuildBitCast(b, half, half_type(e, lanes), "");
        LLVMTypeRef type = emitter_type(e->module, TFCC_FLOAT32, lanes);
        return fence(e, LLVMBuildFPExt(b, typed, type, ""));
    }
    LLVMTypeRef words = emitter_type(e->module, TFCC_UINT32, lanes);
    LLVMTypeRef single = emitter_type(e->module, TFCC_FLOAT32, lanes);
    LLVMValueRef bits = LLVMBuildZExt(b, half, words, "");
    LLVMValueRef magnitude = LLVMBuildAnd(b, bits, word(e, lanes, 0x7fff), "");
    LLVMValueRef shifted = LLVMBuildShl(b, magnitude, word(e, lanes, 13), "");
    LLVMValueRef scale = constant_of(e, TFCC_FLOAT32, lanes, 0x77800000); /* 2^112 */
    LLVMValueRef scaled = LLVMBuildFMul(b, LLVMBuildBitCast(b, shifted, single, ""), scale, "");
    LLVMValueRef finite = LLVMBuildBitCast(b, scaled, words, "");
    LLVMValueRef infinite = LLVMBuildOr(b, shifted, word(e, lanes, 0x7f800000), "");
    LLVMValueRef is_nan = LLVMBuildICmp(b, LLVMIntUGT, magnitude, word(e, lanes, 0x7c00), "");
    LLVMValueRef quiet = LLVMBuildOr(b, infinite, word(e, lanes, 0x400000), "");
    LLVMValueRef special = LLVMBuildSelect(b, is_nan, quiet, infinite, "");
    LLVMValueRef is_special = LLVMBuildICmp(b, LLVMIntUGE, magnitude, word(e, lanes, 0x7c00), "");
    LLVMValueRef result = LLVMBuildSelect(b, is_special, special, finite, "");
    LLVMValueRef sign = LLVMBuildAnd(b, bits, word(e, lanes, 0x8000), "");
    result = LLVMBuildOr(b, result, LLVMBuildShl(b, sign, word(e, lanes, 16), ""), "");
    return LLVMBuildBitCast(b, result, single, "");
}

/* Three ranges of the magnitude: from 2^16 on infinity (or NaN, its fraction's upper bits kept);
 * from 2^-14 on the bias is changed and half of the last place, less one unless the last bit is
 * set, added before the cut; below, adding 0.5 makes the processor round at 2^-24. */
static LLVMValueRef float32_to_float16(FunctionEmitter *e, int lanes, LLVMValueRef value) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef narrow = emitter_type(e->module, TFCC_FLOAT16, lanes);
    if (e->module->has_half) {
        LLVMValueRef typed = LLVMBuildFPTrunc(b, fence(e, value), half_type(e, lanes), "");
        return LLVMBuildBitCast(b, typed, narrow, "");
    }
    LLVMTypeRef words = emitter_type(e->module, TFCC_UINT32, lanes);
    LLVMTypeRef single = emitter_type(e->module, TFCC_FLOAT32, lanes);
    LLVMValueRef bits = LLVMBuildBitCast(b, value, words, "");
    LLVMValueRef magnitude = LLVMBuildAnd(b, bits, word(e, lanes, 0x7fffffff), "");
    LLVMValueRef cut = LLVMBuildLShr(b, magnitude, word(e, lanes, 13), "");

    LLVMValueRef is_nan = LLVMBuildICmp(b, LLVMIntUGT, magnitude, word(e, lanes, 0x7f800000), "");
    LLVMValueRef payload = LLVMBuildAnd(b, cut, word(e, lanes, 0x3ff), "");
    LLVMValueRef nan = LLVMBuildOr(b, payload, word(e, lanes, 0x7e00), "");
    LLVMValueRef large = LLVMBuildSelect(b, is_nan, nan, word(e, lanes, 0x7c00), "");

    LLVMValueRef odd = LLVMBuildAnd(b, cut, word(e, lanes, 1), "");
    LLVMValueRef biased =
        LLVMBuildAdd(b, magnitude, word(e, lanes, 0xc8000fff), ""); /* (15 - 127) << 23 */
    LLVMValueRef normal =
        LLVMBuildLShr(b, LLVMBuildAdd(b, biased, odd, ""), word(e, lanes, 13), "");

    LLVMValueRef half = constant_of(e, TFCC_FLOAT32, lanes, 0x3f000000);
    LLVMValueRef sum = LLVMBuildFAdd(b, LLVMBuildBitCast(b, magnitude, single, ""), half, "");
    LLVMValueRef subnormal =
        LLVMBuildSub(b, LLVMBuildBitCast(b, sum, words, ""), word(e, lanes, 0x3f000000), "");

    LLVMValueRef is_small = LLVMBuildICmp(b, LLVMIntULT, magnitude, word(e, lanes, 0x38800000), "");
    LLVMValueRef is_large = LLVMBuildICmp(b, LLVMIntUGE, magnitude, word(e, lanes, 0x47800000), "");
    LLVMValueRef result = LLVMBuildSelect(b, is_small, subnormal, normal, "");
    result = LLVMBuildSelect(b, is_large, large, result, "");
    LLVMValueRef sign = LLVMBuildLShr(b, bits, word(e, lanes, 16), "");
    result = LLVMBuildOr(b, result, LLVMBuildAnd(b, sign, word(e, lanes, 0x8000), ""), "");
    return LLVMBuildTrunc(b, result, narrow, "");
}

static LLVMValueRef bfloat16_to_float32(FunctionEmitter *e, int lanes, LLVMValueRef value) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef words = emitter_type(e->module, TFCC_UINT32, lanes);
    LLVMValueRef bits = LLVMBuildShl(b, LLVMBuildZExt(b, value, words, ""), word(e, lanes, 16), "");
    return LLVMBuildBitCast(b, bits, emitter_type(e->module, TFCC_FLOAT32, lanes), "");
}

/* Half of the last place, less one unless the last bit is set, is added before the cut. */
static LLVMValueRef float32_to_bfloat16(FunctionEmitter *e, int lanes, LLVMValueRef value) {
    LLVMBuilderRef b = e->builder;
    LLVMTypeRef words = emitter_type(e->module, TFCC_UINT32, lanes);
    LLVMValueRef bits = LLVMBuildBitCast(b, value, words, "");
    LLVMValueRef cut = LLVMBuildLShr(b, bits, word(e, lanes, 16), "");
    LLVMValueRef half =
        LLVMBuildAdd(b, LLVMBuildAnd(b, cut, word(e, lanes, 1), ""), word(e, lanes, 0x7fff), "");
    LLVMValueRef rounded =
        LLVMBuildLShr(b, LLVMBuildAdd(b, bits, half, ""), word(e, lanes, 16), "");
    LLVMValueRef nan = LLVMBuildOr(b, cut, word(e, lanes, 0x40), "");
    LLVMValueRef is_nan = LLVMBuildFCmp(b, LLVMRealUNO, value, value, "");
    LLVMValueRef result = LLVMBuildSelect(b, is_nan, nan, rounded, "");
    return LLVMBuildTrunc(b, result, emitter_type(e->module, TFCC_BFLOAT16, lanes), "");
}

static bool is_half(tfcc_dtype dtype) {
    return dtype == TFCC_FLOAT16 || dtype == TFCC_BFLOAT16;
}

/* 2^(width - 1) as a float's bits. */
static LLVMValueRef integer_limit(FunctionEmitter *e, tfcc_dtype from, int lanes, int width) {
    uint64_t exponent = (uint64_t)width - 1;
    uint64_t bits = from == TFCC_FLOAT32 ? (exponent + 127) << 23 : (exponent + 1023) << 52;
    return constant_of(e, from, lanes, bits);
}

/* Truncates to a signed integer of 32 or 64 bits; what does not fit, and NaN, gives the minimum,
 * which is also right for the numbers that truncate to it. */
static LLVMValueRef truncate_to_integer(FunctionEmitter *e, tfcc_dtype from, int lanes, int width,
                                        LLVMValueRef value) {
    LLVMTypeRef float_type = LLVMTypeOf(value);
    LLVMTypeRef type = emitter_type(e->module, width == 32 ? TFCC_INT32 : TFCC_INT64, lanes);
    LLVMValueRef magnitude = native_intrinsic(e->module, INTRINSIC_FABS, &float_type, 1, &value, 1);
    LLVMValueRef fits =
        LLVMBuildFCmp(e->builder, LLVMRealOLT, magnitude, integer_limit(e, from, lanes, width), "");
    LLVMValueRef converted = LLVMBuildFPToSI(e->builder, value, type, "");
    LLVMValueRef minimum =
        constant_of(e, width == 32 ? TFCC_INT32 : TFCC_INT64, lanes, UINT64_C(1) << (width - 1));
    return LLVMBuildSelect(e->builder, fits, converted, minimum, "");
}

/* From 2^63 on the rest above it is converted, and the highest bit put back. */
static LLVMValueRef float_to_uint64(FunctionEmitter *e, tfcc_dtype from, int lanes,
                                    LLVMValueRef value) {
    LLVMBuilderRef b = e->builder;
    LLVMValueRef limit = integer_limit(e, from, lanes, 64);
    LLVMValueRef is_large = LLVMBuildFCmp(b, LLVMRealOGE, value, limit, "");
    LLVMValueRef rest = LLVMBuildFSub(b, value, limit, "");
    LLVMValueRef part = LLVMBuildSelect(b, is_large, rest, value, "");
    LLVMValueRef converted = truncate_to_integer(e, from, lanes, 64, part);
    LLVMValueRef highest = constant_of(e, TFCC_INT64, lanes, UINT64_C(1) << 63);
    LLVMValueRef flipped = LLVMBuildXor(b, converted, highest, "");
    return LLVMBuildSelect(b, is_large, flipped, converted, "");
}

static LLVMValueRef float_to_integer(FunctionEmitter *e, tfcc_dtype to, tfcc_dtype from, int lanes,
                                     LLVMValueRef value) {
    if (to == TFCC_UINT64) return float_to_uint64(e, from, lanes, value);
    int width = to == TFCC_INT64 || to == TFCC_UINT32 ? 64 : 32;
    LLVMValueRef number = truncate_to_integer(e, from, lanes, width, value);
    if (dtype_bits(to) == width) return number;
    return LLVMBuildTrunc(e->builder, number, emitter_type(e->module, to, lanes), "");
}

LLVMValueRef emit_convert(FunctionEmitter *e, tfcc_dtype to, tfcc_dtype from, int lanes,
                          LLVMValueRef value) {
    LLVMBuilderRef b = e->builder;
    if (to == from) return value;
    if (from == TFCC_FLOAT16)
        return emit_convert(e, to, TFCC_FLOAT32, lanes, float16_to_float32(e, lanes, value));
    if (from == TFCC_BFLOAT16)
        return emit_convert(e, to, TFCC_FLOAT32, lanes, bfloat16_to_float32(e, lanes, value));
    if (is_half(to)) {
        LLVMValueRef single = emit_convert(e, TFCC_FLOAT32, from, lanes, value);
        return to == TFCC_FLOAT16 ? float32_to_float16(e, lanes, single)
                                  : float32_to_bfloat16(e, lanes, single);
    }
    LLVMTypeRef type = emitter_type(e->module, to, lanes);
    if (dtype_is_float(from)) {
        if (to == TFCC_BOOL)
            return LLVMBuildFCmp(b, LLVMRealUNE, value, LLVMConstNull(LLVMTypeOf(value)), "");
        if (!dtype_is_float(to)) return float_to_integer(e, to, from, lanes, value);
        return to == TFCC_FLOAT64 ? LLVMBuildFPExt(b, value, type, "")
                                  : LLVMBuildFPTrunc(b, value, type, "");
    }
    if (to == TFCC_BOOL)
        return LLVMBuildICmp(b, LLVMIntNE, value, LLVMConstNull(LLVMTypeOf(value)), "");
    if (dtype_is_float(to))
        return dtype_is_signed(from) ? LLVMBuildSIToFP(b, value, type, "")
                                     : LLVMBuildUIToFP(b, value, type, "");
    return LLVMBuildIntCast2(b, value, type, dtype_is_signed(from), "");
}

LLVMValueRef emit_bitcast(FunctionEmitter *e, tfcc_dtype to, tfcc_dtype from, int lanes,
                          LLVMValueRef value) {
    if (to == from) return value;
    if (from == TFCC_BOOL || to == TFCC_BOOL) /* a byte of 0 or 1 on the other side */
        return emit_convert(e, to == TFCC_BOOL ? TFCC_BOOL : TFCC_UINT8,
                            from == TFCC_BOOL ? TFCC_BOOL : TFCC_UINT8, lanes, value);
    return LLVMBuildBitCast(e->builder, value, emitter_type(e->module, to, lanes), "");
}
