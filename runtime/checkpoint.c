/* checkpoint.c: a session's variables to and from checkpoints. */
#include "bundle_format.h"
#include <stdio.h>
#include <string.h>

/* The checkpoints that this session has saved and keeps, oldest first: texts one behind the other,
 * each with its NUL. */
typedef struct Saver {
    BundleMemory memory;
    BundleBuffer prefixes;
} Saver;

/* Which variables, under which keys: positions are those of the options' lists, or variables'
 * indices where there are none. */
typedef struct Selection {
    tfcc_session *session;
    const char *const *names, *const *keys;
    uint32_t *order;     /* positions, in ascending order of the keys */
    uint32_t *variables; /* by position: the variable's index in the model */
    size_t count, room;
} Selection;

static tfcc_status fail_argument(const char *what) {
    return tfcc_fail(TFCC_INVALID_ARGUMENT, "checkpoint: %s", what);
}

/* ---- which variables ---- */

static const tfcc_abi_variable *variable_at(const Selection *selection, uint32_t position) {
    return &selection->session->model->variables[selection->variables[position]];
}

static const char *key_at(const Selection *selection, uint32_t position) {
    return selection->keys ? selection->keys[position] : variable_at(selection, position)->name;
}

static bool key_before(const void *context, uint32_t a, uint32_t b) {
    return strcmp(key_at(context, a), key_at(context, b)) < 0;
}

/* Every variable at most once, `seen` telling which were there; keys in order, each once where they
 * are saved. */
static tfcc_status resolve(Selection *selection, uint32_t *seen, bool is_saved) {
    for (uint32_t i = 0; i < selection->count; i++) {
        const char *name = selection->names ? selection->names[i] : "";
        if (!name || (selection->keys && !selection->keys[i]))
            return fail_argument("an argument is NULL");
        uint32_t v = selection->names ? tfcc_variable_find(selection->session->model, name) : i;
        if (v == TFCC_ABI_NONE) return tfcc_fail(TFCC_NOT_FOUND, "there is no variable '%s'", name);
        if (seen[v]++)
            return tfcc_fail(TFCC_INVALID_ARGUMENT, "variable '%s' is listed twice", name);
        selection->variables[i] = v;
        selection->order[i] = i;
    }
    if (!is_saved) return TFCC_OK;
    tfcc_bundle_sort(selection->order, selection->count, key_before, selection);
    for (size_t i = 0; i < selection->count; i++) {
        const char *key = key_at(selection, selection->order[i]);
        if (!*key || (i && !key_before(selection, selection->order[i - 1], selection->order[i])))
            return tfcc_fail(TFCC_INVALID_ARGUMENT, "the key '%s' is empty, or there twice", key);
    }
    return TFCC_OK;
}

static void deselect(Selection *selection) {
    tfcc_release(&selection->session->allocator, selection->order, selection->room);
}

static tfcc_status select_variables(Selection *selection, tfcc_session *session,
                                    const char *const *names, const char *const *keys, size_t count,
                                    bool is_saved) {
    size_t total = session->model->variable_count;
    if (names ? count == 0 : count > 0 || keys)
        return fail_argument("the list of variables is empty");
    if (!names) count = total;
    *selection = (Selection){.session = session,
                             .names = names,
                             .keys = keys,
                             .count = count,
                             .room = (2 * count + total) * sizeof(uint32_t)};
    if (count > total) return fail_argument("a variable is listed twice");
    selection->order = tfcc_bundle_obtain(&session->allocator, selection->room);
    if (!selection->order) return TFCC_RESOURCE_EXHAUSTED;
    memset(selection->order, 0, selection->room);
    selection->variables = selection->order + count;
    tfcc_status status = resolve(selection, selection->variables + count, is_saved);
    if (status) deselect(selection);
    return status;
}

/* Copies as much of the caller's options as both sides know. */
static tfcc_status copy_options(void *copy, size_t size, const void *options) {
    size_t given = 0;
    memset(copy, 0, size);
    if (!options) return TFCC_OK;
    memcpy(&given, options, sizeof given);
    if (given < sizeof given || given > 4096)
        return fail_argument("set the options' size to that of their type");
    memcpy(copy, options, given < size ? given : size);
    return TFCC_OK;
}

/* ---- saving ---- */

