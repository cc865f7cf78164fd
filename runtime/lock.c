/* lock.c: many readers or one writer, with a short way for the uncontended case.
 *
 * state = WRITER if a writer holds it, + WAITED if somebody sleeps or is about to, + READER for
 * every reader. Only who must wait takes the mutex: it counts itself in `waiting`, sets WAITED and
 * sleeps, all under the mutex. Who leaves the lock free and finds somebody waiting wakes all
 * sleepers, again under the mutex. Those try anew.
 *
 * A writer leaves with a plain store and looks at `waiting` afterwards, which saves half the cost
 * of a short run: a second locked instruction. The processor may read `waiting` before the store
 * can be seen, so a sleeper that comes just then may not be woken; therefore nobody sleeps longer
 * than a millisecond without looking again.
 */
#include "lock.h"

#include <time.h>

enum { WRITER = TFCC_LOCK_WRITER, WAITED = TFCC_LOCK_WAITED, READER = TFCC_LOCK_READER };

static bool lock_try(tfcc_lock *lock, bool exclusive, uint32_t *seen) {
    uint32_t state = *seen;
    uint32_t next = exclusive ? state | WRITER : state + READER;
    /* A reader lets a waiting writer go first, unless the lock is free. */
    bool available = exclusive ? (state & ~(uint32_t)WAITED) == 0
                               : (state & WRITER) == 0 && ((state & WAITED) == 0 || state < READER);
    return available && atomic_compare_exchange_weak_explicit(
                            &lock->state, seen, next, memory_order_acquire, memory_order_relaxed);
}

static void sleep_shortly(tfcc_lock *lock) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&lock->changed, &lock->mutex, &until);
}

void tfcc_lock_wait(tfcc_lock *lock, bool exclusive) {
    pthread_mutex_lock(&lock->mutex);
    atomic_fetch_add(&lock->waiting, 1);
    uint32_t state = atomic_load_explicit(&lock->state, memory_order_relaxed);
    for (;;) {
        if (lock_try(lock, exclusive, &state)) break;
        bool held = (state & WRITER) != 0 || state >= READER;
        if (!held) continue; /* the exchange failed, or was beaten: `state` is new */
        if ((state & WAITED) == 0 &&
            !atomic_compare_exchange_weak_explicit(&lock->state, &state, state | WAITED,
                                                   memory_order_relaxed, memory_order_relaxed))
            continue;
        sleep_shortly(lock);
        state = atomic_load_explicit(&lock->state, memory_order_relaxed);
    }
    atomic_fetch_sub(&lock->waiting, 1);
    pthread_mutex_unlock(&lock->mutex);
}

void tfcc_lock_wake(tfcc_lock *lock) {
    pthread_mutex_lock(&lock->mutex);
    atomic_fetch_and_explicit(&lock->state, ~(uint32_t)WAITED, memory_order_relaxed);
    pthread_cond_broadcast(&lock->changed);
    pthread_mutex_unlock(&lock->mutex);
}

void tfcc_lock_create(tfcc_lock *lock) {
    atomic_init(&lock->state, 0);
    atomic_init(&lock->waiting, 0);
    pthread_mutex_init(&lock->mutex, NULL); /* without attributes, these do not fail */
    pthread_cond_init(&lock->changed, NULL);
}

void tfcc_lock_destroy(tfcc_lock *lock) {
    pthread_cond_destroy(&lock->changed);
    pthread_mutex_destroy(&lock->mutex);
}

void tfcc_lock_acquire(tfcc_lock *lock, bool exclusive) {
    tfcc_lock_acquire_fast(lock, exclusive);
}

void tfcc_lock_release(tfcc_lock *lock, bool exclusive) {
    tfcc_lock_release_fast(lock, exclusive);
}
