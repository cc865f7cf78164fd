/* hand_model.h: models written by hand, for tests of the runtime that need no compiler.
 *
 * A HandModel is filled by the functions below and then used as hand->model. Dim slots: symbols are
 * 0 to 7, numbers 8 to 39, derived slots from 40 on, which a test's own `settle` computes.
 * Everything has room for small tests only.
 */
#ifndef HAND_MODEL_H
#define HAND_MODEL_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tfcc/abi.h>
#include <tfcc/runtime.h>

enum { HAND_SYMBOLS = 8, HAND_NUMBERS = 32, HAND_DERIVED = 40, HAND_SLOTS = 64, HAND_ROOM = 64 };

#define NONE TFCC_ABI_NONE

typedef struct HandModel {
    tfcc_model model;
    int64_t numbers[HAND_NUMBERS];
    tfcc_abi_symbol symbols[HAND_SYMBOLS];
    tfcc_abi_buffer buffers[HAND_ROOM];
    tfcc_abi_step steps[HAND_ROOM];
    tfcc_abi_argument arguments[4 * HAND_ROOM];
    tfcc_abi_check checks[HAND_ROOM];
    tfcc_abi_guard guards[HAND_ROOM];
    uint32_t lists[16 * HAND_ROOM];
    tfcc_abi_entry feeds[HAND_ROOM];
    tfcc_abi_entry fetches[HAND_ROOM];
    tfcc_abi_variable variables[HAND_ROOM];
    tfcc_abi_signature signatures[HAND_ROOM];
    char handles[4096];
    size_t handles_used;
    int64_t workspace;
} HandModel;

static inline void hand_begin(HandModel *hand, const char *name) {
    memset(hand, 0, sizeof *hand);
    tfcc_model *m = &hand->model;
    m->abi_version = TFCC_ABI_VERSION;
    m->struct_size = sizeof *m;
    m->name = name;
    m->requires = "";
    m->numbers = hand->numbers;
    m->symbol_count = HAND_SYMBOLS;
    m->slot_count = HAND_SLOTS;
    m->level_count = 1;
    m->symbols = hand->symbols;
    m->buffers = hand->buffers;
    m->steps = hand->steps;
    m->arguments = hand->arguments;
    m->checks = hand->checks;
    m->guards = hand->guards;
    m->lists = hand->lists;
    m->feeds = hand->feeds;
    m->fetches = hand->fetches;
    m->variables = hand->variables;
    m->signatures = hand->signatures;
    for (int i = 0; i < HAND_SYMBOLS; i++)
        hand->symbols[i] = (tfcc_abi_symbol){"unnamed", NONE, NONE};
}

/* Appends `count` words to the lists and gives where they begin. */
static inline uint32_t hand_list(HandModel *hand, uint32_t count, const uint32_t *words) {
    uint32_t first = hand->model.list_count;
    for (uint32_t i = 0; i < count; i++) hand->lists[hand->model.list_count++] = words[i];
    return first;
}

/* The slot of a number known at compile time. */
static inline uint32_t hand_number(HandModel *hand, int64_t value) {
    for (uint32_t i = 0; i < hand->model.number_count; i++)
        if (hand->numbers[i] == value) return HAND_SYMBOLS + i;
    hand->numbers[hand->model.number_count] = value;
    return HAND_SYMBOLS + hand->model.number_count++;
}

/* A buffer whose shape is known: `rank` sizes follow. */
static inline uint32_t hand_buffer(HandModel *hand, const char *name, tfcc_abi_buffer_kind kind,
                                   tfcc_dtype dtype, uint32_t rank, ...) {
    int64_t bytes = (int64_t)tfcc_dtype_size(dtype);
    uint32_t slots[TFCC_ABI_RANK] = {0};
    va_list sizes;
    va_start(sizes, rank);
    for (uint32_t i = 0; i < rank; i++) {
        int size = va_arg(sizes, int);
        slots[i] = hand_number(hand, size);
        bytes *= size;
    }
    va_end(sizes);
    tfcc_abi_buffer *buffer = &hand->buffers[hand->model.buffer_count];
    *buffer = (tfcc_abi_buffer){.name = name,
                                .kind = kind,
                                .dtype = (uint32_t)dtype,
                                .rank = rank,
                                .rank_slot = NONE,
                                .shape = hand_list(hand, rank, slots),
                                .bytes_slot = hand_number(hand, bytes),
                                .variable = NONE,
                                .alias_of = NONE,
                                .offset_slot = NONE};
    if (kind == TFCC_ABI_VALUE) {
        buffer->offset_slot = hand_number(hand, hand->workspace);
        hand->workspace += (bytes + 63) / 64 * 64;
    }
    return hand->model.buffer_count++;
}

