/* tfcc/runtime.h: running compiled graphs from C and C++.
 *
 * `tfcc counter.yaml -o counter.o` writes an object and the header counter.h, which includes this
 * one and declares the model `counter_model` and functions `counter_…` that are thin names for the
 * functions below. A program links counter.o and libtfcc_runtime.a and needs no other library than
 * libc, libm and pthreads.
 *
 *     tfcc_session *session;
 *     tfcc_session_open(&counter_model, NULL, &session);
 *     tfcc_initialize(session);
 *     int32_t c, a;
 *     tfcc_fetch fetches[] = {{"c", tfcc_int32(&c)}, {"a", tfcc_int32(&a)}};
 *     counter_run(session, NULL, 0, fetches, 2);
 *     tfcc_session_close(session);
 *
 * Statuses. Every function that can fail gives a tfcc_status, and tfcc_message(session) then has
 * the sentence to it. Nothing is ever printed, and the process is neither ended nor stopped from
 * here. NULL where something is needed gives TFCC_INVALID_ARGUMENT.
 *
 * Threads. Sessions are independent of each other. Within one session every function but
 * tfcc_session_close may be called from any number of threads: runs that write a variable or draw
 * random numbers are alone in their session, all others go on side by side. Not defined are: using
 * a session after, or while, it is closed; a call from inside one of its own callbacks that uses
 * the same session; forking while a run is under way and going on with the session in the child.
 *
 * Memory. Tensors are the caller's memory. A session obtains its own from its allocator and keeps
 * it: a second run with the same feeds, fetches and sizes allocates nothing.
 */
#ifndef TFCC_RUNTIME_H
#define TFCC_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A compiled graph. Constant, usable from any number of sessions; its inside is described in
 * tfcc/abi.h. */
typedef struct tfcc_model tfcc_model;

/* A graph's variables and the memory its runs use. */
typedef struct tfcc_session tfcc_session;

/* ---- Statuses ---- */

/* The canonical codes, numbered as in TensorFlow. */
typedef enum tfcc_status {
    TFCC_OK = 0,
    TFCC_CANCELLED = 1, /* the cancel flag of the options was set */
    TFCC_UNKNOWN = 2,
    TFCC_INVALID_ARGUMENT = 3, /* an argument, a feed, a value computed from them, is wrong */
    TFCC_DEADLINE_EXCEEDED = 4,
    TFCC_NOT_FOUND = 5, /* no feed, fetch, variable, file of that name */
    TFCC_ALREADY_EXISTS = 6,
    TFCC_PERMISSION_DENIED = 7,   /* the file system says so */
    TFCC_RESOURCE_EXHAUSTED = 8,  /* memory, or space on a disk */
    TFCC_FAILED_PRECONDITION = 9, /* a variable without a value; a processor that cannot run it */
    TFCC_ABORTED = 10,
    TFCC_OUT_OF_RANGE = 11, /* a file that ends too early */
    TFCC_UNIMPLEMENTED = 12,
    TFCC_INTERNAL = 13,
    TFCC_UNAVAILABLE = 14, /* any other failure of the file system */
    TFCC_DATA_LOSS = 15,   /* a file that is damaged */
    TFCC_UNAUTHENTICATED = 16,
} tfcc_status;

/* `INVALID_ARGUMENT` for TFCC_INVALID_ARGUMENT; "" for a number that is no status. Never NULL. */
const char *tfcc_status_name(tfcc_status status);

/* The sentence of the calling thread's last failure: what was wrong, with the names, shapes and
 * dtypes involved. `session` is the session it happened in, or NULL (after a failed
 * tfcc_session_open, or where no session is involved); it is not looked into. The text is the
 * thread's and stays until its next failure. "" where nothing has failed yet. Never NULL. */
const char *tfcc_message(const tfcc_session *session);

/* ---- Tensors ---- */

/* Types of elements, numbered as TensorFlow's DataType. An element is stored in the C type named
 * here; float16, bfloat16 and the float8 types are kept as their bits, int4 and uint4 as one
 * byte an element. */
