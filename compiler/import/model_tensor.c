/* model_tensor.c: the elements of a tensor, wherever the file keeps them: as bytes, in one of five
 * lists of numbers, or in a file beside it. */
#include "import/model.h"

#include "import/wire.h"
#include "onnx.pb-c.h"
#include "support/checked.h"
#include "support/dtype.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* TensorProto's fields with elements. */
enum {
    FLOAT_DATA = 4,
    INT32_DATA = 5,
    INT64_DATA = 7,
    RAW_DATA = 9,
    DOUBLE_DATA = 10,
    UINT64_DATA = 11
};

/* By the number of TensorProto.DataType; the field that holds elements which are not raw. */
static const struct {
    const char *onnx_name, *name;
    uint32_t field;
} dtypes[] = {
    {"undefined", NULL, 0},
    {"float", "float32", FLOAT_DATA},
    {"uint8", "uint8", INT32_DATA},
    {"int8", "int8", INT32_DATA},
    {"uint16", "uint16", INT32_DATA},
    {"int16", "int16", INT32_DATA},
    {"int32", "int32", INT32_DATA},
    {"int64", "int64", INT64_DATA},
    {"string", NULL, 0},
    {"bool", "bool", INT32_DATA},
    {"float16", "float16", INT32_DATA},
    {"double", "float64", DOUBLE_DATA},
    {"uint32", "uint32", UINT64_DATA},
    {"uint64", "uint64", UINT64_DATA},
    {"complex64", NULL, 0},
    {"complex128", NULL, 0},
    {"bfloat16", "bfloat16", INT32_DATA},
    {"float8e4m3fn", "float8_e4m3fn", INT32_DATA},
    {"float8e4m3fnuz", "float8_e4m3fnuz", INT32_DATA},
    {"float8e5m2", "float8_e5m2", INT32_DATA},
    {"float8e5m2fnuz", "float8_e5m2fnuz", INT32_DATA},
    {"uint4", "uint4", INT32_DATA},
    {"int4", "int4", INT32_DATA},
};
enum { DTYPE_COUNT = sizeof dtypes / sizeof dtypes[0] };

tfcc_dtype onnx_dtype(int32_t type, const char **name) {
    if (type < 0 || type >= DTYPE_COUNT) {
        *name = "an unknown dtype";
        return TFCC_NONE;
    }
    *name = dtypes[type].onnx_name;
    return dtypes[type].name ? dtype_from_name(dtypes[type].name) : TFCC_NONE;
}

static uint32_t field_of(const OnnxTensor *tensor) {
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (strcmp(dtypes[i].onnx_name, tensor->dtype_name) == 0) return dtypes[i].field;
    return 0;
}

/* ---- From the message ---- */

/* A whole number below 2^63 in decimal. */
static bool parse_number(ProtobufCBinaryData text, uint64_t *number) {
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *number > (INT64_MAX - 9) / 10)
            return false;
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.len > 0;
}

static bool key_is(ProtobufCBinaryData key, const char *word) {
    return key.len == strlen(word) && memcmp(key.data, word, key.len) == 0;
}

static void convert_external(OnnxModel *model, const Onnx__Tensor *from, OnnxTensor *to) {
    for (size_t i = 0; i < from->n_external_data; i++) {
        const Onnx__Entry *entry = from->external_data[i];
        if (key_is(entry->key, "location")) {
            if (entry->value.len == 0 || memchr(entry->value.data, 0, entry->value.len))
                to->problem = "the path of its external data is empty, or no path";
            else
                to->location = arena_copy_text(model->arena, (const char *)entry->value.data,
                                               entry->value.len);
        } else if (key_is(entry->key, "offset")) {
            if (!parse_number(entry->value, &to->offset))
                to->problem = "the offset of its external data is no number";
        } else if (key_is(entry->key, "length")) {
            to->has_length = true;
            if (!parse_number(entry->value, &to->length))
                to->problem = "the length of its external data is no number";
        }
    }
    if (!to->location && !to->problem) to->problem = "its external data has no location";
}

