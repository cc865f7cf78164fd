/* place.c: where the new value of a variable is kept until the run has succeeded.
 *
 * LIVE, the variable's own memory, needs that nothing that can fail may follow, and that nobody
 * reads later what that memory held: the value from the start, or that of an earlier write in
 * place. The writing step itself may read it at the very element it writes (SAME_INDEX). Else the
 * variable's second buffer takes the last write, and the two are swapped at the end. Writes before
 * the last go behind the workspace.
 */
#include "plan.h"

/* The first step from which on nothing can fail. */
static uint32_t first_safe_step(const tfcc_plan *plan) {
    if (plan->end_may_fail) return UINT32_MAX;
    for (uint32_t s = plan->step_count; s > 0; s--) {
        const tfcc_plan_step *step = &plan->steps[s - 1];
        if ((step->step->flags & TFCC_ABI_FAILS) != 0 || step->step->kind == TFCC_ABI_BIND)
            return s;
        if (step->required) return s - 1; /* looked at before the kernel runs */
    }
    return 0;
}

/* Whether the step reads the variable anywhere but at the element it writes. */
static bool reads_elsewhere(const tfcc_model *model, const tfcc_plan *plan,
                            const tfcc_plan_step *step, uint32_t variable) {
    for (uint32_t i = 0; i < step->argument_count; i++) {
        uint32_t flags = model->arguments[step->step->first_argument + i].flags;
        const tfcc_local *read = &plan->locals[step->arguments[i]];
        if ((flags & (TFCC_ABI_OUTPUT | TFCC_ABI_SAME_INDEX)) == 0 &&
            read->kind >= TFCC_ABI_START && read->kind <= TFCC_ABI_WRITE &&
            model->buffers[read->buffer].variable == variable)
            return true;
    }
    return false;
}

static void place_live(const tfcc_model *model, tfcc_plan *plan, tfcc_plan_write *write,
                       uint32_t safe) {
    tfcc_plan_variable *variable = &plan->variables[write->variable];
    if (!variable->live) variable->live_last_read = plan->locals[variable->start].last_read;
    if (write->step < safe || variable->live_last_read > write->step) return;
    if (reads_elsewhere(model, plan, &plan->steps[write->step], write->variable)) return;
    write->place = PLACE_LIVE;
    variable->live = true;
    uint32_t last_read = plan->locals[write->local].last_read;
    if (last_read > variable->live_last_read) variable->live_last_read = last_read;
    if (write->step < plan->live_from) plan->live_from = write->step;
}

void tfcc_plan_place_writes(const tfcc_model *model, tfcc_plan *plan) {
    uint32_t safe = first_safe_step(plan);
    plan->live_from = plan->step_count;
    for (uint32_t w = 0; w < plan->write_count; w++)
        place_live(model, plan, &plan->writes[w], safe);
    for (uint32_t w = plan->write_count; w-- > 0;) {
        tfcc_plan_write *write = &plan->writes[w];
        tfcc_plan_variable *variable = &plan->variables[write->variable];
        if (write->place == PLACE_LIVE) continue;
        /* Where a write in place finds no value yet, it needs the second buffer. */
        if (!variable->live && !variable->spare) {
            variable->spare = true;
            continue;
        }
        write->place = PLACE_EXTRA;
        write->offset = plan->extra_bytes;
        uint64_t bytes = model->variables[write->variable].bytes;
        if (bytes == 0) bytes = 1; /* the address is not NULL: the variable has a value */
        plan->extra_bytes += (bytes + TFCC_ALIGNMENT - 1) & ~(uint64_t)(TFCC_ALIGNMENT - 1);
    }
}
