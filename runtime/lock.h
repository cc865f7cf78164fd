/* lock.h: the uncontended case of the session's lock, for runs; the functions of internal.h are
 * the same without inlining. */
#ifndef TFCC_LOCK_H
#define TFCC_LOCK_H

#include "internal.h"

#pragma GCC visibility push(hidden)

/* Acquires the lock the long way. */
void tfcc_lock_wait(tfcc_lock *lock, bool exclusive);

/* Wakes whoever waits. */
void tfcc_lock_wake(tfcc_lock *lock);

enum { TFCC_LOCK_WRITER = 1, TFCC_LOCK_WAITED = 2, TFCC_LOCK_READER = 4 };

static inline void tfcc_lock_acquire_fast(tfcc_lock *lock, bool exclusive) {
    uint32_t state = 0;
    if (!exclusive) {
        state = atomic_load_explicit(&lock->state, memory_order_relaxed);
        if ((state & (TFCC_LOCK_WRITER | TFCC_LOCK_WAITED)) != 0) state = UINT32_MAX;
    }
    uint32_t next = exclusive ? TFCC_LOCK_WRITER : state + TFCC_LOCK_READER;
    if (state == UINT32_MAX ||
        !atomic_compare_exchange_strong_explicit(&lock->state, &state, next, memory_order_acquire,
                                                 memory_order_relaxed))
        tfcc_lock_wait(lock, exclusive);
}

static inline void tfcc_lock_release_fast(tfcc_lock *lock, bool exclusive) {
    if (exclusive) {
        atomic_store_explicit(&lock->state, 0, memory_order_release);
        if (__builtin_expect(atomic_load_explicit(&lock->waiting, memory_order_relaxed) != 0, 0))
            tfcc_lock_wake(lock);
        return;
    }
    /* The last of the readers wakes whoever waits. */
    if (atomic_fetch_sub_explicit(&lock->state, TFCC_LOCK_READER, memory_order_release) ==
        (TFCC_LOCK_WAITED | TFCC_LOCK_READER))
        tfcc_lock_wake(lock);
}

#pragma GCC visibility pop

#endif
