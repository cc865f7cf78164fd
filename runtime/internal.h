/* internal.h: what the files of the runtime share.
 *
 *   status.c      statuses and the thread's message
 *   messages.def  the sentences
 *   memory.c      memory, tables of names
 *   tensor.c      dtypes, tensors, results that the caller frees
 *   lock.c        the session's reader/writer lock
 *   session.c     opening, closing, looking names up
 *   variables.c   variables by name
 *   introspect.c  what is in a model
 *   processor.c   what the processor has
 *   side_file.c   constants kept in a file
 *
 *   cache.c       finding the plan of a run
 *   plan.c        which steps a set of feeds and fetches needs
 *   place.c       where written variables are kept during a run
 *   frame.c       the memory of runs
 *   feeds.c       checks and binds feeds; sizes; workspace
 *   run.c         carries a plan out
 *   results.c     fetches that are more than a scalar
 *   state.c       variables during a run, steps that are more than a kernel
 *   estimate.c    sizes without a run, reserving
 *
 * External names begin with tfcc_ as all of the library's do, and are hidden from shared objects
 * that the library is linked into.
 */
#ifndef TFCC_INTERNAL_H
#define TFCC_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <pthread.h>

#include <tfcc/abi.h>
#include <tfcc/runtime.h>

#pragma GCC visibility push(hidden)

#define TFCC_TRY(expression)                                                                       \
    do {                                                                                           \
        tfcc_status tried_ = (expression);                                                         \
        if (tried_ != TFCC_OK) return tried_;                                                      \
    } while (0)

/* For functions that are called once and make the code smaller where they are inlined, which the
 * compiler does not see. */
#define TFCC_INLINE static inline __attribute__((always_inline))

/* ---- status.c ---- */

/* The sentences: MESSAGE_NAME for each row of messages.def. */
typedef enum tfcc_sentence {
#define MESSAGE(name, status, text) MESSAGE_##name,
#include "messages.def"
} tfcc_sentence;

/* Their formats, for the compiler to compare with the arguments. */
#define MESSAGE(name, status, text) static const char tfcc_format_##name[] = text;
#include "messages.def"

/* tfcc_fail(NAME, arguments...) makes the sentence the thread's message and gives its status. Too
 * long ones are cut at a character. */
