/* emit_function.c: a LoopFunction as an LLVM function, instruction by instruction.
 *
 * The loop level is in SSA form already: a FOR becomes a rotated loop whose carried values are
 * phis, an IF two blocks and phis behind them. The addresses of buffers and the numbers of slots
 * are loaded once, in the entry block.
 */
#include "native/emitter.h"

#include "support/dtype.h"
#include <assert.h>
#include <string.h>

LLVMTypeRef emitter_memory_type(NativeModule *m, tfcc_dtype dtype, int lanes) {
    LLVMTypeRef type;
    switch (dtype) {
    case TFCC_FLOAT32: type = m->float_type; break;
    case TFCC_FLOAT64: type = m->double_type; break;
    default:
        switch (dtype_size(dtype)) {
        case 1: type = m->int8; break;
        case 2: type = m->int16; break;
        case 4: type = m->int32; break;
        default:
            assert(dtype_size(dtype) == 8);
            type = m->int64;
            break;
        }
    }
    return lanes == 1 ? type : LLVMVectorType(type, (unsigned)lanes);
}

LLVMTypeRef emitter_type(NativeModule *m, tfcc_dtype dtype, int lanes) {
    if (dtype != TFCC_BOOL) return emitter_memory_type(m, dtype, lanes);
    return lanes == 1 ? m->bool_type : LLVMVectorType(m->bool_type, (unsigned)lanes);
}

LLVMValueRef emitter_splat_bits(NativeModule *m, tfcc_dtype dtype, int lanes, uint64_t bits) {
    LLVMTypeRef type = emitter_type(m, dtype, 1);
    LLVMValueRef scalar;
    if (dtype == TFCC_FLOAT32)
        scalar = LLVMConstBitCast(LLVMConstInt(m->int32, bits & UINT32_MAX, false), type);
    else if (dtype == TFCC_FLOAT64)
        scalar = LLVMConstBitCast(LLVMConstInt(m->int64, bits, false), type);
    else if (dtype == TFCC_BOOL)
        scalar = LLVMConstInt(type, (bits & 0xff) != 0, false);
    else if (dtype_size(dtype) == 8)
        scalar = LLVMConstInt(type, bits, false);
    else
        scalar = LLVMConstInt(type, bits & ((UINT64_C(1) << 8 * dtype_size(dtype)) - 1), false);
    if (lanes == 1) return scalar;
    LLVMValueRef elements[MOST_LANES];
    assert(lanes <= MOST_LANES);
    for (int lane = 0; lane < lanes; lane++) elements[lane] = scalar;
    return LLVMConstVector(elements, (unsigned)lanes);
}

/* A value in every lane. */
static LLVMValueRef splat(FunctionEmitter *e, LLVMValueRef scalar, int lanes) {
    if (lanes == 1) return scalar;
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), (unsigned)lanes);
    LLVMValueRef undefined = LLVMGetPoison(type);
    LLVMValueRef first =
        LLVMBuildInsertElement(e->builder, undefined, scalar, native_int32(e->module, 0), "");
    LLVMValueRef zeros = LLVMConstNull(LLVMVectorType(e->module->int32, (unsigned)lanes));
    return LLVMBuildShuffleVector(e->builder, first, undefined, zeros, "");
}

/* Lane 2k is lane k of the half's first operand, lane 2k + 1 of the second. */
static LLVMValueRef emit_zip(FunctionEmitter *e, const LoopInstruction *i) {
    LLVMValueRef order[512];
    int lanes = i->type.lanes, first = i->number ? lanes / 2 : 0;
    assert(lanes <= 512);
    for (int lane = 0; lane < lanes; lane++)
        order[lane] = native_int32(e->module, (uint32_t)(first + lane / 2 + (lane % 2) * lanes));
    return LLVMBuildShuffleVector(e->builder, emitted(e, i->operands[0]),
                                  emitted(e, i->operands[1]),
                                  LLVMConstVector(order, (unsigned)lanes), "");
}

