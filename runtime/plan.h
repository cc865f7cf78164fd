/* plan.h: what a set of feeds and fetches makes of a model, and the memory of one run.
 *
 * A plan is made once for feeds and fetches in their order and never changed. It numbers the
 * buffers that its steps touch: *locals*. A local stands for a buffer and all its aliases. While a
 * run is under way its frame holds the address of every local.
 */
#ifndef TFCC_PLAN_H
#define TFCC_PLAN_H

#include "internal.h"

#pragma GCC visibility push(hidden)

enum {
    LOCAL_NULL = 0,  /* the address NULL: an optional output that is not wanted */
    LOCAL_FIRST = 1, /* the first feed; the others follow */
};

/* What a local is: a kind of tfcc_abi_buffer_kind, or one of these. */
enum {
    LOCAL_FED = TFCC_ABI_RANDOM + 1,
    LOCAL_RESULT, /* a VALUE that is computed in the caller's memory */
};

typedef struct tfcc_local {
    uint32_t buffer; /* in model->buffers */
    uint32_t kind;
    uint32_t last_read; /* the last of plan->steps that reads it, UINT32_MAX where the end of the
                           run does */
} tfcc_local;

/* Whether it is a variable's value at the start, or after the writes carried out so far. */
static inline bool tfcc_is_variable(const tfcc_local *local) {
    return local->kind == TFCC_ABI_START || local->kind == TFCC_ABI_CURRENT;
}

typedef struct tfcc_plan_fetch {
    uint32_t fetch;  /* in model->fetches */
    uint32_t local;  /* where its value is at the end of the run; LOCAL_NULL: a target */
    uint32_t buffer; /* whose shape it has */
    uint32_t bytes_slot;
    int32_t rank; /* 0: a scalar, and not of a feed; else -1 */
    uint32_t dtype;
    uint32_t level; /* from which on its size in bytes is known; TFCC_ABI_NONE: a target */
    uint32_t feed;  /* the feed, by its place in the plan, whose bytes it shows, or TFCC_ABI_NONE */
    bool wanted;    /* false: a target */
    bool direct;    /* computed in the caller's memory */
    bool reshaped;  /* a feed's bytes under another shape */
} tfcc_plan_fetch;

typedef enum tfcc_place {
    PLACE_SPARE, /* the variable's second buffer */
    PLACE_LIVE,  /* its own memory */
    PLACE_EXTRA, /* behind the workspace of level 0: a value that another write of the same run
                    replaces */
} tfcc_place;

typedef struct tfcc_plan_write {
    uint32_t local, current; /* where it is written, and what shows the variable's value then */
    uint32_t variable;
    uint32_t step; /* in plan->steps */
    tfcc_place place;
    uint64_t offset; /* EXTRA: behind the workspace proper */
} tfcc_plan_write;

/* What the plan does with a variable. All locals are LOCAL_NULL where it does not touch it. */
typedef struct tfcc_plan_variable {
    uint32_t start, current; /* its value at the start, and after the writes carried out so far */
    uint32_t initialized;    /* LOCAL_NULL where nobody asks */
    uint32_t live_last_read; /* the last step that reads what the variable's own memory holds */
    bool fed;
    bool may_be_written; /* by a step that is guarded */
    bool written;        /* by a step that is not */
    bool required;       /* must have a value when the run starts */
    bool live, spare;    /* a write goes to its own memory; to its second buffer */
} tfcc_plan_variable;

typedef struct tfcc_plan_step {
    tfcc_abi_kernel kernel;
    const tfcc_abi_step *step;
    const uint32_t *arguments; /* locals: the arguments', then the guards' */
    const uint32_t *slots;
    uint32_t argument_count, slot_count; /* no arguments: a BIND whose symbols are all fed */
    const tfcc_plan_write *writes;
    uint32_t write_count;
    bool special;  /* more than a kernel: has guards, preloads or `required`, or is a BIND */
    bool required; /* variables among its arguments must have a value when it is carried out */
} tfcc_plan_step;

/* Instead of a signature: feeds and fetches by name; the steps that give variables their initial
 * values. */
#define TFCC_BY_NAME    UINT32_MAX
#define TFCC_INITIALIZE (UINT32_MAX - 1)

