/* emit_nest.c: the loops around: what the strategy decided, one loop after the other, and at each
 * point stores and checks. */
#include "loops/nest.h"

#include <string.h>

static void emit_level(Emission *e, size_t depth);

/* ---- points ---- */

static bool output_is_ready(const Emission *e, size_t number) {
    const Nest *nest = e->nest;
    const KernelOutput *output = &nest->kernel->outputs[number];
    const Access *access = &nest->stores[number];
    if (!axis_set_within(nest, nest->facts[output->value->id].axes, e->bound)) return false;
    if (output->condition &&
        !axis_set_within(nest, nest->facts[output->condition->id].axes, e->bound))
        return false;
    for (int k = 0; k < access->part_count; k++)
        if (!axis_set_within(nest, nest->facts[access->parts[k]->id].axes, e->bound)) return false;
    return axis_set_within(nest, nest_dim_axes(nest, access->affine), e->bound);
}

/* The stores that need none of the loops from `depth` on, which must all go round at least once. */
static void emit_stores(Emission *e, size_t depth) {
    const Nest *nest = e->nest;
    for (size_t k = 0; k < nest->kernel->output_count; k++) {
        const KernelOutput *output = &nest->kernel->outputs[k];
        bool is_innermost = depth == nest->plan_count;
        if (e->is_stored[k] || (!is_innermost && output->combine != COMBINE_STORE) ||
            !output_is_ready(e, k))
            continue;
        size_t scope = scope_begin(e);
        LoopBlock *outer = e->b.block;
        LoopInstruction *condition = NULL, *branch = NULL;
        for (size_t d = depth; d < nest->plan_count; d++) {
            int64_t size;
            if (dim_is_constant(nest->plan[d].axis->size, &size) && size > 0) continue;
            LoopInstruction *length = emission_size(e, nest->plan[d].axis->size);
            condition = logical_and(
                e, condition, index_operation(e, SCALAR_LESS, emission_integer(e, 0), length));
        }
        if (output->is_optional)
            condition =
                logical_and(e, condition,
                            loop_given(&e->b, arguments_find(nest->arguments, output->buffer,
                                                             output->buffer->type.dtype)));
        if (condition) branch = loop_if_begin(&e->b, condition);
        emit_output(e, k);
        if (branch) loop_if_end(&e->b, branch, NULL, 0, outer);
        scope_end(e, scope);
        if (!is_innermost) e->is_stored[k] = true;
    }
}

/* At one point: the first check that does not hold ends the run. */
static void emit_checks_at_point(Emission *e) {
    const Kernel *kernel = e->nest->kernel;
    for (size_t k = 0; k < kernel->check_count; k++) {
        const KernelCheck *check = &kernel->checks[k];
        LoopBlock *outer = e->b.block;
        LoopInstruction *holds = emission_value(e, check->condition, 0, 1);
        LoopInstruction *branch =
            loop_if_begin(&e->b, loop_arithmetic(&e->b, SCALAR_NOT, TFCC_BOOL, &holds, 1));
        size_t scope = scope_begin(e);
        bool *marked = arena_alloc(e->scratch, kernel->scalar_count + 1);
        for (size_t v = 0; v < check->value_count; v++) marked[check->values[v]->id] = true;
        nest_mark(e->nest, marked);
        uint32_t *ids = arena_alloc_array(e->scratch, kernel->scalar_count + 1, sizeof *ids);
        size_t count = 0;
        for (uint32_t id = 0; id < kernel->scalar_count; id++)
            if (marked[id]) ids[count++] = id;
        emit_available(e, ids, count, false);
        LoopInstruction **values =
            arena_alloc_array(e->scratch, check->value_count + 1, sizeof *values);
        for (size_t v = 0; v < check->value_count; v++)
            values[v] = emission_value(e, check->values[v], 0, 1);
        loop_fail(&e->b, e->whole->check_count + (uint32_t)k, values, check->value_count);
        scope_end(e, scope);
        loop_if_end(&e->b, branch, NULL, 0, outer);
    }
}

/* Several points at once: when any check fails in any lane, the points are gone through one by one.
 */