static void convert_dims(OnnxModel *model, OnnxTensor *to, const int64_t *dims, size_t rank) {
    to->data.dtype = to->dtype;
    to->data.element_count = 1;
    if (rank > MAX_RANK) {
        to->problem = arena_format(
            model->arena, "it has %zu dimensions, and at most %d are possible", rank, MAX_RANK);
        return;
    }
    to->data.rank = (int)rank;
    int64_t bytes;
    bool has_zero = false;
    for (size_t i = 0; i < rank; i++) has_zero |= dims[i] == 0;
    for (size_t i = 0; i < rank; i++) {
        to->data.dims[i] = dims[i];
        if (dims[i] < 0) {
            to->problem = "it has a negative size";
            return;
        }
        if (!has_zero &&
            !checked_multiply(to->data.element_count, dims[i], &to->data.element_count)) {
            to->problem = "its sizes overflow 64 bits";
            return;
        }
    }
    if (has_zero) to->data.element_count = 0;
    if (!checked_multiply(to->data.element_count, 8, &bytes))
        to->problem = "its sizes overflow 64 bits";
}

void onnx_tensor_convert(OnnxModel *model, const Onnx__Tensor *from, OnnxTensor *to) {
    *to = (OnnxTensor){.name = onnx_text(model, from->name.data, from->name.len)};
    to->dtype = onnx_dtype(from->data_type, &to->dtype_name);
    convert_dims(model, to, from->dims, from->n_dims);
    if (from->first_cut + (uint64_t)from->cut_count <= model->cut_count) {
        to->cuts = model->cuts ? model->cuts + from->first_cut : NULL;
        to->cut_count = from->cut_count;
    }
    if (to->dtype == TFCC_NONE)
        to->problem = arena_format(
            model->arena, "its elements are %s, which tensors here cannot hold", to->dtype_name);
    else if (from->data_location == 1 && !to->problem)
        convert_external(model, from, to);
    else if (from->data_location != 0 && from->data_location != 1)
        to->problem = "its data is in a place that ONNX does not define";
}

/* ---- Numbers on the wire ---- */

typedef struct NumberReader {
    const WireCut *cut, *last;
    const uint8_t *at, *end;
} NumberReader;

static NumberReader read_numbers(const OnnxTensor *tensor) {
    NumberReader reader = {.cut = tensor->cuts, .last = tensor->cuts + tensor->cut_count};
    if (tensor->cut_count) {
        reader.at = reader.cut->bytes;
        reader.end = reader.at + reader.cut->length;
    }
    return reader;
}

static bool at_end(NumberReader *reader) {
    while (reader->cut < reader->last && reader->at == reader->end) {
        if (++reader->cut == reader->last) return true;
        reader->at = reader->cut->bytes;
        reader->end = reader->at + reader->cut->length;
    }
    return reader->cut == reader->last;
}

/* The next number's 64 bits: a varint, or `width` bytes. */
static bool next_number(NumberReader *reader, size_t width, uint64_t *bits) {
    uint64_t tag;
    if (at_end(reader)) return false;
    if (reader->cut->type != WIRE_LENGTH && !wire_varint(&reader->at, reader->end, &tag))
        return false;
    if (width == 0) return wire_varint(&reader->at, reader->end, bits);
    if ((size_t)(reader->end - reader->at) < width) return false;
    *bits = 0;
    memcpy(bits, reader->at, width); /* little-endian */
    reader->at += width;
    return true;
}

/* ---- Elements ---- */

static const ConstantData *refuse(OnnxModel *model, OnnxTensor *tensor, const char *why) {
    if (!tensor->problem) tensor->problem = why;
    onnx_error(model, "the tensor `%s` cannot be used: %s", tensor->name, tensor->problem);
    return NULL;
}

static bool is_four_bits(const OnnxTensor *tensor) {
    return dtype_bits(tensor->dtype) == 4;
}

/* Two elements a byte, the first in the low bits. */
static void *unpack_four_bits(Arena *arena, const OnnxTensor *tensor, const uint8_t *packed) {
    uint8_t *bytes = arena_alloc_array(arena, (size_t)tensor->data.element_count, 1);
    for (int64_t i = 0; i < tensor->data.element_count; i++) {
        uint8_t bits = (uint8_t)(packed[i / 2] >> (i % 2 ? 4 : 0) & 15);
        bytes[i] = dtype_is_signed(tensor->dtype) && bits > 7 ? (uint8_t)(bits | 0xf0) : bits;
    }
    return bytes;
}

/* How many bytes or numbers a file holds for it. */
static size_t stored_size(const OnnxTensor *tensor) {
    size_t count = (size_t)tensor->data.element_count;
    return is_four_bits(tensor) ? (count + 1) / 2 : count * dtype_size(tensor->dtype);
}

