/* bundle_format.h: what reading and writing bundles share: growing buffers, little-endian numbers,
 * protocol buffers, files. */
#ifndef TFCC_RUNTIME_BUNDLE_FORMAT_H
#define TFCC_RUNTIME_BUNDLE_FORMAT_H

#include "bundle.h"
#include "internal.h"

#pragma GCC visibility push(hidden)

#define BUNDLE_FOOTER_SIZE  48
#define BUNDLE_TRAILER_SIZE 5 /* behind each block: compression and checksum */
#define BUNDLE_MAGIC        0xdb4775248b80fb57u
#define BUNDLE_SUFFIX_ROOM  48 /* what a path needs more than its prefix */

/* ---- memory ---- */

/* Memory, or NULL after the message has been set. */
void *tfcc_bundle_obtain(const tfcc_allocator *allocator, size_t size);

/* Makes room behind a buffer whose `memory` is set; a failure is also left in its status. */
bool tfcc_bundle_reserve(BundleBuffer *buffer, size_t more);
void tfcc_bundle_append(BundleBuffer *buffer, const void *bytes, size_t size);
void tfcc_bundle_append32(BundleBuffer *buffer, uint32_t value);
void tfcc_bundle_buffer_release(BundleBuffer *buffer);

/* Sorts `order`, indices of something that `context` leads to. In place: no memory, no recursion,
 * never quadratic. */
void tfcc_bundle_sort(uint32_t *order, size_t count,
                      bool (*before)(const void *context, uint32_t a, uint32_t b),
                      const void *context);

/* ---- numbers and protocol buffers ---- */

static inline uint32_t tfcc_bundle_get32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static inline void tfcc_bundle_put32(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

/* Reads a varint of at most 10 bytes; false where there is none. */
bool tfcc_bundle_get_varint(BundleSpan *span, uint64_t *value);
/* Writes one and gives the byte behind it. */
uint8_t *tfcc_bundle_put_varint(uint8_t *at, uint64_t value);

/* Reads all of a message: values[n] becomes the number in field n, of any width, the last one where
 * there are several; of a field of bytes, one is added for each. Others stay. Fields above 7 are
 * skipped. False for anything malformed, and for groups. */
bool tfcc_bundle_scan(BundleSpan message, uint64_t values[8]);

/* The next field of bytes with this number; false at the end. */
bool tfcc_bundle_next(BundleSpan *message, uint32_t number, BundleSpan *bytes);

/* Bytes of an element by DataType; 0 for those without a fixed size (string) and -1 for those that
 * never stand in a file. */
int tfcc_bundle_element_size(uint64_t dtype);

/* ---- files ---- */

/* `cannot ACTION 'PATH': ` and what errno means, with the status that fits. */
tfcc_status tfcc_bundle_fail_errno(int error, const char *action, const char *path);

/* The name of shard `shard` of `count`, into `path`. */
void tfcc_bundle_data_path(char *path, const char *prefix, int32_t shard, int32_t count);

/* How many bytes of a path are its folder, with the slash. */
size_t tfcc_bundle_folder_length(const char *path);

/* Opens a regular file for reading and gives its size. A missing file is TFCC_NOT_FOUND. */
tfcc_status tfcc_bundle_open_file(const char *path, int *descriptor, int64_t *size);

/* Reads `size` bytes from `offset` on; false at the end of the file or an error, with errno (0 at
 * the end). */
bool tfcc_bundle_read_at(int descriptor, void *bytes, size_t size, int64_t offset);

/* Reads a whole file of at most `most` bytes, NUL-terminated, to be released with *size + 1. */
tfcc_status tfcc_bundle_load_file(const tfcc_allocator *allocator, const char *path, size_t most,
                                  uint8_t **bytes, size_t *size);

/* Makes the folders that `path` stands in, as far as they are missing. */
tfcc_status tfcc_bundle_make_folders(char *path);

/* Creates a temporary file in the folder of `beside`, its name into `temporary`, which has room for
 * a path. */
tfcc_status tfcc_bundle_create_temporary(char *temporary, const char *beside, int *descriptor);

/* 0 or an errno. */
int tfcc_bundle_write_all(int descriptor, const void *bytes, size_t size);

/* Unless there was an error (an errno) before: syncs, closes and renames a temporary file to
 * `path`, then syncs the folder. Closes the descriptor in any case; where the rename has not
 * happened, the temporary file is removed. `temporary` is empty afterwards. */
tfcc_status tfcc_bundle_publish(int descriptor, int error, char *temporary, const char *path);

/* A whole small file that way. `temporary` is room for a path. */
tfcc_status tfcc_bundle_replace_file(char *temporary, const char *path, const void *bytes,
                                     size_t size);

#pragma GCC visibility pop

#endif
