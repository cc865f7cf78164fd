/* checkpoint.c: a session's variables to and from checkpoints. */
#include "bundle_format.h"
#include <stdio.h>
#include <string.h>

/* The checkpoints that this session has saved and keeps, oldest first. */
typedef struct Saver {
    char **prefixes;
    size_t count, capacity;
} Saver;

/* Which variables, under which keys: `order` lists positions in the options' lists (of all
 * variables, where there are none), for saving in ascending order of the keys. */
typedef struct Selection {
    tfcc_session *session;
    const char *const *names, *const *keys;
    uint32_t *order, *variables; /* variables[position]: the variable's index in the model */
    size_t count, room;
} Selection;

/* ---- which variables ---- */

static const char *key_at(const Selection *selection, uint32_t position) {
    if (selection->keys) return selection->keys[position];
    return selection->session->model->variables[selection->variables[position]].name;
}

static bool key_before(const void *context, uint32_t a, uint32_t b) {
    return strcmp(key_at(context, a), key_at(context, b)) < 0;
}

static bool variable_before(const void *context, uint32_t a, uint32_t b) {
    const Selection *selection = context;
    return selection->variables[a] < selection->variables[b];
}

static tfcc_status resolve(Selection *selection) {
    const tfcc_model *model = selection->session->model;
    for (uint32_t i = 0; i < selection->count; i++) {
        const char *name = selection->names ? selection->names[i] : NULL;
        if ((selection->names && !name) || (selection->keys && !selection->keys[i]))
            return tfcc_fail(TFCC_INVALID_ARGUMENT, "variable %u of the list has no name",
                             (unsigned)i);
        selection->order[i] = i;
        selection->variables[i] = name ? tfcc_variable_find(model, name) : i;
        if (selection->variables[i] == TFCC_ABI_NONE)
            return tfcc_fail(TFCC_NOT_FOUND, "there is no variable '%s'", name);
        if (selection->keys && !*selection->keys[i])
            return tfcc_fail(TFCC_INVALID_ARGUMENT, "variable '%s' has an empty key", name);
    }
    tfcc_bundle_sort(selection->order, selection->count, variable_before, selection);
    for (size_t i = 1; i < selection->count; i++)
        if (!variable_before(selection, selection->order[i - 1], selection->order[i]))
            return tfcc_fail(TFCC_INVALID_ARGUMENT, "variable '%s' is listed twice",
                             selection->names[selection->order[i]]);
    return TFCC_OK;
}

static void deselect(Selection *selection) {
    tfcc_release(&selection->session->allocator, selection->order, selection->room);
}

static tfcc_status select_variables(Selection *selection, tfcc_session *session,
                                    const char *const *names, const char *const *keys,
                                    size_t count) {
    if ((names && count == 0) || (!names && (count > 0 || keys)))
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "the list of variables is empty");
    *selection = (Selection){.session = session, .names = names, .keys = keys, .count = count};
    if (!names) selection->count = session->model->variable_count;
    selection->room = 2 * selection->count * sizeof(uint32_t);
    selection->order = tfcc_bundle_obtain(&session->allocator, selection->room);
    if (!selection->order) return TFCC_RESOURCE_EXHAUSTED;
    selection->variables = selection->order + selection->count;
    tfcc_status status = resolve(selection);
    if (status) deselect(selection);
    return status;
}

/* The keys in ascending order, each once. */
static tfcc_status sort_keys(Selection *selection) {
    tfcc_bundle_sort(selection->order, selection->count, key_before, selection);
    for (size_t i = 1; i < selection->count; i++)
        if (!key_before(selection, selection->order[i - 1], selection->order[i]))
            return tfcc_fail(TFCC_INVALID_ARGUMENT, "two variables have the key '%s'",
                             key_at(selection, selection->order[i]));
    return TFCC_OK;
}

/* ---- saving ---- */

