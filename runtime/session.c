/* session.c: opening and closing sessions, and looking feeds and fetches up by name. */
#include "plan.h"
#include "side_file.h"

#include <string.h>

/* ---- Names ---- */

static uint32_t name_hash(const char *name, size_t length, bool fetch) {
    uint32_t hash = fetch ? 2166136261u : 84696351u; /* FNV-1a */
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash;
}

static const char *entry_name(const tfcc_model *model, uint32_t entry) {
    uint32_t index = (entry - 1) / 2;
    return (entry - 1) % 2 != 0 ? model->fetches[index].handle : model->feeds[index].handle;
}

static void add_name(tfcc_session *session, uint32_t entry) {
    const char *name = entry_name(session->model, entry);
    uint32_t slot = name_hash(name, strlen(name), (entry - 1) % 2 != 0);
    while (session->names[slot & session->name_mask] != 0) slot++;
    session->names[slot & session->name_mask] = entry;
}

static tfcc_status build_names(tfcc_session *session) {
    const tfcc_model *model = session->model;
    uint64_t count = 4;
    while (count < 2 * ((uint64_t)model->feed_count + model->fetch_count)) count *= 2;
    if (count > UINT32_MAX) return tfcc_fail_memory((size_t)count);
    session->names = tfcc_obtain(&session->allocator, (size_t)count * sizeof *session->names);
    if (session->names == NULL) return tfcc_fail_memory((size_t)count * sizeof *session->names);
    memset(session->names, 0, (size_t)count * sizeof *session->names);
    session->name_mask = (uint32_t)count - 1;
    for (uint32_t i = 0; i < model->feed_count; i++) add_name(session, 1 + 2 * i);
    for (uint32_t i = 0; i < model->fetch_count; i++) add_name(session, 2 + 2 * i);
    return TFCC_OK;
}

static uint32_t find_text(const tfcc_session *session, const char *name, size_t length,
                          bool fetch) {
    uint32_t slot = name_hash(name, length, fetch);
    for (uint32_t entry; (entry = session->names[slot & session->name_mask]) != 0; slot++) {
        const char *known = entry_name(session->model, entry);
        if (((entry - 1) % 2 != 0) == fetch && strncmp(known, name, length) == 0 &&
            known[length] == '\0')
            return (entry - 1) / 2;
    }
    return TFCC_ABI_NONE;
}

uint32_t tfcc_name_find(const tfcc_session *session, const char *name, bool fetch) {
    const tfcc_model *model = session->model;
    uintptr_t at = (uintptr_t)name, begin = (uintptr_t)model->handles_begin;
    uint32_t index;
    if (at >= begin + sizeof index && at < (uintptr_t)model->handles_end) {
        memcpy(&index, name - sizeof index, sizeof index);
        if (fetch ? index < model->fetch_count && model->fetches[index].handle == name
                  : index < model->feed_count && model->feeds[index].handle == name)
            return index;
    }
    size_t length = strlen(name);
    index = find_text(session, name, length, fetch);
    bool first_output = length > 2 && strcmp(name + length - 2, ":0") == 0;
    return index == TFCC_ABI_NONE && first_output ? find_text(session, name, length - 2, fetch)
                                                  : index;
}

/* ---- Options ---- */

/* Copies the caller's options, which may be those of an older or newer version of the header. */
static tfcc_status read_options(const tfcc_options *given, tfcc_options *options) {
    memset(options, 0, sizeof *options);
    options->allocator = tfcc_default_allocator;
    if (given == NULL) return TFCC_OK;
    size_t size = given->size;
    if (size < sizeof size || size > 4096)
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "options have size %zu; set it to sizeof(tfcc_options)", size);
    for (size_t i = sizeof *options; i < size; i++)
        if (((const char *)given)[i] != 0)
            return tfcc_fail(TFCC_INVALID_ARGUMENT,
                             "options ask for something this version of the runtime does not know");
    memset(&options->allocator, 0, sizeof options->allocator);
    memcpy(options, given, size < sizeof *options ? size : sizeof *options);
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
                         "the model was compiled for version %u of the runtime's interface; this "
                         "is version %u: compile and link it with the same tfcc",
                         (unsigned)model->abi_version, TFCC_ABI_VERSION);
    return tfcc_processor_check(model->name, model->requires);
}

/* Obtains `count` zeroed elements. */
static tfcc_status obtain_array(const tfcc_session *session, size_t count, size_t element,
                                void **array) {
    *array = tfcc_obtain(&session->allocator, count * element);
    if (*array == NULL) return tfcc_fail_memory(count * element);
    memset(*array, 0, count * element);
    return TFCC_OK;
}

/* What needs memory; what there is already is released by tfcc_session_close. */
static tfcc_status fill_session(tfcc_session *session, const tfcc_options *options) {
    const tfcc_model *model = session->model;
    void *array;
    TFCC_TRY(obtain_array(session, model->variable_count, sizeof *session->variables, &array));
    session->variables = array;
    TFCC_TRY(obtain_array(session, model->signature_count, sizeof(tfcc_plan *), &array));
    session->signature_plans = array;
    TFCC_TRY(build_names(session));
    return tfcc_side_file_open(session, options->side_file);
}

static tfcc_status create_session(const tfcc_model *model, const tfcc_options *options,
                                  tfcc_session **session) {
    tfcc_session *created = tfcc_obtain(&options->allocator, sizeof *created);
    if (created == NULL) return tfcc_fail_memory(sizeof *created);
    memset(created, 0, sizeof *created);
    created->model = model;
    created->epoch = 1;
    created->allocator = options->allocator;
    created->cancel = options->cancel;
    created->trace = options->trace;
    created->trace_context = options->trace_context;
    tfcc_status status = tfcc_lock_create(&created->lock);
    if (status == TFCC_OK && (pthread_mutex_init(&created->frames_mutex, NULL) != 0 ||
                              pthread_mutex_init(&created->save_mutex, NULL) != 0)) {
        tfcc_lock_destroy(&created->lock);
        status = tfcc_fail_memory(sizeof created->frames_mutex);
    }
    if (status != TFCC_OK) {
        tfcc_release(&options->allocator, created, sizeof *created);
        return status;
    }
    status = fill_session(created, options);
    if (status == TFCC_OK)
        *session = created;
    else
        tfcc_session_close(created);
    return status;
}

tfcc_status tfcc_session_open(const tfcc_model *model, const tfcc_options *options,
                              tfcc_session **session) {
    if (session != NULL) *session = NULL;
    if (model == NULL || session == NULL)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "%s is NULL", model == NULL ? "model" : "session");
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
    for (uint32_t i = 0; session->variables != NULL && i < model->variable_count; i++) {
        tfcc_release(&allocator, session->variables[i].data, (size_t)model->variables[i].bytes);
        tfcc_release(&allocator, session->variables[i].spare, (size_t)model->variables[i].bytes);
    }
    tfcc_release(&allocator, session->variables,
                 model->variable_count * sizeof *session->variables);
    tfcc_release(&allocator, session->signature_plans,
                 model->signature_count * sizeof(tfcc_plan *));
    tfcc_release(&allocator, session->names,
                 ((size_t)session->name_mask + 1) * sizeof *session->names);
    pthread_mutex_destroy(&session->frames_mutex);
    pthread_mutex_destroy(&session->save_mutex);
    tfcc_lock_destroy(&session->lock);
    tfcc_release(&allocator, session, sizeof *session);
}

const tfcc_model *tfcc_session_model(const tfcc_session *session) {
    return session != NULL ? session->model : NULL;
}
