/* fuzz_checkpoint.c: the index of a checkpoint under libFuzzer.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I runtime/include -I runtime \
 *         tests/fuzz/fuzz_checkpoint.c runtime/[a-z]*.c -lm -lpthread -o fuzz_checkpoint
 *     ./fuzz_checkpoint
 *
 * The input is the contents of the one data block; the table around it has the right checksums, so
 * that the parser sees all of it. A first byte below 16 leaves everything as it is: then the input
 * is the whole index. */
#include "bundle_format.h"
#include "crc32c.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static size_t put_block(uint8_t *table, size_t at, const uint8_t *content, size_t size) {
    memcpy(table + at, content, size);
    at += size;
    table[at++] = 0;
    tfcc_bundle_put32(table + at,
                      tfcc_crc32c_mask(tfcc_crc32c(0, table + at - size - 1, size + 1)));
    return at + 4;
}

/* Data block, empty metaindex, index block of one entry, footer. */
static size_t make_table(uint8_t *table, const uint8_t *content, size_t size) {
    static const uint8_t empty[8] = {0, 0, 0, 0, 1};
    uint8_t index[64] = {0, 1}, *end = index + 4;
    size_t at = put_block(table, 0, content, size), metaindex = at;
    at = put_block(table, at, empty, sizeof empty);
    index[3] = 'z';
    end = tfcc_bundle_put_varint(end, 0);
    end = tfcc_bundle_put_varint(end, size);
    index[2] = (uint8_t)(end - index - 4);
    memset(end, 0, 8);
    end[4] = 1;
    size_t index_at = at, index_size = (size_t)(end + 8 - index);
    at = put_block(table, at, index, index_size);
    uint8_t *footer = table + at;
    memset(footer, 0, BUNDLE_FOOTER_SIZE);
    uint8_t *p = tfcc_bundle_put_varint(footer, metaindex);
    p = tfcc_bundle_put_varint(p, sizeof empty);
    p = tfcc_bundle_put_varint(p, index_at);
    tfcc_bundle_put_varint(p, index_size);
    tfcc_bundle_put32(footer + 40, (uint32_t)BUNDLE_MAGIC);
    tfcc_bundle_put32(footer + 44, (uint32_t)(BUNDLE_MAGIC >> 32));
    return at + BUNDLE_FOOTER_SIZE;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    static const uint8_t data[4096];
    const tfcc_bytes shards[2] = {{data, sizeof data}, {data, 16}};
    if (size == 0) return 0;
    uint8_t *table = malloc(size + 256);
    size_t table_size = size - 1;
    if (input[0] < 16)
        memcpy(table, input + 1, size - 1);
    else
        table_size = make_table(table, input + 1, size - 1);
    uint8_t *exact = malloc(table_size + !table_size);
    memcpy(exact, table, table_size);
    BundleReader reader;
    BundleSource source = {NULL, {exact, table_size}, shards, 2};
    if (!tfcc_bundle_open_source(&reader, &tfcc_default_allocator, &source)) {
        for (size_t i = 0; i < reader.record_count; i++) {
            BundleTensor tensor;
            tfcc_bundle_describe(&reader, &reader.records[i], &tensor);
            if (tensor.name[0] == '\0' || tfcc_bundle_read(&reader, &tensor, NULL)) continue;
            char *bytes = malloc((size_t)tensor.size + 1);
            tfcc_bundle_read(&reader, &tensor, bytes);
            free(bytes);
        }
        tfcc_bundle_close(&reader);
    }
    free(exact);
    free(table);
    return 0;
}
