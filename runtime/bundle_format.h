/* bundle_format.h: what reading and writing bundles share: growing buffers, little-endian numbers,
 * protocol buffers, files. */
#ifndef TFCC_RUNTIME_BUNDLE_FORMAT_H
#define TFCC_RUNTIME_BUNDLE_FORMAT_H

#include "bundle.h"
#include "internal.h"
#include <string.h>

#pragma GCC visibility push(hidden)

#define BUNDLE_FOOTER_SIZE  48
#define BUNDLE_TRAILER_SIZE 5 /* behind each block: compression and checksum */
#define BUNDLE_MAGIC        0xdb4775248b80fb57u
#define BUNDLE_SUFFIX_ROOM  48 /* what a path needs more than its prefix */

/* ---- memory ---- */

/* Memory, or NULL after the message and the status have been set. */
void *tfcc_bundle_obtain(BundleMemory *memory, size_t size);

/* Releases what was obtained since `until` was memory->blocks (NULL: all), and forgets that there
 * was too little. */
void tfcc_bundle_release(BundleMemory *memory, const void *until);

/* Appends to a buffer whose `memory` is set. Its users keep it below 1 GiB. */
void tfcc_bundle_append(BundleBuffer *buffer, const void *bytes, size_t size);
void tfcc_bundle_append32(BundleBuffer *buffer, uint32_t value);

/* `start` followed by `end`, with BUNDLE_SUFFIX_ROOM bytes more; or NULL. */
char *tfcc_bundle_path(BundleMemory *memory, const char *start, const char *end);

/* Sorts in place: no memory, no recursion, never quadratic. */
void tfcc_bundle_sort(const void **order, size_t count,
                      bool (*before)(const void *a, const void *b));

/* ---- numbers and protocol buffers ---- */

/* Machines are little-endian, as the bytes of tensors are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "data files are little-endian");

static inline uint32_t tfcc_bundle_get32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline void tfcc_bundle_put32(uint8_t *bytes, uint32_t value) {
    memcpy(bytes, &value, sizeof value);
}

/* Reads a varint of at most 10 bytes. Where there is none it gives 0, and so does whatever is read
 * from the span then: span->at is NULL. */
uint64_t tfcc_bundle_get_varint(BundleSpan *span);
/* Writes one and gives the byte behind it. */
uint8_t *tfcc_bundle_put_varint(uint8_t *at, uint64_t value);

/* Goes through the numbers of a BundleEntryProto or BundleHeaderProto. A field is known by its
 * path: the numbers of the fields that lead to it, as octal digits, so that 0221 is the size of a
 * dimension of the shape. Start with the span alone. */
typedef struct BundleCursor {
    BundleSpan span;
    const uint8_t *outer[2]; /* the ends of the messages around */
    uint32_t depth, message; /* how many there are, and the path of the innermost */
    uint32_t path;
    uint64_t value; /* of a field of bytes: 1 */
} BundleCursor;

/* The next field; a message stands before its own fields. Numbers above 7 are 0 in a path. False at
 * the end, and for anything malformed, and for groups: then span.at is NULL. */
bool tfcc_bundle_next(BundleCursor *cursor);

/* Bytes of an element by DataType; 0 for those without a fixed size (string) and -1 for those that
 * never stand in a file. */
int tfcc_bundle_element_size(uint64_t dtype);

/* ---- files ---- */

/* The sentence that errno stands for: cannot `action` the file. */
__attribute__((cold)) tfcc_status tfcc_fail_errno(const char *action, const char *path);

/* How many bytes of a path are its folder, with the slash. */
size_t tfcc_bundle_folder_length(const char *path);

/* Opens the regular file file->path for reading. A missing one is TFCC_NOT_FOUND. After an error,
 * too, it has to be closed. */
tfcc_status tfcc_bundle_file_open(BundleFile *file);
void tfcc_bundle_file_close(BundleFile *file);

/* Reads `size` bytes from `offset` on; TFCC_OUT_OF_RANGE at the end of the file. */
tfcc_status tfcc_bundle_file_read(const BundleFile *file, void *bytes, size_t size, int64_t offset);

/* Reads all of an open file of at most BUNDLE_INDEX_MOST bytes, NUL-terminated. */
tfcc_status tfcc_bundle_file_load(const BundleFile *file, BundleMemory *memory, uint8_t **bytes);

/* Makes the folders that `path` stands in, as far as they are missing. */
tfcc_status tfcc_bundle_make_folders(char *path);

/* Creates a temporary file in the folder of output->path, which may still get a suffix, and stores
 * its name at output->temporary, which has BUNDLE_SUFFIX_ROOM bytes more than the path. */
tfcc_status tfcc_bundle_output_create(BundleOutput *output);
tfcc_status tfcc_bundle_output_write(const BundleOutput *output, const void *bytes, size_t size);

/* Unless `status` tells of an error before: syncs, closes and renames the temporary file, then
 * syncs the folder. The file is closed in any case, and removed where the rename has not happened.
 * Does nothing where there is none. */
tfcc_status tfcc_bundle_output_end(BundleOutput *output, tfcc_status status);

/* All of it: creates, writes and ends. */
tfcc_status tfcc_bundle_output_all(BundleOutput *output, const BundleBuffer *content);

/* What follows a prefix in the name of shard `shard` of `count`. */
void tfcc_bundle_data_path(char *suffix, uint32_t shard, uint32_t count);

/* Removes the data files but `kept`, as far as they are there. */
void tfcc_bundle_remove_data(char *path, char *suffix, uint32_t count, uint32_t kept);

#pragma GCC visibility pop

#endif
