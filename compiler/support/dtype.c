#include "support/dtype.h"

#include <string.h>

static const DtypeInfo table[] = {
#define DTYPE(enumerator, spelling, bits, size, kind, safetensors, npy, c_type, minimum, maximum,  \
              largest)                                                                             \
    {enumerator, spelling, bits,    size,   DTYPE_KIND_##kind, safetensors, npy,                   \
     c_type,     minimum,  maximum, largest},
#include "support/dtypes.def"
#undef DTYPE
};
enum { ROWS = sizeof table / sizeof table[0] };

const DtypeInfo *dtype_info(tfcc_dtype dtype) {
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].dtype == dtype) return &table[i];
    return NULL;
}

const DtypeInfo *dtype_table(size_t *count) {
    *count = ROWS;
    return table;
}

tfcc_dtype dtype_from_name(const char *name) {
    static const struct {
        const char *name;
        tfcc_dtype dtype;
    } aliases[] = {{"half", TFCC_FLOAT16}, {"float", TFCC_FLOAT32}, {"double", TFCC_FLOAT64}};
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(table[i].name, name) == 0) return table[i].dtype;
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(aliases[i].name, name) == 0) return aliases[i].dtype;
    return TFCC_NONE;
}

tfcc_dtype dtype_from_safetensors_name(const char *name) {
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].safetensors_name && strcmp(table[i].safetensors_name, name) == 0)
            return table[i].dtype;
    return TFCC_NONE;
}

static DtypeKind kind_of(tfcc_dtype dtype) {
    const DtypeInfo *info = dtype_info(dtype);
    return info ? info->kind : DTYPE_KIND_NONE;
}

const char *dtype_name(tfcc_dtype dtype) {
    const DtypeInfo *info = dtype_info(dtype);
    return info ? info->name : "none";
}

size_t dtype_size(tfcc_dtype dtype) {
    const DtypeInfo *info = dtype_info(dtype);
    return info ? info->size : 0;
}

int dtype_bits(tfcc_dtype dtype) {
    const DtypeInfo *info = dtype_info(dtype);
    return info ? info->bits : 0;
}

bool dtype_is_float(tfcc_dtype dtype) {
    return kind_of(dtype) == DTYPE_KIND_FLOAT;
}

bool dtype_is_signed(tfcc_dtype dtype) {
    return kind_of(dtype) == DTYPE_KIND_SIGNED;
}

bool dtype_is_unsigned(tfcc_dtype dtype) {
    return kind_of(dtype) == DTYPE_KIND_UNSIGNED;
}

bool dtype_is_integer(tfcc_dtype dtype) {
    return dtype_is_signed(dtype) || dtype_is_unsigned(dtype);
}

bool dtype_is_bool(tfcc_dtype dtype) {
    return kind_of(dtype) == DTYPE_KIND_BOOL;
}

bool dtype_is_float8(tfcc_dtype dtype) {
    return dtype_is_float(dtype) && dtype_bits(dtype) == 8;
}

bool dtype_is_narrow_float(tfcc_dtype dtype) {
    return dtype_is_float(dtype) && dtype_bits(dtype) < 32;
}

bool dtype_is_4_bit(tfcc_dtype dtype) {
    return dtype_bits(dtype) == 4;
}
