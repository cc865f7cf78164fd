/* emit_memory.c: loads, stores, gathers and scatters.
 *
 * Addresses need no alignment. Vectors with a mask use LLVM's masked intrinsics, which it writes out as branches where the
 * processor has no instruction; scalars with a mask are branches here. A bool is a byte in memory: any byte but 0 is read as
 * true, and 0 or 1 is written.
 *
 * No access is said to be free of aliases: an output may be the memory of an input that is read at the same index.
 */
#include "native/emitter.h"

#include "support/dtype.h"

static tfcc_dtype buffer_dtype(const FunctionEmitter *e, uint32_t number) {
    return e->function->buffers[number].dtype;
}

/* base + offset, or one address per lane of offsets. */
static LLVMValueRef address_of(FunctionEmitter *e, uint32_t buffer, LLVMValueRef offset) {
    LLVMTypeRef element = emitter_memory_type(e->module, buffer_dtype(e, buffer), 1);
    return LLVMBuildGEP2(e->builder, element, e->buffers[buffer], &offset, 1, "");
}

static LLVMValueRef from_memory(FunctionEmitter *e, tfcc_dtype dtype, LLVMValueRef value) {
    if (dtype != TFCC_BOOL) return value;
    return LLVMBuildICmp(e->builder, LLVMIntNE, value, LLVMConstNull(LLVMTypeOf(value)), "");
}

static LLVMValueRef to_memory(FunctionEmitter *e, tfcc_dtype dtype, int lanes, LLVMValueRef value) {
    if (dtype != TFCC_BOOL) return value;
    return LLVMBuildZExt(e->builder, value, emitter_memory_type(e->module, dtype, lanes), "");
}

static LLVMValueRef load_plain(FunctionEmitter *e, tfcc_dtype dtype, int lanes,
                               LLVMValueRef address) {
    LLVMTypeRef type = emitter_memory_type(e->module, dtype, lanes);
    LLVMValueRef load = LLVMBuildLoad2(e->builder, type, address, "");
    LLVMSetAlignment(load, 1);
    return from_memory(e, dtype, load);
}

static void store_plain(FunctionEmitter *e, tfcc_dtype dtype, int lanes, LLVMValueRef address,
                        LLVMValueRef value) {
    LLVMValueRef store = LLVMBuildStore(e->builder, to_memory(e, dtype, lanes, value), address);
    LLVMSetAlignment(store, 1);
}

static LLVMValueRef all_lanes(FunctionEmitter *e, int lanes) {
    return LLVMConstAllOnes(LLVMVectorType(e->module->bool_type, (unsigned)lanes));
}

/* The value of lanes that are not read, as it would lie in memory. */
static LLVMValueRef unread_lanes(FunctionEmitter *e, const LoopInstruction *otherwise,
                                 tfcc_dtype dtype, int lanes) {
    if (!otherwise) return LLVMConstNull(emitter_memory_type(e->module, dtype, lanes));
    return to_memory(e, dtype, lanes, emitted(e, otherwise));
}

static LoopInstruction *operand_or_null(const LoopInstruction *instruction, size_t index) {
    return index < instruction->operand_count ? instruction->operands[index] : NULL;
}

/* mask ? *address : otherwise, where the address is touched only if the mask is set. */
static LLVMValueRef load_scalar_if(FunctionEmitter *e, tfcc_dtype dtype, LLVMValueRef address,
                                   LLVMValueRef mask, const LoopInstruction *otherwise) {
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder);
    LLVMBasicBlockRef reading = emitter_new_block(e, "read");
    LLVMBasicBlockRef after = emitter_new_block(e, "read.end");
    LLVMBuildCondBr(e->builder, mask, reading, after);
    LLVMPositionBuilderAtEnd(e->builder, reading);
    LLVMValueRef loaded = load_plain(e, dtype, 1, address);
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
    LLVMTypeRef type = emitter_type(e->module, dtype, 1);
    LLVMValueRef phi = LLVMBuildPhi(e->builder, type, "");
    LLVMValueRef other = otherwise ? emitted(e, otherwise) : LLVMConstNull(type);
    LLVMAddIncoming(phi, (LLVMValueRef[]){loaded, other}, (LLVMBasicBlockRef[]){reading, before},
                    2);
    return phi;
}