static const ConstantData *take_bytes(OnnxModel *model, OnnxTensor *tensor, const uint8_t *bytes) {
    tensor->data.size = (size_t)tensor->data.element_count * dtype_size(tensor->dtype);
    /* What inference may look into is aligned. */
    enum { LOOKED_INTO = 8192 };
    if (is_four_bits(tensor))
        tensor->data.bytes = unpack_four_bits(model->arena, tensor, bytes);
    else
        tensor->data.bytes = tensor->data.size > LOOKED_INTO
                                 ? bytes
                                 : arena_copy(model->arena, bytes, tensor->data.size);
    if (dtype_is_bool(tensor->dtype))
        for (size_t i = 0; i < tensor->data.size; i++)
            if (bytes[i] > 1) return refuse(model, tensor, "a bool in it is neither 0 nor 1");
    return &tensor->data;
}

/* A list of numbers, each an element, or a pair of 4-bit ones. */
static const ConstantData *take_numbers(OnnxModel *model, OnnxTensor *tensor, size_t width) {
    size_t size = is_four_bits(tensor) ? 1 : dtype_size(tensor->dtype),
           count = stored_size(tensor) / size;
    if (width == size && tensor->cut_count == 1 && tensor->cuts->type == WIRE_LENGTH) {
        if (tensor->cuts->length != count * size)
            return refuse(model, tensor, "its shape does not agree with its number of elements");
        return take_bytes(model, tensor, tensor->cuts->bytes);
    }
    size_t stored = 0;
    for (size_t i = 0; i < tensor->cut_count; i++) stored += tensor->cuts[i].length;
    if (stored <
        count) /* a number is a byte at least: nothing is allocated for what is not there */
        return refuse(model, tensor, "its shape does not agree with its number of elements");
    uint8_t *bytes = arena_alloc_array(model->arena, count, size);
    NumberReader reader = read_numbers(tensor);
    uint64_t bits;
    for (size_t i = 0; i < count; i++) {
        if (!next_number(&reader, width, &bits))
            return refuse(model, tensor, "its shape does not agree with its number of elements");
        if (dtype_is_bool(tensor->dtype)) bits = bits != 0;
        memcpy(bytes + i * size, &bits, size);
    }
    if (!at_end(&reader))
        return refuse(model, tensor, "its shape does not agree with its number of elements");
    return take_bytes(model, tensor, bytes);
}

/* ---- External data ---- */

typedef struct ExternalFile {
    const uint8_t *bytes;
    size_t size;
    const char *error;
} ExternalFile;

static const char *folder_of(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return ".";
    return slash == path ? "/" : arena_copy_text(arena, path, (size_t)(slash - path));
}

