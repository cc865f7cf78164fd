/* session.c: opening and closing sessions, and looking feeds and fetches up by name. */
#include "plan.h"
#include "side_file.h"

#include <string.h>

/* ---- Names ---- */

static uint32_t find_text(const tfcc_model *model, const char *name, size_t length, bool fetch) {
    return fetch ? tfcc_find_text(model->fetches, model->fetch_count, sizeof *model->fetches, name,
                                  length)
                 : tfcc_find_text(model->feeds, model->feed_count, sizeof *model->feeds, name,
                                  length);
}

tfcc_status tfcc_name_find(const tfcc_session *session, const char *name, bool fetch,
                           uint32_t *index) {
    const tfcc_model *model = session->model;
    const char *what = fetch ? "fetch" : "feed";
    if (name == NULL) return tfcc_fail_null("the name of a feed or fetch");
    if (name >= model->handles_begin + sizeof *index && name < model->handles_end) {
        memcpy(index, name - sizeof *index, sizeof *index);
        if (fetch ? *index < model->fetch_count && model->fetches[*index].handle == name
                  : *index < model->feed_count && model->feeds[*index].handle == name)
            return TFCC_OK;
    }
    size_t length = strlen(name);
    *index = find_text(model, name, length, fetch);
    if (*index == TFCC_ABI_NONE && length > 2 && strcmp(name + length - 2, ":0") == 0)
        *index = find_text(model, name, length - 2, fetch);
    return *index != TFCC_ABI_NONE ? TFCC_OK : tfcc_fail_name(model->name, what, name);
}

/* ---- Options ---- */

/* Copies the caller's options, which may be those of an older or newer version of the header. */
static tfcc_status read_options(const tfcc_options *given, tfcc_options *options) {
    size_t size = given != NULL ? given->size : sizeof size;
    if (size < sizeof size || size > 4096)
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "options have size %zu; set it to sizeof(tfcc_options)", size);
    memset(options, 0, sizeof *options);
    for (size_t i = sizeof size; i < size; i++) {
        char byte = ((const char *)given)[i];
        if (i < sizeof *options)
            ((char *)options)[i] = byte;
        else if (byte != 0)
            return tfcc_fail(TFCC_INVALID_ARGUMENT,
                             "options ask for something this version of the runtime "
                             "does not know");
    }
    if ((options->allocator.allocate == NULL) != (options->allocator.release == NULL))
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "an allocator needs both of its functions");
    if (options->allocator.allocate == NULL) options->allocator = tfcc_default_allocator;
    if (options->threads < 0)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "%d is no number of threads",
                         (int)options->threads);
    return TFCC_OK;
}

/* ---- Opening and closing ---- */

static tfcc_status check_model(const tfcc_model *model) {
    if (model->abi_version != TFCC_ABI_VERSION || model->struct_size != sizeof *model)
        return tfcc_fail(TFCC_FAILED_PRECONDITION,
                         "the model was compiled for version %u of the runtime's "
                         "interface; this "
                         "is version %u: compile and link it with the same tfcc",
                         (unsigned)model->abi_version, TFCC_ABI_VERSION);
    return tfcc_processor_check(model->name, model->requires);
}

/* The struct and its variables are one block. */
static size_t session_size(const tfcc_model *model) {
    return sizeof(tfcc_session) + model->variable_count * sizeof(tfcc_session_variable);
}

static tfcc_status create_session(const tfcc_model *model, const tfcc_options *options,
                                  tfcc_session **session) {
    tfcc_session *created = tfcc_obtain_zeroed(&options->allocator, session_size(model));
    if (created == NULL) return TFCC_RESOURCE_EXHAUSTED;
    created->model = model;
    created->epoch = 1;
    created->allocator = options->allocator;
    created->cancel = options->cancel;
    created->trace = options->trace;
    created->trace_context = options->trace_context;
    created->variables = (tfcc_session_variable *)(created + 1);
    tfcc_lock_create(&created->lock);
    pthread_mutex_init(&created->save_mutex, NULL);
    tfcc_status status = tfcc_side_file_open(created, options->side_file);
    if (status == TFCC_OK)
        *session = created;
    else
        tfcc_session_close(created);
    return status;
}

tfcc_status tfcc_session_open(const tfcc_model *model, const tfcc_options *options,
                              tfcc_session **session) {
    if (session != NULL) *session = NULL;
    if (model == NULL || session == NULL) return tfcc_fail_null("model or session");
    tfcc_options known;
    TFCC_TRY(read_options(options, &known));
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
    return session != NULL ? session->model : NULL;
}