typedef enum tfcc_dtype {
    TFCC_NONE = 0,             /* as the dtype of a fetch: compute it, deliver nothing */
    TFCC_FLOAT32 = 1,          /* float */
    TFCC_FLOAT64 = 2,          /* double */
    TFCC_INT32 = 3,            /* int32_t */
    TFCC_UINT8 = 4,            /* uint8_t */
    TFCC_INT16 = 5,            /* int16_t */
    TFCC_INT8 = 6,             /* int8_t */
    TFCC_INT64 = 9,            /* int64_t */
    TFCC_BOOL = 10,            /* bool: one byte, 0 or 1 */
    TFCC_BFLOAT16 = 14,        /* uint16_t */
    TFCC_UINT16 = 17,          /* uint16_t */
    TFCC_FLOAT16 = 19,         /* uint16_t */
    TFCC_UINT32 = 22,          /* uint32_t */
    TFCC_UINT64 = 23,          /* uint64_t */
    TFCC_FLOAT8_E5M2 = 24,     /* uint8_t */
    TFCC_FLOAT8_E4M3FN = 25,   /* uint8_t */
    TFCC_FLOAT8_E4M3FNUZ = 26, /* uint8_t */
    TFCC_FLOAT8_E5M2FNUZ = 28, /* uint8_t */
    TFCC_INT4 = 29,            /* int8_t: -8 to 7 */
    TFCC_UINT4 = 30,           /* uint8_t: 0 to 15 */
} tfcc_dtype;

/* `float32` for TFCC_FLOAT32, `none` for TFCC_NONE; "" for a number that is no dtype. Never
 * NULL. */
const char *tfcc_dtype_name(tfcc_dtype dtype);

/* Bytes of an element; 0 for TFCC_NONE and for a number that is no dtype. */
size_t tfcc_dtype_size(tfcc_dtype dtype);

/* The highest rank of a tensor. */
#define TFCC_MAX_RANK 8

/* An array in the caller's memory: row-major, dense, at any address (no alignment is needed).
 *
 * data      the elements; may be NULL where there are none
 * shape     `rank` sizes, outermost first; may be NULL for a scalar
 * capacity  how many bytes there are at `data`; 0 means the product of the given shape
 */
typedef struct tfcc_tensor {
    void *data;
    int64_t *shape;
    int32_t rank;
    tfcc_dtype dtype;
    size_t capacity;
} tfcc_tensor;

/* One value for a run. `name` is a feed's name, or the handle NAME_feed_X of the generated
 * header, which a run like an earlier one need not look up. The tensor is only read, and only during the call. */
typedef struct tfcc_feed {
    const char *name;
    tfcc_tensor tensor;
} tfcc_feed;

/* One result of a run. `name` is a fetch's name or the handle NAME_fetch_X.
 *
 * `tensor.dtype` is the fetch's dtype, or TFCC_NONE for a target: it is computed, and nothing is
 * delivered. Otherwise one of
 *   - `data` is the caller's buffer: the result is written there, if it has room (`capacity`, or
 *     else the product of the given shape). `rank` is set and, where `shape` is not NULL, the sizes
 *     are stored there: give it room for the fetch's rank, for TFCC_MAX_RANK entries where that is
 *     unknown. For runs whose sizes vary give the capacity, for the next run sees the shape left by
 *     the last.
 *   - `data` and `shape` are NULL: both are obtained, as one block of the session's allocator, and
 *     `capacity` is set. The caller frees it with tfcc_tensor_free, or passes it to further runs as
 *     a buffer.
 *   - `data` is NULL and `shape` is not: right only for a result without elements.
 * After a run that failed, the tensors are as they were given; what is in the buffers is not
 * defined. */
typedef struct tfcc_fetch {
    const char *name;
    tfcc_tensor tensor;
} tfcc_fetch;

/* Frees data and shape of a tensor that a call has obtained (see tfcc_fetch), and makes both
 * NULL. It needs no session and may come after the session was closed; the allocator that is
 * used is the one the block came from. A tensor whose shape is NULL is left as it is; any other
 * tensor that was not obtained from a call must not be passed. */