static LLVMValueRef emit_unzip(FunctionEmitter *e, const LoopInstruction *i) {
    LLVMValueRef order[512];
    int lanes = i->type.lanes, half = lanes / 2;
    assert(lanes <= 512);
    for (int lane = 0; lane < half; lane++) {
        order[lane] = native_int32(e->module, (uint32_t)(2 * lane));
        order[half + lane] = native_int32(e->module, (uint32_t)(lanes + 2 * lane + 1));
    }
    return LLVMBuildShuffleVector(e->builder, emitted(e, i->operands[0]),
                                  emitted(e, i->operands[1]),
                                  LLVMConstVector(order, (unsigned)lanes), "");
}

LLVMBasicBlockRef emitter_new_block(FunctionEmitter *e, const char *name) {
    return LLVMAppendBasicBlockInContext(e->module->context, e->llvm, name);
}

static void emit_block(FunctionEmitter *e, const LoopBlock *block);

/* start, start + 1, …, one per lane. */
static LLVMValueRef emit_ramp(FunctionEmitter *e, const LoopInstruction *i) {
    int lanes = i->type.lanes;
    LLVMValueRef start = emitted(e, i->operands[0]);
    if (lanes == 1) return start;
    LLVMValueRef steps[MOST_LANES];
    assert(lanes <= MOST_LANES);
    for (int lane = 0; lane < lanes; lane++)
        steps[lane] =
            LLVMConstInt(LLVMGetElementType(emitter_type(e->module, i->type.dtype, lanes)),
                         (unsigned long long)lane, false);
    return LLVMBuildAdd(e->builder, splat(e, start, lanes), LLVMConstVector(steps, (unsigned)lanes),
                        "");
}

/* Lane l is combined with l + L/2, then with L/4, until one is left. */
static LLVMValueRef emit_reduce_lanes(FunctionEmitter *e, const LoopInstruction *i) {
    LoopType type = i->operands[0]->type;
    LLVMValueRef value = emitted(e, i->operands[0]);
    if (type.lanes == 1) return value;
    for (int half = type.lanes / 2; half >= 1; half /= 2) {
        LLVMValueRef parts[2];
        for (int part = 0; part < 2; part++) {
            LLVMValueRef lanes[MOST_LANES];
            assert(half <= MOST_LANES);
            for (int lane = 0; lane < half; lane++)
                lanes[lane] = native_int32(e->module, (uint32_t)(part * half + lane));
            parts[part] =
                half == 1
                    ? LLVMBuildExtractElement(e->builder, value, lanes[0], "")
                    : LLVMBuildShuffleVector(e->builder, value, LLVMGetPoison(LLVMTypeOf(value)),
                                             LLVMConstVector(lanes, (unsigned)half), "");
        }
        value = emit_arithmetic(e, i->scalar_op, type.dtype, type.dtype, half, parts);
    }
    return value;
}

static void emit_arithmetic_instruction(FunctionEmitter *e, const LoopInstruction *i) {
    LLVMValueRef values[3] = {NULL};
    assert(i->operand_count >= 1 && i->operand_count <= 3);
    for (size_t k = 0; k < i->operand_count; k++) values[k] = emitted(e, i->operands[k]);
    const LoopInstruction *typical = i->operands[i->scalar_op == SCALAR_SELECT ? 1 : 0];
    e->values[i->id] =
        emit_arithmetic(e, i->scalar_op, i->type.dtype, typical->type.dtype, i->type.lanes, values);
}

/*  before:  if begin < end goto body else goto after
 *  body:    index, carried = phi;  …;  index + step < end ? goto body : goto after
 *  after:   results = phi                                                              */
