/* lower_top_k.c: the k best of each row, in order.
 *
 * A heap holds the best so far, the worst of them at the root, where each further element is
 * compared with it; at the end the heap is taken apart from its root, which fills the places from
 * the last to the first. Better is a larger key (code_sort_key), or of equal ones the smaller
 * index, so the result does not depend on the order of the work. Where a good part of the row is
 * wanted, all of it is sorted.
 */
#include "kernels/direct.h"

/* From which part of the row on, 1 / SORTED_SHARE, sorting all of it is faster. */
enum { SORTED_SHARE = 16 };

typedef struct Heap {
    Code *code;
    uint32_t keys, indices; /* of the heap's places */
} Heap;

typedef struct Candidate {
    LoopInstruction *key, *index;
} Candidate;

static Candidate candidate_at(Heap *h, LoopInstruction *place) {
    return (Candidate){code_load(h->code, h->keys, place), code_load(h->code, h->indices, place)};
}

static void put(Heap *h, LoopInstruction *place, Candidate candidate) {
    code_store(h->code, h->keys, place, candidate.key);
    code_store(h->code, h->indices, place, candidate.index);
}

static Candidate choose(Code *code, LoopInstruction *condition, Candidate a, Candidate b) {
    return (Candidate){code_select(code, condition, a.key, b.key),
                       code_select(code, condition, a.index, b.index)};
}

static LoopInstruction *is_worse(Code *code, Candidate a, Candidate b) {
    return code_or(
        code, code_less(code, a.key, b.key),
        code_and(code, code_equal(code, a.key, b.key), code_less(code, b.index, a.index)));
}

/* Puts the candidate where it belongs, at `place` or below: worse children move up. */
static void sift(Heap *h, LoopInstruction *place, LoopInstruction *size, Candidate candidate) {
    Code *code = h->code;
    LoopInstruction *yes = code_constant(code, TFCC_BOOL, 1);
    LoopInstruction *loop = code_while(code, (LoopInstruction *[]){place, yes}, 2);
    code_do(code, loop->carried[1]);
    LoopInstruction *here = loop->carried[0], *last = code_plus(code, size, -1);
    LoopInstruction *left = code_plus(code, code_times(code, here, 2), 1);
    LoopInstruction *has_child = code_less(code, left, size);
    left = code_minimum(code, left, last);
    LoopInstruction *right = code_minimum(code, code_plus(code, left, 1), last);
    Candidate a = candidate_at(h, left), b = candidate_at(h, right);
    LoopInstruction *takes_right = is_worse(code, b, a);
    Candidate child = choose(code, takes_right, b, a);
    LoopInstruction *goes_on = code_and(code, has_child, is_worse(code, child, candidate));
    put(h, here, choose(code, goes_on, child, candidate));
    LoopInstruction *below = code_select(code, takes_right, right, left);
    code_while_end(code, (LoopInstruction *[]){below, goes_on}, 2);
}

typedef struct TopK {
    Heap heap;
    CodeSort sort;
    uint32_t input;
    CodeRows rows;
    LoopInstruction *k;
    bool is_largest;
} TopK;

static Candidate candidate_of_row(TopK *t, LoopInstruction *start, LoopInstruction *index) {
    Code *code = t->heap.code;
    LoopInstruction *at = code_row_at(code, &t->rows, start, index);
    return (Candidate){code_sort_key(code, code_load(code, t->input, at), !t->is_largest), index};
}

/* The first k elements as a heap, then each further one that is better than the worst. */
static void gather_best(TopK *t, LoopInstruction *start) {
    Code *code = t->heap.code;
    LoopInstruction *zero = code_integer(code, 0), *two = code_integer(code, 2);
    LoopInstruction *fill = code_for(code, zero, t->k, NULL, 0);
    put(&t->heap, fill->index, candidate_of_row(t, start, fill->index));
    code_for_end(code, NULL, 0);
    LoopInstruction *parents = code_divide(code, t->k, two);
    LoopInstruction *build = code_for(code, zero, parents, NULL, 0);
    LoopInstruction *place = code_subtract(code, code_plus(code, parents, -1), build->index);
    sift(&t->heap, place, t->k, candidate_at(&t->heap, place));
    code_for_end(code, NULL, 0);
    LoopInstruction *rest = code_for(code, t->k, t->rows.length, NULL, 0);
    Candidate next = candidate_of_row(t, start, rest->index);
    LoopInstruction *root = code_integer(code, 0);
    code_if(code, code_less(code, code_load(code, t->heap.keys, root), next.key));
    sift(&t->heap, root, t->k, next);
    code_if_end(code, NULL, 0);
    code_for_end(code, NULL, 0);
}

