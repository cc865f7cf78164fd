/* emit_scan.c: SCAN: a loop along the axis that carries the result so far.
 *
 * Usually all SCANs of a kernel run along one of its axes in one direction: then that axis is the
 * innermost loop, and each SCAN is one more combination there. Otherwise a SCAN is combined anew
 * for each point.
 */
#include "loops/nest.h"

/* For each SCAN of this version: combined so far. */
static size_t scans_of(const Emission *e, const Scalar **scans) {
    size_t count = 0;
    for (size_t id = 0; id < e->nest->kernel->scalar_count; id++) {
        const Scalar *scalar = e->nest->kernel->scalars[id];
        if (!e->is_needed[id] || scalar->op != SCALAR_SCAN) continue;
        if (scans) scans[count] = scalar;
        count++;
    }
    return count;
}

static LoopInstruction *identity_of(Emission *e, const Scalar *scan, int lanes) {
    return emission_constant(e, scan->dtype, lanes,
                             combiner_identity(scan->as.scan.combiner, scan->dtype));
}

static LoopInstruction *position_of(Emission *e, LoopInstruction *round, LoopInstruction *size,
                                    bool reverse) {
    if (!reverse) return round;
    LoopInstruction *last = index_operation(e, SCALAR_SUBTRACT, size, emission_integer(e, 1));
    return index_operation(e, SCALAR_SUBTRACT, last, round);
}

void emit_scan_loop(Emission *e, const NestLoop *plan, void (*body)(Emission *e, size_t depth),
                    size_t depth) {
    size_t count = scans_of(e, NULL), scope = scope_begin(e);
    const Scalar **scans = arena_alloc_array(e->scratch, count + 1, sizeof *scans);
    LoopInstruction **carried = arena_alloc_array(e->scratch, count + 1, sizeof *carried);
    scans_of(e, scans);
    for (size_t k = 0; k < count; k++)
        carried[k] = identity_of(e, scans[k], emission_lanes(e, e->nest->facts[scans[k]->id].axes));
    LoopBlock *outer = e->b.block;
    LoopInstruction *size = emission_size(e, plan->axis->size);
    LoopInstruction *loop = loop_for_begin(&e->b, emission_integer(e, 0), size, 1, carried, count);
    for (size_t k = 0; k < count; k++) e->running[scans[k]->id] = loop->carried[k];
    emission_bind(e, plan->axis, position_of(e, loop->index, size, e->nest->scan_reverse));
    body(e, depth);
    for (size_t k = 0; k < count; k++) carried[k] = e->next[scans[k]->id];
    emission_unbind(e, plan->axis);
    scope_end(e, scope);
    loop_for_end(&e->b, loop, carried, outer);
}

/* In the loop of emit_scan_loop. */
static LoopInstruction *continue_scan(Emission *e, const Scalar *scan) {
    LoopInstruction *sofar = e->running[scan->id];
    LoopInstruction *value = emission_value(e, scan->as.scan.body, 0, sofar->type.lanes);
    e->next[scan->id] = emit_combine(e, scan->as.scan.combiner, sofar, value);
    return scan->as.scan.exclusive ? sofar : e->next[scan->id];
}

/* All points before the current one, and itself unless exclusive. */
static LoopInstruction *repeat_scan(Emission *e, const Scalar *scan) {
    const ScalarFacts *facts = &e->nest->facts[scan->id];
    Dim axis = scan->as.scan.axis;
    LoopBlock *outer = e->b.block;
    LoopInstruction *here = e->counters[axis->axis], *size = emission_size(e, axis->size);
    LoopInstruction *rounds = position_of(e, here, size, scan->as.scan.reverse);
    if (!scan->as.scan.exclusive)
        rounds = index_operation(e, SCALAR_ADD, rounds, emission_integer(e, 1));
    LoopInstruction *carried = identity_of(e, scan, 1);
    LoopInstruction *loop = loop_for_begin(&e->b, emission_integer(e, 0), rounds, 1, &carried, 1);
    size_t scope = scope_begin(e);
    emission_hide(e, axis);
    emission_bind(e, axis, position_of(e, loop->index, size, scan->as.scan.reverse));
    emit_available(e, facts->members, facts->member_count, false);
    carried = emit_combine(e, scan->as.scan.combiner, loop->carried[0],
                           emission_value(e, scan->as.scan.body, 0, 1));
    emission_bind(e, axis, here);
    scope_end(e, scope);
    loop_for_end(&e->b, loop, &carried, outer);
    return loop->results[0];
}

void emit_scan(Emission *e, const Scalar *scalar) {
    Values *values = values_create(e, 1);
    values->of[0] = e->nest->scan_axis ? continue_scan(e, scalar) : repeat_scan(e, scalar);
    emission_set(e, &e->values[scalar->id], values);
}
