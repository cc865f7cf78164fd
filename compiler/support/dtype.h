/* dtype.h: what the compiler knows about each dtype, from the one table dtypes.def.
 *
 * The enumerators are tfcc_dtype of <tfcc/runtime.h>, whose numbers are TensorFlow's DataType;
 * TFCC_NONE (0) and numbers that are no dtype are allowed everywhere and give NULL, 0 or false.
 */
#ifndef TFCC_SUPPORT_DTYPE_H
#define TFCC_SUPPORT_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tfcc/runtime.h>

typedef enum DtypeKind {
    DTYPE_KIND_NONE,
    DTYPE_KIND_BOOL,
    DTYPE_KIND_SIGNED,
    DTYPE_KIND_UNSIGNED,
    DTYPE_KIND_FLOAT,
} DtypeKind;

/* A row of dtypes.def; its columns are explained there. */
typedef struct DtypeInfo {
    tfcc_dtype dtype;
    const char *name;
    int bits;
    size_t size;
    DtypeKind kind;
    const char *safetensors_name, *npy_descr, *c_type;
    int64_t minimum;
    uint64_t maximum;
    double largest;
} DtypeInfo;

/* The row, or NULL. */
const DtypeInfo *dtype_info(tfcc_dtype dtype);
/* All rows, in the order of the table. */
const DtypeInfo *dtype_table(size_t *count);

/* By spelling; `half`, `float` and `double` are other names of float16, float32 and float64.
 * TFCC_NONE where there is none. */
tfcc_dtype dtype_from_name(const char *name);
/* By the name safetensors gives it; TFCC_NONE where there is none. */
tfcc_dtype dtype_from_safetensors_name(const char *name);
/* The spelling; "none" for TFCC_NONE and anything unknown. */
const char *dtype_name(tfcc_dtype dtype);

/* Bytes of an element of a tensor; 0 for no dtype. */
size_t dtype_size(tfcc_dtype dtype);
int dtype_bits(tfcc_dtype dtype);
bool dtype_is_float(tfcc_dtype dtype);
bool dtype_is_integer(tfcc_dtype dtype); /* signed or unsigned; not bool */
bool dtype_is_signed(tfcc_dtype dtype);  /* a signed integer */
bool dtype_is_unsigned(tfcc_dtype dtype);
bool dtype_is_bool(tfcc_dtype dtype);
bool dtype_is_float8(tfcc_dtype dtype);       /* one of the four 8-bit floats */
bool dtype_is_narrow_float(tfcc_dtype dtype); /* below 32 bits: computed in float32 */
bool dtype_is_4_bit(tfcc_dtype dtype);        /* int4 or uint4: computed in 8 bits */

#endif