/* Adds every variable, under the reader's side of the lock, so that all are of one moment. */
static tfcc_status add_variables(const Selection *selection, BundleWriter *writer) {
    tfcc_session *session = selection->session;
    tfcc_status status = TFCC_OK;
    for (size_t i = 0; i < selection->count && !status; i++) {
        uint32_t position = selection->order[i], index = selection->variables[position];
        const tfcc_abi_variable *variable = &session->model->variables[index];
        status = tfcc_bundle_add(writer, key_at(selection, position), variable->dtype,
                                 (int32_t)variable->rank, variable->shape,
                                 session->variables[index].data, variable->bytes);
    }
    return status;
}

static tfcc_status check_values(const Selection *selection) {
    for (size_t i = 0; i < selection->count; i++) {
        uint32_t index = selection->variables[i];
        if (!selection->session->variables[index].has_value)
            return tfcc_fail(TFCC_FAILED_PRECONDITION,
                             "Attempting to use uninitialized value %s: it cannot be saved",
                             selection->session->model->variables[index].name);
    }
    return TFCC_OK;
}

/* What the session remembers gets room for one more prefix and `prefix` a copy there, behind the
 * end; so that what follows cannot fail for want of memory. */
static tfcc_status prepare_saver(tfcc_session *session, const char *prefix) {
    const tfcc_allocator *allocator = &session->allocator;
    Saver *saver = session->saver;
    if (!saver) {
        saver = session->saver = tfcc_bundle_obtain(allocator, sizeof *saver);
        if (!saver) return TFCC_RESOURCE_EXHAUSTED;
        *saver = (Saver){0};
    }
    if (saver->count == saver->capacity) {
        size_t capacity = 2 * saver->capacity + 6;
        char **larger = tfcc_bundle_obtain(allocator, capacity * sizeof *larger);
        if (!larger) return TFCC_RESOURCE_EXHAUSTED;
        if (saver->count > 0) memcpy(larger, saver->prefixes, saver->count * sizeof *larger);
        tfcc_release(allocator, saver->prefixes, saver->capacity * sizeof *larger);
        saver->prefixes = larger;
        saver->capacity = capacity;
    }
    char *copy = tfcc_bundle_obtain(allocator, strlen(prefix) + 1);
    if (!copy) return TFCC_RESOURCE_EXHAUSTED;
    saver->prefixes[saver->count] = strcpy(copy, prefix);
    return TFCC_OK;
}

static void forget_at(tfcc_session *session, size_t index) {
    Saver *saver = session->saver;
    tfcc_release(&session->allocator, saver->prefixes[index], strlen(saver->prefixes[index]) + 1);
    memmove(saver->prefixes + index, saver->prefixes + index + 1,
            (saver->count - index) * sizeof *saver->prefixes);
}

void tfcc_checkpoint_forget(tfcc_session *session) {
    Saver *saver = session->saver;
    if (!saver) return;
    while (saver->count-- > 0) forget_at(session, 0);
    tfcc_release(&session->allocator, saver->prefixes, saver->capacity * sizeof *saver->prefixes);
    tfcc_release(&session->allocator, saver, sizeof *saver);
    session->saver = NULL;
}

/* The new checkpoint, whose prefix prepare_saver has put behind the end, becomes the last of the
 * list; then the state file is written, and at most one checkpoint removed. As in TensorFlow, the
 * list is not kept where everything stays. */
static tfcc_status record(tfcc_session *session, const char *state_file, int32_t max_to_keep) {
    Saver *saver = session->saver;
    char *prefix = saver->prefixes[saver->count], *oldest = NULL;
    size_t older = saver->count;
    if (max_to_keep > 0) {
        for (size_t i = 0; i < saver->count; i++)
            if (strcmp(saver->prefixes[i], prefix) == 0) {
                saver->count--;
                forget_at(session, i);
                saver->prefixes[saver->count] = prefix;
                break;
            }
        older = saver->count++;
        if (saver->count > (size_t)max_to_keep) {
            oldest = saver->prefixes[0];
            memmove(saver->prefixes, saver->prefixes + 1, older * sizeof *saver->prefixes);
            saver->count = older--;
        }
    }
    tfcc_status status = TFCC_OK;
    if (*state_file)
        status = tfcc_bundle_write_state(&session->allocator, state_file, prefix, saver->prefixes,
                                         max_to_keep > 0 ? older : 0);
    if (oldest && !status) status = tfcc_bundle_remove(&session->allocator, oldest);
    if (max_to_keep <= 0) oldest = prefix;
    if (oldest) tfcc_release(&session->allocator, oldest, strlen(oldest) + 1);
    return status;
}

