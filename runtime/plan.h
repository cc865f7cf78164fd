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

typedef enum tfcc_local_kind {
    LOCAL_IS_CONSTANT,
    LOCAL_IS_FED,
    LOCAL_IS_VALUE,  /* has a place in the workspace */
    LOCAL_IS_RESULT, /* a VALUE that is computed in the caller's memory */
    LOCAL_IS_WRITE,
    LOCAL_IS_VARIABLE, /* START, CURRENT, INITIALIZED; bound through plan->variables */
    LOCAL_IS_RANDOM,
} tfcc_local_kind;

typedef struct tfcc_local {
    uint32_t buffer; /* in model->buffers */
    tfcc_local_kind kind;
    uint32_t variable;  /* in plan->variables, for WRITE and VARIABLE */
    uint32_t last_read; /* the last of plan->steps that reads it, UINT32_MAX where the end of the
                           run does */
} tfcc_local;

/* One axis of a feed. */
typedef struct tfcc_plan_axis {
    int64_t size;    /* what it must be, or -1 */
    uint32_t slot;   /* its symbol, or TFCC_ABI_NONE */
    uint32_t binder; /* the feed, by its place in the plan, that binds the symbol */
    bool binds;      /* here; else the size has to equal it */
} tfcc_plan_axis;

typedef struct tfcc_plan_feed {
    uint32_t feed; /* in model->feeds */
    uint32_t dtype;
    uint32_t rank;              /* TFCC_ABI_NONE: any */
    const tfcc_plan_axis *axes; /* `rank`; for any rank 8, right-aligned, then one for the rank */
} tfcc_plan_feed;

typedef struct tfcc_plan_fetch {
    uint32_t fetch;          /* in model->fetches */
    uint32_t local;          /* where its value is at the end of the run */
    uint32_t buffer;         /* whose shape it has; TFCC_ABI_NONE: a target */
    uint32_t dtype, element; /* element: its bytes */
    uint32_t level;          /* from which on its size in bytes is known */
    bool wanted;             /* false: a target */
    bool direct;             /* computed in the caller's memory */
    uint32_t feed; /* the feed, by its place in the plan, whose bytes it shows, or TFCC_ABI_NONE */
    bool reshaped; /* it shows them under another shape */
} tfcc_plan_fetch;

typedef struct tfcc_plan_preload {
    uint32_t to, from; /* locals */
    uint32_t bytes_slot;
} tfcc_plan_preload;

typedef enum tfcc_place {
    PLACE_LIVE,  /* the variable's own memory */
    PLACE_SPARE, /* its second buffer */
    PLACE_EXTRA, /* behind the workspace of level 0: a value that another write of the same run
                    replaces */
} tfcc_place;

typedef struct tfcc_plan_write {
    uint32_t local;
    uint32_t variable; /* in plan->variables */
    uint32_t step;     /* in plan->steps */
    tfcc_place place;
    uint64_t offset; /* EXTRA: behind the workspace proper */
} tfcc_plan_write;

/* A variable that the plan touches. */
typedef struct tfcc_plan_variable {
    uint32_t variable; /* in model->variables */
    uint32_t start,
        current; /* locals: its value at the start, and after the writes carried out so far */
    uint32_t initialized; /* local, or LOCAL_NULL */
    bool fed;
    bool may_be_written;                   /* by a step that is guarded */
    bool written;                          /* by a step that is not */
    bool start_required, current_required; /* must have a value when the run starts */
    bool live, spare;        /* a write goes to its own memory; to its second buffer */
    uint32_t live_last_read; /* the last step that reads what the variable's own memory holds */
} tfcc_plan_variable;

typedef struct tfcc_plan_guard {
    uint32_t local, wanted;
} tfcc_plan_guard;

typedef enum tfcc_step_kind {
    STEP_SIMPLE,  /* nothing but a kernel */
    STEP_SPECIAL, /* has guards, preloads, writes, or variables that must have a value; or is a BIND
                   */
} tfcc_step_kind;

/* Parts of the plan's lists. */
typedef struct tfcc_span {
    uint32_t first, count;
} tfcc_span;

typedef struct tfcc_plan_step {
    tfcc_abi_kernel kernel;
    const tfcc_abi_step *step;
    const uint32_t *arguments; /* locals; none for a BIND whose symbols are all fed */
    const uint32_t *slots;
    uint32_t argument_count, slot_count;
    tfcc_step_kind kind;
    tfcc_span guards, preloads, writes;
    tfcc_span required; /* in plan->required: locals of variables that must have a value here */
} tfcc_plan_step;

/* The fields used most stand first: they are reached by shorter instructions. */
struct tfcc_plan {
    tfcc_local *locals;
    tfcc_plan_variable *variables;
    tfcc_plan_fetch *fetches;
    tfcc_plan_feed *feeds;
    tfcc_plan_step *steps;
    tfcc_plan_write *writes;
    uint32_t *required; /* locals of variables */
    uint32_t feed_count, fetch_count, step_count, local_count, variable_count, write_count;
    uint32_t required_count;
    uint32_t live_from; /* the first step that writes in place; nothing can fail from there on.
                           step_count: none */
    bool exclusive;     /* a run of it is alone in its session */
    bool draws;         /* random numbers */
    bool scalars;       /* all that is fetched are scalars that are not fed, and few */
    uint64_t serial;    /* no two plans of a session have the same */
    tfcc_span start_required; /* in `required`: must have a value when the run starts */
    tfcc_span end_required;   /* and when it ends */