static inline uint32_t hand_constant(HandModel *hand, const char *name, tfcc_dtype dtype,
                                     const void *data) {
    uint32_t buffer = hand_buffer(hand, name, TFCC_ABI_CONSTANT, dtype, 0);
    hand->buffers[buffer].data = data;
    return buffer;
}

/* A variable of up to one dimension; its START buffer follows as the result. `size` < 0: a scalar.
 */
static inline uint32_t hand_variable(HandModel *hand, const char *name, tfcc_dtype dtype,
                                     int size) {
    uint32_t rank = size < 0 ? 0 : 1;
    tfcc_abi_variable *variable = &hand->variables[hand->model.variable_count];
    *variable = (tfcc_abi_variable){.name = name, .dtype = (uint32_t)dtype, .rank = rank};
    variable->shape[0] = size;
    variable->bytes = tfcc_dtype_size(dtype) * (uint64_t)(size < 0 ? 1 : size);
    uint32_t buffer = hand_buffer(hand, name, TFCC_ABI_START, dtype, rank, size);
    hand->buffers[buffer].variable = hand->model.variable_count++;
    return buffer;
}

/* Another buffer of the variable that START buffer `start` belongs to. */
static inline uint32_t hand_variable_buffer(HandModel *hand, const char *name,
                                            tfcc_abi_buffer_kind kind, uint32_t start) {
    uint32_t buffer = hand->model.buffer_count++;
    hand->buffers[buffer] = hand->buffers[start];
    hand->buffers[buffer].name = name;
    hand->buffers[buffer].kind = kind;
    return buffer;
}

static inline uint32_t hand_alias(HandModel *hand, const char *name, uint32_t of) {
    uint32_t buffer = hand->model.buffer_count++;
    hand->buffers[buffer] = hand->buffers[of];
    hand->buffers[buffer].name = name;
    hand->buffers[buffer].alias_of = of;
    return buffer;
}

/* A step; its arguments, guards and checks follow by the functions below, before the next step. */
static inline tfcc_abi_step *hand_step(HandModel *hand, const char *name, tfcc_abi_kernel kernel) {
    tfcc_abi_step *step = &hand->steps[hand->model.step_count++];
    *step = (tfcc_abi_step){.name = name,
                            .kernel = kernel,
                            .first_argument = hand->model.argument_count,
                            .first_check = hand->model.check_count,
                            .first_guard = hand->model.guard_count};
    return step;
}

static inline void hand_argument(HandModel *hand, uint32_t buffer, uint32_t flags,
                                 uint32_t initial) {
    hand->arguments[hand->model.argument_count++] = (tfcc_abi_argument){buffer, flags, initial};
    hand->steps[hand->model.step_count - 1].argument_count++;
}

static inline void hand_input(HandModel *hand, uint32_t buffer) {
    hand_argument(hand, buffer, TFCC_ABI_INPUT, NONE);
}

static inline void hand_output(HandModel *hand, uint32_t buffer) {
    hand_argument(hand, buffer, TFCC_ABI_OUTPUT, NONE);
}

static inline void hand_check(HandModel *hand, tfcc_status status, const char *message) {
    hand->checks[hand->model.check_count++] = (tfcc_abi_check){(uint32_t)status, message};
    tfcc_abi_step *step = &hand->steps[hand->model.step_count - 1];
    step->check_count++;
    step->flags |= TFCC_ABI_FAILS;
}

static inline void hand_guard(HandModel *hand, uint32_t buffer, uint32_t wanted) {
    hand->guards[hand->model.guard_count++] = (tfcc_abi_guard){buffer, wanted};
    hand->steps[hand->model.step_count - 1].guard_count++;
}

static inline void hand_slots(HandModel *hand, uint32_t count, const uint32_t *slots) {
    tfcc_abi_step *step = &hand->steps[hand->model.step_count - 1];
    step->first_slot = hand_list(hand, count, slots);
    step->slot_count = count;
}

/* The last step needs the earlier step `after`. */
static inline void hand_after(HandModel *hand, uint32_t after) {
    tfcc_abi_step *step = &hand->steps[hand->model.step_count - 1];
    step->first_after = hand_list(hand, 1, &after);
    step->after_count = 1;
}

/* A name that is at an address of its own. */
static inline const char *hand_handle(HandModel *hand, const char *name) {
    char *at = hand->handles + hand->handles_used;
    hand->handles_used += strlen(name) + 1;
    return strcpy(at, name);
}

