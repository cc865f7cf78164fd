/* tensor_text.c: tensors as YAML in flow style. */
#include "command/tensor_text.h"

#include "support/dtype.h"
#include "support/half.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void add_real(Text *text, double value, int is_float32) {
    if (isnan(value))
        text_add(text, ".nan");
    else if (isinf(value))
        text_add(text, value < 0 ? "-.inf" : ".inf");
    else
        text_add_double(text, value, is_float32);
}

static void add_element(Text *text, tfcc_dtype dtype, const unsigned char *bytes) {
    union {
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } element;
    if (dtype_is_float(dtype)) {
        add_real(text, float_element_load(dtype, bytes), dtype != TFCC_FLOAT64);
        return;
    }
    memcpy(&element, bytes, dtype_size(dtype));
    switch (dtype) {
    case TFCC_BOOL: text_add(text, element.u8 ? "true" : "false"); break;
    case TFCC_INT4:
    case TFCC_INT8: text_add_format(text, "%d", element.i8); break;
    case TFCC_INT16: text_add_format(text, "%d", element.i16); break;
    case TFCC_INT32: text_add_format(text, "%" PRId32, element.i32); break;
    case TFCC_INT64: text_add_format(text, "%" PRId64, element.i64); break;
    case TFCC_UINT16: text_add_format(text, "%u", element.u16); break;
    case TFCC_UINT32: text_add_format(text, "%" PRIu32, element.u32); break;
    case TFCC_UINT64: text_add_format(text, "%" PRIu64, element.u64); break;
    default: text_add_format(text, "%u", element.u8); break;
    }
}

static const unsigned char *add_axis(Text *text, const tfcc_tensor *tensor, int axis,
                                     const unsigned char *bytes) {
    if (axis == tensor->rank) {
        add_element(text, tensor->dtype, bytes);
        return bytes + dtype_size(tensor->dtype);
    }
    text_add_char(text, '[');
    for (int64_t k = 0; k < tensor->shape[axis]; k++) {
        if (k) text_add(text, ", ");
        bytes = add_axis(text, tensor, axis + 1, bytes);
    }
    text_add_char(text, ']');
    return bytes;
}

void text_add_tensor(Text *text, const tfcc_tensor *tensor) {
    add_axis(text, tensor, 0, tensor->data);
}

static void add_quoted(Text *text, const char *name) {
    text_add_char(text, '"');
    for (const char *c = name; *c; c++) {
        if (*c == '"' || *c == '\\') text_add_char(text, '\\');
        text_add_char(text, *c);
    }
    text_add_char(text, '"');
}

void text_add_key(Text *text, const char *name) {
    static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off"};
    bool plain = isalpha((unsigned char)*name) || *name == '_';
    for (const char *c = name; *c && plain; c++)
        plain = isalnum((unsigned char)*c) || strchr("_./-:", *c);
    if (*name && name[strlen(name) - 1] == ':') plain = false;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strcasecmp(name, words[k]) == 0) plain = false;
    bool is_long = strlen(name) > 1000; /* YAML takes such a key only where it is announced */
    if (is_long) text_add(text, "? ");
    if (plain)
        text_add(text, name);
    else
        add_quoted(text, name);
    if (is_long) text_add_char(text, '\n');
}