    tfcc_plan_axis *axes;
    uint32_t *fallbacks;   /* symbols that no feed of the plan binds and that have one */
    uint32_t *values;      /* locals with a place in the workspace, by rising level */
    uint32_t *level_first; /* in `values`, by level; level_count + 1 entries */
    uint32_t *arguments;
    tfcc_plan_guard *guards;
    tfcc_plan_preload *preloads;
    uint32_t axis_count, fallback_count, argument_count, guard_count, preload_count;
    uint32_t argument_limit, slot_limit; /* the most of any step */
    uint64_t extra_bytes;                /* behind the workspace of level 0 */
    tfcc_plan *next;
    size_t size;           /* of the block that all of it is in */
    _Atomic uint64_t used; /* session->clock when it last became the last plan */
};

/* What a plan is made for: indices in model->feeds and model->fetches, and which fetches are
 * delivered. */
typedef struct tfcc_plan_key {
    const uint32_t *feeds, *fetches;
    const bool *wanted; /* NULL: the first `wanted_count` are */
    uint32_t feed_count, fetch_count, wanted_count;
    const uint32_t *targets; /* further steps that are wanted */
    uint32_t target_count;
} tfcc_plan_key;

/* Makes a plan. Fails where a feed is doubled or missing, or a variable is both fed and written. */
tfcc_status tfcc_plan_build(tfcc_session *session, const tfcc_plan_key *key, tfcc_plan **plan);

/* place.c: decides where written variables are kept, from the finished steps. */
void tfcc_plan_place_writes(const tfcc_model *model, tfcc_plan *plan);

/* What a run asks for: feeds and fetches by name, or a signature. */
typedef struct tfcc_request {
    const tfcc_feed *feeds;
    const tfcc_fetch *fetches;
    size_t feed_count, fetch_count;
    uint32_t signature; /* TFCC_ABI_NONE: by name */
} tfcc_request;

/* session.c: the index of a feed or fetch by name or handle (also as `name:0`), or TFCC_ABI_NONE.
 */
uint32_t tfcc_name_find(const tfcc_session *session, const char *name, bool fetch);

/* cache.c: releases all plans of a session. */
void tfcc_plans_release(tfcc_session *session);

/* ---- Frames ---- */

typedef struct tfcc_workspace_block {
    char *data;
    size_t size;
} tfcc_workspace_block;

typedef struct tfcc_result {
    void *data;       /* where it goes */
    tfcc_block block; /* if it was obtained */
    size_t bytes;
} tfcc_result;

/* Bytes of a feed or of a result, for the search for overlaps. */
typedef struct tfcc_range {
    uintptr_t begin, end;
    uint32_t index;
    bool result;
} tfcc_range;

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
    tfcc_range *ranges;
    char *room; /* all of the above */
    size_t room_size;
    uint64_t random;
    int64_t *dims;      /* by slot */
    bool *free_symbols; /* estimate.c: those that only a run would bind */
    tfcc_workspace_block *levels;
    int64_t failure[TFCC_ABI_FAILURE_VALUES];
};

/* ---- Calls ---- */

/* Tensors of a call: those of an array of feeds or fetches, or an array of tensors. */
typedef struct tfcc_tensors {
    char *first;
    size_t stride;
} tfcc_tensors;

static inline tfcc_tensor *tfcc_tensor_at(tfcc_tensors tensors, size_t index) {
    return (tfcc_tensor *)(void *)(tensors.first + index * tensors.stride);
}

/* A call of a function of a session: what it works with. */
typedef struct tfcc_call {
    tfcc_session *session;
    tfcc_plan *plan;
    tfcc_frame *frame;
    tfcc_tensors feeds, fetches; /* in the plan's order */
} tfcc_call;

/* cache.c: there is no feed or fetch `name`; fetch `name` has no value. */
tfcc_status tfcc_fail_name(const tfcc_model *model, const char *name, const char *what);
tfcc_status tfcc_fail_target(const char *name);

/* cache.c: what a function with these arguments works with, but for plan and frame. Checks the
 * pointers. */
tfcc_status tfcc_call_begin(tfcc_session *session, const tfcc_feed *feeds, size_t feed_count,
                            const tfcc_fetch *fetches, size_t fetch_count, tfcc_call *call,
                            tfcc_request *request);

/* cache.c: finds or makes call->plan and takes the session's lock as the plan needs it. If the
 * status is TFCC_OK, the caller releases it with plan->exclusive. */
tfcc_status tfcc_plan_acquire(tfcc_call *call, const tfcc_request *request);

/* frame.c: finds or makes call->frame: one that nobody else uses, bound to the plan; the lock is
 * held as the plan needs it. */
tfcc_status tfcc_frame_take(tfcc_call *call);
void tfcc_frame_give(const tfcc_call *call);
void tfcc_frames_release(tfcc_session *session);

/* run.c: obtains what the writes of the plan need. */
tfcc_status tfcc_stage_writes(const tfcc_call *call);

/* feeds.c */

/* Checks the feeds and binds addresses and symbols. `with_data` is false where only sizes are asked
 * for. */
tfcc_status tfcc_bind_feeds(const tfcc_call *call, bool with_data);

/* Settles level 0 after symbols were bound. */
void tfcc_settle_symbols(const tfcc_call *call);

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

/* results.c */

/* The usual case of small fetches: all are scalars whose tensors ask for nothing else. Finds where
 * they go, or gives false. */
bool tfcc_prepare_scalars(const tfcc_call *call);
void tfcc_deliver_scalars(const tfcc_call *call);

/* Finds where the fetches of `level` go, binds those computed there, and checks that no buffers
 * overlap. */
tfcc_status tfcc_prepare_results(const tfcc_call *call, uint32_t level);
void tfcc_deliver_results(const tfcc_call *call);
void tfcc_abandon_results(const tfcc_call *call);

/* introspect.c: feed, fetch or variable as far as the model alone tells. */
void tfcc_describe_feed(const tfcc_model *model, uint32_t index, tfcc_description *description);

#pragma GCC visibility pop

#endif
