/* runtime_support.h: what the tests of the runtime share: kernels in C, an allocator that fails on
 * demand, short checks. */
#ifndef RUNTIME_SUPPORT_H
#define RUNTIME_SUPPORT_H

#include <criterion/criterion.h>

#include "../programs/hand_model.h"

/* ---- An allocator that counts, and fails at a chosen call ---- */

typedef struct FailingAllocator {
    int calls;       /* to allocate so far */
    int fail_at;     /* the call, from 1, that fails; 0: none */
    int64_t balance; /* bytes obtained and not released */
} FailingAllocator;

static inline void *failing_allocate(void *context, size_t size, size_t alignment) {
    FailingAllocator *allocator = context;
    if (++allocator->calls == allocator->fail_at) return NULL;
    allocator->balance += (int64_t)size;
    void *block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    memset(block, 0xa5, size);
    return block;
}

static inline void failing_release(void *context, void *block, size_t size) {
    FailingAllocator *allocator = context;
    allocator->balance -= (int64_t)size;
    free(block);
}

static inline tfcc_options failing_options(FailingAllocator *allocator) {
    return (tfcc_options){.size = sizeof(tfcc_options),
                          .allocator = {failing_allocate, failing_release, allocator}};
}

/* ---- Checks ---- */

#define expect_ok(call)                                                                            \
    do {                                                                                           \
        tfcc_status status_ = (call);                                                              \
        cr_assert(status_ == TFCC_OK, "%s: %s", tfcc_status_name(status_), tfcc_message(NULL));    \
    } while (0)

/* The call fails with `wanted`, and the sentence is `sentence`. */
#define expect_failure(call, wanted, sentence)                                                     \
    do {                                                                                           \
        tfcc_status status_ = (call);                                                              \
        cr_assert(status_ == (wanted), "%s", tfcc_status_name(status_));                           \
        cr_assert_str_eq(tfcc_message(NULL), sentence);                                            \
    } while (0)

static inline tfcc_session *open_session(const HandModel *hand) {
    tfcc_session *session;
    expect_ok(tfcc_session_open(&hand->model, NULL, &session));
    return session;
}

static inline int32_t fetch_int32(tfcc_session *session, const char *name) {
    int32_t value;
    tfcc_fetch fetch = {name, tfcc_int32(&value)};
    expect_ok(tfcc_run(session, NULL, 0, &fetch, 1));
    return value;
}

static inline tfcc_status run_target(tfcc_session *session, const char *name) {
    tfcc_fetch fetch = {name, {0}};
    return tfcc_run(session, NULL, 0, &fetch, 1);
}

/* ---- Kernels ---- */

/* Kernels of vectors of float32: [in x] [out y], dims: the number of elements. */
static inline uint32_t kernel_double(void *const *buffers, const int64_t *dims, int64_t *failure) {
    (void)failure;
    for (int64_t i = 0; i < dims[0]; i++) {
        float x;
        memcpy(&x, (const char *)buffers[0] + 4 * i, 4);
        x *= 2;
        memcpy((char *)buffers[1] + 4 * i, &x, 4);
    }
    return 0;
}

/* [in x] [out y]: int32 scalars. Fails where x is negative. */
static inline uint32_t kernel_check_positive(void *const *buffers, const int64_t *dims,
                                             int64_t *failure) {
    (void)dims;
    int32_t x;
    memcpy(&x, buffers[0], 4);
    memcpy(buffers[1], &x, 4);
    failure[0] = x;
    double half = x / 2.0;
    memcpy(&failure[1], &half, 8);
    failure[2] = x > 0;
    failure[10] = 77;
    return x < 0;
}

#endif
