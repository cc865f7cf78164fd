/* requirements.c: what the processor must have: words for the message, and the bits of CPUID that
 * the runtime compares (see tfcc/abi.h).
 *
 * A level of x86-64, from the width of the vectors, and what the code may use beyond it: the named
 * features (--mcpu=native lists them), or what a named processor is known to add. A processor this
 * file does not know counts as its level.
 */
#include "native/module.h"
#include <string.h>

/* What of the registers the operating system must save for a feature to be usable (bits of XCR0). */
enum { PLAIN = 0, AVX = 0x6, WIDE = 0xe6 };

/* In LLVM's spelling. `level`: the first level of x86-64 that has it; BEYOND: those beyond the
 * levels that LLVM uses without being asked. */
enum { BEYOND = 9 };

static const struct {
    const char *name;
    int level, word, bit;
    uint32_t state;
} known_features[] = {
    {"sse3", 2, TFCC_ABI_ONE_C, 0, PLAIN},
    {"ssse3", 2, TFCC_ABI_ONE_C, 9, PLAIN},
    {"sse4.1", 2, TFCC_ABI_ONE_C, 19, PLAIN},
    {"sse4.2", 2, TFCC_ABI_ONE_C, 20, PLAIN},
    {"popcnt", 2, TFCC_ABI_ONE_C, 23, PLAIN},
    {"movbe", 3, TFCC_ABI_ONE_C, 22, PLAIN},
    {"fma", 3, TFCC_ABI_ONE_C, 12, AVX},
    {"avx", 3, TFCC_ABI_ONE_C, 28, AVX},
    {"f16c", 3, TFCC_ABI_ONE_C, 29, AVX},
    {"bmi", 3, TFCC_ABI_SEVEN_B, 3, PLAIN},
    {"avx2", 3, TFCC_ABI_SEVEN_B, 5, AVX},
    {"bmi2", 3, TFCC_ABI_SEVEN_B, 8, PLAIN},
    {"lzcnt", 3, TFCC_ABI_EXTENDED_C, 5, PLAIN},
    {"avx512f", 4, TFCC_ABI_SEVEN_B, 16, WIDE},
    {"avx512dq", 4, TFCC_ABI_SEVEN_B, 17, WIDE},
    {"avx512cd", 4, TFCC_ABI_SEVEN_B, 28, WIDE},
    {"avx512bw", 4, TFCC_ABI_SEVEN_B, 30, WIDE},
    {"avx512vl", 4, TFCC_ABI_SEVEN_B, 31, WIDE},
    {"avx512vbmi", BEYOND, TFCC_ABI_SEVEN_C, 1, WIDE},
    {"avx512vbmi2", BEYOND, TFCC_ABI_SEVEN_C, 6, WIDE},
    {"gfni", BEYOND, TFCC_ABI_SEVEN_C, 8, PLAIN},
    {"avx512vnni", BEYOND, TFCC_ABI_SEVEN_C, 11, WIDE},
    {"avx512bitalg", BEYOND, TFCC_ABI_SEVEN_C, 12, WIDE},
    {"avx512vpopcntdq", BEYOND, TFCC_ABI_SEVEN_C, 14, WIDE},
    {"avx512fp16", BEYOND, TFCC_ABI_SEVEN_D, 23, WIDE},
    {"avxvnni", BEYOND, TFCC_ABI_SEVEN_ONE_A, 4, AVX},
    {"avx512bf16", BEYOND, TFCC_ABI_SEVEN_ONE_A, 5, WIDE},
};
enum { KNOWN_COUNT = sizeof known_features / sizeof *known_features };

static const struct {
    const char *cpus; /* each between spaces */
    const char *words;
} additions[] = {
    {" sandybridge corei7-avx core_2nd_gen_avx ivybridge core-avx-i core_3rd_gen_avx btver2 bdver1 "
     "bdver2 bdver3 ",
     "avx"},
    {" alderlake raptorlake meteorlake arrowlake lunarlake gracemont sierraforest grandridge ",
     "gfni avxvnni"},
    {" cascadelake cooperlake ", "avx512vnni"},
    {" cannonlake ", "avx512vbmi"},
    {" icelake-client icelake-server icelake_client icelake_server tigerlake rocketlake "
     "sapphirerapids emeraldrapids graniterapids graniterapids-d graniterapids_d znver4 znver5 ",
     "avx512vbmi avx512vbmi2 gfni avx512vnni avx512bitalg avx512vpopcntdq"},
    {" cooperlake sapphirerapids emeraldrapids graniterapids graniterapids-d graniterapids_d "
     "znver4 "
     "znver5 ",
     "avx512bf16"},
    {" sapphirerapids emeraldrapids graniterapids graniterapids-d graniterapids_d ",
     "avx512fp16 avxvnni"},
    {" znver5 ", "avxvnni"},
};

static void add_word(Text *text, const char *word) {
    if (text->length > 0) text_add_char(text, ' ');
    text_add(text, word);
}

const char *native_requirements(const NativeModule *m, const TargetDescription *target) {
    if (strncmp(LLVMGetTarget(m->module), "x86_64", 6) != 0) return "";
    const char *cpu = target->cpu ? target->cpu : "";
    const char *features = target->features ? target->features : "";
    bool is_plain = cpu[0] == '\0' || strcmp(cpu, "x86-64") == 0 || strcmp(cpu, "generic") == 0;
    Text text = {.arena = m->arena};
    add_word(&text, target->vector_bytes >= 64   ? "x86-64-v4"
                    : target->vector_bytes >= 32 ? "x86-64-v3"
                    : is_plain                   ? "x86-64"
                                                 : "x86-64-v2");
    const char *padded = arena_format(m->arena, " %s ", cpu);
    for (size_t k = 0; k < sizeof additions / sizeof *additions && !features[0]; k++)
        if (strstr(additions[k].cpus, padded)) add_word(&text, additions[k].words);
    padded = arena_format(m->arena, "%s,", features);
    for (size_t k = 0; k < KNOWN_COUNT; k++)
        if (known_features[k].level == BEYOND &&
            strstr(padded, arena_format(m->arena, "+%s,", known_features[k].name)))
            add_word(&text, known_features[k].name);
    return text.bytes;
}

void native_processor_bits(const NativeModule *m, const char *requirements,
                           uint32_t bits[TFCC_ABI_PROCESSOR_WORDS]) {
    static const char level_word[] = "x86-64-v";
    const char *padded = arena_format(m->arena, " %s ", requirements);
    const char *level = strstr(padded, level_word);
    int most = level ? level[strlen(level_word)] - '0' : 0;
    memset(bits, 0, TFCC_ABI_PROCESSOR_WORDS * sizeof *bits);
    for (size_t k = 0; k < KNOWN_COUNT; k++) {
        if (known_features[k].level > most &&
            !strstr(padded, arena_format(m->arena, " %s ", known_features[k].name)))
            continue;
        bits[known_features[k].word] |= (uint32_t)1 << known_features[k].bit;
        bits[TFCC_ABI_STATE] |= known_features[k].state;
    }
}