void tfcc_tensor_free(tfcc_tensor *tensor);

/* A tensor over an array: `tfcc_array(TFCC_FLOAT32, pixels, shape, 4)`. It may be fed though
 * data and shape are constant; for a fetch both must be writable. */
static inline tfcc_tensor tfcc_array(tfcc_dtype dtype, const void *data, const int64_t *shape,
                                     int32_t rank) {
    tfcc_tensor tensor;
    tensor.data = (void *)(uintptr_t)data;
    tensor.shape = (int64_t *)(uintptr_t)shape;
    tensor.rank = rank;
    tensor.dtype = dtype;
    tensor.capacity = 0;
    return tensor;
}

/* Scalars: tfcc_int32(&c) over an int32_t that may be fetched, tfcc_const_int32(&c) over one
 * that is only fed; so for every dtype. float16 and bfloat16 take their bits as uint16_t, the
 * float8 types as uint8_t. */
#define TFCC_SCALAR(name, type, dtype)                                                             \
    static inline tfcc_tensor tfcc_##name(type *value) {                                           \
        return tfcc_array(dtype, value, NULL, 0);                                                  \
    }                                                                                              \
    static inline tfcc_tensor tfcc_const_##name(const type *value) {                               \
        return tfcc_array(dtype, value, NULL, 0);                                                  \
    }
TFCC_SCALAR(float32, float, TFCC_FLOAT32)
TFCC_SCALAR(float64, double, TFCC_FLOAT64)
TFCC_SCALAR(float16, uint16_t, TFCC_FLOAT16)
TFCC_SCALAR(bfloat16, uint16_t, TFCC_BFLOAT16)
TFCC_SCALAR(int8, int8_t, TFCC_INT8)
TFCC_SCALAR(int16, int16_t, TFCC_INT16)
TFCC_SCALAR(int32, int32_t, TFCC_INT32)
TFCC_SCALAR(int64, int64_t, TFCC_INT64)
TFCC_SCALAR(uint8, uint8_t, TFCC_UINT8)
TFCC_SCALAR(uint16, uint16_t, TFCC_UINT16)
TFCC_SCALAR(uint32, uint32_t, TFCC_UINT32)
TFCC_SCALAR(uint64, uint64_t, TFCC_UINT64)
TFCC_SCALAR(bool, bool, TFCC_BOOL)
TFCC_SCALAR(float8_e5m2, uint8_t, TFCC_FLOAT8_E5M2)
TFCC_SCALAR(float8_e4m3fn, uint8_t, TFCC_FLOAT8_E4M3FN)
TFCC_SCALAR(float8_e4m3fnuz, uint8_t, TFCC_FLOAT8_E4M3FNUZ)
TFCC_SCALAR(float8_e5m2fnuz, uint8_t, TFCC_FLOAT8_E5M2FNUZ)
TFCC_SCALAR(int4, int8_t, TFCC_INT4)
TFCC_SCALAR(uint4, uint8_t, TFCC_UINT4)
#undef TFCC_SCALAR

/* ---- Sessions ---- */

/* Where memory comes from. Both functions or neither; they may be called from any thread that uses
 * the session, also at the same time.
 *
 * allocate  gives `size` bytes (never 0) at a multiple of `alignment` (a power of two, at most 64),
 *     or NULL
 * release  takes back what allocate gave, with the same size
 */
typedef struct tfcc_allocator {
    void *(*allocate)(void *context, size_t size, size_t alignment);
    void (*release)(void *context, void *block, size_t size);
    void *context;
} tfcc_allocator;

/* Calls body(argument, index) for every index below count, on any threads, and returns when all
 * calls have. */
typedef void (*tfcc_parallel_for)(void *context, size_t count,
                                  void (*body)(void *argument, size_t index), void *argument);