/* Adds every variable, under the reader's side of the lock, so that all are of one moment. */
static tfcc_status add_variables(const Selection *selection, BundleWriter *writer) {
    tfcc_session *session = selection->session;
    tfcc_status status = TFCC_OK;
    for (size_t i = 0; i < selection->count && !status; i++) {
        uint32_t position = selection->order[i];
        const tfcc_abi_variable *variable = variable_at(selection, position);
        const tfcc_session_variable *value = &session->variables[selection->variables[position]];
        status = !value->has_value
                     ? tfcc_fail(TFCC_FAILED_PRECONDITION,
                                 "Attempting to use uninitialized value %s", variable->name)
                     : tfcc_bundle_add(writer, key_at(selection, position), variable->dtype,
                                       (int32_t)variable->rank, variable->shape, value->data,
                                       variable->bytes);
    }
    return status;
}

/* The list of what this session has saved, made when it is first needed. */
static Saver *get_saver(tfcc_session *session) {
    if (!session->saver) {
        Saver *saver = session->saver = tfcc_bundle_obtain(&session->allocator, sizeof *saver);
        if (!saver) return NULL;
        *saver =
            (Saver){.memory.allocator = &session->allocator, .prefixes.memory = &saver->memory};
    }
    return session->saver;
}

void tfcc_checkpoint_forget(tfcc_session *session) {
    Saver *saver = session->saver;
    if (!saver) return;
    tfcc_bundle_buffer_release(&saver->prefixes);
    tfcc_release(&session->allocator, saver, sizeof *saver);
}

/* Takes the prefix at `at` out of the list. */
static void forget_prefix(BundleBuffer *prefixes, char *at) {
    size_t length = strlen(at) + 1;
    char *end = (char *)prefixes->bytes + prefixes->size;
    memmove(at, at + length, (size_t)(end - at) - length);
    prefixes->size -= length;
}

/* The new checkpoint becomes the last of the list; then the state file is written, and at most one
 * checkpoint removed. As in TensorFlow, the list has the newest alone where everything stays. */
static tfcc_status record(Saver *saver, const char *prefix, const char *state_file, int32_t keep) {
    const tfcc_allocator *allocator = saver->memory.allocator;
    BundleBuffer *prefixes = &saver->prefixes;
    if (keep < 0) {
        prefixes->size = 0;
        keep = 1;
    }
    char *oldest = (char *)prefixes->bytes, *at = oldest;
    while (at < (char *)prefixes->bytes + prefixes->size)
        if (strcmp(at, prefix) == 0) {
            forget_prefix(prefixes, at);
        } else {
            at += strlen(at) + 1;
            keep--;
        }
    tfcc_bundle_append(prefixes, prefix, strlen(prefix) + 1); /* there is room */
    size_t removed = keep <= 0 ? strlen(oldest) + 1 : 0;
    tfcc_status status = TFCC_OK;
    if (*state_file)
        status = tfcc_bundle_write_state(allocator, state_file, oldest + removed,
                                         prefixes->size - removed);
    if (removed) {
        if (!status) tfcc_bundle_remove(allocator, oldest); /* as far as it is there */
        forget_prefix(prefixes, oldest);
    }
    return status;
}

/* Writes the checkpoint and what goes with it. */
static tfcc_status save_files(const Selection *selection, const char *prefix,
                              const char *state_file, const tfcc_save_options *options) {
    tfcc_session *session = selection->session;
    BundleWriter writer;
    Saver *saver = get_saver(session);
    /* Room for the list first: behind the commit, nothing fails for want of memory but the state
     * file. */
    if (!saver || !tfcc_bundle_reserve(&saver->prefixes, strlen(prefix) + 1)) {
        if (saver) saver->memory.status = TFCC_OK;
        return TFCC_RESOURCE_EXHAUSTED;
    }
    TFCC_TRY(tfcc_bundle_create(&writer, &session->allocator, prefix, options->fixed_data_file));
    tfcc_lock_acquire(&session->lock, false);
    tfcc_status status = add_variables(selection, &writer);
    tfcc_lock_release(&session->lock, false);
    if (!status) status = tfcc_bundle_commit(&writer);
    if (status) {
        tfcc_bundle_abandon(&writer);
        return status;
    }
    status = record(saver, prefix, state_file, options->max_to_keep ? options->max_to_keep : 5);
    tfcc_bundle_finish(&writer);
    return status;
}

