/* target.c: what the schedule and the emitter know of the processor. */
#include "loops/loops.h"
#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_L1 = 32 << 10, DEFAULT_L2 = 1 << 20 };

/* LLVM's names of 64-bit x86 processors by the vectors they have, each between spaces. Vectors of
 * 64 bytes stand for AVX-512 with its BW, DQ and VL parts, of 32 bytes for AVX2 with FMA. */
static const char processors_of_64[] = " x86-64-v4 skylake-avx512 skx skylake_avx512 cascadelake "
                                       "cooperlake cannonlake icelake-client icelake-server"
                                       " icelake_client icelake_server tigerlake rocketlake "
                                       "sapphirerapids emeraldrapids graniterapids graniterapids-d"
                                       " graniterapids_d znver4 znver5 ";
static const char processors_of_32[] =
    " x86-64-v3 haswell core-avx2 core_4th_gen_avx core_4th_gen_avx_tsx broadwell core_5th_gen_avx "
    "core_5th_gen_avx_tsx"
    " skylake alderlake raptorlake meteorlake arrowlake arrowlake-s arrowlake_s lunarlake "
    "pantherlake gracemont sierraforest"
    " grandridge clearwaterforest knl knm mic_avx512 bdver4 znver1 znver2 znver3 ";
static const char processors_of_16[] =
    " generic x86-64 x86-64-v2 k8 k8-sse3 athlon64 athlon64-sse3 athlon-fx opteron opteron-sse3 "
    "amdfam10 barcelona btver1"
    " btver2 bdver1 bdver2 bdver3 nocona core2 core_2_duo_ssse3 penryn core_2_duo_sse4_1 bonnell "
    "atom atom_sse4_2"
    " atom_sse4_2_movbe silvermont slm goldmont goldmont-plus goldmont_plus tremont nehalem corei7 "
    "core_i7_sse4_2 westmere"
    " core_aes_pclmulqdq sandybridge corei7-avx core_2nd_gen_avx ivybridge core-avx-i "
    "core_3rd_gen_avx ";

static bool lists(const char *names, const char *name) {
    char padded[64];
    int length = snprintf(padded, sizeof padded, " %s ", name);
    return length > 2 && (size_t)length < sizeof padded && strchr(name, ' ') == NULL &&
           strstr(names, padded);
}

/* `+avx2,-avx512f,…` as LLVM writes features. */
static bool has_feature(const char *features, const char *name) {
    size_t length = strlen(name);
    for (const char *at = features; (at = strstr(at, name)) != NULL; at += length)
        if (at > features && at[-1] == '+' && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static void copy_message(char *text, size_t size, char *message) {
    snprintf(text, size, "%s", message);
    LLVMDisposeMessage(message);
}

static void describe_host(TargetDescription *target) {
    /* What this process runs on does not change. */
    static char cpu[64], features[8192];
    if (cpu[0] == '\0') {
        copy_message(cpu, sizeof cpu, LLVMGetHostCPUName());
        copy_message(features, sizeof features, LLVMGetHostCPUFeatures());
    }
    target->cpu = cpu;
    target->features = features;
    bool has_avx512 = has_feature(features, "avx512f") && has_feature(features, "avx512bw") &&
                      has_feature(features, "avx512vl") && has_feature(features, "avx512dq");
    target->vector_bytes = has_avx512 ? 64 : has_feature(features, "avx2") ? 32 : 16;
    target->has_fma = has_feature(features, "fma");
}

static const char *default_cpu(const char *triple) {
    bool is_x86 = !triple || strncmp(triple, "x86_64", 6) == 0 || strncmp(triple, "amd64", 5) == 0;
    return is_x86 ? "x86-64-v3" : "generic";
}

static const char *const x86_levels[TARGET_MAX_LEVELS] = {"x86-64-v4", "x86-64-v3", "x86-64-v2"};

const char *target_host_level(void) {
    TargetDescription host = {0};
#if defined(__x86_64__)
    describe_host(&host);
    return x86_levels[host.vector_bytes == 64 ? 0 : host.vector_bytes == 32 ? 1 : 2];
#else
    (void)host;
    return NULL;
#endif
}

bool target_describe(const CompileOptions *options, TargetDescription *target,
                     Diagnostics *diagnostics) {
    const char *name = options->cpu ? options->cpu : default_cpu(options->target);
    *target = (TargetDescription){
        .cpu = name, .features = "", .l1_bytes = DEFAULT_L1, .l2_bytes = DEFAULT_L2};
    if (strcmp(name, "native") == 0) {
        describe_host(target);
    } else if (lists(processors_of_64, name) || lists(processors_of_32, name)) {
        target->vector_bytes = lists(processors_of_64, name) ? 64 : 32;
        target->has_fma = true;
    } else if (lists(processors_of_16, name)) {
        target->vector_bytes = 16;
    } else {
        return diagnose_error(diagnostics, (Place){0},
                              "--mcpu=%s: no such processor; x86-64, x86-64-v2, x86-64-v3, "
                              "x86-64-v4, native, and the names "
                              "LLVM has, as haswell or znver4, are known",
                              name);
    }
    target->vector_registers = target->vector_bytes == 64 ? 32 : 16;
    return true;
}

bool target_list(const CompileOptions *options, TargetList *list, Diagnostics *diagnostics) {
    bool has_levels = options->every_level && !options->cpu &&
                      strcmp(default_cpu(options->target), "generic") != 0;
    list->count = has_levels ? TARGET_MAX_LEVELS : 1;
    CompileOptions one = *options;
    for (size_t k = 0; k < list->count; k++) {
        if (has_levels) one.cpu = x86_levels[k];
        if (!target_describe(&one, &list->targets[k], diagnostics)) return false;
    }
    return true;
}
