/* tfcc/abi.h: what a compiled model hands to the runtime.
 *
 * A model's object holds one constant `tfcc_model`: tables that describe buffers, steps, feeds,
 * fetches and variables, and pointers to its kernels. The runtime interprets the tables; the
 * arithmetic is in the kernels. Both sides include this file, and a session is opened only if
 * `abi_version` and `struct_size` agree. Applications need none of it: they pass the address of
 * the model to tfcc_session_open.
 *
 * Every table is an array with a count beside it; indices are 32 bits, TFCC_ABI_NONE where there
 * is nothing. Texts are NUL-terminated UTF-8. Nothing is written after the object is loaded, so a
 * model may be used from any number of sessions.
 *
 * How a run is carried out from these tables:
 *
 *  1. Feeds and fetches are looked up and give a *plan*, cached by the set of feeds and fetches:
 *     the steps needed, found by one walk over the steps from the last to the first. A step is
 *     needed when it produces a buffer that is needed, or is needed by `after`; fed buffers are
 *     needed by nobody. A step that is needed needs its inputs, its guard's predicates and its
 *     `after` steps. A BIND step is needed by `after` alone: steps that touch buffers of a level
 *     name the BIND step of that level there. A buffer may have two producers: a fused step that
 *     offers it as an OPTIONAL output, which serves only fetches of a run that needs that step
 *     anyway, and an ALTERNATE step, which is needed only when nothing else in the plan produces
 *     the buffer. Other buffers have several producers only where guards let one of them run; all
 *     of them are needed then.
 *  2. Feeds are checked and bound: pointers to `buffers`, sizes of their axes to dim slots. A
 *     symbol whose feed is absent takes its fallback slot, or else is zero. Then `settle(dims, 0)`
 *     computes every slot of level 0. (Fallbacks may be derived slots of level 0: the runtime
 *     settles again until they agree.)
 *  3. Steps run in order. A step with a guard runs if all its predicates have the wanted value. A
 *     BIND step copies int32, int64 or bool elements of a buffer into dim slots and calls `settle`
 *     for its level: from then on, sizes of that level are known. (Where feeds have bound all its
 *     symbols, it neither copies nor needs the buffer. Where its guard does not hold, the symbols
 *     are 0.) In a run at most one BIND step of a level
 *     is carried out, before every step that touches a buffer of that level, and levels come in
 *     rising order; so two sizes computed independently have two levels. A step's kernel gives 0,
 *     or 1 + the number of one of the step's checks with the values for its message.
 *  4. When nothing can fail any more, writes become visible and random counters advance; this is
 *     the only commit.
 *
 * Where buffers are. A VALUE that is fetched is computed in the caller's memory (known to have
 * room before the steps of its level run), any other in the workspace; a fetched one therefore
 * needs no place there after its last reader. A WRITE has a place that the runtime finds: the
 * variable itself where that is safe, or a second buffer. Kernels must not assume that any address
 * is aligned, nor that two VALUE buffers share an address because their offsets agree. A buffer
 * without elements may have the address NULL. A fetched buffer has a producer whose guards hold in
 * every run (names inside a branch are not fetchable).
 *
 * What the generated code calls: NAME_run is tfcc_run_model(&NAME_model, …), a typed function of a
 * signature is tfcc_run_signature(&NAME_model, …), see tfcc/runtime.h.
 */
#ifndef TFCC_ABI_H
#define TFCC_ABI_H

#include <stddef.h>
#include <stdint.h>

#define TFCC_ABI_VERSION        5
#define TFCC_ABI_NONE           UINT32_MAX
#define TFCC_ABI_RANK           8  /* the highest rank */
#define TFCC_ABI_FAILURE_VALUES 32 /* room a kernel has for the values of a message */

/* buffers[i]: the addresses of the step's arguments, in their order; dims[i]: the values of the
 * step's slots, in their order. failure: room for TFCC_ABI_FAILURE_VALUES numbers (integers as they
 * are, floating point as the bits of a double). */
typedef uint32_t (*tfcc_abi_kernel)(void *const *buffers, const int64_t *dims, int64_t *failure);

/* Computes every derived slot of `level` from slots of lower levels and from the symbols bound so
 * far. Total: overflow saturates at INT64_MAX, division by zero gives zero; what has to hold is
 * asked by checks of steps. */
typedef void (*tfcc_abi_settle)(int64_t *dims, uint32_t level);