/* Called on the thread of the run after each step that was carried out: the node it came from
 * (fused nodes share a step) and when it began and ended, in nanoseconds of CLOCK_MONOTONIC.
 * `step` is the model's and lasts. */
typedef void (*tfcc_trace)(void *context, const char *step, uint64_t begin, uint64_t end);

/* How a session works. Set `size` to sizeof(tfcc_options) and what is needed; zero is the
 * default of every other field, so `tfcc_options options = {sizeof(tfcc_options)}` stays right
 * when fields are added. */
typedef struct tfcc_options {
    size_t size;
    int32_t threads; /* how many threads a run may use; 0 and 1: the caller's alone. No thread is
                        started by this version, whatever is asked for */
    const volatile int *cancel; /* polled between steps, until the run's writes become visible: not
                                   0 ends it with TFCC_CANCELLED. Set it with an atomic store */
    tfcc_allocator allocator;   /* default: aligned_alloc and free */
    tfcc_parallel_for parallel_for; /* the caller's threads instead of the session's own. Not called
                                       by this version */
    void *parallel_context;
    tfcc_trace trace;
    void *trace_context;
    const char *side_file; /* path of the weights of a model compiled with --weights=FILE; default:
                              the FILE named then */
} tfcc_options;

/* Opens a session on `model` and stores it in *session. Its variables hold nothing yet. `options`
 * may be NULL. On failure *session is NULL, and tfcc_message(NULL) says why.
 *
 * TFCC_INVALID_ARGUMENT  a NULL, options of an impossible size, an allocator that is half there
 * TFCC_FAILED_PRECONDITION  the model was compiled for another version of the runtime, or for
 *     another processor
 * TFCC_NOT_FOUND, TFCC_DATA_LOSS, TFCC_UNAVAILABLE  the side file is missing, is not the one that
 *     belongs to the model, cannot be read
 * TFCC_RESOURCE_EXHAUSTED  no memory
 */
tfcc_status tfcc_session_open(const tfcc_model *model, const tfcc_options *options,
                              tfcc_session **session);

/* Ends a session and releases its memory. NULL is allowed. No other call may be using the
 * session. */
void tfcc_session_close(tfcc_session *session);

/* The model a session was opened on; NULL for NULL. */
const tfcc_model *tfcc_session_model(const tfcc_session *session);

/* Gives every variable its initial value, as one run: all or none. May be called again. Fails as
 * tfcc_run does. */
tfcc_status tfcc_initialize(tfcc_session *session);

/* ---- Runs ---- */

/* Computes `fetches` from `feeds` and the session's variables; only what the fetches need is
 * computed. Order is free, a fetch may stand there twice, a feed that nothing needs is accepted,
 * both lists may be empty (and NULL then).
 *
 * A step that reads a variable sees its value from the start of the run unless `after` puts it
 * behind a write; fetching a variable gives its value at the end of the run. A run is a
 * transaction: unless it gives TFCC_OK, every variable and the random counter are as they were.
 *
 * The buffers of the fetches may overlap neither each other nor a feed; feeds may overlap each
 * other.
 *
 * TFCC_INVALID_ARGUMENT  a feed is missing, doubled, of another dtype or of a wrong shape; a fetch
 *     of another dtype or without enough room; a variable is both fed and written; a check of the
 *     graph failed (an index out of range, an integer division by zero, a false assertion, sizes
 *     that do not fit)
 * TFCC_NOT_FOUND  there is no feed or fetch of that name
 * TFCC_FAILED_PRECONDITION  a variable that is read has no value yet: see tfcc_initialize,
 *     tfcc_restore, tfcc_variable_set
 * TFCC_RESOURCE_EXHAUSTED  no memory
 * TFCC_CANCELLED  see tfcc_options
 */
tfcc_status tfcc_run(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                     tfcc_fetch *fetches, size_t fetch_count);

/* What NAME_run of a generated header calls: tfcc_run, refusing a session of another model
 * (TFCC_INVALID_ARGUMENT). */
