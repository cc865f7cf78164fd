#include "crc32c.h"

#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#endif

/* table[i]: the remainder of the four bits i, for the reflected polynomial 0x82f63b78. */
static uint32_t extend_by_table(uint32_t state, const uint8_t *bytes, size_t size) {
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    for (size_t i = 0; i < size; i++) {
        state ^= bytes[i];
        state = state >> 4 ^ table[state & 15];
        state = state >> 4 ^ table[state & 15];
    }
    return state;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
extend_by_instruction(uint32_t state, const uint8_t *bytes, size_t size) {
    uint64_t wide = state;
    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    return extend_by_table((uint32_t)wide, bytes, size);
}

static int has_instruction(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
}
#endif

uint32_t tfcc_crc32c(uint32_t crc, const void *bytes, size_t size) {
#if defined(__x86_64__)
    /* Asking the processor costs as much as some hundred bytes, where a hypervisor answers. */
    if (size >= 512 && has_instruction()) return ~extend_by_instruction(~crc, bytes, size);
#endif
    return ~extend_by_table(~crc, bytes, size);
}

uint32_t tfcc_crc32c_mask(uint32_t crc) {
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}
