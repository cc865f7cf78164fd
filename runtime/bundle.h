/* bundle.h: TensorFlow's V2 checkpoint ("tensor bundle"), read and written. Nothing here knows of
 * sessions or models, so the compiler reads `{checkpoint: …, tensor: …}` values with it too.
 *
 * A checkpoint with prefix P is the files
 *
 *     P.index                a sorted table: of each tensor dtype, shape, place and checksum
 *     P.data-SSSSS-of-NNNNN  the tensors' bytes, one after the other (shard S of N)
 *     checkpoint             in the same folder: which prefix is the newest
 *
 * or, in memory, the bytes of these files.
 *
 * Every function gives TFCC_OK or a status, and then the sentence is tfcc_message's. Memory comes
 * from the given allocator. Files are trusted in nothing: every size is checked before it is used,
 * and memory stays within a small multiple of the index file, whatever it says.
 */
#ifndef TFCC_RUNTIME_BUNDLE_H
#define TFCC_RUNTIME_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tfcc/runtime.h>

#pragma GCC visibility push(hidden)

#define BUNDLE_RANK       8  /* the highest rank that can be read into a tensor */
#define BUNDLE_FILE_RANK  32 /* the highest rank that is accepted, to be skipped, in an index */
#define BUNDLE_INDEX_MOST (64 << 20) /* bytes of the largest index that is read */
#define BUNDLE_NAME_MOST  (1 << 16)  /* bytes of the longest key */

/* malloc and free; in tensor.c. */
extern const tfcc_allocator tfcc_default_allocator;

/* ---- reading ---- */

/* Where a reader or writer gets memory: blocks that are released together. Once there was none,
 * `status` says so and appending does nothing any more. */
typedef struct BundleMemory {
    const tfcc_allocator *allocator;
    void *blocks; /* the newest; each has the one before */
    tfcc_status status;
} BundleMemory;

/* Bytes that grow. */
typedef struct BundleBuffer {
    BundleMemory *memory;
    uint8_t *bytes;
    uint32_t size, capacity;
} BundleBuffer;

/* A stretch of bytes that is being read. */
typedef struct BundleSpan {
    const uint8_t *at, *end;
} BundleSpan;

/* A file that is read, or the bytes of one. */
typedef struct BundleFile {
    char *path;
    const char *bytes; /* NULL: it is on disk */
    int64_t size;
    int descriptor; /* -1 while it is not open */
} BundleFile;

/* One key of an index, and its value, which has been checked. */
typedef struct BundleRecord {
    BundleSpan value;     /* a BundleEntryProto */
    int64_t offset, size; /* of its bytes in the shard; 0 where slices have them */
    uint32_t shard;
    uint32_t name, name_length; /* in reader->names, with a NUL; a slice's key starts with a NUL */
} BundleRecord;

/* Where a checkpoint is: in files, or in memory where `prefix` is NULL; then `shards` are the data
 * files' bytes. */
typedef struct BundleSource {
    const char *prefix;
    tfcc_bytes index;
    const tfcc_bytes *shards;
    size_t shard_count;
} BundleSource;

typedef struct BundleReader {
    BundleMemory memory;
    BundleBuffer names;
    const char *label; /* for messages: the prefix, or that it is in memory */
    BundleFile file;
    char *suffix; /* in file.path, behind the prefix */
    uint32_t shard_count;
    uint32_t open_shard;         /* what data file `file` is; shard_count while it is none */
    const BundleRecord *records; /* in ascending order of names, without the header */
    size_t record_count;
    size_t found; /* behind what tfcc_bundle_find has found */
    BundleBuffer record_buffer;
    BundleSource source;
} BundleReader;

typedef struct BundleTensor {
    const BundleRecord *record;
    const char *name;
    uint32_t dtype; /* TensorFlow's DataType; one of tfcc_dtype, or another that cannot be read */
    int32_t rank;   /* at most BUNDLE_FILE_RANK */
    int64_t size;   /* bytes of the whole tensor */
    uint32_t checksum;   /* masked */
    bool is_partitioned; /* the bytes are spread over slices with entries of their own */
    int64_t shape[BUNDLE_FILE_RANK];
} BundleTensor;

/* Opens and checks the whole index of a checkpoint. What the source names has to stay until
 * bundle_close, like the allocator, and the reader may not be moved. Data files are opened when
 * they are needed. After an error nothing is open.
 *
 * TFCC_NOT_FOUND       there is no index file
 * TFCC_DATA_LOSS       the index is damaged
 * TFCC_UNIMPLEMENTED   it is compressed, big-endian or of a later version
 * TFCC_UNAVAILABLE     the file system failed; TFCC_RESOURCE_EXHAUSTED  memory did */
tfcc_status tfcc_bundle_open_source(BundleReader *reader, const tfcc_allocator *allocator,
                                    const BundleSource *source);
/* That of a prefix. */
tfcc_status tfcc_bundle_open(BundleReader *reader, const tfcc_allocator *allocator,
                             const char *prefix);
