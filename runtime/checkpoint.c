/* checkpoint.c: a session's variables to and from checkpoints. */
#include "bundle_format.h"
#include <stdio.h>
#include <string.h>

/* The checkpoints that a session has saved and keeps, oldest first: texts one behind the other,
 * each with its NUL. */
typedef struct Saver {
    size_t room, size; /* of all of it, and of the texts */
    char prefixes[];
} Saver;

/* A variable, and the key it has in the checkpoint. */
typedef struct Item {
    const char *key;
    const tfcc_abi_variable *variable;
    tfcc_session_variable *value;
    uint32_t index;
} Item;

/* What a save or a restore is about. A restore's options are the first of a save's. */
typedef struct Selection {
    tfcc_session *session;
    BundleMemory memory;
    const void **items; /* in ascending order of keys */
    size_t count;
    tfcc_save_options options;
} Selection;

_Static_assert(offsetof(tfcc_save_options, keys) == offsetof(tfcc_restore_options, keys),
               "a restore's options are the first of a save's");

/* ---- which variables ---- */

static bool key_before(const void *a, const void *b) {
    return strcmp(((const Item *)a)->key, ((const Item *)b)->key) < 0;
}

/* Every variable at most once, so that there is room for all. */
static tfcc_status fill_items(Selection *selection, Item *item) {
    const tfcc_save_options *options = &selection->options;
    tfcc_session *session = selection->session;
    const Item *first = item;
    for (uint32_t i = 0; i < selection->count; i++, item++) {
        uint32_t index = i;
        if (options->variables) {
            const char *name = options->variables[i];
            if (!name) return tfcc_fail_null();
            index = tfcc_variable_find(session->model, name);
            if (index == TFCC_ABI_NONE)
                return tfcc_fail(NO_NAME, session->model->name, "variable", name);
            for (const Item *other = first; other < item; other++)
                if (other->index == index) return tfcc_fail(NAMED_TWICE, "variable", name);
        }
        item->index = index;
        item->variable = &session->model->variables[index];
        item->value = &session->variables[index];
        item->key = options->keys ? options->keys[i] : item->variable->name;
        if (!item->key) return tfcc_fail_null();
        selection->items[i] = item;
    }
    tfcc_bundle_sort(selection->items, selection->count, key_before);
    return TFCC_OK;
}

/* Copies as much of the caller's options as both sides know, and finds the variables. The
 * selection's memory has to be released in any case. */
static tfcc_status select_variables(Selection *selection, tfcc_session *session,
                                    const void *given) {
    size_t total = session->model->variable_count;
    tfcc_save_options *options = &selection->options;
    memset(selection, 0, sizeof *selection);
    selection->session = session;
    selection->memory.allocator = &session->allocator;
    selection->count = total;
    TFCC_TRY(tfcc_read_options(given, options, sizeof *options));
    if (options->variables) selection->count = options->variable_count;
    if (options->variables ? selection->count == 0 : options->variable_count || options->keys)
        return tfcc_fail(LIST_EMPTY);
    selection->items = tfcc_bundle_obtain(&selection->memory, total * sizeof *selection->items);
    Item *items = tfcc_bundle_obtain(&selection->memory, total * sizeof *items);
    return selection->memory.status ? selection->memory.status : fill_items(selection, items);
}

/* ---- saving ---- */

/* Adds every variable, each key once. */
static tfcc_status add_variables(const Selection *selection, BundleWriter *writer) {
    for (size_t i = 0; i < selection->count; i++) {
        const Item *item = selection->items[i];
        const tfcc_abi_variable *variable = item->variable;
        if (!item->value->has_value) return tfcc_fail(UNINITIALIZED, variable->name);
        TFCC_TRY(tfcc_bundle_add(writer, item->key, variable->dtype, (int32_t)variable->rank,
                                 variable->shape, item->value->data, variable->bytes));
    }
    return TFCC_OK;
}

void tfcc_checkpoint_forget(tfcc_session *session) {
    Saver *saver = session->saver;
    if (saver) tfcc_release(&session->allocator, saver, saver->room);
}

/* One block: data, index. */
static tfcc_status build_saved(const Selection *selection, BundleWriter *writer,
                               tfcc_saved *saved) {
    tfcc_block block;
    TFCC_TRY(tfcc_bundle_commit(writer));
    size_t data_size = (size_t)writer->offset, index_size = writer->table.size;
    TFCC_TRY(tfcc_block_obtain(&selection->session->allocator, data_size + index_size, &block));
    char *at = block.data;
    for (size_t i = 0; i < selection->count; i++) {
        const Item *item = selection->items[i];
        size_t bytes = item->variable->bytes;
        if (bytes) memcpy(at, item->value->data, bytes);
        at += bytes;
    }
    memcpy(at, writer->table.bytes, index_size);
    *saved = (tfcc_saved){at, index_size, block.data, data_size};
    return TFCC_OK;
}