typedef enum tfcc_abi_buffer_kind {
    TFCC_ABI_CONSTANT,    /* `data` is the content */
    TFCC_ABI_PLACEHOLDER, /* has content only when it is fed */
    TFCC_ABI_VALUE,   /* computed by steps; memory from the workspace, or the caller's when it is
                         fetched */
    TFCC_ABI_START,   /* `variable`'s value at the start of the run */
    TFCC_ABI_CURRENT, /* `variable`'s value after the writes of this run that have been carried out
                         before the step that reads it */
    TFCC_ABI_WRITE,   /* a step's output that is the new value of `variable`; also readable like a
                         VALUE */
    TFCC_ABI_INITIALIZED, /* one bool: whether `variable` had a value at the start of the run */
    TFCC_ABI_RANDOM, /* one uint64: how many drawing runs this session has carried out before */
} tfcc_abi_buffer_kind;

typedef struct tfcc_abi_buffer {
    const char *name; /* of the node, for messages; never NULL */
    const void *data; /* CONSTANT: the bytes; else NULL */
    uint32_t kind;    /* tfcc_abi_buffer_kind */
    uint32_t dtype;   /* tfcc_dtype */
    uint32_t rank; /* how many entries `shape` has: 8 where the rank is known at run time alone */
    uint32_t rank_slot;  /* the dim slot of the rank, where it is unknown at compile time: sizes are
                            then right-aligned in `shape`, with leading ones; else TFCC_ABI_NONE */
    uint32_t shape;      /* first entry in model->lists: dim slots, outermost first */
    uint32_t bytes_slot; /* the dim slot of its size in bytes */
    uint32_t level;      /* the level at which all of it is known */
    uint32_t variable;   /* START, CURRENT, WRITE, INITIALIZED */
    uint32_t alias_of;   /* a buffer whose bytes this one shows under another shape or name, else
                            TFCC_ABI_NONE; itself an alias only if it may be fed (a fed buffer is no
                            alias in that run, and what is an alias of it shows the feed) */
    uint32_t offset_slot; /* VALUE: the dim slot of its offset in the workspace block of its level,
                             a multiple of 64 */
} tfcc_abi_buffer;

/* flags of an argument of a step. One that is INPUT and OUTPUT is stored into and read again; what it
 * holds before is what earlier steps have stored there. */
enum {
    TFCC_ABI_INPUT = 1,
    TFCC_ABI_OUTPUT = 2,
    TFCC_ABI_OPTIONAL = 4,   /* with OUTPUT: the address may be NULL; then it is not stored */
    TFCC_ABI_SAME_INDEX = 8, /* with INPUT, of CURRENT or START: read only at the element that is
                                being written, so that the step may write in place; also right for
                                an `initial` that the kernel itself does not read */
    TFCC_ABI_PRELOADED = 16, /* with OUTPUT: before the kernel runs, the bytes of argument `initial`
                                are copied here, unless both have one address */
};

typedef struct tfcc_abi_argument {
    uint32_t buffer;
    uint32_t flags;
    uint32_t
        initial; /* PRELOADED: a buffer of as many bytes (an input argument of the same step) */
} tfcc_abi_argument;

/* What must hold, else the run fails. `message` is the whole sentence, with the node's name. In it,
 * one of these bytes and another, 1 + k, stand for failure value k that the kernel has written. */
enum { TFCC_ABI_AS_INTEGER = 1, TFCC_ABI_AS_FLOAT = 2, TFCC_ABI_AS_BOOL = 3 };

typedef struct tfcc_abi_check {
    uint32_t status; /* tfcc_status */
    const char *message;
} tfcc_abi_check;

typedef enum tfcc_abi_step_kind {
    TFCC_ABI_KERNEL,
    TFCC_ABI_BIND, /* argument 0 is the buffer, `first_slot`, `slot_count` the symbols (consecutive
                      in lists), `level` the level to settle */
} tfcc_abi_step_kind;

/* flags of a step */
enum {
    TFCC_ABI_FAILS = 1,     /* has checks */
    TFCC_ABI_ALTERNATE = 2, /* see above */
};

typedef struct tfcc_abi_step {
    const char *name; /* of the node it came from, for traces and messages */
    tfcc_abi_kernel kernel;
    uint32_t kind, flags;
    uint32_t first_argument, argument_count; /* in model->arguments */
    uint32_t first_slot, slot_count;   /* in model->lists: the dim slots given to the kernel */
    uint32_t first_check, check_count; /* in model->checks */
    uint32_t first_after, after_count; /* in model->lists: steps that have to be carried out too,
                                          all of them earlier ones */
    uint32_t first_guard, guard_count; /* in model->guards: all must hold */
    uint32_t level;                    /* BIND: the level that is settled */
} tfcc_abi_step;

/* A predicate is a bool scalar buffer. */
typedef struct tfcc_abi_guard {
    uint32_t buffer;
    uint32_t wanted; /* 0 or 1 */
} tfcc_abi_guard;

