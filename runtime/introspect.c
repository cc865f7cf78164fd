/* introspect.c: what is in a model. */
#include "plan.h"

#include <string.h>

void tfcc_describe(const tfcc_model *model, const tfcc_abi_entry *entry,
                   tfcc_description *description) {
    memset(description, 0, sizeof *description);
    description->name = entry->handle;
    if (entry->buffer == TFCC_ABI_NONE) return;
    const tfcc_abi_buffer *buffer = &model->buffers[entry->buffer];
    description->dtype = (tfcc_dtype)buffer->dtype;
    description->rank = buffer->rank_slot != TFCC_ABI_NONE ? -1 : (int32_t)buffer->rank;
    for (int32_t i = 0; i < description->rank; i++) {
        uint32_t slot = model->lists[buffer->shape + (uint32_t)i];
        uint32_t number = slot - model->symbol_count;
        description->shape[i] = -1;
        if (slot < model->symbol_count)
            description->dimensions[i] = model->symbols[slot].name;
        else if (number < model->number_count)
            description->shape[i] = model->numbers[number];
    }
}

const char *tfcc_model_name(const tfcc_model *model) {
    return model != NULL ? model->name : "";
}

size_t tfcc_model_feed_count(const tfcc_model *model) {
    return model != NULL ? model->feed_count : 0;
}

size_t tfcc_model_fetch_count(const tfcc_model *model) {
    return model != NULL ? model->fetch_count : 0;
}

size_t tfcc_model_variable_count(const tfcc_model *model) {
    return model != NULL ? model->variable_count : 0;
}

size_t tfcc_model_signature_count(const tfcc_model *model) {
    return model != NULL ? model->signature_count : 0;
}

/* Whether there is number `index` of `count`, and the pointers are given. */
static tfcc_status check(const tfcc_model *model, const char *what, size_t index, size_t count,
                         const void *result) {
    if (model == NULL || result == NULL) return tfcc_fail_null();
    return index < count ? TFCC_OK : tfcc_fail(NO_INDEX, model->name, what, index);
}

tfcc_status tfcc_model_feed(const tfcc_model *model, size_t index, tfcc_description *description) {
    TFCC_TRY(check(model, "feed", index, tfcc_model_feed_count(model), description));
    tfcc_describe(model, &model->feeds[index], description);
    return TFCC_OK;
}

tfcc_status tfcc_model_fetch(const tfcc_model *model, size_t index, tfcc_description *description) {
    TFCC_TRY(check(model, "fetch", index, tfcc_model_fetch_count(model), description));
    tfcc_describe(model, &model->fetches[index], description);
    return TFCC_OK;
}

tfcc_status tfcc_model_variable(const tfcc_model *model, size_t index,
                                tfcc_description *description) {
    TFCC_TRY(check(model, "variable", index, tfcc_model_variable_count(model), description));
    const tfcc_abi_variable *variable = &model->variables[index];
    memset(description, 0, sizeof *description);
    description->name = variable->name;
    description->dtype = (tfcc_dtype)variable->dtype;
    description->rank = (int32_t)variable->rank;
    memcpy(description->shape, variable->shape, sizeof description->shape);
    return TFCC_OK;
}

tfcc_status tfcc_model_signature(const tfcc_model *model, size_t index, tfcc_signature *signature) {
    TFCC_TRY(check(model, "signature", index, tfcc_model_signature_count(model), signature));
    const tfcc_abi_signature *found = &model->signatures[index];
    *signature =
        (tfcc_signature){found->name, found->feed_count, found->fetch_count, found->target_count};
    return TFCC_OK;
}

/* The feed or fetch that stands at `position` of a signature; targets count as fetches. */
static tfcc_status describe_part(const tfcc_model *model, size_t index, size_t position, bool fetch,
                                 tfcc_description *description) {
    tfcc_signature signature;
    TFCC_TRY(tfcc_model_signature(model, index, &signature));
    const tfcc_abi_signature *found = &model->signatures[index];
    const uint32_t *parts = model->lists + (fetch ? found->first_fetch : found->first_feed);
    TFCC_TRY(check(model, "such part of a signature", position,
                   fetch ? signature.fetch_count + signature.target_count : signature.feed_count,
                   description));
    const tfcc_abi_entry *entries = fetch ? model->fetches : model->feeds;
    tfcc_describe(model, &entries[parts[position]], description);
    return TFCC_OK;
}

tfcc_status tfcc_model_signature_feed(const tfcc_model *model, size_t index, size_t position,
                                      tfcc_description *description) {
    return describe_part(model, index, position, false, description);
}

tfcc_status tfcc_model_signature_fetch(const tfcc_model *model, size_t index, size_t position,
                                       tfcc_description *description) {
    return describe_part(model, index, position, true, description);
}
