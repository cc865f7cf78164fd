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
#include <string.h>

#define BLOCK_SIZE       262144
#define RESTART_INTERVAL 16

/* The keys of a protocol buffer's fields. */
#define BUNDLE_NUMBER(field)  ((field) << 3)
#define BUNDLE_BYTES(field)   ((field) << 3 | 2)
#define BUNDLE_FIXED32(field) ((field) << 3 | 5)

/* ---- the table ---- */

/* How many bytes a key shares with the block's last one. */
static uint32_t count_shared(const BundleBuffer *last, const char *key, size_t key_size) {
    uint32_t shared = 0;
    while (shared < last->size && shared < key_size && last->bytes[shared] == (uint8_t)key[shared])
        shared++;
    return shared;
}

/* Adds an entry; keys that share their beginning with the key before store the rest. */
static void block_add(BundleBlock *block, const char *key, size_t key_size, const uint8_t *value,
                      const uint8_t *value_end) {
    size_t shared = 0, value_size = (size_t)(value_end - value);
    BundleBuffer *content = &block->content, *last = &block->last_key;
    if (block->since_restart++ % block->interval == 0)
        tfcc_bundle_append32(&block->restarts, content->size);
    else
        shared = count_shared(last, key, key_size);
    uint8_t lengths[30], *end = tfcc_bundle_put_varint(lengths, shared);
    end = tfcc_bundle_put_varint(end, key_size - shared);
    end = tfcc_bundle_put_varint(end, value_size);
    tfcc_bundle_append(content, lengths, (size_t)(end - lengths));
    tfcc_bundle_append(content, key + shared, key_size - shared);
    tfcc_bundle_append(content, value, value_size);
    last->size = 0;
    tfcc_bundle_append(last, key, key_size);
}

/* Appends the block with its restart points and trailer to the table, and empties it. Its last key
 * stays. Stores the block's handle at `handle` and gives the byte behind it. */
static uint8_t *block_finish(BundleWriter *writer, BundleBlock *block, uint8_t *handle) {
    BundleBuffer *table = &writer->table;
    uint32_t start = table->size;
    if (block->restarts.size == 0) tfcc_bundle_append32(&block->restarts, 0);
    tfcc_bundle_append(table, block->content.bytes, block->content.size);
    tfcc_bundle_append(table, block->restarts.bytes, block->restarts.size);
    tfcc_bundle_append32(table, block->restarts.size / 4);
    handle = tfcc_bundle_put_varint(handle, start);
    handle = tfcc_bundle_put_varint(handle, table->size - start);
    tfcc_bundle_append(table, "", 1); /* not compressed */
    if (!writer->memory.status)
        tfcc_bundle_append32(
            table, tfcc_crc32c_mask(tfcc_crc32c(0, table->bytes + start, table->size - start)));
    block->content.size = block->restarts.size = block->since_restart = 0;
    return handle;
}

/* Shortens `last` to a key that is still at or above it and below `next` (NULL: the end of the
 * table). */
static void make_separator(BundleBuffer *last, const char *next, size_t next_size) {
    uint32_t i = 0;
    if (next) {
        i = count_shared(last, next, next_size);
        if (i == last->size || i == next_size || last->bytes[i] + 1 >= (uint8_t)next[i]) return;
    } else {
        while (i < last->size && last->bytes[i] == 0xff) i++;
        if (i == last->size) return;
    }
    last->bytes[i]++;
    last->size = i + 1;
}

/* Finishes a data block, now that the key behind it is known, and gives it its entry in the index
 * block. */
static void finish_data(BundleWriter *writer, const char *next, size_t next_size) {
    BundleBuffer *last = &writer->blocks[0].last_key;
    uint8_t handle[20], *end = block_finish(writer, &writer->blocks[0], handle);
    if (writer->memory.status) return;
    make_separator(last, next, next_size);
    block_add(&writer->blocks[1], (const char *)last->bytes, last->size, handle, end);
}

static tfcc_status table_finish(BundleWriter *writer) {
    /* the handles of the metaindex, which is empty, and of the index */
    uint8_t footer[BUNDLE_FOOTER_SIZE] = {0};
    finish_data(writer, NULL, 0);
    block_finish(writer, &writer->blocks[1], block_finish(writer, &writer->blocks[0], footer));
    tfcc_bundle_put32(footer + 40, (uint32_t)BUNDLE_MAGIC);
    tfcc_bundle_put32(footer + 44, (uint32_t)(BUNDLE_MAGIC >> 32));
    tfcc_bundle_append(&writer->table, footer, sizeof footer);
    return writer->memory.status;
}

/* ---- entries ---- */

/* A field whose number is zero is left out. */
static uint8_t *put_field(uint8_t *at, uint32_t key, uint64_t value) {
    if (value == 0) return at;
    *at++ = (uint8_t)key;
    return tfcc_bundle_put_varint(at, value);
}

