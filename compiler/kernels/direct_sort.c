/* direct_sort.c: a merge sort, written into the code of a direct kernel.
 *
 * Indices, and keys beside them where there are any, stand in scratch memory twice: each pass goes
 * from one half to the other. What is equal keeps its order.
 */
#include "kernels/direct.h"

CodeSort code_sort_scratch(Code *code, tfcc_dtype key_dtype, Dim most) {
    DimTable *dims = code->context->dims;
    Dim doubled = dim_multiply(dims, most, dim_constant(dims, 2));
    CodeSort sort = {0};
    if (key_dtype != TFCC_NONE) sort.keys = code_scratch(code, key_dtype, doubled);
    sort.indices = code_scratch(code, TFCC_INT64, doubled);
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

LoopInstruction *code_merge_sort(Code *code, const CodeSort *s, LoopInstruction *length) {
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
