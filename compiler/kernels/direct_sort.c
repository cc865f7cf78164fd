/* direct_sort.c: sorting, written into the code of a direct kernel.
 *
 * Indices, and keys beside them where there are any, stand in scratch memory twice: each pass goes
 * from one half to the other. What is equal keeps its order. Few elements are merged, in runs of
 * 1, 2, 4, …; many are dealt out by one byte of their keys after the other, the lowest first.
 */
#include "kernels/direct.h"

/* From how many elements on dealing out is faster, for each byte of the keys. */
enum { DEALT_PER_BYTE = 24, DIGITS = 256 };

CodeSort code_sort_scratch(Code *code, tfcc_dtype key_dtype, Dim most) {
    DimTable *dims = code->context->dims;
    Dim doubled = dim_multiply(dims, most, dim_constant(dims, 2));
    CodeSort sort = {0};
    if (key_dtype != TFCC_NONE) sort.keys = code_scratch(code, key_dtype, doubled);
    sort.indices = code_scratch(code, TFCC_INT64, doubled);
    if (key_dtype != TFCC_NONE)
        sort.counts = code_scratch(code, TFCC_INT64, dim_constant(dims, DIGITS));
    return sort;
}

/* Merges [start, middle) with [middle, end): `from` and `to` are the halves of the scratch. */
static void merge_runs(Code *code, const CodeSort *s, LoopInstruction *from, LoopInstruction *to,
                       LoopInstruction *start, LoopInstruction *middle, LoopInstruction *end) {
    LoopInstruction *loop = code_for(code, start, end, (LoopInstruction *[]){start, middle}, 2);
    LoopInstruction *left = loop->carried[0], *right = loop->carried[1];
    /* Where a run is used up its last element is looked at again, in vain. */
    LoopInstruction *left_at =
        code_add(code, from, code_minimum(code, left, code_plus(code, middle, -1)));
    LoopInstruction *right_at =
        code_add(code, from, code_minimum(code, right, code_plus(code, end, -1)));
    LoopInstruction *place = code_add(code, to, loop->index);
    LoopInstruction *left_key = NULL, *right_key = NULL, *is_in_order;
    if (s->is_in_order) {
        is_in_order = s->is_in_order(code, s->context, code_load(code, s->indices, left_at),
                                     code_load(code, s->indices, right_at));
    } else {
        left_key = code_load(code, s->keys, left_at);
        right_key = code_load(code, s->keys, right_at);
        is_in_order = code_less_equal(code, left_key, right_key);
    }
    LoopInstruction *takes_left =
        code_or(code, code_less_equal(code, end, right),
                code_and(code, code_less(code, left, middle), is_in_order));
    if (!s->is_in_order)
        code_store(code, s->keys, place, code_select(code, takes_left, left_key, right_key));
    LoopInstruction *taken = code_select(code, takes_left, left_at, right_at);
    code_store(code, s->indices, place, code_load(code, s->indices, taken));
    LoopInstruction *step = code_convert(code, TFCC_INT64, takes_left);
    LoopInstruction *other = code_subtract(code, code_integer(code, 1), step);
    code_for_end(
        code, (LoopInstruction *[]){code_add(code, left, step), code_add(code, right, other)}, 2);
}

static LoopInstruction *merge_sort(Code *code, const CodeSort *s, LoopInstruction *length) {
    LoopInstruction *zero = code_integer(code, 0), *one = code_integer(code, 1);
    LoopInstruction *passes = code_while(code, (LoopInstruction *[]){one, zero}, 2);
    LoopInstruction *width = passes->carried[0], *from = passes->carried[1];
    code_do(code, code_less(code, width, length));
    LoopInstruction *to = code_subtract(code, length, from);
    LoopInstruction *pair = code_times(code, width, 2);
    LoopInstruction *pairs =
        code_divide(code, code_add(code, length, code_plus(code, pair, -1)), pair);
    LoopInstruction *each = code_for(code, code_integer(code, 0), pairs, NULL, 0);
    LoopInstruction *start = code_multiply(code, each->index, pair);
    LoopInstruction *middle = code_minimum(code, code_add(code, start, width), length);
    LoopInstruction *end = code_minimum(code, code_add(code, middle, width), length);
    merge_runs(code, s, from, to, start, middle, end);
    code_for_end(code, NULL, 0);
    code_while_end(code, (LoopInstruction *[]){pair, to}, 2);
    return passes->results[1];
}

