/* npy.c: numpy's .npy files.
 *
 *     93 "NUMPY" major minor | header length: u16 (version 1) or u32 (2, 3) | header | data
 *
 * The header is a Python literal, `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, of
 * which exactly this form is read: three keys in any order, no expressions. */
#include "source/files_internal.h"
#include "support/checked.h"
#include "support/dtype.h"
#include "support/output_file.h"
#include "support/text.h"
#include <errno.h>
#include <string.h>

static const char magic[] = "\x93NUMPY";
enum { MAGIC = 6, LONGEST_HEADER = 65536 };

bool npy_is(const TensorFile *file) {
    return file->size >= MAGIC && memcmp(file->bytes, magic, MAGIC) == 0;
}

/* ---- the header ---- */

typedef struct Header {
    const TensorFile *file;
    const char *at, *end;
    char descr[8];
    bool is_fortran;
    int rank;
    int64_t dims[MAX_RANK];
    bool has_descr, has_order, has_shape;
} Header;

static void skip_blank(Header *header) {
    while (header->at < header->end && strchr(" \t\n\r", *header->at) && *header->at) header->at++;
}

static bool take_char(Header *header, char wanted) {
    skip_blank(header);
    if (header->at == header->end || *header->at != wanted) return false;
    header->at++;
    return true;
}

static bool take_word(Header *header, const char *word) {
    size_t length = strlen(word);
    skip_blank(header);
    if ((size_t)(header->end - header->at) < length || memcmp(header->at, word, length) != 0)
        return false;
    header->at += length;
    return true;
}

/* A string without escapes, into `room`, NUL-terminated. */
static bool take_string(Header *header, char *room, size_t size) {
    char quote = take_char(header, '\'') ? '\'' : take_char(header, '"') ? '"' : '\0';
    if (!quote) return false;
    size_t length = 0;
    while (header->at < header->end && *header->at != quote) {
        if (*header->at == '\\' || length + 1 >= size) return false;
        room[length++] = *header->at++;
    }
    room[length] = '\0';
    return take_char(header, quote);
}

static bool take_size(Header *header, int64_t *size) {
    skip_blank(header);
    const char *start = header->at;
    int64_t value = 0;
    for (; header->at < header->end && *header->at >= '0' && *header->at <= '9'; header->at++)
        if (!checked_multiply(value, 10, &value) || !checked_add(value, *header->at - '0', &value))
            return tensor_file_error(header->file, "a size in its shape is too large");
    *size = value;
    return header->at > start;
}

/* `()`, `(3,)`, `(2, 3)`, `(2, 3,)` */
static bool take_shape(Header *header) {
    if (!take_char(header, '(')) return false;
    while (!take_char(header, ')')) {
        int64_t size = 0;
        if (!take_size(header, &size)) return false;
        if (header->rank == MAX_RANK)
            return tensor_file_error(header->file, "it has more than %d dimensions", MAX_RANK);
        header->dims[header->rank++] = size;
        bool more = take_char(header, ',');
        if (!more && header->rank == 1) return false; /* `(3)` is a number */
        if (!more && !take_char(header, ')')) return false;
        if (!more) return true;
    }
    return true;
}

static bool take_entry(Header *header) {
    char key[16];
    if (!take_string(header, key, sizeof key) || !take_char(header, ':')) return false;
    if (strcmp(key, "descr") == 0 && !header->has_descr) {
        header->has_descr = true;
        if (take_string(header, header->descr, sizeof header->descr)) return true;
        return tensor_file_error(header->file, "its elements are structures, not numbers");
    }
    if (strcmp(key, "fortran_order") == 0 && !header->has_order) {
        header->has_order = true;
        header->is_fortran = take_word(header, "True");
        return header->is_fortran || take_word(header, "False");
    }
    if (strcmp(key, "shape") == 0 && !header->has_shape) {
        header->has_shape = true;
        return take_shape(header);
    }
    return false;
}

static bool parse_header(Header *header) {
    size_t errors = diagnostics_error_count(header->file->diagnostics);
    bool good = take_char(header, '{'), closed = false;
    while (good && !closed) {
        closed = take_char(header, '}');
        if (closed) break;
        good = take_entry(header);
        if (good && !take_char(header, ',')) closed = good = take_char(header, '}');
    }
    skip_blank(header);
    if (good && header->at == header->end && header->has_descr && header->has_order &&
        header->has_shape)
        return true;
    if (diagnostics_error_count(header->file->diagnostics) > errors) return false;
    return tensor_file_error(header->file, "its header is damaged, or no .npy header");
}

/* `<f4`: byte order, kind, bytes. */
static bool parse_descr(const Header *header, tfcc_dtype *dtype, bool *is_swapped) {
    const char *descr = header->descr;
    size_t count;
    const DtypeInfo *rows = dtype_table(&count);
    *is_swapped = descr[0] == '>';
    char kind = descr[0] ? descr[1] : '\0';
    if (strchr("<>|=", descr[0]) && descr[0])
        for (size_t i = 0; i < count; i++) /* the first row of a descr is the dtype itself */
            if (strcmp(rows[i].npy_descr + 1, descr + 1) == 0 &&
                rows[i].npy_descr[1] == "ufib"[rows[i].kind == DTYPE_KIND_FLOAT    ? 1
                                               : rows[i].kind == DTYPE_KIND_SIGNED ? 2
                                               : rows[i].kind == DTYPE_KIND_BOOL   ? 3
                                                                                   : 0] &&
                rows[i].bits >= 8 && (descr[0] != '|' || rows[i].size == 1)) {
                *dtype = rows[i].dtype;
                return true;
            }
    return tensor_file_error(
        header->file, "its elements are `%s`, which is not supported%s", descr,
        kind == 'O'   ? ": they are pickled Python objects"
        : kind == 'V' ? ": save bfloat16 and the like as their bits, `array.view('uint16')`"
        : kind == 'c' ? ": they are complex numbers"
                      : "");
}