static void emit_checks_in_lanes(Emission *e) {
    const Kernel *kernel = e->nest->kernel;
    LoopInstruction *all = NULL;
    for (size_t k = 0; k < kernel->check_count; k++)
        all =
            logical_and(e, all, emission_value(e, kernel->checks[k].condition, 0, e->lanes.count));
    Lanes lanes = e->lanes;
    if (lanes.mask) {
        LoopInstruction *outside = loop_arithmetic(&e->b, SCALAR_NOT, TFCC_BOOL, &lanes.mask, 1);
        all = loop_arithmetic(&e->b, SCALAR_OR, TFCC_BOOL, (LoopInstruction *[]){all, outside}, 2);
    }
    all = loop_reduce_lanes(&e->b, SCALAR_AND, all);
    LoopBlock *outer = e->b.block;
    LoopInstruction *branch =
        loop_if_begin(&e->b, loop_arithmetic(&e->b, SCALAR_NOT, TFCC_BOOL, &all, 1));
    LoopBlock *inside = e->b.block;
    size_t scope = scope_begin(e);
    LoopInstruction *begin = e->counters[lanes.axis->axis];
    LoopInstruction *end = index_operation(e, SCALAR_ADD, begin, emission_integer(e, lanes.count));
    LoopInstruction *last =
        e->ends[lanes.axis->axis] ? e->ends[lanes.axis->axis] : emission_size(e, lanes.axis->size);
    if (lanes.mask) end = index_operation(e, SCALAR_MINIMUM, end, last);
    LoopInstruction *loop = loop_for_begin(&e->b, begin, end, 1, NULL, 0);
    emission_hide(e, lanes.axis);
    e->lanes = (Lanes){0};
    emission_bind(e, lanes.axis, loop->index);
    emit_available_all(e, false);
    emit_checks_at_point(e);
    emission_bind(e, lanes.axis, begin);
    e->lanes = lanes;
    scope_end(e, scope);
    loop_for_end(&e->b, loop, NULL, inside);
    loop_if_end(&e->b, branch, NULL, 0, outer);
}

static void emit_points(Emission *e) {
    if (e->nest->kernel->check_count > 0) {
        if (e->lanes.axis)
            emit_checks_in_lanes(e);
        else
            emit_checks_at_point(e);
    }
    emit_stores(e, e->nest->plan_count);
}

/* ---- loops ---- */

static void emit_counted(Emission *e, size_t depth, Dim axis, LoopInstruction *begin,
                         LoopInstruction *end, int64_t step) {
    int64_t first, last;
    if (is_integer_constant(begin, &first) && is_integer_constant(end, &last) && first >= last)
        return;
    LoopBlock *outer = e->b.block;
    size_t scope = scope_begin(e);
    LoopInstruction *loop = loop_for_begin(&e->b, begin, end, step, NULL, 0);
    emission_bind(e, axis, loop->index);
    emit_level(e, depth + 1);
    emission_unbind(e, axis);
    scope_end(e, scope);
    loop_for_end(&e->b, loop, NULL, outer);
}

/* The last multiple of step, counted from begin, that is not behind end. */
static LoopInstruction *last_full(Emission *e, LoopInstruction *begin, LoopInstruction *end,
                                  int64_t step) {
    LoopInstruction *length = index_operation(e, SCALAR_SUBTRACT, end, begin), *full;
    int64_t size;
    if (is_integer_constant(length, &size))
        full = emission_integer(e, size / step * step);
    else if ((step & (step - 1)) == 0)
        full = index_operation(e, SCALAR_AND, length, emission_integer(e, -step));
    else
        full = index_operation(
            e, SCALAR_SUBTRACT, length,
            index_operation(e, SCALAR_REMAINDER, length, emission_integer(e, step)));
    return index_operation(e, SCALAR_ADD, begin, full);
}

static void emit_lanes_loop(Emission *e, size_t depth, const NestLoop *plan, LoopInstruction *begin,
                            LoopInstruction *end) {
    LoopInstruction *middle = last_full(e, begin, end, plan->step);
    e->lanes = (Lanes){.axis = plan->axis, .count = (int)plan->step};
    emit_counted(e, depth, plan->axis, begin, middle, plan->step);
    e->lanes = (Lanes){0};
    int64_t full, size;
    if (is_integer_constant(middle, &full) && is_integer_constant(end, &size) && full == size)
        return;
    if (!e->nest->has_masked_tail) {
        emit_counted(e, depth, plan->axis, middle, end, 1);
        return;
    }
    LoopBlock *outer = e->b.block;
    size_t scope = scope_begin(e);
    LoopInstruction *branch = loop_if_begin(&e->b, index_operation(e, SCALAR_LESS, middle, end));
    LoopInstruction *mask =
        index_operation(e, SCALAR_LESS, loop_ramp(&e->b, middle, (int)plan->step), end);
    e->lanes = (Lanes){plan->axis, (int)plan->step, mask};
    emission_bind(e, plan->axis, middle);
    emit_level(e, depth + 1);
    emission_unbind(e, plan->axis);
    e->lanes = (Lanes){0};
    scope_end(e, scope);
    loop_if_end(&e->b, branch, NULL, 0, outer);
}

