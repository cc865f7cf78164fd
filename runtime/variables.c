/* variables.c: variables by name. */
#include "internal.h"

#include <string.h>

uint32_t tfcc_variable_find(const tfcc_model *model, const char *name) {
    return tfcc_find_text(model->variables, model->variable_count, sizeof *model->variables, name,
                          strlen(name));
}

tfcc_status tfcc_variable_stage(tfcc_session *session, uint32_t index) {
    tfcc_session_variable *variable = &session->variables[index];
    if (variable->spare == NULL)
        variable->spare =
            tfcc_obtain(&session->allocator, (size_t)session->model->variables[index].bytes);
    return variable->spare != NULL ? TFCC_OK : TFCC_RESOURCE_EXHAUSTED;
}

void tfcc_variable_adopt(tfcc_session *session, uint32_t index) {
    tfcc_session_variable *variable = &session->variables[index];
    void *before = variable->data;
    variable->data = variable->spare;
    variable->spare = before;
    variable->has_value = true;
    session->epoch++;
}

static tfcc_status get_value(tfcc_session *session, uint32_t index, tfcc_tensor *tensor) {
    const tfcc_abi_variable *variable = &session->model->variables[index];
    const void *stored = session->variables[index].data;
    const tfcc_value value = {"variable", variable->name, variable->shape, (int32_t)variable->rank,
                              variable->dtype};
    tfcc_result result = {.bytes = (size_t)variable->bytes};
    if (stored == NULL) return tfcc_fail(UNINITIALIZED, variable->name);
    if (tensor->dtype == TFCC_NONE)
        return tfcc_fail(TENSOR_DTYPE, "variable", variable->name,
                         tfcc_dtype_name((tfcc_dtype)variable->dtype), "none");
    TFCC_TRY(tfcc_result_prepare(&session->allocator, tensor, &value, &result));
    if (result.bytes > 0) memcpy(result.data, stored, result.bytes);
    tfcc_result_deliver(tensor, &result, variable->shape, value.rank);
    return TFCC_OK;
}

static tfcc_status set_value(tfcc_session *session, uint32_t index, const tfcc_tensor *value) {
    const tfcc_abi_variable *variable = &session->model->variables[index];
    size_t bytes;
    TFCC_TRY(tfcc_tensor_check(value, (tfcc_dtype)variable->dtype, "variable", variable->name, true,
                               &bytes));
    if ((uint32_t)value->rank != variable->rank ||
        (value->rank > 0 && memcmp(value->shape, variable->shape, 8 * (size_t)value->rank) != 0))
        return tfcc_fail(VARIABLE_SHAPE, variable->name,
                         tfcc_shape_text(variable->shape, (int32_t)variable->rank),
                         tfcc_shape_text(value->shape, value->rank));
    TFCC_TRY(tfcc_variable_stage(session, index));
    if (bytes > 0) memcpy(session->variables[index].spare, value->data, bytes);
    tfcc_variable_adopt(session, index);
    return TFCC_OK;
}

/* Gets a value, or sets it. */
static tfcc_status access_value(tfcc_session *session, const char *name, tfcc_tensor *value,
                                bool set) {
    if (session == NULL || name == NULL || value == NULL) return tfcc_fail_null();
    uint32_t index = tfcc_variable_find(session->model, name);
    if (index == TFCC_ABI_NONE) return tfcc_fail(NO_NAME, session->model->name, "variable", name);
    tfcc_lock_acquire(&session->lock, set);
    tfcc_status status = set ? set_value(session, index, value) : get_value(session, index, value);
    tfcc_lock_release(&session->lock, set);
    return status;
}

tfcc_status tfcc_variable_get(tfcc_session *session, const char *name, tfcc_tensor *value) {
    return access_value(session, name, value, false);
}

tfcc_status tfcc_variable_set(tfcc_session *session, const char *name, const tfcc_tensor *value) {
    return access_value(session, name, (tfcc_tensor *)(uintptr_t)value, true);
}