/* The new checkpoint becomes the last of the session's list; then the state file is written, and at
 * most one checkpoint removed. As in TensorFlow, the list has the newest alone where everything
 * stays. */
static tfcc_status record(const Selection *selection, const char *prefix, const char *state_file) {
    tfcc_session *session = selection->session;
    const Saver *before = session->saver;
    int32_t keep = selection->options.max_to_keep ? selection->options.max_to_keep : 5;
    size_t room = sizeof *before + (before ? before->size : 0) + strlen(prefix) + 1;
    Saver *list = tfcc_obtain(&session->allocator, room);
    if (!list) return TFCC_RESOURCE_EXHAUSTED;
    char *oldest = list->prefixes, *end = oldest;
    if (keep < 0) before = NULL, keep = 1;
    if (before)
        for (const char *at = before->prefixes; at < before->prefixes + before->size;
             at += strlen(at) + 1)
            if (strcmp(at, prefix) != 0) {
                end = stpcpy(end, at) + 1;
                keep--;
            }
    end = stpcpy(end, prefix) + 1;
    char *kept = keep <= 0 ? oldest + strlen(oldest) + 1 : oldest;
    tfcc_checkpoint_forget(session);
    session->saver = list;
    list->room = room;
    list->size = (size_t)(end - kept);
    tfcc_status status = TFCC_OK;
    if (*state_file)
        status = tfcc_bundle_write_state(&session->allocator, state_file, kept, list->size);
    if (kept != oldest && !status)
        tfcc_bundle_remove(&session->allocator, oldest); /* as far as it is there */
    memmove(oldest, kept, list->size);
    return status;
}

/* Writes the checkpoint and what goes with it, or (where `prefix` is NULL) to `saved`. Variables are
 * read under the reader's side of the lock, so that all are of one moment. */
static tfcc_status write_checkpoint(const Selection *selection, const char *prefix,
                                    const char *state_file, tfcc_saved *saved) {
    tfcc_session *session = selection->session;
    BundleWriter writer;
    TFCC_TRY(tfcc_bundle_create(&writer, &session->allocator, prefix,
                                selection->options.fixed_data_file));
    tfcc_lock_acquire(&session->lock, false);
    tfcc_status status = add_variables(selection, &writer);
    if (!status && !prefix) status = build_saved(selection, &writer, saved);
    tfcc_lock_release(&session->lock, false);
    if (!status && prefix) status = tfcc_bundle_commit(&writer);
    if (!status && prefix) status = record(selection, prefix, state_file);
    tfcc_bundle_finish(&writer);
    return status;
}

/* Checks names, makes the prefix or PREFIX-STEP, and saves under it. */
static tfcc_status save_prefix(Selection *selection, const char *prefix) {
    const tfcc_save_options *options = &selection->options;
    const char *state_file = options->state_file ? options->state_file : "checkpoint";
    char step[24] = "";
    if (options->global_step) sprintf(step, "-%lld", (long long)*options->global_step);
    char *made = tfcc_bundle_path(&selection->memory, prefix, step);
    if (!made) return TFCC_RESOURCE_EXHAUSTED;
    if (strchr(state_file, '/') ||
        (*state_file && strcmp(made + tfcc_bundle_folder_length(made), state_file) == 0))
        return tfcc_fail(STATE_FILE_NAME, state_file);
    if (options->path) {
        if (strlen(made) >= options->path_size)
            return tfcc_fail(PATH_ROOM, made, options->path_size);
        strcpy(options->path, made);
    }
    pthread_mutex_lock(&selection->session->save_mutex);
    tfcc_status status = write_checkpoint(selection, made, state_file, NULL);
    pthread_mutex_unlock(&selection->session->save_mutex);
    return status;
}

/* To files, or to `saved`. */
static tfcc_status save(tfcc_session *session, const char *prefix, const tfcc_save_options *options,
                        tfcc_saved *saved) {
    Selection selection;
    if (!session || (!prefix && !saved)) return tfcc_fail_null();
    tfcc_status status = select_variables(&selection, session, options);
    if (!status)
        status = prefix ? save_prefix(&selection, prefix)
                        : write_checkpoint(&selection, NULL, NULL, saved);
    tfcc_bundle_release(&selection.memory, NULL);
    return status;
}

tfcc_status tfcc_save_with(tfcc_session *session, const char *prefix,
                           const tfcc_save_options *options) {
    return save(session, prefix, options, NULL);
}

tfcc_status tfcc_save(tfcc_session *session, const char *prefix) {
    return tfcc_save_with(session, prefix, NULL);
}

tfcc_status tfcc_save_memory(tfcc_session *session, const tfcc_save_options *options,
                             tfcc_saved *saved) {
    if (saved) *saved = (tfcc_saved){0};
    return save(session, NULL, options, saved);
}