tfcc_status tfcc_run_model(const tfcc_model *model, tfcc_session *session, const tfcc_feed *feeds,
                           size_t feed_count, tfcc_fetch *fetches, size_t fetch_count);

/* What the typed function of a signature calls: a run with the feeds, fetches and targets of
 * signature `index`, in its order and without any look-up. There are as many tensors as the
 * signature has feeds and fetches. A fetch whose dtype is TFCC_NONE is not delivered. */
tfcc_status tfcc_run_signature(const tfcc_model *model, tfcc_session *session, uint32_t index,
                               const tfcc_tensor *feeds, tfcc_tensor *fetches);

/* How exact a size is that is asked for before a run. */
typedef enum tfcc_bound {
    TFCC_EXACT = 0,
    TFCC_UPPER_BOUND = 1, /* it depends on values that only the run computes, and is at most this */
    TFCC_UNBOUNDED = 2,   /* it depends on such values and nothing limits it */
} tfcc_bound;

/* The size of a tensor. Where `bound` is TFCC_UNBOUNDED, sizes without a limit are -1 and so is
 * `bytes`, as SIZE_MAX. */
typedef struct tfcc_extent {
    tfcc_bound bound;
    tfcc_dtype dtype;
    int32_t rank; /* -1 where it is unknown */
    int64_t shape[TFCC_MAX_RANK];
    size_t bytes;
} tfcc_extent;

/* The size that fetch `fetch` has in a run with these feeds (behind NAME_shape). Of the feeds
 * only name, dtype and shape are looked at, and those on which the size does not depend may be
 * left out. Nothing is computed, and no variable needs a value. */
tfcc_status tfcc_shape(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                       const char *fetch, tfcc_extent *extent);

/* The bytes a run with these feeds and fetches needs from the session's allocator (behind
 * NAME_workspace): its workspace and second buffers of variables it writes. Feeds as above; of
 * the fetches name and dtype are looked at. SIZE_MAX where *bound is TFCC_UNBOUNDED. `bound` may
 * be NULL. */
tfcc_status tfcc_workspace(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                           const tfcc_fetch *fetches, size_t fetch_count, size_t *bytes,
                           tfcc_bound *bound);

/* Obtains ahead what a run with these feeds and fetches will need, so that the run itself
 * allocates nothing but results that it is asked to obtain. Sizes that depend on computed values
 * are taken at their upper bound; those without one are left to the run. Serves one run at a
 * time: side by side, others obtain their own. */
tfcc_status tfcc_reserve(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                         const tfcc_fetch *fetches, size_t fetch_count);

/* ---- Variables ---- */

/* Copies a variable's value to `value`, which is filled as the tensor of a tfcc_fetch.
 *
 * TFCC_NOT_FOUND            there is no such variable
 * TFCC_FAILED_PRECONDITION  it has no value yet
 * TFCC_INVALID_ARGUMENT     another dtype, or not enough room
 */
tfcc_status tfcc_variable_get(tfcc_session *session, const char *name, tfcc_tensor *value);

/* Gives a variable the value of `value`, whose dtype and shape must be the variable's. On
 * failure it is as before. */
tfcc_status tfcc_variable_set(tfcc_session *session, const char *name, const tfcc_tensor *value);

/* ---- What is in a model ---- */

/* A feed, a fetch or a variable. All texts are the model's. */
typedef struct tfcc_description {
    const char *name;
    tfcc_dtype dtype;                      /* TFCC_NONE: a fetch that can only be a target */
    int32_t rank;                          /* -1 where it is unknown */
    int64_t shape[TFCC_MAX_RANK];          /* -1 where it is unknown */
    const char *dimensions[TFCC_MAX_RANK]; /* a named dimension's name, or NULL */
} tfcc_description;

/* A signature: how many feeds, fetches and targets it has. */
typedef struct tfcc_signature {
    const char *name;
    size_t feed_count, fetch_count, target_count;
} tfcc_signature;

/* The graph's name; "" for NULL. */
const char *tfcc_model_name(const tfcc_model *model);

