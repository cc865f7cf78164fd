/* emit_settle.c: sizes that are known at run time only, as code: `settle(dims, level)`.
 *
 * The numbers a level needs are put in order, parts first, and cut into functions of a few hundred
 * operations, because LLVM takes quadratic time on straight-line code. A number is computed once:
 * later functions read it from its slot, or from an extra slot behind the program's. What a level
 * has computed is not used by another one but for level 0, since BIND steps that a run does not
 * need leave their levels unsettled.
 *
 * Arithmetic is dim_evaluate's: each product and each sum saturates, division by zero gives zero.
 */
#include "native/module.h"

#include <assert.h>

#define OPERATIONS_PER_PART 128

/* A number that has been met. */
typedef struct Known {
    LLVMValueRef value;  /* in part `part` */
    LLVMValueRef origin; /* where it was computed; NULL: its slot has been filled */
    uint32_t level, part;
    uint32_t slot; /* UINT32_MAX: none yet */
} Known;

/* Operations on two numbers known at run time only are functions, so that thousands of them compile
 * quickly. */
typedef enum Helper { HELPER_MULTIPLY, HELPER_DIVIDE, HELPER_MODULO } Helper;

typedef struct SettleEmitter {
    NativeModule *module;
    Map known;            /* Dim -> Known */
    uint32_t level, part; /* parts count over all levels */
    size_t operations;    /* of the part, so far */
    LLVMValueRef dims, function;
    LLVMTypeRef part_type;
    LLVMValueRef helpers[3]; /* by Helper, made when first called */
    LLVMValueRef *parts;     /* of the level */
    size_t part_count, part_capacity;
} SettleEmitter;

static Known *known_of(SettleEmitter *s, Dim dim) {
    MapEntry *entry = map_find(&s->known, (const char *)&dim, sizeof dim);
    return entry ? entry->value : NULL;
}

static LLVMValueRef slot_address(SettleEmitter *s, uint32_t slot) {
    LLVMValueRef index = native_int64(s->module, slot);
    return LLVMBuildGEP2(s->module->builder, s->module->int64, s->dims, &index, 1, "");
}

static LLVMValueRef load_slot(SettleEmitter *s, uint32_t slot) {
    return LLVMBuildLoad2(s->module->builder, s->module->int64, slot_address(s, slot), "");
}

/* ---- parts ---- */

static void begin_part(SettleEmitter *s) {
    NativeModule *m = s->module;
    const char *name = arena_format(m->arena, "%s.settle.%u", m->prefix, s->part);
    s->function = LLVMAddFunction(m->module, name, s->part_type);
    LLVMSetLinkage(s->function, LLVMInternalLinkage);
    native_function_attributes(m, s->function);
    s->dims = LLVMGetParam(s->function, 0);
    LLVMPositionBuilderAtEnd(m->builder,
                             LLVMAppendBasicBlockInContext(m->context, s->function, ""));
    *ARENA_PUSH(m->arena, s->parts, s->part_count, s->part_capacity) = s->function;
    s->operations = 0;
}

static void end_part(SettleEmitter *s) {
    if (!s->function) return;
    LLVMBuildRetVoid(s->module->builder);
    s->function = NULL;
    s->part++;
}

/* ---- arithmetic ---- */

static LLVMValueRef saturate(SettleEmitter *s, LLVMValueRef is_negative) {
    return LLVMBuildSelect(s->module->builder, is_negative, native_int64(s->module, INT64_MIN),
                           native_int64(s->module, INT64_MAX), "");
}

static LLVMValueRef multiply_inline(SettleEmitter *s, LLVMValueRef a, LLVMValueRef b) {
    NativeModule *m = s->module;
    LLVMValueRef both =
        native_intrinsic(m, INTRINSIC_SMUL_OVERFLOW, &m->int64, 1, (LLVMValueRef[]){a, b}, 2);
    LLVMValueRef product = LLVMBuildExtractValue(m->builder, both, 0, "");
    LLVMValueRef overflows = LLVMBuildExtractValue(m->builder, both, 1, "");
    LLVMValueRef signs = LLVMBuildXor(m->builder, a, b, "");
    LLVMValueRef is_negative = LLVMBuildICmp(m->builder, LLVMIntSLT, signs, native_int64(m, 0), "");
    return LLVMBuildSelect(m->builder, overflows, saturate(s, is_negative), product, "");
}