static void store_scalar_if(FunctionEmitter *e, tfcc_dtype dtype, LLVMValueRef address,
                            LLVMValueRef mask, LLVMValueRef value) {
    LLVMBasicBlockRef writing = emitter_new_block(e, "write");
    LLVMBasicBlockRef after = emitter_new_block(e, "write.end");
    LLVMBuildCondBr(e->builder, mask, writing, after);
    LLVMPositionBuilderAtEnd(e->builder, writing);
    store_plain(e, dtype, 1, address, value);
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

void emit_load(FunctionEmitter *e, const LoopInstruction *i) {
    int lanes = i->type.lanes;
    tfcc_dtype dtype = i->type.dtype;
    LLVMValueRef address = address_of(e, i->number, emitted(e, i->operands[0]));
    LoopInstruction *mask = operand_or_null(i, 1), *otherwise = operand_or_null(i, 2);
    LLVMValueRef result;
    if (!mask) {
        result = load_plain(e, dtype, lanes, address);
    } else if (lanes == 1) {
        result = load_scalar_if(e, dtype, address, emitted(e, mask), otherwise);
    } else {
        LLVMTypeRef types[] = {emitter_memory_type(e->module, dtype, lanes), e->module->pointer};
        LLVMValueRef arguments[] = {address, native_int32(e->module, 1), emitted(e, mask),
                                    unread_lanes(e, otherwise, dtype, lanes)};
        result = from_memory(
            e, dtype, native_intrinsic(e->module, INTRINSIC_MASKED_LOAD, types, 2, arguments, 4));
    }
    e->values[i->id] = result;
}

void emit_gather(FunctionEmitter *e, const LoopInstruction *i) {
    int lanes = i->type.lanes;
    tfcc_dtype dtype = i->type.dtype;
    if (lanes == 1) {
        emit_load(e, i);
        return;
    }
    LoopInstruction *mask = operand_or_null(i, 1), *otherwise = operand_or_null(i, 2);
    LLVMTypeRef types[] = {emitter_memory_type(e->module, dtype, lanes),
                           LLVMVectorType(e->module->pointer, (unsigned)lanes)};
    LLVMValueRef arguments[] = {address_of(e, i->number, emitted(e, i->operands[0])),
                                native_int32(e->module, 1),
                                mask ? emitted(e, mask) : all_lanes(e, lanes),
                                unread_lanes(e, otherwise, dtype, lanes)};
    LLVMValueRef loaded =
        native_intrinsic(e->module, INTRINSIC_MASKED_GATHER, types, 2, arguments, 4);
    e->values[i->id] = from_memory(e, dtype, loaded);
}

void emit_store(FunctionEmitter *e, const LoopInstruction *i) {
    int lanes = i->operands[1]->type.lanes;
    tfcc_dtype dtype = buffer_dtype(e, i->number);
    LLVMValueRef address = address_of(e, i->number, emitted(e, i->operands[0]));
    LLVMValueRef value = emitted(e, i->operands[1]);
    LoopInstruction *mask = operand_or_null(i, 2);
    if (!mask) {
        store_plain(e, dtype, lanes, address, value);
    } else if (lanes == 1) {
        store_scalar_if(e, dtype, address, emitted(e, mask), value);
    } else {
        LLVMTypeRef types[] = {emitter_memory_type(e->module, dtype, lanes), e->module->pointer};
        LLVMValueRef arguments[] = {to_memory(e, dtype, lanes, value), address,
                                    native_int32(e->module, 1), emitted(e, mask)};
        native_intrinsic(e->module, INTRINSIC_MASKED_STORE, types, 2, arguments, 4);
    }
}

void emit_scatter(FunctionEmitter *e, const LoopInstruction *i) {
    int lanes = i->operands[1]->type.lanes;
    tfcc_dtype dtype = buffer_dtype(e, i->number);
    if (lanes == 1) {
        emit_store(e, i);
        return;
    }
    LoopInstruction *mask = operand_or_null(i, 2);
    LLVMTypeRef types[] = {emitter_memory_type(e->module, dtype, lanes),
                           LLVMVectorType(e->module->pointer, (unsigned)lanes)};
    LLVMValueRef arguments[] = {to_memory(e, dtype, lanes, emitted(e, i->operands[1])),
                                address_of(e, i->number, emitted(e, i->operands[0])),
                                native_int32(e->module, 1),
                                mask ? emitted(e, mask) : all_lanes(e, lanes)};
    native_intrinsic(e->module, INTRINSIC_MASKED_SCATTER, types, 2, arguments, 4);
}