/* How many there are; 0 for NULL. */
size_t tfcc_model_feed_count(const tfcc_model *model);
size_t tfcc_model_fetch_count(const tfcc_model *model);
size_t tfcc_model_variable_count(const tfcc_model *model);
size_t tfcc_model_signature_count(const tfcc_model *model);

/* Describe one, by its number from 0. TFCC_OUT_OF_RANGE where there is none. */
tfcc_status tfcc_model_feed(const tfcc_model *model, size_t index, tfcc_description *description);
tfcc_status tfcc_model_fetch(const tfcc_model *model, size_t index, tfcc_description *description);
tfcc_status tfcc_model_variable(const tfcc_model *model, size_t index,
                                tfcc_description *description);
tfcc_status tfcc_model_signature(const tfcc_model *model, size_t index, tfcc_signature *signature);

/* The feed `position` of signature `index`, and its fetch; fetches are followed by the targets. */
tfcc_status tfcc_model_signature_feed(const tfcc_model *model, size_t index, size_t position,
                                      tfcc_description *description);
tfcc_status tfcc_model_signature_fetch(const tfcc_model *model, size_t index, size_t position,
                                       tfcc_description *description);

/* ---- Checkpoints ---- */

/* Writes every variable of `session` to a TensorFlow V2 checkpoint.
 *
 * `prefix` names the files (PREFIX.index and one PREFIX.data-*) and may hold folders, of which
 * missing ones are made. On success the checkpoint is on disk (fsync) and listed in the folder's
 * `checkpoint` file. On failure, and after a crash at any point, an older checkpoint under the same
 * prefix is still whole. Runs of this session that write wait meanwhile. Where PREFIX.index is a
 * symbolic link, the link is replaced. Wildcard characters stand for themselves.
 *
 * TFCC_FAILED_PRECONDITION  a variable has no value yet
 * TFCC_INVALID_ARGUMENT  a prefix that is empty, ends in a slash or is named `checkpoint`
 * TFCC_RESOURCE_EXHAUSTED  the disk is full, or memory is
 * TFCC_UNAVAILABLE  any other failure of the file system; tfcc_message(session) has the path and
 *     errno's text
 */
tfcc_status tfcc_save(tfcc_session *session, const char *prefix);

/* Gives every variable its value from a TensorFlow V2 checkpoint, as tfcc or tf.train.Saver write
 * them, in any number of data files, partitioned variables put together. What else is in the
 * checkpoint is ignored. All variables or none: every value is read and its checksum compared
 * before the first one is replaced.
 *
 * TFCC_NOT_FOUND  there is no checkpoint of that prefix, or a variable is not in it
 * TFCC_INVALID_ARGUMENT  a variable has another dtype or shape there
 * TFCC_OUT_OF_RANGE  a data file is too short
 * TFCC_DATA_LOSS  a checksum is wrong, or a file is damaged otherwise
 */
tfcc_status tfcc_restore(tfcc_session *session, const char *prefix);

/* What tfcc_save_with does differently from tfcc_save. Set `size`; zero is the default of every
 * other field. */
typedef struct tfcc_save_options {
    size_t size;
    const char *const *variables; /* the variables to save; NULL: all. An empty list is an error */
    size_t variable_count;
    const char *const *keys;    /* for each of them its name in the checkpoint; NULL: its own */
    const int64_t *global_step; /* NULL: none. Else `-STEP` is appended to the prefix */
    int32_t max_to_keep;    /* how many checkpoints of this session stay; 0: 5, as in TensorFlow;
                               negative: all */
    bool fixed_data_file;   /* the data file is always PREFIX.data-00000-of-00001. Readers that open
                               every shard need it; a crash while a prefix is saved again may then
                               lose it */
    const char *state_file; /* the name of the folder's state file; NULL: `checkpoint`; "": none is
                               written */
    char *path; /* NULL, or `path_size` bytes, where the prefix that was written is stored */
    size_t path_size;
} tfcc_save_options;

