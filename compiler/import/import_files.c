/* import_files.c: the files an import leaves: the graph, and its weights as .safetensors. */
#include "import/import.h"
#include "support/dtype.h"
#include "support/output_file.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct Weight {
    const char *name;
    const ConstantData *data;
    size_t index;
} Weight;

/* Wide elements first, so that everything is aligned without a hole. */
static int compare_weights(const void *left, const void *right) {
    const Weight *a = left, *b = right;
    size_t of_a = dtype_size(a->data->dtype), of_b = dtype_size(b->data->dtype);
    if (of_a != of_b) return of_a > of_b ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* What safetensors cannot say is stored as bits; the graph names the dtype. */
static const char *stored_dtype(tfcc_dtype dtype) {
    const DtypeInfo *info = dtype_info(dtype);
    if (info->safetensors_name) return info->safetensors_name;
    return dtype_is_signed(dtype) ? "I8" : "U8";
}

static void add_json_text(Text *text, const char *bytes) {
    text_add_char(text, '"');
    for (; *bytes; bytes++) {
        if (*bytes == '"' || *bytes == '\\') text_add_char(text, '\\');
        text_add_char(text, *bytes);
    }
    text_add_char(text, '"');
}

static void add_header(Text *header, const Weight *weights, size_t count) {
    uint64_t offset = 0;
    text_add_char(header, '{');
    for (size_t i = 0; i < count; i++) {
        const ConstantData *data = weights[i].data;
        text_add(header, i ? "," : "");
        add_json_text(header, weights[i].name);
        text_add_format(header, ":{\"dtype\":\"%s\",\"shape\":[", stored_dtype(data->dtype));
        for (int d = 0; d < data->rank; d++)
            text_add_format(header, "%s%lld", d ? "," : "", (long long)data->dims[d]);
        text_add_format(header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)offset,
                        (unsigned long long)(offset + data->size));
        offset += data->size;
    }
    text_add_char(header, '}');
    while (header->length % 8 != 0) text_add_char(header, ' ');
}

/* In pieces, giving pages of the mapped model back as they have been written. */
static bool write_bytes(OutputFile *file, const uint8_t *bytes, size_t size) {
    enum { PIECE = 8 << 20 };
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t at = 0; at < size; at += PIECE) {
        size_t length = size - at < PIECE ? size - at : PIECE;
        if (!output_file_write(file, bytes + at, length)) return false;
        uintptr_t from = ((uintptr_t)(bytes + at) + page - 1) / page * page;
        uintptr_t to = (uintptr_t)(bytes + at + length) / page * page;
        /* Only a hint: pages that are private memory keep their contents. */
        if (length == PIECE && to > from) madvise((void *)from, to - from, MADV_COLD);
    }
    return true;
}

static bool write_weights(OutputFile *file, Arena *arena, const ImportResult *result) {
    size_t count = result->weight_count;
    Weight *weights = arena_alloc_array(arena, count, sizeof *weights);
    for (size_t i = 0; i < count; i++)
        weights[i] = (Weight){result->weight_names[i], result->weights[i], i};
    if (count) qsort(weights, count, sizeof *weights, compare_weights);
    Text header = {.arena = arena};
    add_header(&header, weights, count);
    uint64_t length = header.length;
    if (!output_file_write(file, &length, sizeof length) || /* little-endian */
        !output_file_write(file, header.bytes, header.length))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!write_bytes(file, weights[i].data->bytes, weights[i].data->size)) return false;
    return true;
}

bool import_write_files(Arena *arena, Diagnostics *diagnostics, const ImportResult *result,
                        const char *yaml_path, const char *weights_path) {
    OutputFile *yaml = output_file_open(arena, diagnostics, yaml_path), *weights = NULL;
    if (!yaml) return false;
    output_file_write(yaml, result->yaml, result->length);
    bool done = true;
    if (result->weight_count > 0) {
        weights = output_file_open(arena, diagnostics, weights_path);
        if (weights) write_weights(weights, arena, result);
        done = weights && output_file_finish(weights);
    }
    done = done && output_file_finish(yaml) && (!weights || output_file_commit(weights)) &&
           output_file_commit(yaml);
    if (!done) {
        output_file_abandon(yaml);
        if (weights) output_file_abandon(weights);
    }
    return done;
}