/* The path, checked to be inside the model's folder, symbolic links resolved. */
static const char *external_path(OnnxModel *model, const char *location, const char **error) {
    const char *folder = folder_of(model->arena, model->file->path);
    *error = "the path of its external data leaves the model's folder";
    if (location[0] == '/') return NULL;
    for (const char *at = location; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0')) return NULL;
    const char *path = arena_format(model->arena, "%s/%s", folder, location);
    char *real_folder = realpath(folder, NULL), *real_path = realpath(path, NULL);
    bool is_inside = true;
    if (real_folder && real_path) {
        size_t length = strlen(real_folder);
        is_inside = strncmp(real_folder, real_path, length) == 0 &&
                    (real_path[length] == '/' || real_folder[length - 1] == '/');
    }
    free(real_folder);
    free(real_path);
    if (!is_inside) return NULL;
    *error = NULL;
    return path;
}

static const ConstantData *take_external(OnnxModel *model, OnnxTensor *tensor) {
    bool is_new;
    MapEntry *entry =
        map_insert(&model->external_files, tensor->location, strlen(tensor->location), &is_new);
    if (is_new) {
        ExternalFile *file = entry->value = arena_alloc(model->arena, sizeof *file);
        const char *path = external_path(model, tensor->location, &file->error);
        if (path) {
            const char *why;
            file->bytes = onnx_map_file(model, path, &file->size, &why);
            if (!file->bytes)
                file->error = arena_format(model->arena,
                                           "its external data, %s, cannot be read: %s", path, why);
        }
    }
    const ExternalFile *file = entry->value;
    if (file->error) return refuse(model, tensor, file->error);
    size_t size = stored_size(tensor);
    if (tensor->has_length && tensor->length != size)
        return refuse(model, tensor,
                      "the length of its external data does not agree with its shape");
    if (tensor->offset > file->size || size > file->size - tensor->offset)
        return refuse(
            model, tensor,
            arena_format(
                model->arena,
                "its external data, bytes %llu to %llu, lies behind the end of %s, which has %zu",
                (unsigned long long)tensor->offset, (unsigned long long)(tensor->offset + size),
                tensor->location, file->size));
    return take_bytes(model, tensor, file->bytes + tensor->offset);
}

/* ---- Exported ---- */

const ConstantData *onnx_tensor_data(OnnxModel *model, OnnxTensor *tensor) {
    static const uint8_t nothing[1];
    if (tensor->data.bytes) return &tensor->data;
    if (tensor->problem) return refuse(model, tensor, NULL);
    if (tensor->location) return take_external(model, tensor);
    if (tensor->data.element_count == 0) return take_bytes(model, tensor, nothing);
    uint32_t field = tensor->cut_count ? tensor->cuts[0].field : RAW_DATA;
    for (size_t i = 1; i < tensor->cut_count; i++)
        if (tensor->cuts[i].field != field)
            return refuse(model, tensor, "its elements are in two places");
    if (field == RAW_DATA) {
        if (tensor->cut_count != 1 || tensor->cuts[0].length != stored_size(tensor))
            return refuse(model, tensor, "its shape does not agree with the bytes it has");
        return take_bytes(model, tensor, tensor->cuts[0].bytes);
    }
    if (field != field_of(tensor))
        return refuse(model, tensor, "its elements are in the list of another dtype");
    return take_numbers(model, tensor, field == FLOAT_DATA ? 4 : field == DOUBLE_DATA ? 8 : 0);
}

/* ---- Sparse tensors ---- */

enum { MOST_SPARSE_BYTES = 1 << 30 }; /* a few bytes of a file may ask for any size */

/* The linear index of entry i: given as such, or as one index a dimension; -1 outside. */
static int64_t sparse_index(const ConstantData *dense, const ConstantData *indices, int64_t i) {
    int64_t linear = 0, index;
    if (indices->rank == 1) {
        memcpy(&linear, (const char *)indices->bytes + i * 8, 8);
        return linear >= 0 && linear < dense->element_count ? linear : -1;
    }
    for (int d = 0; d < dense->rank; d++) {
        memcpy(&index, (const char *)indices->bytes + (i * dense->rank + d) * 8, 8);
        if (index < 0 || index >= dense->dims[d]) return -1;
        linear = linear * dense->dims[d] + index;
    }
    return linear;
}

static const char *fill_sparse(OnnxModel *model, OnnxTensor *to, const ConstantData *values,
                               const ConstantData *indices) {
    size_t size = dtype_size(to->dtype);
    bool fits = indices->dtype == TFCC_INT64 && values->rank == 1 &&
                (indices->rank == 1 || (indices->rank == 2 && indices->dims[1] == to->data.rank)) &&
                indices->dims[0] == values->element_count;
    if (!fits) return "its indices and values do not fit together";
    if (to->data.element_count > MOST_SPARSE_BYTES / (int64_t)size)
        return "it is sparse, and over 1 GiB when its zeros are written out";
    uint8_t *bytes = arena_alloc_array(model->arena, (size_t)to->data.element_count, size);
    for (int64_t i = 0; i < values->element_count; i++) {
        int64_t at = sparse_index(&to->data, indices, i);
        if (at < 0) return "an index in it is out of range";
        memcpy(bytes + (size_t)at * size, (const char *)values->bytes + (size_t)i * size, size);
    }
    to->data.size = (size_t)to->data.element_count * size;
    to->data.bytes = bytes;
    return NULL;
}

void onnx_sparse_convert(OnnxModel *model, const Onnx__SparseTensor *from, OnnxTensor *to) {
    OnnxTensor values, indices;
    *to = (OnnxTensor){.name = "", .dtype_name = "undefined"};
    if (!from->values || !from->indices) {
        to->problem = "it is sparse, and its values or indices are missing";
        return;
    }
    onnx_tensor_convert(model, from->values, &values);
    onnx_tensor_convert(model, from->indices, &indices);
    to->name = values.name;
    to->dtype = values.dtype;
    to->dtype_name = values.dtype_name;
    convert_dims(model, to, from->dims, from->n_dims);
    if (values.problem) to->problem = values.problem;
    if (to->problem) return;
    const ConstantData *of_values = onnx_tensor_data(model, &values);
    const ConstantData *of_indices = onnx_tensor_data(model, &indices);
    to->problem = of_values && of_indices ? fill_sparse(model, to, of_values, of_indices)
                                          : "its values or indices cannot be read";
}
