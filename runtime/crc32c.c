#include "crc32c.h"

#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#define TARGET __attribute__((target("sse4.2")))
#else
#define TARGET
#endif

TARGET uint32_t tfcc_crc32c(uint32_t crc, const void *bytes, size_t size) {
    const uint8_t *at = bytes; /* NULL where size is 0 */
    uint64_t state = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        for (; size >= 8; at += 8, size -= 8) {
            uint64_t word;
            memcpy(&word, at, 8);
            state = _mm_crc32_u64(state, word);
        }
#endif
    for (; size > 0; at++, size--) {
        state ^= *at;
        for (int bit = 0; bit < 8; bit++) state = state >> 1 ^ (state & 1) * 0x82f63b78u;
    }
    return ~(uint32_t)state;
}

uint32_t tfcc_crc32c_mask(uint32_t crc) {
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}
