/* processor.c: whether this processor can run a model. */
#include "internal.h"

#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>

/* Words a model may require: LLVM's names of features, and the four levels of x86-64 as what they add to the level below. */
enum { LEAF_1_ECX, LEAF_7_EBX, LEAF_7_ECX, LEAF_7_EDX, LEAF_7_1_EAX, LEAF_EXTENDED_ECX, LEAF_COUNT };

/* What the operating system must save for the feature to be usable (XCR0). */
enum { STATE_NONE = 0, STATE_AVX = 0x6, STATE_AVX512 = 0xe6 };

static const struct {
    char name[17];
    uint8_t leaf, state;
    uint32_t bits;
} features[] = {
    {"x86-64", LEAF_1_ECX, STATE_NONE, 0},
    {"x86-64-v2", LEAF_1_ECX, STATE_NONE, 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23},
    {"x86-64-v3", LEAF_1_ECX, STATE_AVX, 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29},
    {"x86-64-v3", LEAF_7_EBX, STATE_AVX, 1u << 3 | 1u << 5 | 1u << 8},
    {"x86-64-v3", LEAF_EXTENDED_ECX, STATE_AVX, 1u << 5},
    {"x86-64-v4", LEAF_7_EBX, STATE_AVX512, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31},
    {"sse3", LEAF_1_ECX, STATE_NONE, 1u << 0},
    {"ssse3", LEAF_1_ECX, STATE_NONE, 1u << 9},
    {"sse4.1", LEAF_1_ECX, STATE_NONE, 1u << 19},
    {"sse4.2", LEAF_1_ECX, STATE_NONE, 1u << 20},
    {"popcnt", LEAF_1_ECX, STATE_NONE, 1u << 23},
    {"fma", LEAF_1_ECX, STATE_AVX, 1u << 12},
    {"movbe", LEAF_1_ECX, STATE_NONE, 1u << 22},
    {"avx", LEAF_1_ECX, STATE_AVX, 1u << 28},
    {"f16c", LEAF_1_ECX, STATE_AVX, 1u << 29},
    {"bmi", LEAF_7_EBX, STATE_NONE, 1u << 3},
    {"avx2", LEAF_7_EBX, STATE_AVX, 1u << 5},
    {"bmi2", LEAF_7_EBX, STATE_NONE, 1u << 8},
    {"lzcnt", LEAF_EXTENDED_ECX, STATE_NONE, 1u << 5},
    {"avx512f", LEAF_7_EBX, STATE_AVX512, 1u << 16},
    {"avx512dq", LEAF_7_EBX, STATE_AVX512, 1u << 17},
    {"avx512cd", LEAF_7_EBX, STATE_AVX512, 1u << 28},
    {"avx512bw", LEAF_7_EBX, STATE_AVX512, 1u << 30},
    {"avx512vl", LEAF_7_EBX, STATE_AVX512, 1u << 31},
    {"avx512vbmi", LEAF_7_ECX, STATE_AVX512, 1u << 1},
    {"avx512vbmi2", LEAF_7_ECX, STATE_AVX512, 1u << 6},
    {"gfni", LEAF_7_ECX, STATE_NONE, 1u << 8},
    {"avx512vnni", LEAF_7_ECX, STATE_AVX512, 1u << 11},
    {"avx512bitalg", LEAF_7_ECX, STATE_AVX512, 1u << 12},
    {"avx512vpopcntdq", LEAF_7_ECX, STATE_AVX512, 1u << 14},
    {"avx512fp16", LEAF_7_EDX, STATE_AVX512, 1u << 23},
    {"avxvnni", LEAF_7_1_EAX, STATE_AVX, 1u << 4},
    {"avx512bf16", LEAF_7_1_EAX, STATE_AVX512, 1u << 5},
};

/* A level of x86-64 implies those below it. */
static const char *const levels[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2", "x86-64"};

static void read_leaves(uint32_t leaves[LEAF_COUNT], uint32_t *state) {
    uint32_t a, b, c, d;
    memset(leaves, 0, LEAF_COUNT * sizeof *leaves);
    *state = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) != 0) leaves[LEAF_1_ECX] = c;
    if ((leaves[LEAF_1_ECX] >> 27 & 1) != 0) __asm__("xgetbv" : "=a"(*state), "=d"(d) : "c"(0));
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) {
        leaves[LEAF_7_EBX] = b;
        leaves[LEAF_7_ECX] = c;
        leaves[LEAF_7_EDX] = d;
        if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) leaves[LEAF_7_1_EAX] = a;
    }
    if (__get_cpuid(0x80000001u, &a, &b, &c, &d) != 0) leaves[LEAF_EXTENDED_ECX] = c;
}

static bool has_word(const char *word, size_t length) {
    uint32_t leaves[LEAF_COUNT], state;
    read_leaves(leaves, &state);
    bool known = false;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        if (strncmp(features[i].name, word, length) != 0 || features[i].name[length] != '\0')
            continue;
        known = true;
        if ((leaves[features[i].leaf] & features[i].bits) != features[i].bits ||
            (state & features[i].state) != features[i].state)
            return false;
    }
    return known;
}

static bool has_feature(const char *word, size_t length) {
    bool below = false;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        below |= strlen(levels[i]) == length && memcmp(levels[i], word, length) == 0;
        if (below && !has_word(levels[i], strlen(levels[i]))) return false;
    }
    return below || has_word(word, length);
}

#else

static bool has_feature(const char *word, size_t length) {
    (void)word;
    (void)length;
    return false;
}

#endif

tfcc_status tfcc_processor_check(const char *model, const char *requires) {
    for (const char *word = requires; *word != '\0';) {
        size_t length = strcspn(word, " ");
        if (length > 0 && !has_feature(word, length))
            return tfcc_fail(TFCC_FAILED_PRECONDITION,
                             "graph '%s' was compiled for a processor with %.*s, which this one "
                             "does not have: compile it for another --mcpu",
                             model, (int)length, word);
        word += length;
        if (*word == ' ') word++;
    }
    return TFCC_OK;
}
