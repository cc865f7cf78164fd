/* processor.c: whether this processor can run a model.
 *
 * The words are LLVM's names of features and the levels of x86-64, which stand for lists of words.
 */
#include "internal.h"

#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>

static const struct {
    char level[12];
    char words[56];
} levels[] = {
    {"x86-64", ""},
    {"x86-64-v2", "sse3 ssse3 sse4.1 sse4.2 popcnt"},
    {"x86-64-v3", "x86-64-v2 avx avx2 bmi bmi2 f16c fma lzcnt movbe"},
    {"x86-64-v4", "x86-64-v3 avx512f avx512dq avx512cd avx512bw avx512vl"},
};

/* Registers of CPUID: leaf 1 ecx, leaf 7 ebx, ecx, edx, leaf 7.1 eax, leaf 0x80000001 ecx. */
enum { ONE_C, SEVEN_B, SEVEN_C, SEVEN_D, SEVEN_ONE_A, EXTENDED_C, REGISTERS };

/* What of the registers the operating system must save for the feature to be usable (bits of XCR0).
 */
enum { PLAIN = 0, AVX = 0x6, WIDE = 0xe6 };

static const struct {
    char name[13];
    uint8_t where, bit, state;
} features[] = {
    {"sse3", ONE_C, 0, PLAIN},         {"ssse3", ONE_C, 9, PLAIN},
    {"sse4.1", ONE_C, 19, PLAIN},      {"sse4.2", ONE_C, 20, PLAIN},
    {"popcnt", ONE_C, 23, PLAIN},      {"movbe", ONE_C, 22, PLAIN},
    {"fma", ONE_C, 12, AVX},           {"avx", ONE_C, 28, AVX},
    {"f16c", ONE_C, 29, AVX},          {"bmi", SEVEN_B, 3, PLAIN},
    {"avx2", SEVEN_B, 5, AVX},         {"bmi2", SEVEN_B, 8, PLAIN},
    {"lzcnt", EXTENDED_C, 5, PLAIN},   {"avx512f", SEVEN_B, 16, WIDE},
    {"avx512dq", SEVEN_B, 17, WIDE},   {"avx512cd", SEVEN_B, 28, WIDE},
    {"avx512bw", SEVEN_B, 30, WIDE},   {"avx512vl", SEVEN_B, 31, WIDE},
    {"avx512vbmi", SEVEN_C, 1, WIDE},  {"avx512vbmi2", SEVEN_C, 6, WIDE},
    {"avx512vnni", SEVEN_C, 11, WIDE}, {"avx512fp16", SEVEN_D, 23, WIDE},
    {"avxvnni", SEVEN_ONE_A, 4, AVX},  {"avx512bf16", SEVEN_ONE_A, 5, WIDE},
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

static bool has_words(const char *words);

static bool has_word(const char *word, size_t length) {
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strncmp(levels[i].level, word, length) == 0 && levels[i].level[length] == '\0')
            return has_words(levels[i].words);
    uint32_t found[REGISTERS], state;
    read_registers(found, &state);
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        if (strncmp(features[i].name, word, length) == 0 && features[i].name[length] == '\0')
            return (found[features[i].where] >> features[i].bit & 1) != 0 &&
                   (state & features[i].state) == features[i].state;
    return false;
}

static bool has_words(const char *words) {
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (length > 0 && !has_word(words, length)) return false;
        words += length;
        words += strspn(words, " ");
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