static void emit_for(FunctionEmitter *e, const LoopInstruction *i) {
    LLVMBuilderRef b = e->builder;
    NativeModule *m = e->module;
    LLVMValueRef begin = emitted(e, i->operands[0]), end = emitted(e, i->operands[1]);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
    LLVMBasicBlockRef body = emitter_new_block(e, "loop"), after = emitter_new_block(e, "loop.end");
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntSLT, begin, end, ""), body, after);

    LLVMPositionBuilderAtEnd(b, body);
    LLVMValueRef index = LLVMBuildPhi(b, m->int64, "index");
    e->values[i->index->id] = index;
    LLVMAddIncoming(index, &begin, &before, 1);
    for (size_t k = 0; k < i->carried_count; k++) {
        LLVMValueRef initial = emitted(e, i->initial[k]);
        LLVMValueRef phi = LLVMBuildPhi(b, LLVMTypeOf(initial), "");
        LLVMAddIncoming(phi, &initial, &before, 1);
        e->values[i->carried[k]->id] = phi;
    }
    emit_block(e, i->blocks[0]);
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(b);
    LLVMValueRef next = LLVMBuildNSWAdd(b, index, native_int64(m, i->step), "");
    LLVMBuildCondBr(b, LLVMBuildICmp(b, LLVMIntSLT, next, end, ""), body, after);
    LLVMAddIncoming(index, &next, &latch, 1);

    LLVMPositionBuilderAtEnd(b, after);
    for (size_t k = 0; k < i->carried_count; k++) {
        LLVMValueRef initial = emitted(e, i->initial[k]);
        LLVMValueRef yielded = emitted(e, i->blocks[0]->yields[k]);
        LLVMAddIncoming(emitted(e, i->carried[k]), &yielded, &latch, 1);
        LLVMValueRef phi = LLVMBuildPhi(b, LLVMTypeOf(initial), "");
        LLVMAddIncoming(phi, (LLVMValueRef[]){initial, yielded},
                        (LLVMBasicBlockRef[]){before, latch}, 2);
        e->values[i->results[k]->id] = phi;
    }
}

/*  before:     goto condition
 *  condition:  carried = phi;  …;  c ? goto body : goto after
 *  body:       …;  goto condition
 *  after:      the results are the phis                          */
static void emit_while(FunctionEmitter *e, const LoopInstruction *i) {
    LLVMBuilderRef b = e->builder;
    LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
    LLVMBasicBlockRef condition = emitter_new_block(e, "while");
    LLVMBasicBlockRef body = emitter_new_block(e, "do"), after = emitter_new_block(e, "while.end");
    LLVMBuildBr(b, condition);
    LLVMPositionBuilderAtEnd(b, condition);
    for (size_t k = 0; k < i->carried_count; k++) {
        LLVMValueRef initial = emitted(e, i->initial[k]);
        LLVMValueRef phi = LLVMBuildPhi(b, LLVMTypeOf(initial), "");
        LLVMAddIncoming(phi, &initial, &before, 1);
        e->values[i->carried[k]->id] = e->values[i->results[k]->id] = phi;
    }
    emit_block(e, i->blocks[0]);
    LLVMBuildCondBr(b, emitted(e, i->blocks[0]->yields[0]), body, after);
    LLVMPositionBuilderAtEnd(b, body);
    emit_block(e, i->blocks[1]);
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(b);
    LLVMBuildBr(b, condition);
    for (size_t k = 0; k < i->carried_count; k++) {
        LLVMValueRef yielded = emitted(e, i->blocks[1]->yields[k]);
        LLVMAddIncoming(emitted(e, i->carried[k]), &yielded, &latch, 1);
    }
    LLVMPositionBuilderAtEnd(b, after);
}

static void emit_if(FunctionEmitter *e, const LoopInstruction *i) {
    LLVMBuilderRef b = e->builder;
    LLVMBasicBlockRef before = LLVMGetInsertBlock(b);
    LLVMBasicBlockRef starts[2], ends[2], after = NULL;
    for (int side = 0; side < 2; side++)
        starts[side] = i->blocks[side] ? emitter_new_block(e, side ? "else" : "then") : NULL;
    after = emitter_new_block(e, "if.end");
    LLVMBuildCondBr(b, emitted(e, i->operands[0]), starts[0] ? starts[0] : after,
                    starts[1] ? starts[1] : after);
    for (int side = 0; side < 2; side++) {
        ends[side] = before;
        if (!starts[side]) continue;
        LLVMPositionBuilderAtEnd(b, starts[side]);
        emit_block(e, i->blocks[side]);
        ends[side] = LLVMGetInsertBlock(b);
        LLVMBuildBr(b, after);
    }
    LLVMPositionBuilderAtEnd(b, after);
    for (size_t k = 0; k < i->carried_count; k++) {
        LoopType type = i->results[k]->type;
        LLVMValueRef phi = LLVMBuildPhi(b, emitter_type(e->module, type.dtype, type.lanes), "");
        for (int side = 0; side < 2; side++) {
            LLVMValueRef yielded = emitted(e, i->blocks[side]->yields[k]);
            LLVMAddIncoming(phi, &yielded, &ends[side], 1);
        }
        e->values[i->results[k]->id] = phi;
    }
}

