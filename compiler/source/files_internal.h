/* files_internal.h: what the readers of the file formats share. */
#ifndef TFCC_SOURCE_FILES_INTERNAL_H
#define TFCC_SOURCE_FILES_INTERNAL_H

#include "source/files.h"

/* A file that is read for a value: its bytes and where its errors go. */
typedef struct TensorFile {
    Arena *arena;
    Diagnostics *diagnostics;
    Place place;
    const char *path;
    const uint8_t *bytes;
    size_t size;
} TensorFile;

/* Maps a regular file for as long as the arena lives; false after a diagnostic. file->path, arena,
 * diagnostics, place are set. */
bool tensor_file_map(TensorFile *file);

/* `w.npy`: and the sentence; gives false. */
bool tensor_file_error(const TensorFile *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Fills in what follows from dtype, rank and dims of `data`: element_count and size. False after a
 * diagnostic where they overflow. */
bool tensor_file_measure(const TensorFile *file, ConstantData *data);

/* Lets `data` show `bytes`, in the file, as the dtype that is wanted: checks that it is that one
 * and its elements are in range; copies where they are not aligned. data->dtype is what the file
 * says, TFCC_NONE of `wanted` takes that. */
bool tensor_file_take(const TensorFile *file, tfcc_dtype wanted, const uint8_t *bytes,
                      ConstantData *data);

bool npy_parse(const TensorFile *file, tfcc_dtype wanted, ConstantData *data);
bool npy_is(const TensorFile *file);

/* A .safetensors file whose header has been checked whole. */
typedef struct Safetensors {
    Map tensors; /* name -> SafetensorsEntry */
} Safetensors;

typedef struct SafetensorsEntry {
    const char *name;
    const char *dtype_name;
    int bits; /* of an element */
    int rank; /* all sizes are checked; only the first MAX_RANK are kept */
    int64_t dims[MAX_RANK];
    uint64_t begin, end; /* in the file */
} SafetensorsEntry;

/* NULL after a diagnostic. */
const Safetensors *safetensors_parse(const TensorFile *file);
bool safetensors_take(const TensorFile *file, const SafetensorsEntry *entry, tfcc_dtype wanted,
                      ConstantData *data);

#endif
