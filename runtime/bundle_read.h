/* bundle_read.h: what reading an index shares with reading the data. */
#ifndef TFCC_RUNTIME_BUNDLE_READ_H
#define TFCC_RUNTIME_BUNDLE_READ_H

#include "bundle.h"

#pragma GCC visibility push(hidden)

/* A parsed BundleEntryProto. */
typedef struct BundleEntry {
    uint32_t dtype, checksum;
    int32_t rank, shard;
    int64_t shape[BUNDLE_FILE_RANK];
    int64_t elements, full_size; /* the product of the shape; in bytes */
    int64_t offset, size;
    uint32_t slice_count;
} BundleEntry;

/* False for anything malformed, unknown dtypes, no shape, and sizes that overflow. */
bool tfcc_bundle_parse_entry(const uint8_t *value, size_t length, BundleEntry *entry);

/* By any key, or NULL. */
const BundleRecord *tfcc_bundle_find_record(const BundleReader *reader, const char *name,
                                            size_t length);

#pragma GCC visibility pop

#endif
