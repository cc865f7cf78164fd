/* introspect.c: what is in a model. */
#include "plan.h"

#include <string.h>

/* One size that the dim slot `slot` has: a number, or unknown and perhaps named. */
static void describe_slot(const tfcc_model *model, uint32_t slot, int32_t axis,
                          tfcc_description *description) {
    description->shape[axis] = -1;
    if (slot < model->symbol_count)
        description->dimensions[axis] = model->symbols[slot].name;
    else if (slot >= model->constant_slot && slot - model->constant_slot < model->number_count)
        description->shape[axis] = model->numbers[slot - model->constant_slot];
}

/* A description of which name and dtype are known. */
static tfcc_description begin_description(const char *name, uint32_t dtype, uint32_t rank) {
    tfcc_description description;
    memset(&description, 0, sizeof description);
    description.name = name;
    description.dtype = (tfcc_dtype)dtype;
    description.rank = rank == TFCC_ABI_NONE ? -1 : (int32_t)rank;
    return description;
}

void tfcc_describe_feed(const tfcc_model *model, uint32_t index, tfcc_description *description) {
    const tfcc_abi_feed *feed = &model->feeds[index];
    *description = begin_description(feed->handle, model->buffers[feed->buffer].dtype, feed->rank);
    for (int32_t i = 0; i < description->rank; i++) {
        uint32_t slot = model->lists[feed->axes + (uint32_t)i];
        uint32_t number = model->lists[feed->sizes + (uint32_t)i];
        description->shape[i] = number != TFCC_ABI_NONE ? model->numbers[number] : -1;
        if (slot != TFCC_ABI_NONE) description->dimensions[i] = model->symbols[slot].name;
    }
}

static void describe_fetch(const tfcc_model *model, uint32_t index, tfcc_description *description) {
    const tfcc_abi_fetch *fetch = &model->fetches[index];
    if (fetch->buffer == TFCC_ABI_NONE) {
        *description = begin_description(fetch->handle, TFCC_NONE, 0);
        return;
    }
    const tfcc_abi_buffer *buffer = &model->buffers[fetch->buffer];
    bool any = buffer->rank_slot != TFCC_ABI_NONE;
    *description =
        begin_description(fetch->handle, buffer->dtype, any ? TFCC_ABI_NONE : buffer->rank);
    for (int32_t i = 0; i < description->rank; i++)
        describe_slot(model, model->lists[buffer->shape + (uint32_t)i], i, description);
}

static tfcc_status out_of_range(const char *what, size_t index) {
    return tfcc_fail(TFCC_OUT_OF_RANGE, "the model has no %s %zu", what, index);
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

static tfcc_status check_arguments(const tfcc_model *model, const void *result) {
    if (model != NULL && result != NULL) return TFCC_OK;
    return tfcc_fail(TFCC_INVALID_ARGUMENT, "model or description is NULL");
}

tfcc_status tfcc_model_feed(const tfcc_model *model, size_t index, tfcc_description *description) {
    TFCC_TRY(check_arguments(model, description));
    if (index >= model->feed_count) return out_of_range("feed", index);
    tfcc_describe_feed(model, (uint32_t)index, description);
    return TFCC_OK;
}

tfcc_status tfcc_model_fetch(const tfcc_model *model, size_t index, tfcc_description *description) {
    TFCC_TRY(check_arguments(model, description));
    if (index >= model->fetch_count) return out_of_range("fetch", index);
    describe_fetch(model, (uint32_t)index, description);
    return TFCC_OK;
}

tfcc_status tfcc_model_variable(const tfcc_model *model, size_t index,
                                tfcc_description *description) {
    TFCC_TRY(check_arguments(model, description));
    if (index >= model->variable_count) return out_of_range("variable", index);
    const tfcc_abi_variable *variable = &model->variables[index];
    *description = begin_description(variable->name, variable->dtype, variable->rank);
    memcpy(description->shape, variable->shape, sizeof description->shape);
    return TFCC_OK;
}

tfcc_status tfcc_model_signature(const tfcc_model *model, size_t index, tfcc_signature *signature) {
    TFCC_TRY(check_arguments(model, signature));
    if (index >= model->signature_count) return out_of_range("signature", index);
    const tfcc_abi_signature *found = &model->signatures[index];
    *signature =
        (tfcc_signature){found->name, found->feed_count, found->fetch_count, found->target_count};
    return TFCC_OK;
}

tfcc_status tfcc_model_signature_feed(const tfcc_model *model, size_t index, size_t position,
                                      tfcc_description *description) {
    TFCC_TRY(check_arguments(model, description));
    if (index >= model->signature_count) return out_of_range("signature", index);
    const tfcc_abi_signature *signature = &model->signatures[index];
    if (position >= signature->feed_count)
        return out_of_range("such feed of a signature", position);
    return tfcc_model_feed(model, model->lists[signature->first_feed + position], description);
}

tfcc_status tfcc_model_signature_fetch(const tfcc_model *model, size_t index, size_t position,
                                       tfcc_description *description) {
    TFCC_TRY(check_arguments(model, description));
    if (index >= model->signature_count) return out_of_range("signature", index);
    const tfcc_abi_signature *signature = &model->signatures[index];
    if (position >= (size_t)signature->fetch_count + signature->target_count)
        return out_of_range("such fetch of a signature", position);
    return tfcc_model_fetch(model, model->lists[signature->first_fetch + position], description);
}