/* Two addends saturate directly; the sum of more is made in 128 bits, for it may come back from
 * beyond. */
static LLVMValueRef add_all(SettleEmitter *s, LLVMValueRef *addends, size_t count) {
    NativeModule *m = s->module;
    LLVMBuilderRef b = m->builder;
    if (count == 1) return addends[0];
    if (count == 2) return native_intrinsic(m, INTRINSIC_SADD_SAT, &m->int64, 1, addends, 2);
    LLVMTypeRef wide = LLVMIntTypeInContext(m->context, 128);
    LLVMValueRef sum = LLVMBuildSExt(b, addends[0], wide, "");
    for (size_t k = 1; k < count; k++)
        sum = LLVMBuildAdd(b, sum, LLVMBuildSExt(b, addends[k], wide, ""), "");
    LLVMValueRef narrow = LLVMBuildTrunc(b, sum, m->int64, "");
    LLVMValueRef back = LLVMBuildSExt(b, narrow, wide, "");
    LLVMValueRef fits = LLVMBuildICmp(b, LLVMIntEQ, back, sum, "");
    LLVMValueRef is_negative = LLVMBuildICmp(b, LLVMIntSLT, sum, LLVMConstNull(wide), "");
    return LLVMBuildSelect(b, fits, narrow, saturate(s, is_negative), "");
}

/* Floor division and modulo. With 1 in place of the divisors 0 and -1 the hardware's division is
 * defined; then quotient = a / d - (the remainder is not 0 and has another sign than d). */
static LLVMValueRef divide_inline(SettleEmitter *s, bool is_modulo, LLVMValueRef a,
                                  LLVMValueRef d) {
    NativeModule *m = s->module;
    LLVMBuilderRef b = m->builder;
    LLVMValueRef zero = native_int64(m, 0), one = native_int64(m, 1);
    LLVMValueRef by_zero = LLVMBuildICmp(b, LLVMIntEQ, d, zero, "");
    LLVMValueRef by_minus_one = LLVMBuildICmp(b, LLVMIntEQ, d, native_int64(m, -1), "");
    LLVMValueRef special = LLVMBuildOr(b, by_zero, by_minus_one, "");
    LLVMValueRef divisor = LLVMBuildSelect(b, special, one, d, "");
    LLVMValueRef rest = LLVMBuildSRem(b, a, divisor, "");
    LLVMValueRef is_rest = LLVMBuildICmp(b, LLVMIntNE, rest, zero, "");
    LLVMValueRef signs = LLVMBuildXor(b, rest, divisor, "");
    LLVMValueRef differs = LLVMBuildICmp(b, LLVMIntSLT, signs, zero, "");
    LLVMValueRef corrects = LLVMBuildAnd(b, is_rest, differs, "");
    if (is_modulo) /* by 1 it is 0 already */
        return LLVMBuildAdd(b, rest, LLVMBuildSelect(b, corrects, divisor, zero, ""), "");
    LLVMValueRef quotient = LLVMBuildSDiv(b, a, divisor, "");
    quotient = LLVMBuildSub(b, quotient, LLVMBuildZExt(b, corrects, m->int64, ""), "");
    LLVMValueRef is_lowest = LLVMBuildICmp(b, LLVMIntEQ, a, native_int64(m, INT64_MIN), "");
    LLVMValueRef negated =
        LLVMBuildSelect(b, is_lowest, native_int64(m, INT64_MAX), LLVMBuildNeg(b, a, ""), "");
    quotient = LLVMBuildSelect(b, by_minus_one, negated, quotient, "");
    return LLVMBuildSelect(b, by_zero, zero, quotient, "");
}

