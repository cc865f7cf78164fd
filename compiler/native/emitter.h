/* emitter.h: one LoopFunction on its way to LLVM IR. */
#ifndef TFCC_NATIVE_EMITTER_H
#define TFCC_NATIVE_EMITTER_H

#include "native/module.h"

/* The widest vector of the loop level. */
#define MOST_LANES 256

typedef struct FunctionEmitter {
    NativeModule *module;
    const LoopFunction *function;
    LLVMValueRef llvm;
    LLVMBuilderRef builder;
    LLVMValueRef *values;  /* by LoopInstruction.id */
    LLVMValueRef *buffers; /* addresses, locals included */
    LLVMValueRef *slots;
    LLVMValueRef failure;  /* where the values of a message go */
    LLVMMetadataRef scope; /* of debug lines */
    /* What the accesses to each buffer carry, or NULL: its own alias scope, and the scopes of the
     * buffers it shares nothing with. */
    LLVMValueRef *own_scope, *other_scopes;
} FunctionEmitter;

static inline LLVMValueRef emitted(const FunctionEmitter *e, const LoopInstruction *instruction) {
    return e->values[instruction->id];
}

/* The LLVM type of a value in registers: bool is i1, the 16-bit floating-point types are their
 * bits, i16. */
LLVMTypeRef emitter_type(NativeModule *module, tfcc_dtype dtype, int lanes);
/* The same in memory: bool is i8. */
LLVMTypeRef emitter_memory_type(NativeModule *module, tfcc_dtype dtype, int lanes);
/* A constant in every lane. */
LLVMValueRef emitter_splat_bits(NativeModule *module, tfcc_dtype dtype, int lanes, uint64_t bits);
LLVMBasicBlockRef emitter_new_block(FunctionEmitter *e, const char *name);

/* emit_arithmetic.c: scalar_op on values of `operand` dtype. */
LLVMValueRef emit_arithmetic(FunctionEmitter *e, ScalarOp op, tfcc_dtype result, tfcc_dtype operand,
                             int lanes, LLVMValueRef *values);
/* emit_convert.c */
LLVMValueRef emit_convert(FunctionEmitter *e, tfcc_dtype to, tfcc_dtype from, int lanes,
                          LLVMValueRef value);
LLVMValueRef emit_bitcast(FunctionEmitter *e, tfcc_dtype to, tfcc_dtype from, int lanes,
                          LLVMValueRef value);
/* emit_memory.c: which buffers share no bytes; comes before the body. Then LOAD, GATHER, STORE,
 * SCATTER. */
void emit_alias_scopes(FunctionEmitter *e);
void emit_load(FunctionEmitter *e, const LoopInstruction *instruction);
void emit_gather(FunctionEmitter *e, const LoopInstruction *instruction);
void emit_store(FunctionEmitter *e, const LoopInstruction *instruction);
void emit_scatter(FunctionEmitter *e, const LoopInstruction *instruction);

#endif