/* ---- data ---- */

static void copy_element(uint8_t *to, const uint8_t *from, size_t size, bool is_swapped) {
    for (size_t i = 0; i < size; i++) to[i] = from[is_swapped ? size - 1 - i : i];
}

/* Row-major, little-endian elements from either order and byte order: element (i0, i1, …) of a
 * Fortran array stands at i0 + d0 (i1 + d1 (i2 + …)). */
static const uint8_t *normalise(const TensorFile *file, const uint8_t *bytes,
                                const ConstantData *data, bool is_fortran, bool is_swapped) {
    size_t size = dtype_size(data->dtype);
    uint8_t *result = arena_alloc(file->arena, data->size);
    int64_t index[MAX_RANK] = {0}, stride[MAX_RANK], step = 1;
    for (int i = 0; i < data->rank; i++) {
        int axis = is_fortran ? i : data->rank - 1 - i;
        stride[axis] = step;
        step *= data->dims[axis]; /* at most element_count: there are elements when this is used */
    }
    int64_t from = 0;
    for (int64_t element = 0; element < data->element_count; element++) {
        copy_element(result + (size_t)element * size, bytes + (size_t)from * size, size,
                     is_swapped);
        for (int axis = data->rank - 1; axis >= 0; axis--) {
            from += stride[axis];
            if (++index[axis] < data->dims[axis]) break;
            from -= stride[axis] * data->dims[axis];
            index[axis] = 0;
        }
    }
    return result;
}

bool npy_parse(const TensorFile *file, tfcc_dtype wanted, ConstantData *data) {
    const uint8_t *bytes = file->bytes;
    if (!npy_is(file) || file->size < MAGIC + 4) return tensor_file_error(file, "is no .npy file");
    int version = bytes[MAGIC];
    if (version < 1 || version > 3)
        return tensor_file_error(file, "is an .npy file of version %d; 1 to 3 are supported",
                                 version);
    size_t start = MAGIC + (version == 1 ? 4 : 6);
    size_t length = bytes[MAGIC + 2] | (size_t)bytes[MAGIC + 3] << 8;
    if (version > 1 && file->size >= start)
        length |= (size_t)bytes[MAGIC + 4] << 16 | (size_t)bytes[MAGIC + 5] << 24;
    if (file->size < start || length > file->size - start || length > LONGEST_HEADER)
        return tensor_file_error(file, "its header is cut short, or too long");
    Header header = {.file = file,
                     .at = (const char *)bytes + start,
                     .end = (const char *)bytes + start + length};
    bool is_swapped = false;
    *data = (ConstantData){0};
    if (!parse_header(&header) || !parse_descr(&header, &data->dtype, &is_swapped)) return false;
    data->rank = header.rank;
    memcpy(data->dims, header.dims, sizeof data->dims);
    if (!tensor_file_measure(file, data)) return false;
    start += length;
    if (data->size > file->size - start)
        return tensor_file_error(file, "is cut short: its shape needs %zu bytes, %zu are there",
                                 data->size, file->size - start);
    const uint8_t *elements = bytes + start;
    is_swapped = is_swapped && dtype_size(data->dtype) > 1;
    bool is_transposed = header.is_fortran && header.rank > 1;
    if (data->element_count > 0 && (is_swapped || is_transposed))
        elements = normalise(file, elements, data, is_transposed, is_swapped);
    return tensor_file_take(file, wanted, elements, data);
}

/* ---- writing ---- */

/* The header is filled with spaces so that the data starts at a multiple of 64. */
static const char *make_header(Arena *arena, const tfcc_tensor *tensor, size_t *length) {
    Text text = {.arena = arena};
    text_add_format(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                    dtype_info(tensor->dtype)->npy_descr);
    for (int i = 0; i < tensor->rank; i++)
        text_add_format(&text, "%s%lld", i ? ", " : "", (long long)tensor->shape[i]);
    text_add(&text, tensor->rank == 1 ? ",), }" : "), }");
    while ((MAGIC + 4 + text.length + 1) % 64 != 0) text_add_char(&text, ' ');
    text_add_char(&text, '\n');
    *length = text.length;
    return text.bytes;
}

bool npy_write(Arena *arena, Diagnostics *diagnostics, const char *path,
               const tfcc_tensor *tensor) {
    OutputFile *file = output_file_open(arena, diagnostics, path);
    if (!file) return false;
    size_t length, size = dtype_size(tensor->dtype);
    for (int i = 0; i < tensor->rank; i++) size *= (size_t)tensor->shape[i];
    const char *header = make_header(arena, tensor, &length);
    uint8_t start[MAGIC + 4];
    memcpy(start, magic, MAGIC);
    start[MAGIC] = 1, start[MAGIC + 1] = 0;
    start[MAGIC + 2] = (uint8_t)length, start[MAGIC + 3] = (uint8_t)(length >> 8);
    output_file_write(file, start, sizeof start);
    output_file_write(file, header, length);
    output_file_write(file, tensor->data, size);
    return output_file_commit(file);
}
