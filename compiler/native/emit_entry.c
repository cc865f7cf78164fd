/* emit_entry.c: the functions a program calls: NAME_run, NAME_shape, NAME_workspace and
 * NAME_signature_S.
 *
 * They are thin: each hands its arguments, and the model's address, to the runtime. A typed
 * function puts its pointers into tensors on the stack, whose shapes are constants of the object,
 * and calls tfcc_run_signature. A NULL in place of a result means that it is not wanted; a NULL
 * feed is passed on and refused by the runtime.
 */
#include "native/module.h"

#include "support/dtype.h"
#include <assert.h>
#include <string.h>

static LLVMValueRef declare(NativeModule *m, const char *name, LLVMTypeRef type) {
    LLVMValueRef function = LLVMGetNamedFunction(m->module, name);
    return function ? function : LLVMAddFunction(m->module, name, type);
}

static LLVMValueRef begin_entry(NativeModule *m, const char *suffix, LLVMTypeRef type) {
    LLVMValueRef function =
        LLVMAddFunction(m->module, arena_format(m->arena, "%s_%s", m->prefix, suffix), type);
    native_function_attributes(m, function);
    LLVMPositionBuilderAtEnd(m->builder, LLVMAppendBasicBlockInContext(m->context, function, ""));
    return function;
}

/* NAME_suffix(parameters…) calls runtime(model?, parameters…). */
static void emit_forward(NativeModule *m, const char *suffix, const char *runtime,
                         LLVMTypeRef *parameters, unsigned count, bool with_model) {
    LLVMTypeRef types[8] = {m->pointer};
    LLVMValueRef arguments[8] = {m->model};
    unsigned shift = with_model ? 1 : 0;
    assert(count + shift <= 8);
    for (unsigned k = 0; k < count; k++) types[k + shift] = parameters[k];
    LLVMTypeRef called = LLVMFunctionType(m->int32, types, count + shift, false);
    LLVMValueRef target = declare(m, runtime, called);
    LLVMTypeRef type = LLVMFunctionType(m->int32, parameters, count, false);
    LLVMValueRef function = begin_entry(m, suffix, type);
    for (unsigned k = 0; k < count; k++) arguments[k + shift] = LLVMGetParam(function, k);
    LLVMValueRef call = LLVMBuildCall2(m->builder, called, target, arguments, count + shift, "");
    LLVMSetTailCall(call, true);
    LLVMBuildRet(m->builder, call);
}

/* ---- typed functions ---- */

static LLVMTypeRef tensor_type(NativeModule *m) {
    LLVMTypeRef fields[] = {m->pointer, m->pointer, m->int32, m->int32, m->int64};
    return LLVMStructTypeInContext(m->context, fields, 5, false);
}

/* The sizes of a known shape as constants; NULL for a scalar. */
static LLVMValueRef shape_constant(NativeModule *m, const Shape *shape) {
    if (shape->rank == 0) return LLVMConstNull(m->pointer);
    LLVMValueRef sizes[MAX_RANK];
    for (int axis = 0; axis < shape->rank; axis++) {
        int64_t size = 0;
        dim_is_constant(shape->dims[axis], &size);
        sizes[axis] = native_int64(m, size);
    }
    LLVMValueRef content = LLVMConstArray2(m->int64, sizes, (uint64_t)shape->rank);
    LLVMValueRef global = LLVMAddGlobal(m->module, LLVMTypeOf(content), "sizes");
    LLVMSetInitializer(global, content);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
    return global;
}

static LLVMValueRef field_address(NativeModule *m, LLVMValueRef tensors, size_t index,
                                  unsigned field) {
    LLVMValueRef indices[] = {native_int64(m, (int64_t)index), native_int32(m, field)};
    return LLVMBuildGEP2(m->builder, tensor_type(m), tensors, indices, 2, "");
}

static void store_field(NativeModule *m, LLVMValueRef tensors, size_t index, unsigned field,
                        LLVMValueRef value) {
    LLVMBuildStore(m->builder, value, field_address(m, tensors, index, field));
}

/* A plain pointer becomes a tensor of the known shape. A result whose pointer is NULL gets no
 * dtype, which asks for nothing. */
static void store_plain(NativeModule *m, LLVMValueRef tensors, size_t index, const Type *type,
                        LLVMValueRef pointer, bool is_fetch) {
    LLVMValueRef dtype = native_int32(m, (uint32_t)type->dtype);
    LLVMValueRef shape = LLVMConstNull(m->pointer), bytes = native_int64(m, 0);
    if (is_fetch) {
        LLVMValueRef is_null = LLVMBuildIsNull(m->builder, pointer, "");
        dtype = LLVMBuildSelect(m->builder, is_null, native_int32(m, TFCC_NONE), dtype, "");
        /* A scalar needs no capacity, and without one the runtime takes its shortest way. */
        if (type->shape.rank > 0)
            bytes = native_int64(m, type_element_count(type) * (int64_t)dtype_size(type->dtype));
    } else {
        shape = shape_constant(m, &type->shape);
    }
    store_field(m, tensors, index, 0, pointer);
    store_field(m, tensors, index, 1, shape);
    store_field(m, tensors, index, 2, native_int32(m, (uint32_t)type->shape.rank));
    store_field(m, tensors, index, 3, dtype);
    store_field(m, tensors, index, 4, bytes);
}

