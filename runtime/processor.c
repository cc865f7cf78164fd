/* processor.c: whether this processor can run a model.
 *
 * The words are LLVM's names of features, and the levels of x86-64, which stand
 * for all features up to theirs.
 */
#include "internal.h"

#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>

/* Registers of CPUID: leaf 1 ecx, leaf 7 ebx, ecx, edx, leaf 7.1 eax, leaf 0x80000001 ecx. */
enum { ONE_C, SEVEN_B, SEVEN_C, SEVEN_D, SEVEN_ONE_A, EXTENDED_C, REGISTERS };

/* What of the registers the operating system must save for the feature to be usable (bits of XCR0).
 */
enum { PLAIN = 0, AVX = 0x6, WIDE = 0xe6 };

/* `level`: the digit of the first level of x86-64 that has it; NO_LEVEL for none. */
enum { NO_LEVEL = '9' };

static const struct {
    const char *name;
    uint8_t where, bit, state;
    char level;
} features[] = {
    {"sse3", ONE_C, 0, PLAIN, '2'},
    {"ssse3", ONE_C, 9, PLAIN, '2'},
    {"sse4.1", ONE_C, 19, PLAIN, '2'},
    {"sse4.2", ONE_C, 20, PLAIN, '2'},
    {"popcnt", ONE_C, 23, PLAIN, '2'},
    {"movbe", ONE_C, 22, PLAIN, '3'},
    {"fma", ONE_C, 12, AVX, '3'},
    {"avx", ONE_C, 28, AVX, '3'},
    {"f16c", ONE_C, 29, AVX, '3'},
    {"bmi", SEVEN_B, 3, PLAIN, '3'},
    {"avx2", SEVEN_B, 5, AVX, '3'},
    {"bmi2", SEVEN_B, 8, PLAIN, '3'},
    {"lzcnt", EXTENDED_C, 5, PLAIN, '3'},
    {"avx512f", SEVEN_B, 16, WIDE, '4'},
    {"avx512dq", SEVEN_B, 17, WIDE, '4'},
    {"avx512cd", SEVEN_B, 28, WIDE, '4'},
    {"avx512bw", SEVEN_B, 30, WIDE, '4'},
    {"avx512vl", SEVEN_B, 31, WIDE, '4'},
    {"avx512vbmi", SEVEN_C, 1, WIDE, NO_LEVEL},
    {"avx512vbmi2", SEVEN_C, 6, WIDE, NO_LEVEL},
    {"gfni", SEVEN_C, 8, PLAIN, NO_LEVEL},
    {"avx512vnni", SEVEN_C, 11, WIDE, NO_LEVEL},
    {"avx512bitalg", SEVEN_C, 12, WIDE, NO_LEVEL},
    {"avx512vpopcntdq", SEVEN_C, 14, WIDE, NO_LEVEL},
    {"avx512fp16", SEVEN_D, 23, WIDE, NO_LEVEL},
    {"avxvnni", SEVEN_ONE_A, 4, AVX, NO_LEVEL},
    {"avx512bf16", SEVEN_ONE_A, 5, WIDE, NO_LEVEL},
};

static void read_registers(uint32_t found[REGISTERS], uint32_t *state) {
    uint32_t unused;
    memset(found, 0, REGISTERS * sizeof *found);
    *state = 0;
    __cpuid(1, unused, unused, found[ONE_C], unused);
    if ((found[ONE_C] >> 27 & 1) != 0) __asm__("xgetbv" : "=a"(*state), "=d"(unused) : "c"(0));
    if (__get_cpuid_max(0, NULL) >= 7) {
        __cpuid_count(7, 0, unused, found[SEVEN_B], found[SEVEN_C], found[SEVEN_D]);
        __cpuid_count(7, 1, found[SEVEN_ONE_A], unused, unused, unused);
    }
    __cpuid(0x80000001u, unused, unused, found[EXTENDED_C], unused);
}

/* Whether there is everything that the word of `length` bytes stands for. */
static bool has_word(const char *word, size_t length) {
    static const char levels[] = "x86-64-v";
    const size_t prefix = sizeof levels - 1;
    bool is_level = length == prefix + 1 && memcmp(word, levels, prefix) == 0;
    bool known = is_level ? word[prefix] >= '2' && word[prefix] <= '4'
                          : length == prefix - 2 && memcmp(word, levels, length) == 0;
    uint32_t found[REGISTERS], state;
    read_registers(found, &state);
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        const char *name = features[i].name;
        if (is_level ? features[i].level > word[prefix]
                     : strncmp(name, word, length) != 0 || name[length] != '\0')
            continue;
        known = true;
        if ((found[features[i].where] >> features[i].bit & 1) == 0 ||
            (~state & features[i].state) != 0)
            return false;
    }
    return known;
}

static bool has_words(const char *words) {
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (length > 0 && !has_word(words, length)) return false;
        words += length + (words[length] != '\0');
    }
    return true;
}

#else

static bool has_words(const char *words) {
    return *words == '\0';
}

#endif

tfcc_status tfcc_processor_check(const char *model, const char *requires) {
    if (has_words(requires)) return TFCC_OK;
    return tfcc_fail(TFCC_FAILED_PRECONDITION,
                     "graph '%s' needs a processor with '%s': compile it for another --mcpu", model,
                     requires);
}
