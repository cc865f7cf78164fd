/* emission.c: values in scopes, constants and slots, axes that have a counter. */
#include "loops/nest.h"

#include "support/dtype.h"
#include <assert.h>
#include <string.h>

void emission_begin(Emission *e, FunctionEmission *whole, const Nest *nest, LoopBlock *block) {
    size_t scalars = nest->kernel->scalar_count + 1, axes = (size_t)nest->kernel->next_axis + 1;
    *e = (Emission){.whole = whole,
                    .nest = nest,
                    .arena = whole->arena,
                    .scratch = whole->scratch,
                    .copies = 1};
    e->b = (LoopBuilder){.arena = whole->arena,
                         .function = whole->function,
                         .block = block,
                         .place = nest->kernel->place};
    e->dim_values = map_create(e->scratch);
    e->counters = arena_alloc_array(e->scratch, axes, sizeof *e->counters);
    e->begins = arena_alloc_array(e->scratch, axes, sizeof *e->begins);
    e->ends = arena_alloc_array(e->scratch, axes, sizeof *e->ends);
    e->bound = arena_alloc_array(e->scratch, (size_t)nest->set_words, sizeof *e->bound);
    e->values = arena_alloc_array(e->scratch, scalars, sizeof *e->values);
    e->splats = arena_alloc_array(e->scratch, scalars, sizeof *e->splats);
    e->staged = arena_alloc_array(e->scratch, scalars, sizeof *e->staged);
    e->running = arena_alloc_array(e->scratch, scalars, sizeof *e->running);
    e->next = arena_alloc_array(e->scratch, scalars, sizeof *e->next);
    e->is_needed = arena_alloc_array(e->scratch, scalars, sizeof *e->is_needed);
    e->assumed = arena_alloc_array(e->scratch, scalars, sizeof *e->assumed);
    e->is_stored =
        arena_alloc_array(e->scratch, nest->kernel->output_count + 1, sizeof *e->is_stored);
}

/* ---- scopes ---- */

void emission_set(Emission *e, Values **place, Values *values) {
    *ARENA_PUSH(e->scratch, e->log, e->log_count, e->log_capacity) = (Undo){place, *place};
    *place = values;
}

size_t scope_begin(const Emission *e) {
    return e->log_count;
}

void scope_end(Emission *e, size_t scope) {
    while (e->log_count > scope) {
        Undo undo = e->log[--e->log_count];
        *undo.place = undo.before;
    }
}

void emission_hide(Emission *e, Dim axis) {
    for (size_t id = 0; id < e->nest->kernel->scalar_count; id++) {
        if (!e->values[id] || !axis_set_has(e->nest->facts[id].axes, axis)) continue;
        emission_set(e, &e->values[id], NULL);
        emission_set(e, &e->splats[id], NULL);
    }
    for (size_t k = 0; k < e->dim_values.count; k++) {
        DimValue *value = e->dim_values.entries[k].value;
        if (value->values && axis_set_has(nest_dim_axes(e->nest, value->dim), axis))
            emission_set(e, &value->values, NULL);
    }
}

void emission_bind(Emission *e, Dim axis, LoopInstruction *counter) {
    e->counters[axis->axis] = counter;
    e->bound[axis->axis / 64] |= UINT64_C(1) << (axis->axis % 64);
}

void emission_unbind(Emission *e, Dim axis) {
    e->counters[axis->axis] = NULL;
    e->bound[axis->axis / 64] &= ~(UINT64_C(1) << (axis->axis % 64));
}

/* ---- constants and slots ---- */

/* Carried out in front of the function's body. */
static LoopBlock *at_entry(Emission *e) {
    LoopBlock *here = e->b.block;
    e->b.block = e->whole->entry;
    return here;
}

LoopInstruction *emission_constant(Emission *e, tfcc_dtype dtype, int lanes, uint64_t bits) {
    uint64_t key[3] = {(uint64_t)dtype, (uint64_t)lanes, bits};
    bool added;
    MapEntry *entry = map_insert(&e->whole->constants, (const char *)key, sizeof key, &added);
    if (added) {
        LoopBlock *here = at_entry(e);
        entry->value = loop_constant(&e->b, (LoopType){dtype, lanes}, bits);
        e->b.block = here;
    }
    return entry->value;
}

LoopInstruction *emission_integer(Emission *e, int64_t number) {
    return emission_constant(e, TFCC_INT64, 1, (uint64_t)number);
}

LoopInstruction *emission_size(Emission *e, Dim dim) {
    int64_t number;
    if (dim_is_constant(dim, &number)) return emission_integer(e, number);
    bool added;
    MapEntry *entry = map_insert(&e->whole->slots, (const char *)&dim, sizeof dim, &added);
    if (added) {
        LoopBlock *here = at_entry(e);
        entry->value = loop_slot(&e->b, (uint32_t)e->whole->slot_count);
        e->b.block = here;
        *ARENA_PUSH(e->scratch, e->whole->slot_dims, e->whole->slot_count,
                    e->whole->slot_capacity) = dim;
    }
    return entry->value;
}

bool is_integer_constant(const LoopInstruction *value, int64_t *number) {
    if (value->op != LOOP_CONSTANT || value->type.dtype != TFCC_INT64) return false;
    *number = (int64_t)value->bits;
    return true;
}

/* ---- values ---- */

int emission_lanes(const Emission *e, const AxisSet axes) {
    return e->lanes.axis && axis_set_has(axes, e->lanes.axis) ? e->lanes.count : 1;
}

int emission_copies(const Emission *e, const AxisSet axes) {
    return e->copy_axis && axis_set_has(axes, e->copy_axis) ? e->copies : 1;
}

Values *values_create(Emission *e, int count) {
    Values *values = arena_alloc(e->scratch, sizeof *values + (size_t)count * sizeof values->of[0]);
    values->count = count;
    return values;
}

LoopInstruction *emission_value(Emission *e, const Scalar *scalar, int copy, int lanes) {
    if (scalar->op == SCALAR_CONSTANT)
        return emission_constant(e, scalar->dtype, lanes, scalar->as.bits);
    const Values *values = e->values[scalar->id];
    assert(values);
    copy = values->count == 1 ? 0 : copy;
    LoopInstruction *value = values->of[copy];
    if (value->type.lanes == lanes) return value;
    assert(value->type.lanes == 1);
    const Values *splats = e->splats[scalar->id];
    if (splats && splats->count == values->count && splats->of[copy]->type.lanes == lanes)
        return splats->of[copy];
    Values *fresh = values_create(e, values->count);
    for (int c = 0; c < values->count; c++) fresh->of[c] = loop_splat(&e->b, values->of[c], lanes);
    emission_set(e, &e->splats[scalar->id], fresh);
    return fresh->of[copy];
}

/* ---- arrays ---- */

uint32_t emission_local(Emission *e, tfcc_dtype dtype, int64_t count) {
    for (FreeLocal **place = &e->whole->free_locals; *place; place = &(*place)->next) {
        uint32_t number = (*place)->number;
        const LoopParameter *local = &e->b.function->buffers[number];
        if (local->dtype != dtype || local->local_count != count) continue;
        *place = (*place)->next;
        return number;
    }
    return loop_local(&e->b, dtype, count);
}

void emission_release_local(Emission *e, uint32_t number) {
    FreeLocal *local = arena_alloc(e->scratch, sizeof *local);
    *local = (FreeLocal){number, e->whole->free_locals};
    e->whole->free_locals = local;
}