/* Writes the checkpoint and what goes with it. Saves of one session come one after the other. */
static tfcc_status save_files(Selection *selection, const char *prefix, const char *state_file,
                              const tfcc_save_options *options) {
    tfcc_session *session = selection->session;
    BundleWriter writer;
    tfcc_lock_acquire(&session->lock, false);
    tfcc_status status = check_values(selection);
    if (!status)
        status = tfcc_bundle_create(&writer, &session->allocator, prefix, options->fixed_data_file);
    if (!status) {
        status = add_variables(selection, &writer);
        if (status) tfcc_bundle_abandon(&writer);
    }
    tfcc_lock_release(&session->lock, false);
    if (status) return status;

    status = prepare_saver(session, prefix);
    if (!status) {
        status = tfcc_bundle_commit(&writer);
        Saver *saver = session->saver;
        if (status) /* the copy behind the end */
            tfcc_release(&session->allocator, saver->prefixes[saver->count], strlen(prefix) + 1);
    }
    if (status) {
        tfcc_bundle_abandon(&writer);
        return status;
    }
    int32_t keep = options->max_to_keep == 0 ? 5 : options->max_to_keep;
    status = record(session, state_file, keep);
    tfcc_bundle_finish(&writer);
    return status;
}

/* Copies as much of the caller's options as both sides know. */
static tfcc_status copy_options(void *copy, size_t size, const void *options) {
    memset(copy, 0, size);
    if (!options) return TFCC_OK;
    size_t given;
    memcpy(&given, options, sizeof given);
    if (given < sizeof given || given > 4096)
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "the options' size is %zu: set it to the size of their type", given);
    memcpy(copy, options, given < size ? given : size);
    return TFCC_OK;
}

static tfcc_status fail_null(void) {
    return tfcc_fail(TFCC_INVALID_ARGUMENT, "an argument is NULL");
}

/* prefix, or prefix-STEP, in the caller's room or in a block of its own. */
static tfcc_status make_prefix(const tfcc_session *session, const char *prefix,
                               const tfcc_save_options *options, char **made, size_t *room) {
    *room = strlen(prefix) + 24;
    *made = tfcc_bundle_obtain(&session->allocator, *room);
    if (!*made) return TFCC_RESOURCE_EXHAUSTED;
    if (options->global_step)
        snprintf(*made, *room, "%s-%lld", prefix, (long long)*options->global_step);
    else
        strcpy(*made, prefix);
    const char *state_file = options->state_file ? options->state_file : "checkpoint";
    if (strchr(state_file, '/'))
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "the state file's name '%s' has a slash",
                         state_file);
    if (*state_file && strcmp(*made + tfcc_bundle_folder_length(*made), state_file) == 0)
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "'%s' is no prefix for a checkpoint: it is the name of the state file",
                         *made);
    if (!options->path) return TFCC_OK;
    if (strlen(*made) >= options->path_size)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "the path '%s' does not fit in %zu bytes", *made,
                         options->path_size);
    strcpy(options->path, *made);
    return TFCC_OK;
}

tfcc_status tfcc_save_with(tfcc_session *session, const char *prefix,
                           const tfcc_save_options *given) {
    tfcc_save_options options;
    Selection selection;
    if (!session || !prefix) return fail_null();
    TFCC_TRY(copy_options(&options, sizeof options, given));
    TFCC_TRY(select_variables(&selection, session, options.variables, options.keys,
                              options.variable_count));
    char *made = NULL;
    size_t room;
    tfcc_status status = sort_keys(&selection);
    if (!status) {
        status = make_prefix(session, prefix, &options, &made, &room);
        if (!status) {
            pthread_mutex_lock(&session->save_mutex);
            status = save_files(&selection, made,
                                options.state_file ? options.state_file : "checkpoint", &options);
            pthread_mutex_unlock(&session->save_mutex);
        }
        tfcc_release(&session->allocator, made, room);
    }
    deselect(&selection);
    return status;
}

