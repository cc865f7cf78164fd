/* bundle_read.h: what reading an index shares with reading the data. */
#ifndef TFCC_RUNTIME_BUNDLE_READ_H
#define TFCC_RUNTIME_BUNDLE_READ_H

#include "bundle_format.h"

#pragma GCC visibility push(hidden)

/* Fills in everything of `tensor` but record and name, and of `record` where its bytes are. False
 * for anything malformed, unknown dtypes, no shape, and sizes that overflow or contradict each
 * other. */
bool tfcc_bundle_parse_entry(BundleTensor *tensor, BundleRecord *record);

/* Opens what file.path names: the file or, in memory, `bytes` (NULL: none). What was open is
 * closed. */
tfcc_status tfcc_bundle_open_part(BundleReader *reader, const tfcc_bytes *bytes);

#pragma GCC visibility pop

#endif