/* ---- by digits ---- */

static LoopInstruction *digit_of(Code *code, LoopInstruction *key, LoopInstruction *shift) {
    LoopInstruction *moved = code_binary(code, SCALAR_SHIFT_RIGHT, key, shift);
    moved = code_and(code, moved, code_constant(code, key->type.dtype, DIGITS - 1));
    return code_convert(code, TFCC_INT64, moved);
}

/* counts[d] = how many keys have digit d */
static void count_digits(Code *code, const CodeSort *s, LoopInstruction *from,
                         LoopInstruction *length, LoopInstruction *shift) {
    LoopInstruction *zero = code_integer(code, 0);
    LoopInstruction *clear = code_for(code, zero, code_integer(code, DIGITS), NULL, 0);
    code_store(code, s->counts, clear->index, code_integer(code, 0));
    code_for_end(code, NULL, 0);
    LoopInstruction *each = code_for(code, zero, length, NULL, 0);
    LoopInstruction *key = code_load(code, s->keys, code_add(code, from, each->index));
    LoopInstruction *digit = digit_of(code, key, shift);
    code_store(code, s->counts, digit, code_plus(code, code_load(code, s->counts, digit), 1));
    code_for_end(code, NULL, 0);
}

/* Every element to the next place of its digit. */
static void deal_out(Code *code, const CodeSort *s, LoopInstruction *from, LoopInstruction *to,
                     LoopInstruction *length, LoopInstruction *shift) {
    LoopInstruction *zero = code_integer(code, 0);
    LoopInstruction *sums = code_for(code, zero, code_integer(code, DIGITS), &to, 1);
    LoopInstruction *count = code_load(code, s->counts, sums->index);
    code_store(code, s->counts, sums->index, sums->carried[0]);
    LoopInstruction *next = code_add(code, sums->carried[0], count);
    code_for_end(code, &next, 1);
    LoopInstruction *each = code_for(code, zero, length, NULL, 0);
    LoopInstruction *at = code_add(code, from, each->index), *key = code_load(code, s->keys, at);
    LoopInstruction *digit = digit_of(code, key, shift);
    LoopInstruction *place = code_load(code, s->counts, digit);
    code_store(code, s->counts, digit, code_plus(code, place, 1));
    code_store(code, s->keys, place, key);
    code_store(code, s->indices, place, code_load(code, s->indices, at));
    code_for_end(code, NULL, 0);
}

static LoopInstruction *digit_sort(Code *code, const CodeSort *s, LoopInstruction *length) {
    tfcc_dtype dtype = code->b.function->buffers[s->keys].dtype;
    LoopInstruction *zero = code_integer(code, 0);
    LoopInstruction *bytes = code_integer(code, (int64_t)dtype_size(dtype));
    LoopInstruction *pass = code_for(code, zero, bytes, &zero, 1);
    LoopInstruction *from = pass->carried[0], *to = code_subtract(code, length, from);
    LoopInstruction *shift = code_convert(code, dtype, code_times(code, pass->index, 8));
    count_digits(code, s, from, length, shift);
    /* Where all have one digit nothing moves. */
    LoopInstruction *first = digit_of(code, code_load(code, s->keys, from), shift);
    LoopInstruction *moves = code_not_equal(code, code_load(code, s->counts, first), length);
    code_if(code, moves);
    deal_out(code, s, from, to, length, shift);
    code_if_end(code, NULL, 0);
    LoopInstruction *next = code_select(code, moves, to, from);
    code_for_end(code, &next, 1);
    return pass->results[0];
}

LoopInstruction *code_sort(Code *code, const CodeSort *s, LoopInstruction *length) {
    if (s->is_in_order) return merge_sort(code, s, length);
    tfcc_dtype dtype = code->b.function->buffers[s->keys].dtype;
    int64_t most = DEALT_PER_BYTE * (int64_t)dtype_size(dtype);
    LoopInstruction *branch = code_if(code, code_less(code, length, code_integer(code, most)));
    LoopInstruction *merged = merge_sort(code, s, length);
    code_else(code, &merged, 1);
    LoopInstruction *dealt = digit_sort(code, s, length);
    code_if_end(code, &dealt, 1);
    return branch->results[0];
}