/* Whether a point may be computed twice: nothing that it reads is stored meanwhile. */
static bool may_repeat(const Nest *nest) {
    const Kernel *kernel = nest->kernel;
    for (size_t k = 0; k < kernel->output_count; k++) {
        const KernelOutput *output = &kernel->outputs[k];
        uint32_t number =
            arguments_find(nest->arguments, output->buffer, output->buffer->type.dtype);
        if (output->combine != COMBINE_STORE || !nest->arguments->parameters[number].is_exclusive)
            return false;
        for (size_t id = 0; id < kernel->scalar_count; id++)
            if (kernel->scalars[id]->op == SCALAR_LOAD && nest->facts[id].axes &&
                nest->facts[id].parameter == number)
                return false;
    }
    return true;
}

/* At least as many points as copies: the last round ends with the last point, and begins among those
 * that have been done. */
static void emit_repeated_copies(Emission *e, size_t depth, const NestLoop *plan,
                                 LoopInstruction *begin, LoopInstruction *end) {
    LoopBlock *outer = e->b.block;
    size_t scope = scope_begin(e);
    e->copy_axis = plan->axis;
    e->copies = (int)plan->step;
    LoopInstruction *last =
        index_operation(e, SCALAR_SUBTRACT, end, emission_integer(e, plan->step));
    LoopInstruction *loop = loop_for_begin(&e->b, begin, end, plan->step, NULL, 0);
    emission_bind(e, plan->axis, index_operation(e, SCALAR_MINIMUM, loop->index, last));
    emit_level(e, depth + 1);
    emission_unbind(e, plan->axis);
    scope_end(e, scope);
    loop_for_end(&e->b, loop, NULL, outer);
    e->copy_axis = NULL;
    e->copies = 1;
}

static void emit_copies_loop(Emission *e, size_t depth, const NestLoop *plan,
                             LoopInstruction *begin, LoopInstruction *end) {
    if (e->nest->has_enough && may_repeat(e->nest)) {
        emit_repeated_copies(e, depth, plan, begin, end);
        return;
    }
    LoopInstruction *middle = last_full(e, begin, end, plan->step);
    e->copy_axis = plan->axis;
    e->copies = (int)plan->step;
    emit_counted(e, depth, plan->axis, begin, middle, plan->step);
    int64_t first, last;
    if (is_integer_constant(middle, &first) && is_integer_constant(end, &last) &&
        last - first > 1) { /* those that are left, side by side too */
        e->copies = (int)(last - first);
        emit_counted(e, depth, plan->axis, middle, end, last - first);
        middle = end;
    }
    e->copy_axis = NULL;
    e->copies = 1;
    emit_counted(e, depth, plan->axis, middle, end, 1);
}

/* The counter of the tiles is no counter of the axis: the loop inside runs from it to the tile's
 * end. */
static void emit_tiles_loop(Emission *e, size_t depth, const NestLoop *plan) {
    LoopBlock *outer = e->b.block;
    size_t scope = scope_begin(e);
    int number = plan->axis->axis;
    LoopInstruction *size = emission_size(e, plan->axis->size);
    LoopInstruction *loop =
        loop_for_begin(&e->b, emission_integer(e, 0), size, plan->step, NULL, 0);
    e->begins[number] = loop->index;
    e->ends[number] = index_operation(
        e, SCALAR_MINIMUM,
        index_operation(e, SCALAR_ADD, loop->index, emission_integer(e, plan->step)), size);
    emit_level(e, depth + 1);
    e->begins[number] = e->ends[number] = NULL;
    scope_end(e, scope);
    loop_for_end(&e->b, loop, NULL, outer);
}