/* The fields used most stand first: they are reached by shorter instructions. */
struct tfcc_plan {
    tfcc_local *locals;
    tfcc_plan_variable *variables; /* by variable */
    tfcc_plan_fetch *fetches;
    uint32_t *feeds; /* in model->feeds */
    tfcc_plan_step *steps;
    tfcc_plan_write *writes;
    uint32_t *values;      /* locals with a place in the workspace, by rising level */
    uint32_t *level_first; /* in `values`, by level; level_count + 1 entries */
    uint32_t *arguments;
    uint32_t *binder_of; /* by symbol: tfcc_binder of the axis of a feed that binds it, or 0 */
    uint32_t feed_count, fetch_count, step_count, local_count, write_count;
    uint32_t signature;
    uint32_t live_from; /* the first step that writes in place; nothing can fail from there on.
                           step_count: none */
    bool exclusive;     /* a run of it is alone in its session */
    bool draws;         /* random numbers */
    bool end_may_fail;  /* a variable that is fetched may still have no value */
    uint64_t serial;    /* no two plans of a session have the same */
    uint32_t argument_count;
    uint32_t argument_limit, slot_limit; /* the most of any step */
    uint64_t extra_bytes;                /* behind the workspace of level 0 */
    tfcc_plan *next;
    size_t size; /* of the block that all of it is in */
};

/* The slot of an axis of a buffer; its rank's for axis TFCC_ABI_RANK. TFCC_ABI_NONE where there is
 * none. */
static inline uint32_t tfcc_axis_slot(const tfcc_model *model, const tfcc_abi_buffer *buffer,
                                      uint32_t axis) {
    if (axis == TFCC_ABI_RANK) return buffer->rank_slot;
    return axis < buffer->rank ? model->lists[buffer->shape + axis] : TFCC_ABI_NONE;
}

/* Axis `axis` of the plan's feed `feed`; the rank is axis TFCC_ABI_RANK. */
static inline uint32_t tfcc_binder(uint32_t feed, uint32_t axis) {
    return 16 * feed + axis + 1;
}

/* ---- Calls ---- */

/* Tensors of a call: those of an array of feeds or fetches, or an array of tensors. */
typedef struct tfcc_tensors {
    char *first;
    size_t stride;
} tfcc_tensors;

static inline tfcc_tensor *tfcc_tensor_at(tfcc_tensors tensors, size_t index) {
    return (tfcc_tensor *)(void *)(tensors.first + index * tensors.stride);
}

/* A call of a function of a session: what it asks for and works with. */
typedef struct tfcc_call {
    tfcc_session *session;
    tfcc_plan *plan;
    tfcc_frame *frame;
    tfcc_tensors feeds, fetches; /* in the plan's order */
    uint32_t feed_count, fetch_count;
    uint32_t signature; /* or TFCC_BY_NAME: feeds and fetches carry names; or TFCC_INITIALIZE */
} tfcc_call;

/* The name of a feed or fetch of a call by name: it stands before the tensor. */
static inline const char *tfcc_name_at(tfcc_tensors tensors, size_t index) {
    _Static_assert(offsetof(tfcc_feed, tensor) == sizeof(char *), "the name is right before");
    _Static_assert(offsetof(tfcc_fetch, tensor) == sizeof(char *), "the name is right before");
    return ((char **)(void *)tfcc_tensor_at(tensors, index))[-1];
}

/* Makes call->plan. Fails where a name is unknown, a feed is doubled or missing, or a variable is
 * both fed and written. */
tfcc_status tfcc_plan_build(tfcc_call *call);

/* place.c: decides where written variables are kept, from the finished steps. */
void tfcc_plan_place_writes(const tfcc_model *model, tfcc_plan *plan);

/* session.c: the index of a feed or fetch by name or handle (also as `name:0`); a name that there
 * is none of is TFCC_NOT_FOUND. */
tfcc_status tfcc_name_find(const tfcc_session *session, const char *name, bool fetch,
                           uint32_t *index);

/* Whether `name` is that of the feed or fetch `index` with `:0` behind it. */
bool tfcc_name_is_numbered(const tfcc_session *session, const char *name, bool fetch,
                           uint32_t index);

/* cache.c: releases all plans of a session. */
void tfcc_plans_release(tfcc_session *session);

/* ---- Frames ---- */

typedef struct tfcc_workspace_block {
    char *data;
    size_t size;
} tfcc_workspace_block;

/* The memory of one run at a time, kept for the next. */
struct tfcc_frame {
    tfcc_frame *next;
    uint64_t serial;  /* the plan it was last bound to; 0: none */
    uint64_t epoch;   /* the session's for which the addresses of variables are right; 0: none */
    bool sized;       /* the sizes and addresses of level 0 belong to the symbols in `dims` */
    void **addresses; /* by local */
    void **pointers;  /* the arguments of the step that is running */
    int64_t *sizes;   /* its slots */
    size_t *feed_bytes;
    tfcc_result *results;
    tfcc_workspace_block room; /* all of the above */
    uint64_t random;
    size_t size;   /* of the block that the struct and these are in */
    int64_t *dims; /* by slot */
    tfcc_workspace_block *levels;
    int64_t failure[TFCC_ABI_FAILURE_VALUES];
};