void tfcc_bundle_close(BundleReader *reader);

/* Describes a record of reader->records. One whose name is empty is no tensor but a slice of one. */
void tfcc_bundle_describe(const BundleReader *reader, const BundleRecord *record,
                          BundleTensor *tensor);

/* TFCC_NOT_FOUND: `Key NAME not found in checkpoint`. */
tfcc_status tfcc_bundle_find(BundleReader *reader, const char *name, BundleTensor *tensor);

/* Reads tensor->size bytes to `destination` and compares the checksums. Where `destination` is NULL,
 * looks only whether all bytes of the tensor are there, before memory is taken for them.
 *
 * TFCC_UNIMPLEMENTED   its dtype is none of tfcc_dtype, or its rank is above BUNDLE_RANK
 * TFCC_OUT_OF_RANGE    the data file is too short; TFCC_NOT_FOUND  it is missing
 * TFCC_DATA_LOSS       a checksum is wrong; the slices do not make up the whole, or contradict it */
tfcc_status tfcc_bundle_read(BundleReader *reader, const BundleTensor *tensor, void *destination);

/* ---- writing ---- */

/* A file that is written under another name first. */
typedef struct BundleOutput {
    char *path, *temporary; /* what it is going to be, and what it is */
    int descriptor;         /* -1 while there is none */
} BundleOutput;

/* A block of a sorted table under construction. */
typedef struct BundleBlock {
    BundleBuffer content, restarts, last_key;
    uint32_t since_restart, interval;
} BundleBlock;

typedef struct BundleWriter {
    BundleMemory memory;
    const char *prefix;  /* NULL: in memory, where only the index is made */
    BundleOutput output; /* the data file, then the index */
    char *suffix;        /* in output.path, behind the prefix */
    uint32_t shard, shard_count, old_shard_count; /* old: 0 where there was no checkpoint */
    bool is_committed;
    int64_t offset;        /* of the next tensor in the data file */
    BundleBuffer table;    /* what is finished of the index */
    BundleBlock blocks[2]; /* of the table: of data, and of the index */
} BundleWriter;

/* Starts a checkpoint: makes missing folders and a temporary data file. `prefix` and `allocator`
 * are kept. `fixed_name` keeps TensorFlow's name of the data file on every save; otherwise it
 * alternates between two, so that the rename of the index is the only point at which the checkpoint
 * changes. Where `prefix` is NULL, tfcc_bundle_add makes only the index, and the data is what was
 * added, one after the other. The writer may not be moved. After an error there is nothing to
 * finish.
 *
 * TFCC_INVALID_ARGUMENT     the prefix is empty or ends in `/`
 * TFCC_RESOURCE_EXHAUSTED   disk or memory are
 * TFCC_UNAVAILABLE, TFCC_PERMISSION_DENIED  the file system failed otherwise */
tfcc_status tfcc_bundle_create(BundleWriter *writer, const tfcc_allocator *allocator,
                               const char *prefix, bool fixed_name);

/* Adds a tensor. Names come in strictly ascending order of their bytes (tfcc_bundle_compare_names),
 * else TFCC_INVALID_ARGUMENT. After an error the writer is only good for tfcc_bundle_finish. */
tfcc_status tfcc_bundle_add(BundleWriter *writer, const char *name, uint32_t dtype, int32_t rank,
                            const int64_t *shape, const void *bytes, size_t size);

/* Makes the checkpoint appear, on disk; in memory, finishes writer->table. After an error the old
 * checkpoint is there. */
tfcc_status tfcc_bundle_commit(BundleWriter *writer);
/* Removes the data file of the checkpoint that was replaced, or what is not committed, and releases
 * the writer. */
void tfcc_bundle_finish(BundleWriter *writer);

int tfcc_bundle_compare_names(const void *a, size_t a_length, const void *b, size_t b_length);

/* ---- the folder's state file, and retention ---- */

/* Writes the state file `name` in the folder of a prefix: `prefixes` are texts one behind the
 * other, oldest first, each with its NUL, of which the last one is the newest checkpoint, and those
 * in other folders than its are left out. */
tfcc_status tfcc_bundle_write_state(const tfcc_allocator *allocator, const char *name,
                                    const char *prefixes, size_t size);

/* Reads the state file `name` of `folder` ("" and "." are the current one) and stores the newest
 * prefix in `path`.
 *
 * TFCC_NOT_FOUND         there is no state file, or it names no checkpoint, or one that is gone
 * TFCC_DATA_LOSS         the path in it, or the checkpoint, is damaged
 * TFCC_INVALID_ARGUMENT  the path needs more room */
tfcc_status tfcc_bundle_latest(const tfcc_allocator *allocator, const char *folder,
                               const char *name, char *path, size_t path_size);

/* Removes the files of a checkpoint, as far as they are there. */
tfcc_status tfcc_bundle_remove(const tfcc_allocator *allocator, const char *prefix);

#pragma GCC visibility pop

#endif
