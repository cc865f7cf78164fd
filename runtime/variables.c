/* variables.c: variables by name. */
#include "internal.h"

#include <string.h>

uint32_t tfcc_variable_find(const tfcc_model *model, const char *name) {
    for (uint32_t i = 0; i < model->variable_count; i++)
        if (strcmp(model->variables[i].name, name) == 0) return i;
    return TFCC_ABI_NONE;
}

tfcc_status tfcc_variable_stage(tfcc_session *session, uint32_t index) {
    tfcc_session_variable *variable = &session->variables[index];
    if (variable->spare != NULL) return TFCC_OK;
    size_t bytes = (size_t)session->model->variables[index].bytes;
    variable->spare = tfcc_obtain(&session->allocator, bytes);
    return variable->spare != NULL ? TFCC_OK : tfcc_fail_memory(bytes);
}

void tfcc_variable_adopt(tfcc_session *session, uint32_t index) {
    tfcc_session_variable *variable = &session->variables[index];
    void *before = variable->data;
    variable->data = variable->spare;
    variable->spare = before;
    variable->has_value = true;
    session->epoch++;
}

/* The index of a variable by name, after checking the arguments of a call. */
static tfcc_status look_up(const tfcc_session *session, const char *name, const tfcc_tensor *value,
                           uint32_t *index) {
    if (session == NULL || name == NULL || value == NULL)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "session, name or value is NULL");
    *index = tfcc_variable_find(session->model, name);
    if (*index == TFCC_ABI_NONE)
        return tfcc_fail(TFCC_NOT_FOUND, "graph '%s' has no variable '%s'", session->model->name,
                         name);
    return TFCC_OK;
}

static tfcc_status get_value(tfcc_session *session, uint32_t index, tfcc_tensor *value) {
    const tfcc_abi_variable *variable = &session->model->variables[index];
    const void *stored = session->variables[index].data;
    if (stored == NULL)
        return tfcc_fail(TFCC_FAILED_PRECONDITION, "variable '%s' has no value yet",
                         variable->name);
    tfcc_block block = {NULL, NULL};
    void *data;
    size_t bytes = (size_t)variable->bytes;
    TFCC_TRY(tfcc_result_prepare(&session->allocator, value, "variable", variable->name,
                                 (tfcc_dtype)variable->dtype, variable->shape,
                                 (int32_t)variable->rank, bytes, &block, &data));
    if (bytes > 0) memcpy(data, stored, bytes);
    tfcc_result_deliver(value, &block, variable->shape, (int32_t)variable->rank, bytes);
    return TFCC_OK;
}

tfcc_status tfcc_variable_get(tfcc_session *session, const char *name, tfcc_tensor *value) {
    uint32_t index;
    TFCC_TRY(look_up(session, name, value, &index));
    tfcc_lock_acquire(&session->lock, false);
    tfcc_status status = get_value(session, index, value);
    tfcc_lock_release(&session->lock, false);
    return status;
}

tfcc_status tfcc_variable_set(tfcc_session *session, const char *name, const tfcc_tensor *value) {
    uint32_t index;
    TFCC_TRY(look_up(session, name, value, &index));
    const tfcc_abi_variable *variable = &session->model->variables[index];
    size_t bytes;
    TFCC_TRY(tfcc_tensor_check(value, (tfcc_dtype)variable->dtype, "variable", name, true, &bytes));
    if ((uint32_t)value->rank != variable->rank ||
        (value->rank > 0 &&
         memcmp(value->shape, variable->shape, variable->rank * sizeof *variable->shape) != 0)) {
        char given[TFCC_SHAPE_TEXT], wanted[TFCC_SHAPE_TEXT];
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "cannot give a value of shape %s to variable '%s', which has shape %s",
                         tfcc_shape_text(given, value->shape, value->rank), name,
                         tfcc_shape_text(wanted, variable->shape, (int32_t)variable->rank));
    }
    tfcc_lock_acquire(&session->lock, true);
    tfcc_status status = tfcc_variable_stage(session, index);
    if (status == TFCC_OK) {
        if (bytes > 0) memcpy(session->variables[index].spare, value->data, bytes);
        tfcc_variable_adopt(session, index);
    }
    tfcc_lock_release(&session->lock, true);
    return status;
}
