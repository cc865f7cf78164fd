/* files.h: values from files: `{file: w.npy}`, `{file: weights.safetensors, tensor: fc1.weight}`,
 * `{checkpoint: model/model.ckpt, tensor: dense/kernel}`; and .npy files for `tfcc run`.
 *
 * Everything a file says is checked before anything is allocated or read by it: a damaged or
 * hostile file is an error at the place that names it. Nothing is converted: a file has the dtype
 * that is wanted, or it is an error. Dtypes that .npy lacks travel as their bits, bfloat16 as
 * uint16 and float8 as uint8, and int4 and uint4 as int8 and uint8; they are understood where they
 * are wanted.
 *
 * Data is mapped from the file where it can be used as it lies there, else copied; either way it
 * lasts as long as the arena.
 */
#ifndef TFCC_SOURCE_FILES_H
#define TFCC_SOURCE_FILES_H

#include "compilation.h"

/* A value in a file, as the model names it. */
typedef struct FileValue {
    Place place;      /* where errors are shown */
    const char *path; /* of the file, or the prefix of a checkpoint; relative to the YAML file, then
                         to the folders of -L */
    bool is_checkpoint;
    const char *tensor; /* NULL where none is given: right for .npy, and for a file of one tensor */
    tfcc_dtype dtype;   /* what it has to be; TFCC_NONE: what the file has */
} FileValue;

/* Finds and reads a value; false after a diagnostic. Files stay open, so that many values of one
 * file cost one look at it. Adds what is opened to compilation->read_files. */
bool file_read_tensor(Compilation *compilation, const FileValue *value, ConstantData *data);
/* Whether the file (opened the same way, with its errors) has a tensor of that name; silent about
 * the name. */
bool file_has_tensor(Compilation *compilation, const FileValue *value);
/* As the graph language says it: `{file: w.npy}`. */
const char *file_value_text(Arena *arena, const FileValue *value);

/* Reads one .npy file; `path` as it is. `place` may be {0}. */
bool npy_read(Arena *arena, Diagnostics *diagnostics, Place place, const char *path,
              tfcc_dtype wanted, ConstantData *data);

/* Writes a tensor (dense, in memory) as an .npy file, which appears whole or not at all; false
 * after a diagnostic. */
bool npy_write(Arena *arena, Diagnostics *diagnostics, const char *path, const tfcc_tensor *tensor);

#endif
