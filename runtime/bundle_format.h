/* bundle_format.h: what reading and writing bundles share: little-endian numbers, protocol buffers,
 * errors, files. */
#ifndef TFCC_RUNTIME_BUNDLE_FORMAT_H
#define TFCC_RUNTIME_BUNDLE_FORMAT_H

#include "bundle.h"
#include "internal.h"

#pragma GCC visibility push(hidden)

#define BUNDLE_FOOTER_SIZE  48
#define BUNDLE_TRAILER_SIZE 5 /* behind each block: compression and checksum */
#define BUNDLE_MAGIC        0xdb4775248b80fb57u

/* `cannot ACTION PATH: strerror(error)`, with the status that fits. */
tfcc_status tfcc_bundle_fail_errno(int error, const char *action, const char *path);

uint32_t tfcc_bundle_get32(const uint8_t *bytes);
uint64_t tfcc_bundle_get64(const uint8_t *bytes);
void tfcc_bundle_put32(uint8_t *bytes, uint32_t value);
void tfcc_bundle_put64(uint8_t *bytes, uint64_t value);

/* Reads a varint of at most 10 bytes in [*at, end) and moves *at behind it; false where there is
 * none. */
bool tfcc_bundle_get_varint(const uint8_t **at, const uint8_t *end, uint64_t *value);
/* Writes one (at most 10 bytes) and gives the byte behind it. */
uint8_t *tfcc_bundle_put_varint(uint8_t *at, uint64_t value);

/* A field of a protocol buffer: numbers are in `value`, of any width; length-delimited ones are the
 * `length` bytes at `bytes`. */
typedef struct BundleField {
    uint32_t key; /* number << 3 | wire type */
    uint64_t value;
    const uint8_t *bytes;
    size_t length;
} BundleField;

#define BUNDLE_VARINT(number)  ((number) << 3)
#define BUNDLE_BYTES(number)   ((number) << 3 | 2)
#define BUNDLE_FIXED32(number) ((number) << 3 | 5)

/* Reads one field and moves *at behind it; false for anything malformed, and for groups. */
bool tfcc_bundle_get_field(const uint8_t **at, const uint8_t *end, BundleField *field);

/* Bytes of an element by DataType; 0 for those without a fixed size (string) and -1 for those that
 * never stand in a file. */
int tfcc_bundle_element_size(uint32_t dtype);

/* Appends to a buffer whose `memory` is set; a failure is left in its status. */
void tfcc_bundle_append(BundleBuffer *buffer, const void *bytes, size_t size);
void tfcc_bundle_buffer_release(BundleBuffer *buffer);

/* Memory, or NULL after the message has been set. */
void *tfcc_bundle_obtain(const tfcc_allocator *allocator, size_t size);

/* Sorts `order`, indices of something that `context` leads to. In place: no memory, no recursion,
 * never quadratic. */
void tfcc_bundle_sort(uint32_t *order, size_t count,
                      bool (*before)(const void *context, uint32_t a, uint32_t b),
                      const void *context);

/* The name of shard `shard` of `count`, into `path`, which has room for strlen(prefix) +
 * BUNDLE_SUFFIX_ROOM bytes. */
#define BUNDLE_SUFFIX_ROOM 48
void tfcc_bundle_data_path(char *path, const char *prefix, int32_t shard, int32_t count);

/* How many bytes of a path are its folder, with the slash. */
size_t tfcc_bundle_folder_length(const char *path);

/* Device, inode and time of change of a regular file; false where there is none. */
bool tfcc_bundle_identify_file(const char *path, uint64_t identity[3]);

/* Opens a regular file for reading and gives its size; fails with -1 and the message set. A missing
 * file is TFCC_NOT_FOUND. */
tfcc_status tfcc_bundle_open_file(const char *path, int *descriptor, int64_t *size);

/* Reads `size` bytes from `offset` on; false at the end of the file or an error, with errno (0 at
 * the end). */
bool tfcc_bundle_read_at(int descriptor, void *bytes, size_t size, int64_t offset);

/* Reads a whole regular file of at most `most` bytes, NUL-terminated, to be released with *size
 * + 1. `identity` may be NULL. */
tfcc_status tfcc_bundle_load_file(const tfcc_allocator *allocator, const char *path, size_t most,
                                  uint8_t **bytes, size_t *size, uint64_t identity[3]);

/* Makes the folders that `path` stands in, as far as they are missing. */
tfcc_status tfcc_bundle_make_folders(char *path);

/* Creates a temporary file in the folder of `beside`, its name into `temporary`, which has room as
 * above. */
tfcc_status tfcc_bundle_create_temporary(char *temporary, const char *beside, int *descriptor);

/* 0 or an errno. */
int tfcc_bundle_write_all(int descriptor, const void *bytes, size_t size);

/* Syncs, closes and renames a temporary file to `path`, then syncs the folder. Closes the
 * descriptor in any case; where the rename has not happened, the temporary file is removed.
 * `temporary` is empty afterwards. */
tfcc_status tfcc_bundle_publish(int descriptor, char *temporary, const char *path);

/* A whole small file that way. `temporary` is room. */
tfcc_status tfcc_bundle_replace_file(char *temporary, const char *path, const void *bytes,
                                     size_t size);

#pragma GCC visibility pop

#endif
