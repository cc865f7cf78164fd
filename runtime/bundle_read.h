/* bundle_read.h: what reading an index shares with reading the data. */
#ifndef TFCC_RUNTIME_BUNDLE_READ_H
#define TFCC_RUNTIME_BUNDLE_READ_H

#include "bundle_format.h"

#pragma GCC visibility push(hidden)

/* A BundleEntryProto's numbers, by field. */
enum { ENTRY_DTYPE = 1, ENTRY_SHARD = 3, ENTRY_OFFSET, ENTRY_SIZE, ENTRY_CHECKSUM, ENTRY_SLICES };

/* Fills in everything of `tensor` but record and name, and the entry's numbers. False for anything
 * malformed, unknown dtypes, no shape, and sizes that overflow. */
bool tfcc_bundle_parse_entry(BundleSpan value, BundleTensor *tensor, uint64_t numbers[8]);

/* By any key, or NULL. */
const BundleRecord *tfcc_bundle_find_record(const BundleReader *reader, const void *name,
                                            size_t length);

#pragma GCC visibility pop

#endif
