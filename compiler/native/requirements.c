/* requirements.c: what the processor must have, in the words the runtime asks it for (see
 * runtime/processor.c).
 *
 * A level of x86-64, from the width of the vectors, and what the code may use beyond it: the named
 * features (--mcpu=native lists them), or what a named processor is known to add. A processor this
 * file does not know counts as its level.
 */
#include "native/module.h"
#include <string.h>

/* Features beyond the levels that LLVM uses without being asked, in both its and the runtime's
 * spelling. */
static const char *const further_features[] = {
    "avx512vbmi",      "avx512vbmi2", "gfni",    "avx512vnni", "avx512bitalg",
    "avx512vpopcntdq", "avx512fp16",  "avxvnni", "avx512bf16",
};

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

const char *native_requirements(const NativeModule *m) {
    if (strncmp(LLVMGetTarget(m->module), "x86_64", 6) != 0) return "";
    const char *cpu = m->target.cpu ? m->target.cpu : "";
    const char *features = m->target.features ? m->target.features : "";
    bool is_plain = cpu[0] == '\0' || strcmp(cpu, "x86-64") == 0 || strcmp(cpu, "generic") == 0;
    Text text = {.arena = m->arena};
    add_word(&text, m->target.vector_bytes >= 64   ? "x86-64-v4"
                    : m->target.vector_bytes >= 32 ? "x86-64-v3"
                    : is_plain                     ? "x86-64"
                                                   : "x86-64-v2");
    const char *padded = arena_format(m->arena, " %s ", cpu);
    for (size_t k = 0; k < sizeof additions / sizeof *additions && !features[0]; k++)
        if (strstr(additions[k].cpus, padded)) add_word(&text, additions[k].words);
    padded = arena_format(m->arena, "%s,", features);
    for (size_t k = 0; k < sizeof further_features / sizeof *further_features; k++)
        if (strstr(padded, arena_format(m->arena, "+%s,", further_features[k])))
            add_word(&text, further_features[k]);
    return text.bytes;
}
