/* state.c: variables during a run, and the steps that are more than a kernel. */
#include "plan.h"

#include <string.h>
#include <time.h>

/* What INITIALIZED buffers show of a variable that is fed. */
static const bool always = true;

/* ---- Variables ---- */

__attribute__((noinline)) static tfcc_status uninitialized(const tfcc_call *call,
                                                           uint32_t variable) {
    return tfcc_fail(UNINITIALIZED, call->session->model->variables[variable].name);
}

/* Looks whether a local is a variable without a value. */
static tfcc_status check_value(const tfcc_call *call, uint32_t local) {
    const tfcc_local *read = &call->plan->locals[local];
    if (!tfcc_is_variable(read) || call->frame->addresses[local] != NULL) return TFCC_OK;
    return uninitialized(call, call->session->model->buffers[read->buffer].variable);
}

tfcc_status tfcc_check_end(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->plan->fetch_count; i++)
        TFCC_TRY(check_value(call, call->plan->fetches[i].local));
    return TFCC_OK;
}

static tfcc_status bind_variables(const tfcc_call *call) {
    void **addresses = call->frame->addresses;
    for (uint32_t i = 0; i < call->session->model->variable_count; i++) {
        const tfcc_plan_variable *variable = &call->plan->variables[i];
        const tfcc_session_variable *stored = &call->session->variables[i];
        const bool *initialized = variable->fed ? &always : &stored->has_value;
        if (variable->initialized != LOCAL_NULL)
            addresses[variable->initialized] = (void *)(uintptr_t)initialized;
        if (variable->fed || variable->start == LOCAL_NULL) continue;
        addresses[variable->start] = addresses[variable->current] = stored->data;
        if (variable->required && stored->data == NULL) return uninitialized(call, i);
    }
    return TFCC_OK;
}

tfcc_status tfcc_stage_writes(const tfcc_call *call) {
    const tfcc_plan *plan = call->plan;
    for (uint32_t i = 0; i < plan->write_count; i++) {
        uint32_t index = plan->writes[i].variable;
        if (call->session->variables[index].data == NULL || plan->writes[i].place == PLACE_SPARE)
            TFCC_TRY(tfcc_variable_stage(call->session, index));
    }
    return TFCC_OK;
}

/* EXTRA writes have their address from the workspace already. A variable without a value has no
 * place of its own yet. */
tfcc_status tfcc_bind_state(const tfcc_call *call) {
    tfcc_frame *frame = call->frame;
    frame->epoch = 0;
    TFCC_TRY(bind_variables(call));
    TFCC_TRY(tfcc_stage_writes(call));
    bool in_place = true;
    for (uint32_t i = 0; i < call->plan->write_count; i++) {
        const tfcc_plan_write *write = &call->plan->writes[i];
        const tfcc_session_variable *stored = &call->session->variables[write->variable];
        bool live = write->place == PLACE_LIVE && stored->data != NULL;
        in_place &= live;
        if (write->place != PLACE_EXTRA)
            frame->addresses[write->local] = live ? stored->data : stored->spare;
    }
    if (in_place) frame->epoch = call->session->epoch;
    return TFCC_OK;
}

void tfcc_commit_writes(const tfcc_call *call) {
    for (uint32_t i = 0; i < call->session->model->variable_count; i++) {
        const tfcc_plan_variable *variable = &call->plan->variables[i];
        if (!variable->written && !variable->may_be_written) continue;
        tfcc_session_variable *stored = &call->session->variables[i];
        void *value = call->frame->addresses[variable->current];
        if (value == stored->data) continue;
        if (value != stored->spare) {
            /* An earlier write was the last one: its value has to leave the workspace. */
            void *to = stored->data != NULL ? stored->data : stored->spare;
            memcpy(to, value, (size_t)call->session->model->variables[i].bytes);
            if (to == stored->data) continue;
        }
        tfcc_variable_adopt(call->session, i);
    }
}

/* ---- Steps ---- */