/* Checks names, makes `made`, which has room, the prefix or PREFIX-STEP, and saves under it. */
static tfcc_status save_prefix(const Selection *selection, const char *prefix, char *made,
                               const tfcc_save_options *options) {
    tfcc_session *session = selection->session;
    const char *state_file = options->state_file ? options->state_file : "checkpoint";
    int length = options->global_step
                     ? sprintf(made, "%s-%lld", prefix, (long long)*options->global_step)
                     : sprintf(made, "%s", prefix);
    if (strchr(state_file, '/') ||
        (*state_file && strcmp(made + tfcc_bundle_folder_length(made), state_file) == 0))
        return fail_argument("a slash in the state file's name, or it is the prefix");
    if (options->path) {
        if ((size_t)length >= options->path_size) return fail_argument("the path does not fit");
        strcpy(options->path, made);
    }
    pthread_mutex_lock(&session->save_mutex);
    tfcc_status status = save_files(selection, made, state_file, options);
    pthread_mutex_unlock(&session->save_mutex);
    return status;
}

/* Stands before the data of a checkpoint in memory, so that freeing needs no session. */
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
    SavedHeader header = {session->allocator, TFCC_ALIGNMENT + (size_t)writer->offset};
    header.size += writer->table.size;
    char *block = tfcc_bundle_obtain(&session->allocator, header.size), *at = block;
    if (!block) return TFCC_RESOURCE_EXHAUSTED;
    memcpy(block, &header, sizeof header);
    at += TFCC_ALIGNMENT;
    *saved = (tfcc_saved){.data = at, .data_size = (size_t)writer->offset};
    for (size_t i = 0; i < selection->count; i++) {
        uint32_t position = selection->order[i];
        size_t bytes = variable_at(selection, position)->bytes;
        if (bytes) memcpy(at, session->variables[selection->variables[position]].data, bytes);
        at += bytes;
    }
    saved->index = memcpy(at, writer->table.bytes, writer->table.size);
    saved->index_size = writer->table.size;
    return TFCC_OK;
}

static tfcc_status save_memory(const Selection *selection, tfcc_saved *saved) {
    BundleWriter writer;
    tfcc_session *session = selection->session;
    TFCC_TRY(tfcc_bundle_create_memory(&writer, &session->allocator));
    tfcc_lock_acquire(&session->lock, false);
    tfcc_status status = build_saved(selection, &writer, saved);
    tfcc_lock_release(&session->lock, false);
    tfcc_bundle_abandon(&writer);
    return status;
}

/* To files, or to `saved`. */
static tfcc_status save(tfcc_session *session, const char *prefix, const tfcc_save_options *given,
                        tfcc_saved *saved) {
    tfcc_save_options options;
    Selection selection;
    if (!session || (!prefix && !saved)) return fail_argument("an argument is NULL");
    TFCC_TRY(copy_options(&options, sizeof options, given));
    TFCC_TRY(select_variables(&selection, session, options.variables, options.keys,
                              options.variable_count, true));
    tfcc_status status = TFCC_RESOURCE_EXHAUSTED;
    if (saved) {
        status = save_memory(&selection, saved);
    } else {
        size_t room = strlen(prefix) + 24;
        char *made = tfcc_bundle_obtain(&session->allocator, room);
        if (made) status = save_prefix(&selection, prefix, made, &options);
        tfcc_release(&session->allocator, made, room);
    }
    deselect(&selection);
    return status;
}

tfcc_status tfcc_save_with(tfcc_session *session, const char *prefix,
                           const tfcc_save_options *options) {
    return save(session, prefix, options, NULL);
}

tfcc_status tfcc_save(tfcc_session *session, const char *prefix) {
    return save(session, prefix, NULL, NULL);
}