tfcc_status tfcc_save(tfcc_session *session, const char *prefix) {
    return tfcc_save_with(session, prefix, NULL);
}

/* ---- in memory ---- */

/* Stands before the data, so that freeing needs no session. */
typedef struct SavedHeader {
    tfcc_allocator allocator;
    size_t size;
} SavedHeader;

_Static_assert(sizeof(SavedHeader) <= TFCC_ALIGNMENT, "the header fits before the data");

/* One block: header, data, index. */
static tfcc_status build_saved(const Selection *selection, BundleWriter *writer,
                               tfcc_saved *saved) {
    tfcc_session *session = selection->session;
    TFCC_TRY(add_variables(selection, writer));
    TFCC_TRY(tfcc_bundle_commit(writer));
    size_t data_size = (size_t)writer->offset;
    size_t size = TFCC_ALIGNMENT + data_size + writer->table.size;
    char *block = tfcc_bundle_obtain(&session->allocator, size);
    if (!block) return TFCC_RESOURCE_EXHAUSTED;
    memcpy(block, &(SavedHeader){session->allocator, size}, sizeof(SavedHeader));
    char *data = block + TFCC_ALIGNMENT, *at = data;
    for (size_t i = 0; i < selection->count; i++) {
        uint32_t index = selection->variables[selection->order[i]];
        size_t bytes = session->model->variables[index].bytes;
        if (bytes > 0) memcpy(at, session->variables[index].data, bytes);
        at += bytes;
    }
    memcpy(at, writer->table.bytes, writer->table.size);
    *saved = (tfcc_saved){at, writer->table.size, data, data_size};
    return TFCC_OK;
}

tfcc_status tfcc_save_memory(tfcc_session *session, const tfcc_save_options *given,
                             tfcc_saved *saved) {
    tfcc_save_options options;
    Selection selection;
    BundleWriter writer;
    if (!session || !saved) return fail_null();
    *saved = (tfcc_saved){0};
    TFCC_TRY(copy_options(&options, sizeof options, given));
    TFCC_TRY(select_variables(&selection, session, options.variables, options.keys,
                              options.variable_count));
    tfcc_status status = sort_keys(&selection);
    if (!status) status = tfcc_bundle_create_memory(&writer, &session->allocator);
    if (!status) {
        tfcc_lock_acquire(&session->lock, false);
        status = check_values(&selection);
        if (!status) status = build_saved(&selection, &writer, saved);
        tfcc_lock_release(&session->lock, false);
        tfcc_bundle_abandon(&writer);
    }
    deselect(&selection);
    return status;
}

void tfcc_saved_free(tfcc_saved *saved) {
    if (!saved || !saved->data) return;
    SavedHeader header;
    char *block = (char *)saved->data - TFCC_ALIGNMENT;
    memcpy(&header, block, sizeof header);
    tfcc_release(&header.allocator, block, header.size);
    *saved = (tfcc_saved){0};
}

/* ---- restoring ---- */

static tfcc_status find_variable(BundleReader *reader, const tfcc_abi_variable *variable,
                                 const char *key, BundleTensor *tensor) {
    char expected[TFCC_SHAPE_TEXT], found[TFCC_SHAPE_TEXT];
    TFCC_TRY(tfcc_bundle_find(reader, key, tensor));
    const char *where = reader->prefix ? reader->prefix : "checkpoint in memory";
    if (tensor->dtype != variable->dtype) {
        const char *name = tfcc_dtype_name((tfcc_dtype)tensor->dtype);
        char number[24];
        snprintf(number, sizeof number, "DataType %u", (unsigned)tensor->dtype);
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "'%s': tensor_name = %s; expected dtype %s does not equal original dtype "
                         "%s",
                         where, key, tfcc_dtype_name((tfcc_dtype)variable->dtype),
                         *name ? name : number);
    }
    int32_t rank = (int32_t)variable->rank;
    if (tensor->rank != rank ||
        memcmp(tensor->shape, variable->shape, sizeof(int64_t) * variable->rank) != 0)
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "'%s': tensor_name = %s; Assign requires shapes of both tensors to match. "
                         "lhs shape= %s rhs shape= %s",
                         where, key, tfcc_shape_text(expected, variable->shape, rank),
                         tensor->rank > BUNDLE_RANK
                             ? "of a higher rank"
                             : tfcc_shape_text(found, tensor->shape, tensor->rank));
    return TFCC_OK;
}

