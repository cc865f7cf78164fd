/* emit_memory.c: loads, stores, gathers and scatters.
 *
 * Addresses need no alignment. Vectors with a mask use LLVM's masked intrinsics, which it writes
 * out as branches where the processor has no instruction; scalars with a mask are branches here. A
 * bool is a byte in memory: any byte but 0 is read as true, and 0 or 1 is written.
 *
 * A buffer that shares its bytes with no other argument has an alias scope of its own, which the
 * accesses to all others exclude. An output that may stand in the place of an input has none, nor
 * has that input.
 */
#include "native/emitter.h"
#include "support/dtype.h"
#include <string.h>

/* More buffers than this get no scopes: each access names all the others. */
#define MOST_SCOPES 32

static LLVMMetadataRef text_metadata(NativeModule *m, const char *text) {
    return LLVMMDStringInContext2(m->context, text, strlen(text));
}

void emit_alias_scopes(FunctionEmitter *e) {
    NativeModule *m = e->module;
    const LoopFunction *f = e->function;
    e->own_scope = arena_alloc_array(m->arena, f->buffer_count + 1, sizeof(LLVMValueRef));
    e->other_scopes = arena_alloc_array(m->arena, f->buffer_count + 1, sizeof(LLVMValueRef));
    if (f->buffer_count < 2 || f->buffer_count > MOST_SCOPES) return;
    LLVMMetadataRef name = text_metadata(m, f->name);
    LLVMMetadataRef domain = LLVMMDNodeInContext2(m->context, &name, 1);
    LLVMMetadataRef scopes[MOST_SCOPES] = {NULL};
    for (size_t k = 0; k < f->buffer_count; k++) {
        if (!f->buffers[k].is_exclusive || f->buffers[k].is_local) continue;
        const char *label = arena_format(m->arena, "%s: buffer %zu", f->name, k);
        LLVMMetadataRef parts[] = {text_metadata(m, label), domain};
        scopes[k] = LLVMMDNodeInContext2(m->context, parts, 2);
        LLVMMetadataRef list = LLVMMDNodeInContext2(m->context, &scopes[k], 1);
        e->own_scope[k] = LLVMMetadataAsValue(m->context, list);
    }
    for (size_t k = 0; k < f->buffer_count; k++) {
        LLVMMetadataRef others[MOST_SCOPES];
        size_t count = 0;
        for (size_t j = 0; j < f->buffer_count; j++)
            if (j != k && scopes[j]) others[count++] = scopes[j];
        if (count == 0 || f->buffers[k].is_local) continue;
        LLVMMetadataRef list = LLVMMDNodeInContext2(m->context, others, count);
        e->other_scopes[k] = LLVMMetadataAsValue(m->context, list);
    }
}

/* Says of an access to a buffer what it cannot touch; gives the access. */
static LLVMValueRef with_scopes(FunctionEmitter *e, uint32_t buffer, LLVMValueRef access) {
    LLVMContextRef context = e->module->context;
    if (e->own_scope[buffer])
        LLVMSetMetadata(access, LLVMGetMDKindIDInContext(context, "alias.scope", 11),
                        e->own_scope[buffer]);
    if (e->other_scopes[buffer])
        LLVMSetMetadata(access, LLVMGetMDKindIDInContext(context, "noalias", 7),
                        e->other_scopes[buffer]);
    return access;
}

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

static LLVMValueRef load_plain(FunctionEmitter *e, uint32_t buffer, int lanes,
                               LLVMValueRef address) {
    tfcc_dtype dtype = buffer_dtype(e, buffer);
    LLVMTypeRef type = emitter_memory_type(e->module, dtype, lanes);
    LLVMValueRef load = LLVMBuildLoad2(e->builder, type, address, "");
    LLVMSetAlignment(load, 1);
    return from_memory(e, dtype, with_scopes(e, buffer, load));
}