#define tfcc_fail(...)                                                                             \
    ((void)sizeof printf(tfcc_format_##__VA_ARGS__), tfcc_fail_with(MESSAGE_##__VA_ARGS__))
__attribute__((cold)) tfcc_status tfcc_fail_with(tfcc_sentence sentence, ...);

/* A sentence without arguments that is about `file` and, if it is not NULL, its tensor `tensor`. */
__attribute__((cold)) tfcc_status tfcc_fail_in(const char *file, const char *tensor,
                                               tfcc_sentence sentence);

/* A pointer that is needed is NULL. */
__attribute__((cold)) tfcc_status tfcc_fail_null(void);

/* The sentence of a check that failed (see tfcc_abi_check) as the thread's message. Gives the
 * check's status. */
__attribute__((cold)) tfcc_status tfcc_fail_check(const tfcc_abi_check *check,
                                                  const int64_t *values);

/* `[2, ?]`: sizes below zero are question marks, a rank below zero gives `of any rank`. The text
 * is the thread's and stays until the next but one. */
__attribute__((cold)) const char *tfcc_shape_text(const int64_t *shape, int32_t rank);

/* ---- memory.c ---- */

#define TFCC_ALIGNMENT 64

/* Memory at a multiple of TFCC_ALIGNMENT, or NULL after the message has been set; a size of zero
 * counts as one. Released with the same size; NULL is allowed there. */
void *tfcc_obtain(const tfcc_allocator *allocator, size_t size);
void *tfcc_obtain_zeroed(const tfcc_allocator *allocator, size_t size);
void tfcc_release(const tfcc_allocator *allocator, void *block, size_t size);

/* The default allocator. */
extern const tfcc_allocator tfcc_default_allocator;

/* An array that lies in a block together with others: where its owner has the pointer to it, the
 * size of an element, and which of the counts tells how many there are. */
typedef struct tfcc_part {
    uint16_t pointer;
    uint8_t element, count;
} tfcc_part;

#define TFCC_PART(type, array, count)                                                              \
    { offsetof(type, array), sizeof *((type *)0)->array, count }

/* Points the parts of `owner` into the block at `base`, which may be NULL while only its size is
 * asked for. Gives the size. */
size_t tfcc_carve(void *owner, char *base, const tfcc_part *parts, size_t part_count,
                  const uint32_t *counts);

/* The first of `count` entries of `table`, `stride` bytes each, that begin with a pointer to the
 * text of `length` bytes at `name`; or TFCC_ABI_NONE. */
uint32_t tfcc_find_text(const void *table, uint32_t count, size_t stride, const char *name,
                        size_t length);

/* ---- tensor.c ---- */

/* Checks rank, shape and capacity of a tensor that is given a value by the caller and stores its
 * size in bytes. `what` (`feed`, `variable`) and `name` are for the sentence. Data is looked at
 * only where `with_data`. */
tfcc_status tfcc_tensor_check(const tfcc_tensor *tensor, tfcc_dtype dtype, const char *what,
                              const char *name, bool with_data, size_t *bytes);

/* One block for a result: shape and data. `data` is at a multiple of TFCC_ALIGNMENT. */
typedef struct tfcc_block {
    int64_t *shape; /* TFCC_MAX_RANK entries; NULL where there is no block */
    void *data;
} tfcc_block;

tfcc_status tfcc_block_obtain(const tfcc_allocator *allocator, size_t bytes, tfcc_block *block);
void tfcc_block_release(tfcc_block *block);

/* Where a value goes that the caller asks for. */
typedef struct tfcc_result {
    void *data;
    tfcc_block block; /* if it was obtained */
    size_t bytes;
} tfcc_result;

/* What is asked for: a `fetch` or `variable`. */
typedef struct tfcc_value {
    const char *what, *name;
    const int64_t *shape;
    int32_t rank;
    uint32_t dtype;
} tfcc_value;

/* Finds where the result->bytes bytes go that `tensor` asks for: the caller's buffer, or a new
 * block. A dtype of TFCC_NONE asks for nothing; the value goes to a block. */
tfcc_status tfcc_result_prepare(const tfcc_allocator *allocator, const tfcc_tensor *tensor,
                                const tfcc_value *value, tfcc_result *result);

/* Fills in `tensor` after its data has been stored. The block, if any, is then the caller's. Cannot
 * fail. */
void tfcc_result_deliver(tfcc_tensor *tensor, tfcc_result *result, const int64_t *shape,
                         int32_t rank);

/* ---- processor.c ---- */

/* The first of the model and its alternatives for which the processor has everything. */
tfcc_status tfcc_processor_choose(const tfcc_model **model);

/* ---- side_file.c ---- */

/* Maps the model's side file, if it has one: `path`, or the name it was compiled with. */
tfcc_status tfcc_side_file_open(tfcc_session *session, const char *path);
void tfcc_side_file_close(const tfcc_session *session);

/* ---- lock.c ---- */

/* Many readers or one writer. `mutex` is held for moments only, by who waits and by who changes the
 * list of frames. Uncontended, a writer costs one compare-and-swap. A waiting writer keeps new
 * readers out. */
typedef struct tfcc_lock {
    _Atomic uint32_t state;
    _Atomic uint32_t waiting; /* how many are in tfcc_lock_wait */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} tfcc_lock;

void tfcc_lock_create(tfcc_lock *lock);
void tfcc_lock_destroy(tfcc_lock *lock);
void tfcc_lock_acquire(tfcc_lock *lock, bool exclusive);
void tfcc_lock_release(tfcc_lock *lock, bool exclusive);

/* ---- session.c ---- */

/* Copies the caller's options, which begin with their size and may be those of an older or newer
 * version of the header. `given` may be NULL. */
tfcc_status tfcc_read_options(const void *given, void *options, size_t known);

/* A variable of a session. Its name, dtype, shape and bytes are in model->variables, under the same
 * index. */
typedef struct tfcc_session_variable {
    void *data;     /* its value; NULL: it has none */
    void *spare;    /* a second buffer, kept once it was needed; else NULL */
    bool has_value; /* data != NULL, for INITIALIZED buffers */
} tfcc_session_variable;

typedef struct tfcc_plan tfcc_plan;
typedef struct tfcc_frame tfcc_frame;

/* The fields used most stand first: they are reached by shorter instructions. */
struct tfcc_session {
    const tfcc_model *model;
    tfcc_allocator allocator;
    tfcc_session_variable *variables;
    uint64_t epoch;       /* grows with every change of a variable's address; frames remember for
                             which one they are bound */
    uint64_t random_runs; /* how many runs have drawn random numbers */
    tfcc_plan *plans;     /* a list; changed by writers only */
    _Atomic(tfcc_plan *) last_plan;
    _Atomic(tfcc_frame *) spare_frame; /* the first of the frames that no run is using */
    tfcc_frame *frames;                /* the others */
    uint32_t plan_count;
    _Atomic bool exclusive_hint; /* whether the last run was alone */

    tfcc_lock lock; /* guards all but frames; a run that writes holds it as writer */

    const tfcc_model *opened; /* what the session was opened on; `model` is it, or one of its
                                 alternatives */
    const volatile int *cancel;
    tfcc_trace trace;
    void *trace_context;
    uint64_t plan_serial;       /* every plan gets a number of its own */
    const char *side;           /* the mapped side file, or NULL */
    void *saver;                /* checkpoint.c: which checkpoints this session has saved */
    pthread_mutex_t save_mutex; /* saves come one after the other */
};

/* Memory for a new value of variable `index`: v->spare, obtained if need be. The lock is held as
 * writer. */
tfcc_status tfcc_variable_stage(tfcc_session *session, uint32_t index);

/* Makes the staged memory the value; what was the value becomes the spare. Cannot fail. */
void tfcc_variable_adopt(tfcc_session *session, uint32_t index);

/* The index of variable `name`, or TFCC_ABI_NONE. */
uint32_t tfcc_variable_find(const tfcc_model *model, const char *name);

/* checkpoint.c: releases session->saver. */
void tfcc_checkpoint_forget(tfcc_session *session);

#pragma GCC visibility pop

#endif