/* A number known at run time only. Slots 0 … symbol_count - 1 are the symbols in their order. */
typedef struct tfcc_abi_symbol {
    const char *name;       /* `batch`; NULL for a symbol that is no named dimension */
    uint32_t fallback_slot; /* its value where no feed of the run binds it, else TFCC_ABI_NONE */
    uint32_t
        upper_slot; /* for symbols bound by BIND: a slot with an upper bound, else TFCC_ABI_NONE */
} tfcc_abi_symbol;

/* A feed or a fetch.
 *
 * The shape of a feed's buffer says what may be fed: an axis whose slot is a symbol binds it, one
 * whose slot is a number must have that size, and any other takes any size. Where the buffer has a
 * rank slot, that is a symbol too and any rank will do; sizes are then bound right-aligned, with
 * ones in front.
 *
 * Fetching a START buffer gives the variable's value at the end of the run. */
typedef struct tfcc_abi_entry {
    const char *handle; /* the name; a plan that is found again knows it by its address */
    uint32_t buffer;    /* TFCC_ABI_NONE: a target, which has no value */
    uint32_t first_step, step_count; /* of a fetch, in model->lists: steps that a target stands
                                        for, or the BIND that settles a value that may be fed */
} tfcc_abi_entry;

typedef struct tfcc_abi_variable {
    const char *name;
    uint32_t dtype, rank;
    int64_t shape[TFCC_ABI_RANK];
    uint64_t bytes;
} tfcc_abi_variable;

typedef struct tfcc_abi_signature {
    const char *name;
    uint32_t first_feed, feed_count;   /* in model->lists: indices in feeds */
    uint32_t first_fetch, fetch_count; /* in model->lists: indices in fetches; then the targets */
    uint32_t target_count;
} tfcc_abi_signature;

/* What a processor says of itself: CPUID's leaf 1 ecx, leaf 7 ebx, ecx, edx, leaf 7.1 eax, leaf
 * 0x80000001 ecx, and what of its state the operating system saves (XCR0). Others have no words
 * yet. */
enum {
    TFCC_ABI_ONE_C,
    TFCC_ABI_SEVEN_B,
    TFCC_ABI_SEVEN_C,
    TFCC_ABI_SEVEN_D,
    TFCC_ABI_SEVEN_ONE_A,
    TFCC_ABI_EXTENDED_C,
    TFCC_ABI_STATE,
    TFCC_ABI_PROCESSOR_WORDS
};

/* The tables used most stand first: they are reached by shorter instructions. */
typedef struct tfcc_model {
    uint32_t abi_version, struct_size;
    const char *name;
    const tfcc_abi_buffer *buffers;
    const tfcc_abi_step *steps;
    const tfcc_abi_argument *arguments;
    const uint32_t *lists;
    const tfcc_abi_guard *guards;
    const tfcc_abi_variable *variables;
    const tfcc_abi_entry *feeds, *fetches;
    tfcc_abi_settle settle; /* NULL where no slot is derived */
    /* Slots 0 … symbol_count - 1 are the symbols; the next number_count are known at compile time
     * and hold `numbers`; then the derived ones. */
    uint32_t symbol_count, number_count, slot_count, level_count;
    uint32_t feed_count, fetch_count, variable_count;

    uint32_t buffer_count, step_count, signature_count;
    const tfcc_abi_symbol *symbols;
    const int64_t *numbers;
    const tfcc_abi_check *checks;
    const tfcc_abi_signature *signatures;
    /* Slot of the bytes of the workspace block of each level; index into lists, level_count
     * entries. */
    uint32_t workspace_slots;
    uint32_t argument_count, check_count, guard_count, list_count;

    /* The steps that give every variable its initial value; run by tfcc_initialize as one run whose
     * targets they are. In model->lists. */
    uint32_t first_initial_step, initial_step_count;

    /* The bits that the processor must have, and their names as in `x86-64-v3 avx512f` for the
     * message. */
    uint32_t processor[TFCC_ABI_PROCESSOR_WORDS];
    const char *requires;

    /* Constants kept in a side file: NULL where everything is embedded. A CONSTANT buffer whose
     * data is NULL then starts at byte `side_offsets[buffer]` of it. */
    const char *side_file;        /* the name the compiler wrote it under */
    const uint64_t *side_offsets; /* by buffer */
    uint64_t side_bytes;
    uint32_t side_checksum; /* CRC-32C of its content */
    uint32_t reserved;

    /* The same model with other steps, for processors that lack something of `processor`; NULL: there
     * is none. All but steps, processor and requires is shared. */
    const struct tfcc_model *alternative;
} tfcc_model;

#endif