static void store_plain(FunctionEmitter *e, uint32_t buffer, int lanes, LLVMValueRef address,
                        LLVMValueRef value) {
    value = to_memory(e, buffer_dtype(e, buffer), lanes, value);
    LLVMValueRef store = LLVMBuildStore(e->builder, value, address);
    LLVMSetAlignment(store, 1);
    with_scopes(e, buffer, store);
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
static LLVMValueRef load_scalar_if(FunctionEmitter *e, uint32_t buffer, LLVMValueRef address,
                                   LLVMValueRef mask, const LoopInstruction *otherwise) {
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder);
    LLVMBasicBlockRef reading = emitter_new_block(e, "read");
    LLVMBasicBlockRef after = emitter_new_block(e, "read.end");
    LLVMBuildCondBr(e->builder, mask, reading, after);
    LLVMPositionBuilderAtEnd(e->builder, reading);
    LLVMValueRef loaded = load_plain(e, buffer, 1, address);
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
    LLVMTypeRef type = emitter_type(e->module, buffer_dtype(e, buffer), 1);
    LLVMValueRef phi = LLVMBuildPhi(e->builder, type, "");
    LLVMValueRef other = otherwise ? emitted(e, otherwise) : LLVMConstNull(type);
    LLVMAddIncoming(phi, (LLVMValueRef[]){loaded, other}, (LLVMBasicBlockRef[]){reading, before},
                    2);
    return phi;
}

static void store_scalar_if(FunctionEmitter *e, uint32_t buffer, LLVMValueRef address,
                            LLVMValueRef mask, LLVMValueRef value) {
    LLVMBasicBlockRef writing = emitter_new_block(e, "write");
    LLVMBasicBlockRef after = emitter_new_block(e, "write.end");
    LLVMBuildCondBr(e->builder, mask, writing, after);
    LLVMPositionBuilderAtEnd(e->builder, writing);
    store_plain(e, buffer, 1, address, value);
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
        result = load_plain(e, i->number, lanes, address);
    } else if (lanes == 1) {
        result = load_scalar_if(e, i->number, address, emitted(e, mask), otherwise);
    } else {
        LLVMTypeRef types[] = {emitter_memory_type(e->module, dtype, lanes), e->module->pointer};
        LLVMValueRef arguments[] = {address, native_int32(e->module, 1), emitted(e, mask),
                                    unread_lanes(e, otherwise, dtype, lanes)};
        result = native_intrinsic(e->module, INTRINSIC_MASKED_LOAD, types, 2, arguments, 4);
        result = from_memory(e, dtype, with_scopes(e, i->number, result));
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
    LLVMValueRef arguments[] = {
        address_of(e, i->number, emitted(e, i->operands[0])), native_int32(e->module, 1),
        mask ? emitted(e, mask) : all_lanes(e, lanes), unread_lanes(e, otherwise, dtype, lanes)};
    LLVMValueRef loaded =
        native_intrinsic(e->module, INTRINSIC_MASKED_GATHER, types, 2, arguments, 4);
    e->values[i->id] = from_memory(e, dtype, with_scopes(e, i->number, loaded));
}

void emit_store(FunctionEmitter *e, const LoopInstruction *i) {
    int lanes = i->operands[1]->type.lanes;
    tfcc_dtype dtype = buffer_dtype(e, i->number);
    LLVMValueRef address = address_of(e, i->number, emitted(e, i->operands[0]));
    LLVMValueRef value = emitted(e, i->operands[1]);
    LoopInstruction *mask = operand_or_null(i, 2);
    if (!mask) {
        store_plain(e, i->number, lanes, address, value);
    } else if (lanes == 1) {
        store_scalar_if(e, i->number, address, emitted(e, mask), value);
    } else {
        LLVMTypeRef types[] = {emitter_memory_type(e->module, dtype, lanes), e->module->pointer};
        LLVMValueRef arguments[] = {to_memory(e, dtype, lanes, value), address,
                                    native_int32(e->module, 1), emitted(e, mask)};
        with_scopes(e, i->number,
                    native_intrinsic(e->module, INTRINSIC_MASKED_STORE, types, 2, arguments, 4));
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
    with_scopes(e, i->number,
                native_intrinsic(e->module, INTRINSIC_MASKED_SCATTER, types, 2, arguments, 4));
}