static void emit_level(Emission *e, size_t depth) {
    const Nest *nest = e->nest;
    bool is_innermost = depth == nest->plan_count;
    emit_available_all(e, is_innermost && !nest->has_reduce);
    if (is_innermost) {
        emit_points(e);
        return;
    }
    bool *stored = arena_copy(e->scratch, e->is_stored, nest->kernel->output_count + 1);
    emit_stores(e, depth);
    if (depth == nest->stage_depth) emit_stages(e);
    const NestLoop *plan = &nest->plan[depth];
    int number = plan->axis->axis;
    LoopInstruction *begin = e->begins[number] ? e->begins[number] : emission_integer(e, 0);
    LoopInstruction *end = e->ends[number] ? e->ends[number] : emission_size(e, plan->axis->size);
    switch (plan->kind) {
    case NEST_SEQUENTIAL: emit_counted(e, depth, plan->axis, begin, end, 1); break;
    case NEST_LANES: emit_lanes_loop(e, depth, plan, begin, end); break;
    case NEST_COPIES: emit_copies_loop(e, depth, plan, begin, end); break;
    case NEST_TILES: emit_tiles_loop(e, depth, plan); break;
    case NEST_SCAN: emit_scan_loop(e, plan, emit_level, depth + 1); break;
    }
    if (depth == nest->stage_depth) emit_stages_end(e);
    memcpy(e->is_stored, stored, nest->kernel->output_count);
}

/* ---- versions ---- */

/* A version computes what its outputs need, and no more. */
static void emit_version(Emission *e, bool with_optional) {
    const Nest *nest = e->nest;
    const Kernel *kernel = nest->kernel;
    memset(e->is_needed, 0, kernel->scalar_count);
    for (size_t k = 0; k < kernel->output_count; k++) {
        const KernelOutput *output = &kernel->outputs[k];
        e->is_stored[k] = output->is_optional && !with_optional;
        if (e->is_stored[k]) continue;
        e->is_needed[output->value->id] = true;
        if (output->condition) e->is_needed[output->condition->id] = true;
        for (int p = 0; p < nest->stores[k].part_count; p++)
            e->is_needed[nest->stores[k].parts[p]->id] = true;
    }
    for (size_t k = 0; k < kernel->check_count; k++) {
        const KernelCheck *check = &kernel->checks[k];
        e->is_needed[check->condition->id] = true;
        /* The values of a message are computed when it is due, but a SCAN has to go along. */
        for (size_t v = 0; nest->has_scan && v < check->value_count; v++)
            e->is_needed[check->values[v]->id] = true;
    }
    nest_mark(nest, e->is_needed);
    size_t scope = scope_begin(e);
    emit_level(e, 0);
    scope_end(e, scope);
}

/* With the optional outputs where one of them is given, else without. */
static void emit_versions(Emission *e) {
    const Kernel *kernel = e->nest->kernel;
    LoopInstruction *any = NULL;
    bool has_other = kernel->check_count > 0;
    for (size_t k = 0; k < kernel->output_count; k++) {
        const KernelOutput *output = &kernel->outputs[k];
        has_other = has_other || !output->is_optional;
        if (!output->is_optional) continue;
        uint32_t number =
            arguments_find(e->nest->arguments, output->buffer, output->buffer->type.dtype);
        LoopInstruction *given = loop_given(&e->b, number);
        any =
            any ? loop_arithmetic(&e->b, SCALAR_OR, TFCC_BOOL, (LoopInstruction *[]){any, given}, 2)
                : given;
    }
    if (!any) {
        emit_version(e, true);
    } else {
        LoopBlock *outer = e->b.block;
        LoopInstruction *branch = loop_if_begin(&e->b, any);
        emit_version(e, true);
        if (has_other) {
            loop_if_else(&e->b, branch, NULL, 0);
            emit_version(e, false);
        }
        loop_if_end(&e->b, branch, NULL, 0, outer);
    }
}

/* The nest where none of its special versions is right. */
static void emit_cases(Emission *e) {
    const Nest *nest = e->nest, *special = nest->special;
    if (!special) {
        emit_versions(e);
        return;
    }
    LoopBlock *outer = e->b.block;
    LoopInstruction *condition = emission_size(e, special->special_condition);
    LoopInstruction *is_special =
        index_operation(e, SCALAR_NOT_EQUAL, condition, emission_integer(e, 0));
    LoopInstruction *branch = loop_if_begin(&e->b, is_special);
    e->nest = special;
    emit_cases(e);
    e->nest = nest;
    loop_if_else(&e->b, branch, NULL, 0);
    emit_versions(e);
    loop_if_end(&e->b, branch, NULL, 0, outer);
}

void nest_emit(Emission *e) {
    emit_cases(e);
    e->whole->check_count += (uint32_t)e->nest->kernel->check_count;
}