tfcc_status tfcc_bundle_add(BundleWriter *writer, const char *name, uint32_t dtype, int32_t rank,
                            const int64_t *shape, const void *bytes, size_t size) {
    size_t name_size = strlen(name);
    const BundleBuffer *last = &writer->blocks[0].last_key;
    if (name_size > BUNDLE_NAME_MOST || rank > BUNDLE_RANK ||
        writer->table.size > BUNDLE_INDEX_MOST ||
        tfcc_bundle_compare_names(name, name_size, last->bytes, last->size) <= 0)
        return tfcc_fail(NAMED_TWICE, "key", name);
    if (writer->prefix) TFCC_TRY(tfcc_bundle_output_write(&writer->output, bytes, size));

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
    end = put_field(end, BUNDLE_NUMBER(3), writer->shard);
    end = put_field(end, BUNDLE_NUMBER(4), (uint64_t)writer->offset);
    end = put_field(end, BUNDLE_NUMBER(5), size);
    *end++ = BUNDLE_FIXED32(6);
    tfcc_bundle_put32(end, tfcc_crc32c_mask(tfcc_crc32c(0, bytes, size))); /* never left out */
    writer->offset += (int64_t)size;
    BundleBlock *block = &writer->blocks[0];
    if (block->content.size + block->restarts.size + 4 >= BLOCK_SIZE)
        finish_data(writer, name, name_size);
    block_add(block, name, name_size, value, end + 4);
    return writer->memory.status;
}

/* ---- files ---- */

/* How many data files the live checkpoint has; 0 where there is none, or it is damaged and so
 * nothing can be lost. */
static tfcc_status find_old_shards(BundleWriter *writer) {
    BundleReader old;
    tfcc_status status = tfcc_bundle_open(&old, writer->memory.allocator, writer->prefix);
    if (status == TFCC_OK) {
        writer->old_shard_count = old.shard_count;
        tfcc_bundle_close(&old);
    }
    const uint32_t lost = 1u << TFCC_NOT_FOUND | 1u << TFCC_DATA_LOSS | 1u << TFCC_UNIMPLEMENTED;
    return lost >> status & 1 ? TFCC_OK : status;
}

static tfcc_status open_files(BundleWriter *writer, bool fixed_name) {
    size_t length = strlen(writer->prefix);
    if (length == 0 || writer->prefix[length - 1] == '/') return tfcc_fail(PREFIX, writer->prefix);
    writer->output.path = tfcc_bundle_path(&writer->memory, writer->prefix, "");
    writer->output.temporary = tfcc_bundle_path(&writer->memory, writer->prefix, "");
    if (writer->memory.status) return writer->memory.status;
    writer->suffix = writer->output.path + length;
    TFCC_TRY(tfcc_bundle_make_folders(writer->output.path));
    TFCC_TRY(find_old_shards(writer));
    if (writer->old_shard_count == 1 && !fixed_name) writer->shard = 1;
    return tfcc_bundle_output_create(&writer->output);
}

tfcc_status tfcc_bundle_create(BundleWriter *writer, const tfcc_allocator *allocator,
                               const char *prefix, bool fixed_name) {
    *writer = (BundleWriter){.memory.allocator = allocator,
                             .prefix = prefix,
                             .output.descriptor = -1,
                             .blocks = {{.interval = RESTART_INTERVAL}, {.interval = 1}}};
    for (BundleBlock *block = writer->blocks; block < writer->blocks + 2; block++)
        block->content.memory = block->restarts.memory = block->last_key.memory = &writer->memory;
    writer->table.memory = &writer->memory;
    tfcc_status status = prefix ? open_files(writer, fixed_name) : TFCC_OK;
    writer->shard_count = writer->shard + 1;
    /* The key "" tells how many data files there are, and that this is version 1. */
    uint8_t header[] = {
        BUNDLE_NUMBER(1), (uint8_t)writer->shard_count, BUNDLE_BYTES(3), 2, BUNDLE_NUMBER(1), 1};
    block_add(&writer->blocks[0], "", 0, header, header + sizeof header);
    if (!status) status = writer->memory.status;
    if (status) tfcc_bundle_finish(writer);
    return status;
}

tfcc_status tfcc_bundle_commit(BundleWriter *writer) {
    TFCC_TRY(table_finish(writer));
    if (!writer->prefix) return TFCC_OK;
    tfcc_bundle_data_path(writer->suffix, writer->shard, writer->shard_count);
    TFCC_TRY(tfcc_bundle_output_end(&writer->output, TFCC_OK));
    strcpy(writer->suffix, ".index");
    TFCC_TRY(tfcc_bundle_output_all(&writer->output, &writer->table));
    writer->is_committed = true;
    return TFCC_OK;
}

void tfcc_bundle_finish(BundleWriter *writer) {
    if (writer->is_committed)
        tfcc_bundle_remove_data(writer->output.path, writer->suffix, writer->old_shard_count,
                                writer->old_shard_count == writer->shard_count ? writer->shard
                                                                               : UINT32_MAX);
    tfcc_bundle_output_end(&writer->output, TFCC_CANCELLED);
    tfcc_bundle_release(&writer->memory, NULL);
}