/* The worst to the last place, the rest a heap again, and so on. */
static void order_best(TopK *t) {
    Code *code = t->heap.code;
    LoopInstruction *loop = code_for(code, code_integer(code, 1), t->k, NULL, 0);
    LoopInstruction *last = code_subtract(code, t->k, loop->index), *root = code_integer(code, 0);
    Candidate worst = candidate_at(&t->heap, root), moved = candidate_at(&t->heap, last);
    put(&t->heap, last, worst);
    sift(&t->heap, root, last, moved);
    code_for_end(code, NULL, 0);
}

/* The best of one row by the heap, or, where most are wanted, by sorting all. */
static void best_of_row(TopK *t, LoopInstruction *start) {
    Code *code = t->heap.code;
    LoopInstruction *is_most =
        code_less(code, t->rows.length, code_times(code, t->k, SORTED_SHARE));
    code_if(code, is_most);
    LoopInstruction *in = code_for(code, code_integer(code, 0), t->rows.length, NULL, 0);
    Candidate candidate = candidate_of_row(t, start, in->index);
    code_store(code, t->sort.keys, in->index, code_not(code, candidate.key));
    code_store(code, t->sort.indices, in->index, in->index);
    code_for_end(code, NULL, 0);
    LoopInstruction *half = code_sort(code, &t->sort, t->rows.length);
    LoopInstruction *out = code_for(code, code_integer(code, 0), t->k, NULL, 0);
    LoopInstruction *index = code_load(code, t->sort.indices, code_add(code, half, out->index));
    code_store(code, t->heap.indices, out->index, index);
    code_for_end(code, NULL, 0);
    code_else(code, NULL, 0);
    gather_best(t, start);
    order_best(t);
    code_if_end(code, NULL, 0);
}

/* values[.., i, ..], indices[.., i, ..] = the element that comes at place i of its row, and where it
 * stands in it. */
void lower_top_k(LowerContext *c);
void lower_top_k(LowerContext *c) {
    Buffer *input = lower_input(c, "input"), *values = lower_output(c, 0),
           *indices = lower_output(c, 1);
    const Shape *shape = &input->type.shape;
    int axis = lower_axis(c, "axis", shape->rank, -1);
    Dim k = values->type.shape.dims[axis];
    Code code;
    TopK t = {.heap = {.code = &code}, .is_largest = node_attribute_bool(c->node, "largest")};
    code_begin(&code, c);
    t.input = code_input(&code, input);
    uint32_t to_values = code_output(&code, values), to_indices = code_output(&code, indices);
    t.heap.keys = code_scratch(&code, code_sort_key_dtype(input->type.dtype), k);
    t.heap.indices = code_scratch(&code, TFCC_INT64, k);
    t.sort = code_sort_scratch(&code, code_sort_key_dtype(input->type.dtype), shape->dims[axis]);
    t.rows = code_rows(&code, shape, axis);
    t.k = code_size(&code, k);
    CodeRows result = {t.k, t.rows.stride, t.rows.rows};
    LoopInstruction *zero = code_integer(&code, 0);
    code_if(&code, code_less(&code, zero, t.k));
    LoopInstruction *each = code_for(&code, zero, t.rows.rows, NULL, 0);
    LoopInstruction *start = code_row_start(&code, &t.rows, each->index);
    LoopInstruction *to = code_row_start(&code, &result, each->index);
    best_of_row(&t, start);
    LoopInstruction *out = code_for(&code, zero, t.k, NULL, 0);
    LoopInstruction *index = code_load(&code, t.heap.indices, out->index);
    LoopInstruction *place = code_row_at(&code, &result, to, out->index);
    LoopInstruction *from = code_row_at(&code, &t.rows, start, index);
    code_store(&code, to_values, place, code_load(&code, t.input, from));
    code_store(&code, to_indices, place, index);
    code_for_end(&code, NULL, 0);
    code_for_end(&code, NULL, 0);
    code_if_end(&code, NULL, 0);
    code_end(&code);
}
