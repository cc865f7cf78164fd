/* bundle_write.c: writes a checkpoint so that, at every moment, the old or the new one is there.
 *
 * The first save of a prefix gives byte for byte what TensorFlow writes: the same blocks, restart
 * points and separators. A later one puts its data under the other of two names, and the rename of
 * the index is what changes the checkpoint:
 *
 *     no index, or one of several data files    P.data-00000-of-00001
 *     an index of one data file                 P.data-00001-of-00002 (TensorFlow never opens the
 * shard that is not there)
 */
#include "bundle_format.h"
#include "crc32c.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE       262144
#define RESTART_INTERVAL 16

/* The keys of a protocol buffer's fields. */
#define BUNDLE_NUMBER(field)  ((field) << 3)
#define BUNDLE_BYTES(field)   ((field) << 3 | 2)
#define BUNDLE_FIXED32(field) ((field) << 3 | 5)

/* ---- the table ---- */

/* Adds an entry; keys that share their beginning with the key before store the rest. */
static void block_add(BundleBlock *block, const uint8_t *key, size_t key_size, const uint8_t *value,
                      size_t value_size) {
    size_t shared = 0;
    BundleBuffer *last = &block->last_key;
    if (block->since_restart >= block->interval || block->restarts.size == 0) {
        tfcc_bundle_append32(&block->restarts, (uint32_t)block->content.size);
        block->since_restart = 0;
    } else {
        while (shared < last->size && shared < key_size && last->bytes[shared] == key[shared])
            shared++;
    }
    uint8_t lengths[30], *end = tfcc_bundle_put_varint(lengths, shared);
    end = tfcc_bundle_put_varint(end, key_size - shared);
    end = tfcc_bundle_put_varint(end, value_size);
    tfcc_bundle_append(&block->content, lengths, (size_t)(end - lengths));
    tfcc_bundle_append(&block->content, key + shared, key_size - shared);
    tfcc_bundle_append(&block->content, value, value_size);
    last->size = 0;
    block->since_restart++;
    tfcc_bundle_append(last, key, key_size);
}

/* Appends the block with its restart points and trailer to the table, and empties it. Its last key
 * stays. */
static void block_finish(BundleWriter *writer, BundleBlock *block, uint64_t handle[2]) {
    BundleBuffer *table = &writer->table;
    if (block->restarts.size == 0) tfcc_bundle_append32(&block->restarts, 0);
    handle[0] = table->size;
    tfcc_bundle_append(table, block->content.bytes, block->content.size);
    tfcc_bundle_append(table, block->restarts.bytes, block->restarts.size);
    tfcc_bundle_append32(table, (uint32_t)(block->restarts.size / 4));
    tfcc_bundle_append(table, "", 1); /* not compressed */
    if (writer->memory.status) return;
    handle[1] = table->size - handle[0] - 1;
    uint32_t checksum = tfcc_crc32c(0, table->bytes + handle[0], handle[1] + 1);
    tfcc_bundle_append32(table, tfcc_crc32c_mask(checksum));
    block->content.size = block->restarts.size = block->since_restart = 0;
}

/* Shortens `last` to a key that is still at or above it and below `next` (NULL: the end of the
 * table). */
static void make_separator(BundleBuffer *last, const uint8_t *next, size_t next_size) {
    size_t i = 0;
    if (next) {
        while (i < last->size && i < next_size && last->bytes[i] == next[i]) i++;
        if (i == last->size || i == next_size || last->bytes[i] == 0xff ||
            last->bytes[i] + 1 >= next[i])
            return;
    } else {
        while (i < last->size && last->bytes[i] == 0xff) i++;
        if (i == last->size) return;
    }
    last->bytes[i]++;
    last->size = i + 1;
}

/* Gives a finished block its entry in the index block, now that the key behind it is known. */
static void add_pending(BundleWriter *writer, const uint8_t *next, size_t next_size) {
    if (!writer->has_pending) return;
    writer->has_pending = false;
    BundleBuffer *last = &writer->block.last_key;
    make_separator(last, next, next_size);
    uint8_t handle[20], *end = tfcc_bundle_put_varint(handle, writer->pending[0]);
    end = tfcc_bundle_put_varint(end, writer->pending[1]);
    block_add(&writer->index_block, last->bytes, last->size, handle, (size_t)(end - handle));
}