static LLVMValueRef create_helper(SettleEmitter *s, Helper helper, LLVMTypeRef type) {
    static const char *const names[] = {"multiply", "divide", "modulo"};
    NativeModule *m = s->module;
    LLVMBasicBlockRef back = LLVMGetInsertBlock(m->builder);
    const char *name = arena_format(m->arena, "%s.settle.%s", m->prefix, names[helper]);
    LLVMValueRef function = LLVMAddFunction(m->module, name, type);
    LLVMSetLinkage(function, LLVMInternalLinkage);
    native_function_attributes(m, function);
    LLVMPositionBuilderAtEnd(m->builder, LLVMAppendBasicBlockInContext(m->context, function, ""));
    LLVMValueRef a = LLVMGetParam(function, 0), b = LLVMGetParam(function, 1);
    LLVMBuildRet(m->builder, helper == HELPER_MULTIPLY
                                 ? multiply_inline(s, a, b)
                                 : divide_inline(s, helper == HELPER_MODULO, a, b));
    LLVMPositionBuilderAtEnd(m->builder, back);
    return function;
}

/* a op b; inline where one of them is known, which leaves little of it. */
static LLVMValueRef combine(SettleEmitter *s, Helper helper, LLVMValueRef a, LLVMValueRef b) {
    NativeModule *m = s->module;
    if (LLVMIsConstant(b) || LLVMIsConstant(a))
        return helper == HELPER_MULTIPLY ? multiply_inline(s, a, b)
                                         : divide_inline(s, helper == HELPER_MODULO, a, b);
    LLVMTypeRef type = LLVMFunctionType(m->int64, (LLVMTypeRef[]){m->int64, m->int64}, 2, false);
    if (!s->helpers[helper]) s->helpers[helper] = create_helper(s, helper, type);
    return LLVMBuildCall2(m->builder, type, s->helpers[helper], (LLVMValueRef[]){a, b}, 2, "");
}

/* ---- one number ---- */

static bool is_leaf(Dim dim) {
    return dim->kind == DIM_CONSTANT || dim->kind == DIM_SYMBOL || dim->kind == DIM_OVERFLOW;
}

/* A part needs what another one has computed: it is stored there, at the end. */
static void give_slot(SettleEmitter *s, Known *known) {
    NativeModule *m = s->module;
    if (known->slot == UINT32_MAX) known->slot = (uint32_t)m->loops->slot_count + m->extra_slots++;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(m->builder);
    LLVMBasicBlockRef there = LLVMGetInstructionParent(known->origin);
    LLVMValueRef dims = s->dims;
    s->dims = LLVMGetParam(LLVMGetBasicBlockParent(there), 0);
    LLVMPositionBuilderBefore(m->builder, LLVMGetBasicBlockTerminator(there));
    LLVMBuildStore(m->builder, known->origin, slot_address(s, known->slot));
    LLVMPositionBuilderAtEnd(m->builder, here);
    s->dims = dims;
    known->origin = NULL;
}

/* Whether the number need not be computed: this level has done so, or level 0, or it has a slot of
 * a lower level (what depends on it is needed only where that level has been settled). */
static bool is_computed(const SettleEmitter *s, const Known *known) {
    if (!known) return false;
    const LoopProgram *loops = s->module->loops;
    if (known->slot < loops->slot_count && loops->slots[known->slot].level < s->level) return true;
    return known->value && (known->level == s->level || known->level == 0);
}

static LLVMValueRef value_of(SettleEmitter *s, Dim dim) {
    if (dim->kind == DIM_CONSTANT) return native_int64(s->module, dim->constant);
    if (dim->kind == DIM_OVERFLOW) return native_int64(s->module, INT64_MAX);
    Known *known = known_of(s, dim);
    if (!known) {
        assert(dim->kind == DIM_SYMBOL);
        known = arena_alloc(s->module->arena, sizeof *known);
        *known = (Known){.slot = dim->symbol->number, .part = UINT32_MAX};
        map_insert(&s->known, (const char *)&dim, sizeof dim, &(bool){false})->value = known;
    }
    if (known->value && LLVMIsConstant(known->value)) return known->value;
    if (known->part != s->part) {
        if (known->origin) give_slot(s, known);
        known->value = load_slot(s, known->slot);
        known->part = s->part;
    }
    return known->value;
}

static size_t part_count_of(Dim dim) {
    return dim->kind == DIM_SUM ? dim->term_count : dim->operand_count;
}

