/* introspect.c: what is in a model. */
#include "plan.h"

#include <string.h>

/* Describes what has `rank` sizes, of which nothing is known yet. */
static void describe(tfcc_description *description, const char *name, uint32_t dtype,
                     uint32_t rank) {
    memset(description, 0, sizeof *description);
    description->name = name;
    description->dtype = (tfcc_dtype)dtype;
    description->rank = (int32_t)rank; /* TFCC_ABI_NONE becomes -1 */
    for (int32_t i = 0; i < description->rank; i++) description->shape[i] = -1;
}

void tfcc_describe_feed(const tfcc_model *model, uint32_t index, tfcc_description *description) {
    const tfcc_abi_feed *feed = &model->feeds[index];
    describe(description, feed->handle, model->buffers[feed->buffer].dtype, feed->rank);
    for (int32_t i = 0; i < description->rank; i++) {
        uint32_t slot = model->lists[feed->axes + (uint32_t)i];
        uint32_t number = model->lists[feed->sizes + (uint32_t)i];
        if (number != TFCC_ABI_NONE) description->shape[i] = model->numbers[number];
        if (slot != TFCC_ABI_NONE) description->dimensions[i] = model->symbols[slot].name;
    }
}

static void describe_fetch(const tfcc_model *model, uint32_t index, tfcc_description *description) {
    const tfcc_abi_fetch *fetch = &model->fetches[index];
    describe(description, fetch->handle, TFCC_NONE, 0);
    if (fetch->buffer == TFCC_ABI_NONE) return;
    const tfcc_abi_buffer *buffer = &model->buffers[fetch->buffer];
    describe(description, fetch->handle, buffer->dtype,
             buffer->rank_slot != TFCC_ABI_NONE ? TFCC_ABI_NONE : buffer->rank);
    for (int32_t i = 0; i < description->rank; i++) {
        uint32_t slot = model->lists[buffer->shape + (uint32_t)i];
        uint32_t number = slot - model->constant_slot;
        if (slot < model->symbol_count)
            description->dimensions[i] = model->symbols[slot].name;
        else if (slot >= model->constant_slot && number < model->number_count)
            description->shape[i] = model->numbers[number];
    }
}

static void describe_variable(const tfcc_model *model, uint32_t index,
                              tfcc_description *description) {
    const tfcc_abi_variable *variable = &model->variables[index];
    describe(description, variable->name, variable->dtype, variable->rank);
    memcpy(description->shape, variable->shape, sizeof description->shape);
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
    if (model == NULL || result == NULL) return tfcc_fail_null("model or description");
    if (index < count) return TFCC_OK;
    return tfcc_fail(TFCC_OUT_OF_RANGE, "the model has no %s %zu", what, index);
}

tfcc_status tfcc_model_feed(const tfcc_model *model, size_t index, tfcc_description *description) {
    TFCC_TRY(check(model, "feed", index, tfcc_model_feed_count(model), description));
    tfcc_describe_feed(model, (uint32_t)index, description);
    return TFCC_OK;
}

tfcc_status tfcc_model_fetch(const tfcc_model *model, size_t index, tfcc_description *description) {
    TFCC_TRY(check(model, "fetch", index, tfcc_model_fetch_count(model), description));
    describe_fetch(model, (uint32_t)index, description);
    return TFCC_OK;
}

tfcc_status tfcc_model_variable(const tfcc_model *model, size_t index,
                                tfcc_description *description) {
    TFCC_TRY(check(model, "variable", index, tfcc_model_variable_count(model), description));
    describe_variable(model, (uint32_t)index, description);
    return TFCC_OK;
}

tfcc_status tfcc_model_signature(const tfcc_model *model, size_t index, tfcc_signature *signature) {
    TFCC_TRY(check(model, "signature", index, tfcc_model_signature_count(model), signature));
    const tfcc_abi_signature *found = &model->signatures[index];
    *signature =
        (tfcc_signature){found->name, found->feed_count, found->fetch_count, found->target_count};
    return TFCC_OK;
}

tfcc_status tfcc_model_signature_feed(const tfcc_model *model, size_t index, size_t position,
                                      tfcc_description *description) {
    tfcc_signature signature;
    TFCC_TRY(tfcc_model_signature(model, index, &signature));
    TFCC_TRY(check(model, "such feed of a signature", position, signature.feed_count, description));
    tfcc_describe_feed(model, model->lists[model->signatures[index].first_feed + position],
                       description);
    return TFCC_OK;
}

tfcc_status tfcc_model_signature_fetch(const tfcc_model *model, size_t index, size_t position,
                                       tfcc_description *description) {
    tfcc_signature signature;
    TFCC_TRY(tfcc_model_signature(model, index, &signature));
    TFCC_TRY(check(model, "such fetch of a signature", position,
                   signature.fetch_count + signature.target_count, description));
    describe_fetch(model, model->lists[model->signatures[index].first_fetch + position],
                   description);
    return TFCC_OK;
}