static bool guards_hold(const tfcc_call *call, const tfcc_plan_step *step) {
    if (step->step->guard_count == 0) return true; /* it may have no arguments either */
    const tfcc_abi_guard *guards = &call->session->model->guards[step->step->first_guard];
    const uint32_t *locals = step->arguments + step->argument_count;
    for (uint32_t i = 0; i < step->step->guard_count; i++) {
        const uint8_t *value = call->frame->addresses[locals[i]];
        if ((*value != 0) != guards[i].wanted) return false;
    }
    return true;
}

/* Copies the initial value of an output; it is an input of the same step. */
static void preload(const tfcc_call *call, const tfcc_plan_step *step, uint32_t output) {
    const tfcc_model *model = call->session->model;
    const tfcc_abi_argument *arguments = &model->arguments[step->step->first_argument];
    void **addresses = call->frame->addresses;
    uint32_t input = 0;
    while (arguments[input].buffer != arguments[output].initial) input++;
    void *to = addresses[step->arguments[output]], *from = addresses[step->arguments[input]];
    int64_t bytes = call->frame->dims[model->buffers[arguments[output].buffer].bytes_slot];
    if (to != NULL && to != from && bytes > 0) memcpy(to, from, (size_t)bytes);
}

/* Copies the elements of a buffer to the symbols of a BIND step; those of a branch that is not
 * taken are 0. From here on the sizes of its level are known: its workspace and its results get
 * their places. */
static tfcc_status run_bind(const tfcc_call *call, const tfcc_plan_step *step, bool is_taken) {
    const tfcc_model *model = call->session->model;
    const tfcc_abi_argument *argument = &model->arguments[step->step->first_argument];
    uint32_t dtype = model->buffers[argument->buffer].dtype, level = step->step->level;
    const char *data = call->frame->addresses[step->arguments[0]];
    for (uint32_t i = 0; i < step->slot_count && step->argument_count > 0; i++) {
        int32_t small = 0;
        int64_t *symbol = &call->frame->dims[step->slots[i]];
        if (is_taken && dtype == TFCC_INT64) {
            memcpy(symbol, data + 8 * (size_t)i, 8);
            continue;
        }
        if (!is_taken)
            small = 0;
        else if (dtype == TFCC_INT32)
            memcpy(&small, data + 4 * (size_t)i, 4);
        else
            small = data[i] != 0;
        *symbol = small;
    }
    if (model->settle != NULL) model->settle(call->frame->dims, level);
    TFCC_TRY(tfcc_bind_level(call, level));
    return tfcc_prepare_results(call, level);
}

static tfcc_status run_step(const tfcc_call *call, const tfcc_plan_step *step) {
    const tfcc_model *model = call->session->model;
    for (uint32_t i = 0; i < step->argument_count && step->required; i++)
        TFCC_TRY(check_value(call, step->arguments[i]));
    if (step->step->kind == TFCC_ABI_BIND) return run_bind(call, step, true);
    for (uint32_t i = 0; i < step->argument_count; i++)
        if ((model->arguments[step->step->first_argument + i].flags & TFCC_ABI_PRELOADED) != 0)
            preload(call, step, i);
    return tfcc_run_kernel(call, step);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

tfcc_status tfcc_run_special(const tfcc_call *call, const tfcc_plan_step *step) {
    const tfcc_session *session = call->session;
    if (!guards_hold(call, step))
        return step->step->kind == TFCC_ABI_BIND ? run_bind(call, step, false) : TFCC_OK;
    uint64_t begin = session->trace != NULL ? now() : 0;
    TFCC_TRY(run_step(call, step));
    if (session->trace != NULL)
        session->trace(session->trace_context, step->step->name, begin, now());
    return TFCC_OK;
}

tfcc_status tfcc_initialize(tfcc_session *session) {
    tfcc_call call = {.session = session, .signature = TFCC_INITIALIZE};
    return session != NULL ? tfcc_run_call(&call) : tfcc_fail_null();
}