/* A value of a message: integers as they are, floating point as a double's bits. */
static LLVMValueRef failure_value(FunctionEmitter *e, const LoopInstruction *operand) {
    LLVMValueRef value = emitted(e, operand);
    tfcc_dtype dtype = operand->type.dtype;
    if (!dtype_is_float(dtype)) return emit_convert(e, TFCC_INT64, dtype, 1, value);
    value = emit_convert(e, TFCC_FLOAT64, dtype, 1, value);
    return LLVMBuildBitCast(e->builder, value, e->module->int64, "");
}

static void emit_fail(FunctionEmitter *e, const LoopInstruction *i) {
    NativeModule *m = e->module;
    for (size_t k = 0; k < i->operand_count && k < TFCC_ABI_FAILURE_VALUES; k++) {
        LLVMValueRef offset = native_int64(m, (int64_t)k);
        LLVMValueRef slot = LLVMBuildGEP2(e->builder, m->int64, e->failure, &offset, 1, "");
        LLVMBuildStore(e->builder, failure_value(e, i->operands[k]), slot);
    }
    LLVMBuildRet(e->builder, native_int32(m, i->number + 1));
    LLVMPositionBuilderAtEnd(e->builder, emitter_new_block(e, "unreached"));
}

static LLVMValueRef emit_fused(FunctionEmitter *e, const LoopInstruction *i) {
    LLVMValueRef values[3];
    for (int k = 0; k < 3; k++) values[k] = emitted(e, i->operands[k]);
    LLVMTypeRef type = LLVMTypeOf(values[0]);
    return native_intrinsic(e->module, INTRINSIC_FMA, &type, 1, values, 3);
}

static void emit_instruction(FunctionEmitter *e, const LoopInstruction *i) {
    debug_lines_set(e->module, e->scope, i->place);
    int lanes = i->type.lanes;
    LLVMValueRef *value = &e->values[i->id];
    switch (i->op) {
    case LOOP_ARITHMETIC: emit_arithmetic_instruction(e, i); return;
    case LOOP_CONSTANT:
        *value = emitter_splat_bits(e->module, i->type.dtype, lanes, i->bits);
        return;
    case LOOP_SLOT: *value = e->slots[i->number]; return;
    case LOOP_GIVEN: *value = LLVMBuildIsNotNull(e->builder, e->buffers[i->number], ""); return;
    case LOOP_SPLAT: *value = splat(e, emitted(e, i->operands[0]), lanes); return;
    case LOOP_RAMP: *value = emit_ramp(e, i); return;
    case LOOP_LOAD: emit_load(e, i); return;
    case LOOP_GATHER: emit_gather(e, i); return;
    case LOOP_STORE: emit_store(e, i); return;
    case LOOP_SCATTER: emit_scatter(e, i); return;
    case LOOP_REDUCE_LANES: *value = emit_reduce_lanes(e, i); return;
    case LOOP_EXTRACT:
        *value = emitted(e, i->operands[0]);
        if (i->operands[0]->type.lanes > 1)
            *value =
                LLVMBuildExtractElement(e->builder, *value, native_int32(e->module, i->number), "");
        return;
    case LOOP_ZIP: *value = emit_zip(e, i); return;
    case LOOP_FUSED: *value = emit_fused(e, i); return;
    case LOOP_UNZIP: *value = emit_unzip(e, i); return;
    case LOOP_FOR: emit_for(e, i); return;
    case LOOP_WHILE: emit_while(e, i); return;
    case LOOP_IF: emit_if(e, i); return;
    case LOOP_FAIL: emit_fail(e, i); return;
    case LOOP_ARGUMENT: assert(false && "an argument stands in no block"); return;
    }
}