static Dim part_of(Dim dim, size_t k) {
    return dim->kind == DIM_SUM ? dim->terms[k].product : dim->operands[k];
}

static LLVMValueRef compute_sum(SettleEmitter *s, Dim dim) {
    NativeModule *m = s->module;
    LLVMValueRef *addends = arena_alloc_array(m->arena, dim->term_count + 1, sizeof *addends);
    size_t count = 0;
    if (dim->constant != 0) addends[count++] = native_int64(m, dim->constant);
    for (size_t k = 0; k < dim->term_count; k++) {
        LLVMValueRef term = value_of(s, dim->terms[k].product);
        int64_t coefficient = dim->terms[k].coefficient;
        addends[count++] = coefficient == 1
                               ? term
                               : combine(s, HELPER_MULTIPLY, term, native_int64(m, coefficient));
    }
    return add_all(s, addends, count);
}

static LLVMValueRef compute(SettleEmitter *s, Dim dim) {
    NativeModule *m = s->module;
    LLVMBuilderRef b = m->builder;
    if (dim->kind == DIM_SUM) return compute_sum(s, dim);
    LLVMValueRef first = value_of(s, dim->operands[0]);
    LLVMValueRef second = value_of(s, dim->operands[1]);
    LLVMValueRef pair[] = {first, second};
    switch (dim->kind) {
    case DIM_PRODUCT:
        for (size_t k = 1; k < dim->operand_count; k++)
            first = combine(s, HELPER_MULTIPLY, first, value_of(s, dim->operands[k]));
        return first;
    case DIM_FLOOR_DIVIDE: return combine(s, HELPER_DIVIDE, first, second);
    case DIM_MODULO: return combine(s, HELPER_MODULO, first, second);
    case DIM_MAXIMUM: return native_intrinsic(m, INTRINSIC_SMAX, &m->int64, 1, pair, 2);
    case DIM_MINIMUM: return native_intrinsic(m, INTRINSIC_SMIN, &m->int64, 1, pair, 2);
    case DIM_EQUAL:
        return LLVMBuildZExt(b, LLVMBuildICmp(b, LLVMIntEQ, first, second, ""), m->int64, "");
    case DIM_LESS:
        return LLVMBuildZExt(b, LLVMBuildICmp(b, LLVMIntSLT, first, second, ""), m->int64, "");
    case DIM_SELECT: {
        LLVMValueRef is_set = LLVMBuildICmp(b, LLVMIntNE, first, native_int64(m, 0), "");
        return LLVMBuildSelect(b, is_set, second, value_of(s, dim->operands[2]), "");
    }
    default: assert(false && "a number that is settled"); return first;
    }
}

/* Computes `dim`, whose parts are known, into its slot. */
static void settle_one(SettleEmitter *s, Dim dim) {
    NativeModule *m = s->module;
    if (s->operations + part_count_of(dim) > OPERATIONS_PER_PART) end_part(s);
    if (!s->function) begin_part(s);
    s->operations += part_count_of(dim) + 1;
    bool added;
    MapEntry *entry = map_insert(&s->known, (const char *)&dim, sizeof dim, &added);
    if (added) {
        Known *known = entry->value = arena_alloc(m->arena, sizeof(Known));
        known->slot = UINT32_MAX;
    }
    Known *known = entry->value; /* entries move, what they point to stays */
    LLVMValueRef value = compute(s, dim);
    known->origin = NULL;
    if (known->slot != UINT32_MAX)
        LLVMBuildStore(m->builder, value, slot_address(s, known->slot));
    else if (!LLVMIsConstant(value))
        known->origin = value;
    known->value = value;
    known->level = s->level;
    known->part = s->part;
}

/* A size that has overflowed when compiling has a slot, which holds the largest number. */
static void settle_overflow(SettleEmitter *s, Dim dim, uint32_t slot) {
    if (!s->function) begin_part(s);
    LLVMBuildStore(s->module->builder, value_of(s, dim), slot_address(s, slot));
}

/* ---- a level ---- */

typedef struct Visit {
    Dim dim;
    size_t next; /* the part to look at */
} Visit;

