/* session.c: opening and closing sessions, and looking feeds and fetches up by name. */
#include "plan.h"

#include <string.h>

/* ---- Names ---- */

tfcc_status tfcc_name_find(const tfcc_session *session, const char *name, bool fetch,
                           uint32_t *index) {
    const tfcc_model *model = session->model;
    const tfcc_abi_entry *entries = fetch ? model->fetches : model->feeds;
    uint32_t count = fetch ? model->fetch_count : model->feed_count;
    if (name == NULL) return tfcc_fail_null();
    size_t length = strlen(name);
    *index = tfcc_find_text(entries, count, sizeof *entries, name, length);
    if (*index == TFCC_ABI_NONE && length > 2 && strcmp(name + length - 2, ":0") == 0)
        *index = tfcc_find_text(entries, count, sizeof *entries, name, length - 2);
    if (*index != TFCC_ABI_NONE) return TFCC_OK;
    return tfcc_fail(NO_NAME, model->name, fetch ? "fetch" : "feed", name);
}

bool tfcc_name_is_numbered(const tfcc_session *session, const char *name, bool fetch,
                           uint32_t index) {
    uint32_t found;
    return strstr(name, ":0") != NULL && tfcc_name_find(session, name, fetch, &found) == TFCC_OK &&
           found == index;
}

/* ---- Options ---- */

tfcc_status tfcc_read_options(const void *given, void *options, size_t known) {
    size_t size = sizeof size;
    memset(options, 0, known);
    if (given != NULL) memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > 4096) return tfcc_fail(OPTIONS_SIZE, size);
    for (size_t i = sizeof size; i < size; i++) {
        char byte = ((const char *)given)[i];
        if (i < known)
            ((char *)options)[i] = byte;
        else if (byte != 0)
            return tfcc_fail(OPTIONS_UNKNOWN);
    }
    return TFCC_OK;
}

/* ---- Opening and closing ---- */

static tfcc_status check_options(tfcc_options *options) {
    tfcc_allocator *allocator = &options->allocator;
    if ((allocator->allocate == NULL) != (allocator->release == NULL))
        return tfcc_fail(ALLOCATOR_HALF);
    if (allocator->allocate == NULL) *allocator = tfcc_default_allocator;
    return options->threads < 0 ? tfcc_fail(THREADS, (int)options->threads) : TFCC_OK;
}

TFCC_INLINE tfcc_status check_model(const tfcc_model *model) {
    if (model->abi_version != TFCC_ABI_VERSION || model->struct_size != sizeof *model)
        return tfcc_fail(ABI_VERSION, (unsigned)model->abi_version, TFCC_ABI_VERSION);
    return TFCC_OK;
}

/* The struct and its variables are one block. */
static size_t session_size(const tfcc_model *model) {
    return sizeof(tfcc_session) + model->variable_count * sizeof(tfcc_session_variable);
}

static tfcc_status create_session(const tfcc_model *model, const tfcc_options *options,
                                  tfcc_session **session) {
    tfcc_session *created = tfcc_obtain_zeroed(&options->allocator, session_size(model));
    if (created == NULL) return TFCC_RESOURCE_EXHAUSTED;
    created->model = created->opened = model;
    created->epoch = 1;
    created->allocator = options->allocator;
    created->cancel = options->cancel;
    created->trace = options->trace;
    created->trace_context = options->trace_context;
    created->variables = (tfcc_session_variable *)(created + 1);
    tfcc_lock_create(&created->lock);
    pthread_mutex_init(&created->save_mutex, NULL);
    tfcc_status status = tfcc_processor_choose(&created->model);
    if (status == TFCC_OK) status = tfcc_side_file_open(created, options->side_file);
    if (status == TFCC_OK)
        *session = created;
    else
        tfcc_session_close(created);
    return status;
}

tfcc_status tfcc_session_open(const tfcc_model *model, const tfcc_options *options,
                              tfcc_session **session) {
    if (session != NULL) *session = NULL;
    if (model == NULL || session == NULL) return tfcc_fail_null();
    tfcc_options known;
    TFCC_TRY(tfcc_read_options(options, &known, sizeof known));
    TFCC_TRY(check_options(&known));
    TFCC_TRY(check_model(model));
    return create_session(model, &known, session);
}

void tfcc_session_close(tfcc_session *session) {
    if (session == NULL) return;
    tfcc_allocator allocator = session->allocator;
    const tfcc_model *model = session->model;
    tfcc_checkpoint_forget(session);
    tfcc_frames_release(session);
    tfcc_plans_release(session);
    tfcc_side_file_close(session);
    for (uint32_t i = 0; i < model->variable_count; i++) {
        size_t bytes = (size_t)model->variables[i].bytes;
        tfcc_release(&allocator, session->variables[i].data, bytes);
        tfcc_release(&allocator, session->variables[i].spare, bytes);
    }
    pthread_mutex_destroy(&session->save_mutex);
    tfcc_lock_destroy(&session->lock);
    tfcc_release(&allocator, session, session_size(model));
}

const tfcc_model *tfcc_session_model(const tfcc_session *session) {
    return session != NULL ? session->opened : NULL;
}