/* A feed for `buffer`. axes[i]: the symbol that axis i of the buffer becomes, or NONE where it stays
 * as it is. rank NONE: axes has 8 symbols, and a ninth for the rank. */
static inline const char *hand_feed(HandModel *hand, uint32_t buffer, uint32_t rank,
                                    const uint32_t *axes) {
    tfcc_abi_buffer *fed = &hand->buffers[buffer];
    uint32_t slots[TFCC_ABI_RANK], count = rank == NONE ? TFCC_ABI_RANK : rank;
    for (uint32_t i = 0; i < count; i++)
        slots[i] = axes != NULL && axes[i] != NONE ? axes[i] : hand->lists[fed->shape + i];
    fed->shape = hand_list(hand, count, slots);
    if (rank == NONE) fed->rank_slot = axes[TFCC_ABI_RANK];
    fed->rank = count;
    tfcc_abi_entry *feed = &hand->feeds[hand->model.feed_count];
    *feed = (tfcc_abi_entry){.handle = hand_handle(hand, fed->name), .buffer = buffer};
    hand->model.feed_count++;
    return feed->handle;
}

static inline const char *hand_fetch(HandModel *hand, const char *name, uint32_t buffer) {
    tfcc_abi_entry *fetch = &hand->fetches[hand->model.fetch_count];
    *fetch = (tfcc_abi_entry){.handle = hand_handle(hand, name), .buffer = buffer};
    hand->model.fetch_count++;
    return fetch->handle;
}

/* A fetch of the variable whose START buffer is `start`. */
static inline const char *hand_fetch_variable(HandModel *hand, uint32_t start) {
    return hand_fetch(hand, hand->buffers[start].name, start);
}

/* Makes the last fetch stand for step `step` as well. */
static inline void hand_fetch_step(HandModel *hand, uint32_t step) {
    tfcc_abi_entry *fetch = &hand->fetches[hand->model.fetch_count - 1];
    fetch->first_step = hand_list(hand, 1, &step);
    fetch->step_count = 1;
}

/* The steps [first, first + count) give the variables their initial values. */
static inline void hand_initial_steps(HandModel *hand, uint32_t first, uint32_t count) {
    hand->model.first_initial_step = hand->model.list_count;
    hand->model.initial_step_count = count;
    for (uint32_t i = 0; i < count; i++) hand_list(hand, 1, &(uint32_t){first + i});
}

/* ---- The counter: variable a = 1, constant b = 1, c = assign(a, a + b) ---- */

static const int32_t hand_one = 1;

/* [in] int32 scalar, [out] the same */
static inline uint32_t hand_copy_int32(void *const *buffers, const int64_t *dims,
                                       int64_t *failure) {
    (void)dims;
    (void)failure;
    memcpy(buffers[1], buffers[0], 4);
    return 0;
}

/* [in a] [in b] [out a + b]: int32 scalars */
static inline uint32_t hand_add_int32(void *const *buffers, const int64_t *dims, int64_t *failure) {
    (void)dims;
    (void)failure;
    uint32_t a, b;
    memcpy(&a, buffers[0], 4);
    memcpy(&b, buffers[1], 4);
    a += b;
    memcpy(buffers[2], &a, 4);
    return 0;
}

static inline void hand_counter(HandModel *hand) {
    hand_begin(hand, "counter");
    uint32_t a = hand_variable(hand, "a", TFCC_INT32, -1);
    uint32_t b = hand_constant(hand, "b", TFCC_INT32, &hand_one);
    uint32_t c = hand_variable_buffer(hand, "c", TFCC_ABI_WRITE, a);
    uint32_t initial = hand_variable_buffer(hand, "a/initial", TFCC_ABI_WRITE, a);
    hand_step(hand, "a", hand_copy_int32);
    hand_input(hand, b);
    hand_output(hand, initial);
    hand_step(hand, "c", hand_add_int32);
    hand_argument(hand, a, TFCC_ABI_INPUT | TFCC_ABI_SAME_INDEX, NONE);
    hand_input(hand, b);
    hand_output(hand, c);
    hand_initial_steps(hand, 0, 1);
    hand_fetch(hand, "c", c);
    hand_fetch_step(hand, 1);
    hand_fetch_variable(hand, a);
    hand_fetch(hand, "b", b);
    uint32_t fetches[] = {0, 1};
    hand->signatures[0] = (tfcc_abi_signature){
        .name = "count", .first_fetch = hand_list(hand, 2, fetches), .fetch_count = 2};
    hand->model.signature_count = 1;
}

#endif