/* Everything `root` is made of, parts first, without recursion: expressions may be as deep as the
 * graph is long. */
static void settle_tree(SettleEmitter *s, Dim root, Visit **stack, size_t *capacity) {
    size_t depth = 0;
    Arena *arena = s->module->arena;
    *ARENA_PUSH(arena, *stack, depth, *capacity) = (Visit){root, 0};
    while (depth > 0) {
        Visit *top = &(*stack)[depth - 1];
        if (is_leaf(top->dim) || is_computed(s, known_of(s, top->dim))) {
            depth--;
        } else if (top->next < part_count_of(top->dim)) {
            Dim part = part_of(top->dim, top->next++);
            *ARENA_PUSH(arena, *stack, depth, *capacity) = (Visit){part, 0};
        } else {
            settle_one(s, top->dim);
            depth--;
        }
    }
}

static void emit_level(SettleEmitter *s, uint32_t level, Visit **stack, size_t *capacity) {
    const LoopProgram *loops = s->module->loops;
    s->level = level;
    s->part_count = 0;
    for (size_t k = loops->symbol_count + loops->constant_count; k < loops->slot_count; k++) {
        if (loops->slots[k].level != level) continue;
        Dim dim = loops->slots[k].dim;
        if (is_leaf(dim))
            settle_overflow(s, dim, (uint32_t)k);
        else
            settle_tree(s, dim, stack, capacity);
    }
    end_part(s);
}

/* switch (level): the parts of the level in turn. */
static LLVMValueRef create_settle(NativeModule *m, LLVMTypeRef type) {
    const char *name = arena_format(m->arena, "%s.settle", m->prefix);
    LLVMValueRef settle = LLVMAddFunction(m->module, name, type);
    LLVMSetLinkage(settle, LLVMInternalLinkage);
    native_function_attributes(m, settle);
    return settle;
}

static void emit_calls(SettleEmitter *s, LLVMValueRef settle, LLVMValueRef choice, uint32_t level,
                       LLVMBasicBlockRef end) {
    NativeModule *m = s->module;
    LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(m->context, settle, "");
    LLVMAddCase(choice, native_int32(m, level), block);
    LLVMPositionBuilderAtEnd(m->builder, block);
    LLVMValueRef dims = LLVMGetParam(settle, 0);
    for (size_t k = 0; k < s->part_count; k++)
        LLVMBuildCall2(m->builder, s->part_type, s->parts[k], &dims, 1, "");
    LLVMBuildBr(m->builder, end);
}

void emit_settle(NativeModule *m) {
    const LoopProgram *loops = m->loops;
    if (loops->slot_count <= loops->symbol_count + loops->constant_count) return;
    SettleEmitter emitter = {.module = m, .known = map_create(m->arena)};
    SettleEmitter *s = &emitter;
    s->part_type = LLVMFunctionType(m->void_type, &m->pointer, 1, false);
    for (size_t k = 0; k < loops->slot_count; k++) {
        Known *known = arena_alloc(m->arena, sizeof *known);
        *known = (Known){.slot = (uint32_t)k, .part = UINT32_MAX};
        Dim dim = loops->slots[k].dim;
        map_insert(&s->known, (const char *)&dim, sizeof dim, &(bool){false})->value = known;
    }
    LLVMTypeRef type =
        LLVMFunctionType(m->void_type, (LLVMTypeRef[]){m->pointer, m->int32}, 2, false);
    LLVMValueRef settle = create_settle(m, type);
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(m->context, settle, "");
    LLVMBasicBlockRef end = LLVMAppendBasicBlockInContext(m->context, settle, "");
    LLVMPositionBuilderAtEnd(m->builder, end);
    LLVMBuildRetVoid(m->builder);
    LLVMPositionBuilderAtEnd(m->builder, entry);
    LLVMValueRef choice =
        LLVMBuildSwitch(m->builder, LLVMGetParam(settle, 1), end, loops->level_count);
    Visit *stack = NULL;
    size_t capacity = 0;
    for (uint32_t level = 0; level < loops->level_count; level++) {
        emit_level(s, level, &stack, &capacity);
        emit_calls(s, settle, choice, level, end);
    }
    m->settle = settle;
}
