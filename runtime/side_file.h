/* side_file.h: constants that are kept in a file beside the object (--weights=FILE). */
#ifndef TFCC_SIDE_FILE_H
#define TFCC_SIDE_FILE_H

#include "internal.h"

#pragma GCC visibility push(hidden)

/* The hash of a side file, as the compiler writes it into the model: four lanes of 64 bits, of
 * which lane i takes the little-endian words 4 k + i of the content, padded with zeros to a
 * multiple of 32 bytes; the length goes into the start values. Each step is lane =
 * rotate_left((lane ^ word) * 0x9e3779b97f4a7c15, 29); the lanes are stored one after the other,
 * little-endian. It finds a wrong or damaged file; it is not meant to withstand a forger. */
void tfcc_side_hash(const void *data, uint64_t bytes, uint8_t hash[32]);

/* Maps the model's side file, if it has one: `path`, or the name it was compiled with. */
tfcc_status tfcc_side_file_open(tfcc_session *session, const char *path);
void tfcc_side_file_close(tfcc_session *session);

#pragma GCC visibility pop

#endif