static void emit_block(FunctionEmitter *e, const LoopBlock *block) {
    for (size_t k = 0; k < block->count; k++) emit_instruction(e, block->instructions[k]);
}

/* *(type *)(base + index), which nobody changes while the function runs. */
static LLVMValueRef load_parameter(FunctionEmitter *e, LLVMTypeRef type, LLVMValueRef base,
                                   size_t index) {
    LLVMValueRef offset = native_int64(e->module, (int64_t)index);
    LLVMValueRef address = LLVMBuildGEP2(e->builder, type, base, &offset, 1, "");
    LLVMValueRef load = LLVMBuildLoad2(e->builder, type, address, "");
    LLVMContextRef context = e->module->context;
    unsigned kind = LLVMGetMDKindIDInContext(context, "invariant.load", 14);
    LLVMValueRef empty = LLVMMetadataAsValue(context, LLVMMDNodeInContext2(context, NULL, 0));
    LLVMSetMetadata(load, kind, empty);
    return load;
}

static void emit_parameters(FunctionEmitter *e) {
    NativeModule *m = e->module;
    const LoopFunction *f = e->function;
    size_t given = 0;
    for (size_t k = 0; k < f->buffer_count; k++) {
        const LoopParameter *parameter = &f->buffers[k];
        if (parameter->is_local) {
            LLVMTypeRef type = emitter_memory_type(m, parameter->dtype, 1);
            type = LLVMArrayType2(type, (uint64_t)parameter->local_count);
            e->buffers[k] = LLVMBuildAlloca(e->builder, type, "");
            LLVMSetAlignment(e->buffers[k], 64);
        } else {
            e->buffers[k] = load_parameter(e, m->pointer, LLVMGetParam(e->llvm, 0), given++);
        }
    }
    for (size_t k = 0; k < f->slot_count; k++)
        e->slots[k] = load_parameter(e, m->int64, LLVMGetParam(e->llvm, 1), k);
    e->failure = LLVMGetParam(e->llvm, 2);
}

/* The three parameters point to memory of their own, and none of them is kept. */
static void mark_parameters(NativeModule *m, LLVMValueRef function) {
    static const char *const read_only[] = {"noalias", "nocapture", "readonly"};
    static const char *const write_only[] = {"noalias", "nocapture", "writeonly"};
    for (unsigned p = 0; p < 3; p++) {
        for (size_t k = 0; k < 3; k++) {
            const char *name = p == 2 ? write_only[k] : read_only[k];
            unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
            LLVMAddAttributeAtIndex(function, p + 1, LLVMCreateEnumAttribute(m->context, kind, 0));
        }
    }
}

LLVMValueRef emit_function(NativeModule *m, const LoopFunction *function) {
    FunctionEmitter emitter = {.module = m, .function = function, .builder = m->builder};
    FunctionEmitter *e = &emitter;
    const char *name = arena_format(m->arena, "%s.%s", m->prefix, function->name);
    e->llvm = LLVMAddFunction(m->module, name, m->kernel_type);
    LLVMSetLinkage(e->llvm, LLVMInternalLinkage);
    native_function_attributes(m, e->llvm);
    mark_parameters(m, e->llvm);
    e->values = arena_alloc_array(m->arena, function->next_id + 1, sizeof *e->values);
    e->buffers = arena_alloc_array(m->arena, function->buffer_count + 1, sizeof *e->buffers);
    e->slots = arena_alloc_array(m->arena, function->slot_count + 1, sizeof *e->slots);
    e->scope = debug_lines_function(m, e->llvm, name, function->place);
    LLVMPositionBuilderAtEnd(m->builder, emitter_new_block(e, "entry"));
    debug_lines_set(m, e->scope, function->place);
    emit_parameters(e);
    emit_alias_scopes(e);
    emit_block(e, function->body);
    LLVMBuildRet(m->builder, native_int32(m, 0));
    LLVMSetCurrentDebugLocation2(m->builder, NULL);
    return e->llvm;
}