tfcc_status tfcc_save_memory(tfcc_session *session, const tfcc_save_options *options,
                             tfcc_saved *saved) {
    if (saved) *saved = (tfcc_saved){0};
    return save(session, NULL, options, saved);
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
    if (tensor->dtype != variable->dtype)
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "'%s': tensor_name = %s; expected dtype %s does not equal original dtype "
                         "%s (%u)",
                         reader->label, key, tfcc_dtype_name((tfcc_dtype)variable->dtype),
                         tfcc_dtype_name((tfcc_dtype)tensor->dtype), (unsigned)tensor->dtype);
    int32_t rank = (int32_t)variable->rank;
    if (tensor->rank == rank &&
        memcmp(tensor->shape, variable->shape, sizeof(int64_t) * variable->rank) == 0)
        return TFCC_OK;
    if (tensor->rank > BUNDLE_RANK) tensor->rank = -1;
    return tfcc_fail(TFCC_INVALID_ARGUMENT,
                     "'%s': tensor_name = %s; Assign requires shapes of both tensors to match. "
                     "lhs shape= %s rhs shape= %s",
                     reader->label, key, tfcc_shape_text(expected, variable->shape, rank),
                     tfcc_shape_text(found, tensor->shape, tensor->rank));
}

/* Finds all, then reads all into spare buffers, then makes those the values; the last cannot fail.
 */
static tfcc_status restore_from(const Selection *selection, BundleReader *reader) {
    tfcc_session *session = selection->session;
    size_t count = selection->count;
    for (uint32_t step = 0; step < 3 * count; step++) {
        uint32_t i = step % (uint32_t)count, index = selection->variables[i];
        if (step >= 2 * count) {
            tfcc_variable_adopt(session, index);
            continue;
        }
        const tfcc_abi_variable *variable = variable_at(selection, i);
        BundleTensor tensor;
        TFCC_TRY(find_variable(reader, variable, key_at(selection, i), &tensor));
        if (step < count) continue;
        TFCC_TRY(tfcc_variable_stage(session, index));
        uint8_t *bytes = session->variables[index].spare;
        TFCC_TRY(tfcc_bundle_read(reader, &tensor, bytes));
        /* Any byte but 0 is true in a file; the kernels rely on 1. */
        for (size_t k = 0; variable->dtype == TFCC_BOOL && k < variable->bytes; k++)
            bytes[k] = bytes[k] != 0;
    }
    return TFCC_OK;
}

/* From files, or from memory where `prefix` is NULL. Another process may save under the same prefix
 * meanwhile and take the data away: then the new checkpoint is read. */
static tfcc_status restore(tfcc_session *session, const char *prefix, tfcc_bytes index,
                           const tfcc_bytes *shards, size_t shard_count,
                           const tfcc_restore_options *given) {
    tfcc_restore_options options;
    Selection selection;
    if (!session) return fail_argument("an argument is NULL");
    TFCC_TRY(copy_options(&options, sizeof options, given));
    TFCC_TRY(select_variables(&selection, session, options.variables, options.keys,
                              options.variable_count, false));
    tfcc_status status = TFCC_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        BundleReader reader;
        status = prefix ? tfcc_bundle_open(&reader, &session->allocator, prefix)
                        : tfcc_bundle_open_memory(&reader, &session->allocator, index, shards,
                                                  shard_count);
        if (status) break;
        tfcc_lock_acquire(&session->lock, true);
        status = restore_from(&selection, &reader);
        tfcc_lock_release(&session->lock, true);
        tfcc_bundle_close(&reader);
        if (!status || !prefix) break;
    }
    deselect(&selection);
    return status;
}

tfcc_status tfcc_restore_with(tfcc_session *session, const char *prefix,
                              const tfcc_restore_options *options) {
    if (!prefix) return fail_argument("an argument is NULL");
    return restore(session, prefix, (tfcc_bytes){0}, NULL, 0, options);
}

tfcc_status tfcc_restore(tfcc_session *session, const char *prefix) {
    return tfcc_restore_with(session, prefix, NULL);
}

tfcc_status tfcc_restore_memory(tfcc_session *session, tfcc_bytes index, const tfcc_bytes *shards,
                                size_t shard_count, const tfcc_restore_options *options) {
    if (!index.data || (shard_count > 0 && !shards)) return fail_argument("an argument is NULL");
    return restore(session, NULL, index, shards, shard_count, options);
}

tfcc_status tfcc_latest_checkpoint(const char *folder, const char *state_file, char *path,
                                   size_t path_size) {
    if (!folder || !path) return fail_argument("an argument is NULL");
    return tfcc_bundle_latest(&tfcc_default_allocator, folder,
                              state_file ? state_file : "checkpoint", path, path_size);
}
