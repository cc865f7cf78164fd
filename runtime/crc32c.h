/* crc32c.h: the checksum of TensorFlow's checkpoint files (Castagnoli), and the masked form in
 * which they store it. */
#ifndef TFCC_RUNTIME_CRC32C_H
#define TFCC_RUNTIME_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* The checksum of what `crc` covers followed by `size` bytes; start with 0. Uses the processor's
 * instruction where it has one. */
uint32_t tfcc_crc32c(uint32_t crc, const void *bytes, size_t size);

/* A checksum that is itself stored in checksummed data is rotated and shifted, so that it does not
 * cancel itself. */
uint32_t tfcc_crc32c_mask(uint32_t crc);

#pragma GCC visibility pop

#endif