static tfcc_status table_add(BundleWriter *writer, const char *name, size_t name_size,
                             const uint8_t *value, size_t value_size) {
    const uint8_t *key = (const uint8_t *)name;
    BundleBlock *block = &writer->block;
    add_pending(writer, key, name_size);
    block_add(block, key, name_size, value, value_size);
    if (block->content.size + block->restarts.size + 4 >= BLOCK_SIZE) {
        writer->has_pending = true;
        block_finish(writer, block, writer->pending);
    }
    return writer->memory.status;
}

static tfcc_status table_finish(BundleWriter *writer) {
    uint64_t handles[4]; /* offset and size of the metaindex, which is empty, and of the index */
    if (writer->block.content.size > 0) {
        block_finish(writer, &writer->block, writer->pending);
        writer->has_pending = true;
    }
    block_finish(writer, &writer->block, handles);
    add_pending(writer, NULL, 0);
    block_finish(writer, &writer->index_block, handles + 2);
    if (writer->memory.status) return writer->memory.status;
    uint8_t footer[BUNDLE_FOOTER_SIZE - 8] = {0}, *at = footer;
    for (int i = 0; i < 4; i++) at = tfcc_bundle_put_varint(at, handles[i]);
    tfcc_bundle_append(&writer->table, footer, sizeof footer);
    tfcc_bundle_append32(&writer->table, (uint32_t)BUNDLE_MAGIC);
    tfcc_bundle_append32(&writer->table, (uint32_t)(BUNDLE_MAGIC >> 32));
    return writer->memory.status;
}

/* ---- entries ---- */

/* A field whose number is zero is left out. */
static uint8_t *put_field(uint8_t *at, uint32_t key, uint64_t value) {
    if (value == 0) return at;
    return tfcc_bundle_put_varint(tfcc_bundle_put_varint(at, key), value);
}

/* The key "" tells how many data files there are, and that this is version 1. */
static tfcc_status add_header(BundleWriter *writer) {
    uint8_t value[] = {
        BUNDLE_NUMBER(1), (uint8_t)writer->shard_count, BUNDLE_BYTES(3), 2, BUNDLE_NUMBER(1), 1};
    return table_add(writer, "", 0, value, sizeof value);
}

tfcc_status tfcc_bundle_add(BundleWriter *writer, const char *name, uint32_t dtype, int32_t rank,
                            const int64_t *shape, const void *bytes, size_t size) {
    size_t name_size = strlen(name);
    const BundleBuffer *last = &writer->block.last_key;
    if (name_size > BUNDLE_NAME_MOST || rank > BUNDLE_RANK ||
        tfcc_bundle_compare_names(name, name_size, last->bytes, last->size) <= 0)
        return tfcc_fail(TFCC_INVALID_ARGUMENT, "checkpoint: '%s' cannot be the next name", name);
    int error = writer->prefix ? tfcc_bundle_write_all(writer->descriptor, bytes, size) : 0;
    if (error) return tfcc_bundle_fail_errno(error, "write the data of", writer->prefix);

    /* dtype, shape, shard, offset, size, checksum; the shape is there also when it is empty */
    uint8_t value[BUNDLE_RANK * 13 + 64], *end = put_field(value, BUNDLE_NUMBER(1), dtype);
    *end++ = BUNDLE_BYTES(2);
    uint8_t *shape_size = end++;
    for (int32_t i = 0; i < rank; i++) {
        *end++ = BUNDLE_BYTES(2);
        uint8_t *dim = end + 1;
        end = put_field(dim, BUNDLE_NUMBER(1), (uint64_t)shape[i]);
        dim[-1] = (uint8_t)(end - dim);
    }
    *shape_size = (uint8_t)(end - shape_size - 1); /* at most 8 * 13: one byte */
    end = put_field(end, BUNDLE_NUMBER(3), (uint64_t)writer->shard);
    end = put_field(end, BUNDLE_NUMBER(4), (uint64_t)writer->offset);
    end = put_field(end, BUNDLE_NUMBER(5), size);
    *end++ = BUNDLE_FIXED32(6);
    tfcc_bundle_put32(end, tfcc_crc32c_mask(tfcc_crc32c(0, bytes, size))); /* never 0 */
    writer->offset += (int64_t)size;
    return table_add(writer, name, name_size, value, (size_t)(end + 4 - value));
}

/* ---- files ---- */

static void release_writer(BundleWriter *writer) {
    BundleBlock *blocks[] = {&writer->block, &writer->index_block};
    for (int i = 0; i < 2; i++) {
        tfcc_bundle_buffer_release(&blocks[i]->content);
        tfcc_bundle_buffer_release(&blocks[i]->restarts);
        tfcc_bundle_buffer_release(&blocks[i]->last_key);
    }
    tfcc_bundle_buffer_release(&writer->table);
    tfcc_release(writer->memory.allocator, writer->path, 2 * writer->path_room);
    writer->memory.allocator = NULL;
}