/* Copies a tensor; NULL counts as one of no dtype. */
static void copy_tensor(NativeModule *m, LLVMValueRef tensors, size_t index, LLVMValueRef from,
                        LLVMValueRef nothing) {
    LLVMValueRef is_null = LLVMBuildIsNull(m->builder, from, "");
    from = LLVMBuildSelect(m->builder, is_null, nothing, from, "");
    LLVMValueRef value = LLVMBuildLoad2(m->builder, tensor_type(m), from, "");
    LLVMBuildStore(m->builder, value, field_address(m, tensors, index, 0));
}

static LLVMValueRef empty_tensor(NativeModule *m) {
    LLVMValueRef global = LLVMGetNamedGlobal(m->module, "no_tensor");
    if (global) return global;
    global = LLVMAddGlobal(m->module, tensor_type(m), "no_tensor");
    LLVMSetInitializer(global, LLVMConstNull(tensor_type(m)));
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    return global;
}

/* What a fetch of any size has been given, back into the caller's tensor. */
static void return_tensor(NativeModule *m, LLVMValueRef function, LLVMValueRef tensors,
                          size_t index, LLVMValueRef to) {
    LLVMBasicBlockRef storing = LLVMAppendBasicBlockInContext(m->context, function, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(m->context, function, "");
    LLVMBuildCondBr(m->builder, LLVMBuildIsNull(m->builder, to, ""), after, storing);
    LLVMPositionBuilderAtEnd(m->builder, storing);
    LLVMValueRef value =
        LLVMBuildLoad2(m->builder, tensor_type(m), field_address(m, tensors, index, 0), "");
    LLVMBuildStore(m->builder, value, to);
    LLVMBuildBr(m->builder, after);
    LLVMPositionBuilderAtEnd(m->builder, after);
}

static const Type *feed_type(const NativeModule *m, const Signature *s, size_t k) {
    return &m->graph->feeds[s->feeds[k]].value->type;
}

static const Type *fetch_type(const NativeModule *m, const Signature *s, size_t k) {
    return &m->graph->fetches[s->fetches[k]].value->type;
}

static LLVMValueRef tensor_array(NativeModule *m, size_t count) {
    LLVMTypeRef type = LLVMArrayType2(tensor_type(m), count);
    return count == 0 ? LLVMConstNull(m->pointer) : LLVMBuildAlloca(m->builder, type, "");
}

static void emit_signature(NativeModule *m, uint32_t index) {
    const Signature *s = &m->graph->signatures[index];
    size_t count = 1 + s->feed_count + s->fetch_count;
    LLVMTypeRef *types = arena_alloc_array(m->arena, count, sizeof *types);
    for (size_t k = 0; k < count; k++) types[k] = m->pointer;
    LLVMTypeRef type = LLVMFunctionType(m->int32, types, (unsigned)count, false);
    LLVMTypeRef parameters[] = {m->pointer, m->pointer, m->int32, m->pointer, m->pointer};
    LLVMTypeRef run_type = LLVMFunctionType(m->int32, parameters, 5, false);
    LLVMValueRef run = declare(m, "tfcc_run_signature", run_type);
    LLVMValueRef function = begin_entry(
        m, arena_format(m->arena, "signature_%s", m->identifiers->signatures[index]), type);
    LLVMValueRef feeds = tensor_array(m, s->feed_count), fetches = tensor_array(m, s->fetch_count);
    for (size_t k = 0; k < s->feed_count; k++) {
        LLVMValueRef given = LLVMGetParam(function, (unsigned)(1 + k));
        const Type *fed = feed_type(m, s, k);
        if (type_is_plain(fed))
            store_plain(m, feeds, k, fed, given, false);
        else
            copy_tensor(m, feeds, k, given, empty_tensor(m));
    }
    unsigned first_fetch = (unsigned)(1 + s->feed_count);
    for (size_t k = 0; k < s->fetch_count; k++) {
        LLVMValueRef given = LLVMGetParam(function, first_fetch + (unsigned)k);
        const Type *fetched = fetch_type(m, s, k);
        if (type_is_plain(fetched))
            store_plain(m, fetches, k, fetched, given, true);
        else
            copy_tensor(m, fetches, k, given, empty_tensor(m));
    }
    LLVMValueRef arguments[] = {m->model, LLVMGetParam(function, 0), native_int32(m, index), feeds,
                                fetches};
    LLVMValueRef status = LLVMBuildCall2(m->builder, run_type, run, arguments, 5, "");
    for (size_t k = 0; k < s->fetch_count; k++)
        if (!type_is_plain(fetch_type(m, s, k)))
            return_tensor(m, function, fetches, k,
                          LLVMGetParam(function, first_fetch + (unsigned)k));
    LLVMBuildRet(m->builder, status);
}

void emit_entry(NativeModule *m) {
    LLVMTypeRef pointer = m->pointer, size = m->int64;
    LLVMTypeRef run[] = {pointer, pointer, size, pointer, size};
    emit_forward(m, "run", "tfcc_run_model", run, 5, true);
    LLVMTypeRef shape[] = {pointer, pointer, size, pointer, pointer};
    emit_forward(m, "shape", "tfcc_shape", shape, 5, false);
    LLVMTypeRef workspace[] = {pointer, pointer, size, pointer, size, pointer, pointer};
    emit_forward(m, "workspace", "tfcc_workspace", workspace, 7, false);
    for (uint32_t k = 0; k < m->graph->signature_count; k++) emit_signature(m, k);
}
