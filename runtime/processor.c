/* processor.c: which of a model's versions this processor can run. */
#include "internal.h"

#if defined(__x86_64__)

#include <cpuid.h>

static void read_processor(uint32_t words[TFCC_ABI_PROCESSOR_WORDS]) {
    uint32_t unused;
    __cpuid(1, unused, unused, words[TFCC_ABI_ONE_C], unused);
    if ((words[TFCC_ABI_ONE_C] >> 27 & 1) != 0) /* there is xgetbv */
        __asm__("xgetbv" : "=a"(words[TFCC_ABI_STATE]), "=d"(unused) : "c"(0));
    if (__get_cpuid_max(0, NULL) >= 7) {
        __cpuid_count(7, 0, unused, words[TFCC_ABI_SEVEN_B], words[TFCC_ABI_SEVEN_C],
                      words[TFCC_ABI_SEVEN_D]);
        __cpuid_count(7, 1, words[TFCC_ABI_SEVEN_ONE_A], unused, unused, unused);
    }
    __cpuid(0x80000001u, unused, unused, words[TFCC_ABI_EXTENDED_C], unused);
}

#else

static void read_processor(uint32_t words[TFCC_ABI_PROCESSOR_WORDS]) {
    (void)words;
}

#endif

tfcc_status tfcc_processor_choose(const tfcc_model **chosen) {
    uint32_t words[TFCC_ABI_PROCESSOR_WORDS] = {0}, missing;
    read_processor(words);
    for (const tfcc_model *model = *chosen;; model = model->alternative) {
        missing = 0;
        for (int i = 0; i < TFCC_ABI_PROCESSOR_WORDS; i++)
            missing |= model->processor[i] & ~words[i];
        *chosen = model;
        if (missing == 0) return TFCC_OK;
        if (model->alternative == NULL) return tfcc_fail(PROCESSOR, model->name, model->requires);
    }
}