void tfcc_saved_free(tfcc_saved *saved) {
    if (!saved || !saved->data) return;
    /* The block's shape, which is not used, stands before its data. */
    tfcc_block block = {.shape = (int64_t *)saved->data - TFCC_MAX_RANK, .data = saved->data};
    tfcc_block_release(&block);
    *saved = (tfcc_saved){0};
}

/* ---- restoring ---- */

/* Finds what a variable becomes, and compares dtype and shape. */
static tfcc_status find_value(BundleReader *reader, const Item *item, BundleTensor *tensor) {
    const tfcc_abi_variable *variable = item->variable;
    TFCC_TRY(tfcc_bundle_find(reader, item->key, tensor));
    if (tensor->dtype != variable->dtype)
        return tfcc_fail(CHECKPOINT_DTYPE, reader->label, item->key,
                         tfcc_dtype_name((tfcc_dtype)variable->dtype),
                         tfcc_dtype_name((tfcc_dtype)tensor->dtype), (unsigned)tensor->dtype);
    int32_t rank = (int32_t)variable->rank;
    if (tensor->rank == rank &&
        memcmp(tensor->shape, variable->shape, sizeof(int64_t) * variable->rank) == 0)
        return TFCC_OK;
    if (tensor->rank > BUNDLE_RANK) tensor->rank = -1;
    return tfcc_fail(CHECKPOINT_SHAPE, reader->label, item->key,
                     tfcc_shape_text(variable->shape, rank),
                     tfcc_shape_text(tensor->shape, tensor->rank));
}

/* What kernels rely on: a bool is 0 or 1, where any other byte is true in a file, and an int4 a byte
 * of its value, of which TensorFlow leaves the upper half empty (and reads either). */
static void settle_bytes(const BundleTensor *tensor, uint8_t *bytes) {
    for (int64_t k = 0; tensor->dtype == TFCC_BOOL && k < tensor->size; k++)
        bytes[k] = bytes[k] != 0;
    for (int64_t k = 0; tensor->dtype == TFCC_INT4 && k < tensor->size; k++)
        bytes[k] = (uint8_t)(((bytes[k] & 15) ^ 8) - 8);
}

/* Reads all into spare buffers, then makes those the values, which cannot fail. */
static tfcc_status restore_from(const Selection *selection, BundleReader *reader) {
    tfcc_session *session = selection->session;
    for (size_t i = 0; i < selection->count; i++) {
        const Item *item = selection->items[i];
        BundleTensor tensor;
        TFCC_TRY(find_value(reader, item, &tensor));
        TFCC_TRY(tfcc_variable_stage(session, item->index));
        TFCC_TRY(tfcc_bundle_read(reader, &tensor, item->value->spare));
        settle_bytes(&tensor, item->value->spare);
    }
    for (size_t i = 0; i < selection->count; i++)
        tfcc_variable_adopt(session, ((const Item *)selection->items[i])->index);
    return TFCC_OK;
}

/* Another process may save under the same prefix meanwhile and take the data away: then the new
 * checkpoint is read. */
static tfcc_status restore(tfcc_session *session, const BundleSource *source,
                           const tfcc_restore_options *options) {
    Selection selection;
    if (!session) return tfcc_fail_null();
    tfcc_status status = select_variables(&selection, session, options);
    bool is_done = status != TFCC_OK;
    for (int attempt = 0; !is_done && attempt < 2; attempt++) {
        BundleReader reader;
        status = tfcc_bundle_open_source(&reader, &session->allocator, source);
        if (status) break;
        tfcc_lock_acquire(&session->lock, true);
        status = restore_from(&selection, &reader);
        tfcc_lock_release(&session->lock, true);
        tfcc_bundle_close(&reader);
        is_done = status == TFCC_OK;
    }
    tfcc_bundle_release(&selection.memory, NULL);
    return status;
}

tfcc_status tfcc_restore_with(tfcc_session *session, const char *prefix,
                              const tfcc_restore_options *options) {
    BundleSource source = {.prefix = prefix};
    return prefix ? restore(session, &source, options) : tfcc_fail_null();
}

tfcc_status tfcc_restore(tfcc_session *session, const char *prefix) {
    return tfcc_restore_with(session, prefix, NULL);
}

tfcc_status tfcc_restore_memory(tfcc_session *session, tfcc_bytes index, const tfcc_bytes *shards,
                                size_t shard_count, const tfcc_restore_options *options) {
    BundleSource source = {.index = index, .shards = shards, .shard_count = shard_count};
    if (!index.data || (shard_count > 0 && !shards)) return tfcc_fail_null();
    return restore(session, &source, options);
}

tfcc_status tfcc_latest_checkpoint(const char *folder, const char *state_file, char *path,
                                   size_t path_size) {
    if (!folder || !path) return tfcc_fail_null();
    return tfcc_bundle_latest(&tfcc_default_allocator, folder,
                              state_file ? state_file : "checkpoint", path, path_size);
}