static void start_writer(BundleWriter *writer, const tfcc_allocator *allocator,
                         const char *prefix) {
    *writer = (BundleWriter){
        .memory.allocator = allocator, .prefix = prefix, .descriptor = -1, .shard_count = 1};
    BundleBlock *blocks[] = {&writer->block, &writer->index_block};
    for (int i = 0; i < 2; i++) {
        BundleMemory *memory = &writer->memory;
        blocks[i]->content.memory = blocks[i]->restarts.memory = blocks[i]->last_key.memory =
            memory;
    }
    writer->table.memory = &writer->memory;
    writer->block.interval = RESTART_INTERVAL;
    writer->index_block.interval = 1;
}

/* How many data files the live checkpoint has; 0 where there is none, or it is damaged and so
 * nothing can be lost. */
static tfcc_status find_old_shards(BundleWriter *writer) {
    BundleReader old;
    tfcc_status status = tfcc_bundle_open(&old, writer->memory.allocator, writer->prefix);
    if (!status) {
        writer->old_shard_count = old.shard_count;
        tfcc_bundle_close(&old);
    }
    bool is_lost = status == TFCC_NOT_FOUND || status == TFCC_DATA_LOSS;
    return is_lost || status == TFCC_UNIMPLEMENTED ? TFCC_OK : status;
}

static tfcc_status open_files(BundleWriter *writer, bool fixed_name) {
    strcpy(writer->path, writer->prefix);
    TFCC_TRY(tfcc_bundle_make_folders(writer->path));
    TFCC_TRY(find_old_shards(writer));
    if (writer->old_shard_count == 1 && !fixed_name) {
        writer->shard = 1;
        writer->shard_count = 2;
    }
    return tfcc_bundle_create_temporary(writer->temporary, writer->prefix, &writer->descriptor);
}

tfcc_status tfcc_bundle_create_memory(BundleWriter *writer, const tfcc_allocator *allocator) {
    start_writer(writer, allocator, NULL);
    tfcc_status status = add_header(writer);
    if (status) tfcc_bundle_abandon(writer);
    return status;
}

tfcc_status tfcc_bundle_create(BundleWriter *writer, const tfcc_allocator *allocator,
                               const char *prefix, bool fixed_name) {
    size_t length = strlen(prefix);
    if (length == 0 || prefix[length - 1] == '/')
        return tfcc_fail(TFCC_INVALID_ARGUMENT,
                         "checkpoint prefix '%s' has no name after its folder", prefix);
    start_writer(writer, allocator, prefix);
    writer->path_room = length + BUNDLE_SUFFIX_ROOM;
    writer->path = tfcc_bundle_obtain(allocator, 2 * writer->path_room);
    tfcc_status status = TFCC_RESOURCE_EXHAUSTED;
    if (writer->path) {
        writer->temporary = writer->path + writer->path_room;
        *writer->temporary = '\0';
        status = open_files(writer, fixed_name);
    }
    if (!status) status = add_header(writer);
    if (status) tfcc_bundle_abandon(writer);
    return status;
}

tfcc_status tfcc_bundle_commit(BundleWriter *writer) {
    TFCC_TRY(table_finish(writer));
    if (!writer->prefix) return TFCC_OK;
    tfcc_bundle_data_path(writer->path, writer->prefix, writer->shard, writer->shard_count);
    int descriptor = writer->descriptor;
    writer->descriptor = -1;
    TFCC_TRY(tfcc_bundle_publish(descriptor, 0, writer->temporary, writer->path));
    sprintf(writer->path, "%s.index", writer->prefix);
    return tfcc_bundle_replace_file(writer->temporary, writer->path, writer->table.bytes,
                                    writer->table.size);
}

void tfcc_bundle_finish(BundleWriter *writer) {
    for (int32_t i = 0; i < writer->old_shard_count; i++) {
        if (i == writer->shard && writer->old_shard_count == writer->shard_count) continue;
        tfcc_bundle_data_path(writer->path, writer->prefix, i, writer->old_shard_count);
        unlink(writer->path);
    }
    release_writer(writer);
}

void tfcc_bundle_abandon(BundleWriter *writer) {
    if (!writer->memory.allocator) return;
    if (writer->descriptor >= 0) close(writer->descriptor);
    if (writer->path && *writer->temporary) unlink(writer->temporary);
    release_writer(writer);
}