/* Any byte but 0 is true in a file; the kernels rely on 1. */
static void make_bools(uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) bytes[i] = bytes[i] != 0;
}

/* Finds all, then reads all into spare buffers, then makes those the values; the last cannot fail.
 */
static tfcc_status restore_from(const Selection *selection, BundleReader *reader) {
    tfcc_session *session = selection->session;
    BundleTensor tensor;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < selection->count; i++) {
            uint32_t index = selection->variables[i];
            const tfcc_abi_variable *variable = &session->model->variables[index];
            TFCC_TRY(find_variable(reader, variable, key_at(selection, i), &tensor));
            if (pass == 0) continue;
            TFCC_TRY(tfcc_variable_stage(session, index));
            TFCC_TRY(tfcc_bundle_read(reader, &tensor, session->variables[index].spare));
            if (variable->dtype == TFCC_BOOL)
                make_bools(session->variables[index].spare, variable->bytes);
        }
    for (size_t i = 0; i < selection->count; i++)
        tfcc_variable_adopt(session, selection->variables[i]);
    return TFCC_OK;
}

/* From files (`prefix`) or from memory. A save under the same prefix may take the files away
 * meanwhile: then the new ones are read. */
static tfcc_status restore(tfcc_session *session, const char *prefix, tfcc_bytes index,
                           const tfcc_bytes *shards, size_t shard_count,
                           const tfcc_restore_options *given) {
    tfcc_restore_options options;
    Selection selection;
    TFCC_TRY(copy_options(&options, sizeof options, given));
    TFCC_TRY(select_variables(&selection, session, options.variables, options.keys,
                              options.variable_count));
    tfcc_status status = TFCC_OK;
    for (int attempt = 0; attempt < 3; attempt++) {
        BundleReader reader;
        status = prefix ? tfcc_bundle_open(&reader, &session->allocator, prefix)
                        : tfcc_bundle_open_memory(&reader, &session->allocator, index, shards,
                                                  shard_count);
        if (status) break;
        tfcc_lock_acquire(&session->lock, true);
        status = restore_from(&selection, &reader);
        tfcc_lock_release(&session->lock, true);
        bool again = status && tfcc_bundle_has_changed(&reader);
        tfcc_bundle_close(&reader);
        if (!again) break;
    }
    deselect(&selection);
    return status;
}

tfcc_status tfcc_restore_with(tfcc_session *session, const char *prefix,
                              const tfcc_restore_options *options) {
    if (!session || !prefix) return fail_null();
    return restore(session, prefix, (tfcc_bytes){0}, NULL, 0, options);
}

tfcc_status tfcc_restore(tfcc_session *session, const char *prefix) {
    return tfcc_restore_with(session, prefix, NULL);
}

tfcc_status tfcc_restore_memory(tfcc_session *session, tfcc_bytes index, const tfcc_bytes *shards,
                                size_t shard_count, const tfcc_restore_options *options) {
    if (!session || !index.data || (shard_count > 0 && !shards)) return fail_null();
    return restore(session, NULL, index, shards, shard_count, options);
}

tfcc_status tfcc_latest_checkpoint(const char *folder, const char *state_file, char *path,
                                   size_t path_size) {
    if (!folder || !path) return fail_null();
    return tfcc_bundle_latest(&tfcc_default_allocator, folder,
                              state_file ? state_file : "checkpoint", path, path_size);
}