/* Fails as tfcc_save does, and with TFCC_NOT_FOUND for an unknown variable,
 * TFCC_INVALID_ARGUMENT for one, or a key, named twice or for a path that does not fit.
 * `options` may be NULL. */
tfcc_status tfcc_save_with(tfcc_session *session, const char *prefix,
                           const tfcc_save_options *options);

/* What tfcc_restore_with does differently from tfcc_restore. Set `size`; zero is the default of
 * every other field. */
typedef struct tfcc_restore_options {
    size_t size;
    const char *const *variables; /* those to restore; NULL: all. An empty list is an error */
    size_t variable_count;
    const char *const *keys; /* for each of them its name in the checkpoint; NULL: its own */
} tfcc_restore_options;

/* Fails as tfcc_restore does, and with TFCC_NOT_FOUND for an unknown variable,
 * TFCC_INVALID_ARGUMENT for one named twice. */
tfcc_status tfcc_restore_with(tfcc_session *session, const char *prefix,
                              const tfcc_restore_options *options);

/* Stores in `path` the prefix of the newest checkpoint that the state file of `folder` lists.
 * `state_file` as above; NULL is `checkpoint`. TFCC_NOT_FOUND where there is no such file or it
 * lists none, TFCC_DATA_LOSS where it cannot be understood, TFCC_INVALID_ARGUMENT where
 * `path_size` is too small. */
tfcc_status tfcc_latest_checkpoint(const char *folder, const char *state_file, char *path,
                                   size_t path_size);

/* A checkpoint in memory: the bytes of its index and of its one data file, in one block. */
typedef struct tfcc_saved {
    void *index;
    size_t index_size;
    void *data;
    size_t data_size;
} tfcc_saved;

/* The bytes of a file. */
typedef struct tfcc_bytes {
    const void *data;
    size_t size;
} tfcc_bytes;

/* tfcc_save_with, to memory: of `options` the variables and keys count. The caller frees *saved
 * with tfcc_saved_free. */
tfcc_status tfcc_save_memory(tfcc_session *session, const tfcc_save_options *options,
                             tfcc_saved *saved);

/* Frees what tfcc_save_memory has stored. Needs no session. NULL and an all-zero *saved are
 * allowed. */
void tfcc_saved_free(tfcc_saved *saved);

/* tfcc_restore_with, from memory: the index and its data files in order. `options` may be NULL. */
tfcc_status tfcc_restore_memory(tfcc_session *session, tfcc_bytes index, const tfcc_bytes *shards,
                                size_t shard_count, const tfcc_restore_options *options);

#ifdef __cplusplus
}
#define TFCC_STATIC_ASSERT static_assert
#else
#define TFCC_STATIC_ASSERT _Static_assert
#endif

/* The layout that compiled models and other languages' bindings rely on. */
TFCC_STATIC_ASSERT(sizeof(bool) == 1, "bool is one byte");
TFCC_STATIC_ASSERT(sizeof(tfcc_dtype) == 4, "a dtype is four bytes");
TFCC_STATIC_ASSERT(sizeof(tfcc_status) == 4, "a status is four bytes");
#if UINTPTR_MAX == UINT64_MAX
TFCC_STATIC_ASSERT(sizeof(tfcc_tensor) == 32, "layout of tfcc_tensor");
TFCC_STATIC_ASSERT(offsetof(tfcc_tensor, shape) == 8, "layout of tfcc_tensor");
TFCC_STATIC_ASSERT(offsetof(tfcc_tensor, rank) == 16, "layout of tfcc_tensor");
TFCC_STATIC_ASSERT(offsetof(tfcc_tensor, dtype) == 20, "layout of tfcc_tensor");
TFCC_STATIC_ASSERT(offsetof(tfcc_tensor, capacity) == 24, "layout of tfcc_tensor");
TFCC_STATIC_ASSERT(sizeof(tfcc_feed) == 40, "layout of tfcc_feed");
TFCC_STATIC_ASSERT(sizeof(tfcc_fetch) == 40, "layout of tfcc_fetch");
#endif
#undef TFCC_STATIC_ASSERT

#endif