/* cache.c: fills in what a call by name asks for. Checks the pointers. */
tfcc_status tfcc_call_begin(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                            const tfcc_fetch *fetches, size_t fetch_count, tfcc_call *call);

/* run.c: finds or makes call->plan and takes the session's lock as the plan needs it. If the status
 * is TFCC_OK, the caller releases it with plan->exclusive. */
tfcc_status tfcc_plan_acquire(tfcc_call *call);

/* run.c: whether the call asks for what the plan was made for. */
bool tfcc_plan_fits(const tfcc_call *call, const tfcc_plan *plan);

/* cache.c: the same as tfcc_plan_acquire with the lock taken already, as writer where `exclusive`.
 * After an error it is released. */
tfcc_status tfcc_plan_find(tfcc_call *call, bool exclusive);

/* frame.c: finds or makes call->frame: one that nobody else uses, bound to the plan; the lock is
 * held as the plan needs it. */
tfcc_status tfcc_frame_take(tfcc_call *call);
void tfcc_frame_give(const tfcc_call *call);
void tfcc_frames_release(tfcc_session *session);

/* A block of at least `size` bytes, whose content is not kept. */
tfcc_status tfcc_grow_block(const tfcc_allocator *allocator, tfcc_workspace_block *block,
                            size_t size);

/* ---- A run ---- */

/* run.c: a run of what the call asks for. */
tfcc_status tfcc_run_call(tfcc_call *call);

/* run.c: a step's kernel, and what it has written. */
tfcc_status tfcc_run_kernel(const tfcc_call *call, const tfcc_plan_step *step);

/* state.c */

/* A step that is special, or traced. */
tfcc_status tfcc_run_special(const tfcc_call *call, const tfcc_plan_step *step);

/* Obtains what the writes of the plan need. */
tfcc_status tfcc_stage_writes(const tfcc_call *call);

/* Binds the addresses of variables. They stay for the next run where all writes are in place. */
tfcc_status tfcc_bind_state(const tfcc_call *call);

/* Whether the variables that are fetched have a value at the end. */
tfcc_status tfcc_check_end(const tfcc_call *call);

/* The only point where variables change, but for writes in place, after which nothing fails. */
void tfcc_commit_writes(const tfcc_call *call);

/* feeds.c */

/* Checks the feeds and binds addresses and symbols. `with_data` is false where only sizes are asked
 * for. */
tfcc_status tfcc_bind_feeds(const tfcc_call *call, bool with_data);

/* Settles level 0 after symbols were bound. */
void tfcc_settle_symbols(const tfcc_call *call);

/* The same, and binds the workspace of level 0. */
tfcc_status tfcc_bind_sizes(const tfcc_call *call);

/* More than there can be. */
#define TFCC_LEVEL_LIMIT (SIZE_MAX / 4)

/* The bytes of workspace of `level`, for level 0 without those of EXTRA writes; at most
 * TFCC_LEVEL_LIMIT. */
size_t tfcc_level_bytes(const tfcc_call *call, uint32_t level);

/* Obtains the workspace of `level` and binds the addresses of its buffers. */
tfcc_status tfcc_bind_level(const tfcc_call *call, uint32_t level);

/* The shape of `buffer` from its slots; gives the rank. */
int32_t tfcc_buffer_shape(const tfcc_model *model, const int64_t *dims, uint32_t buffer,
                          int64_t shape[TFCC_MAX_RANK]);

/* run.c: finds where the fetches of `level` go, binds those computed there, and checks that no
 * buffers overlap. */
tfcc_status tfcc_prepare_results(const tfcc_call *call, uint32_t level);

/* results.c: the same of one fetch, but for the last; delivers one; releases all. */
tfcc_status tfcc_prepare_result(const tfcc_call *call, uint32_t i);
void tfcc_deliver_result(const tfcc_call *call, uint32_t i);
void tfcc_abandon_results(const tfcc_call *call);

/* The result of fetch `i` overlaps that of fetch (or feed) `other`. */
__attribute__((cold)) tfcc_status tfcc_fail_overlap(const tfcc_call *call, uint32_t i, bool fetch,
                                                    uint32_t other);

/* introspect.c: a feed or fetch as far as the model alone tells. */
void tfcc_describe(const tfcc_model *model, const tfcc_abi_entry *entry,
                   tfcc_description *description);

#pragma GCC visibility pop

#endif
