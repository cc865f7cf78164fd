/* lower_unique.c: what is different, each once.
 *
 * The elements (or the slices along an axis) are sorted by index, so that equal ones stand together
 * with the first of them in front; a walk then numbers the groups, either in that order or by their
 * first occurrence. How many there are is known only then: a second kernel, behind the BIND of that
 * number, takes the results from where the first has noted them. NaN is equal to nothing.
 */
#include "kernels/direct.h"

/* What the code knows of the input: `count` slices of `length` elements each. */
typedef struct Slices {
    uint32_t input;
    LoopInstruction *count, *length, *inner; /* of the dimensions behind the axis */
} Slices;

/* Element t of a slice, as a key. */
static LoopInstruction *key_at(Code *code, const Slices *s, LoopInstruction *slice,
                               LoopInstruction *t) {
    LoopInstruction *outer = code_divide(code, t, s->inner),
                    *inner = code_remainder(code, t, s->inner);
    LoopInstruction *at = code_add(code, code_multiply(code, outer, s->count), slice);
    at = code_add(code, code_multiply(code, at, s->inner), inner);
    return code_sort_key(code, code_load(code, s->input, at), false);
}

static LoopInstruction *is_nan_key(Code *code, const Slices *s, LoopInstruction *key) {
    bool is_float = dtype_is_float(code->b.function->buffers[s->input].dtype);
    return is_float ? code_equal(code, key, code_constant(code, key->type.dtype, -1))
                    : code_constant(code, TFCC_BOOL, 0);
}

/* The keys of the first elements that differ, or of the last ones. */
static LoopInstruction *compare_slices(Code *code, const Slices *s, LoopInstruction *left,
                                       LoopInstruction *right, bool asks_equality) {
    LoopInstruction *zero = code_integer(code, 0), *yes = code_constant(code, TFCC_BOOL, 1);
    LoopInstruction *loop = code_while(code, (LoopInstruction *[]){zero, yes, yes}, 3);
    LoopInstruction *t = loop->carried[0];
    code_do(code, code_and(code, loop->carried[1], code_less(code, t, s->length)));
    LoopInstruction *a = key_at(code, s, left, t), *b = key_at(code, s, right, t);
    LoopInstruction *is_same = code_equal(code, a, b), *answer = code_less_equal(code, a, b);
    if (asks_equality) {
        is_same = code_and(code, is_same, code_not(code, is_nan_key(code, s, a)));
        answer = is_same;
    }
    code_while_end(code, (LoopInstruction *[]){code_plus(code, t, 1), is_same, answer}, 3);
    return loop->results[2];
}

static LoopInstruction *is_in_order(Code *code, const void *context, LoopInstruction *left,
                                    LoopInstruction *right) {
    return compare_slices(code, context, left, right, false);
}

/* The buffers that both orders of numbering fill in. */
typedef struct Numbering {
    Code *code;
    uint32_t numbers;         /* by slice: the number of its group */
    uint32_t firsts, members; /* by group: its first slice, how many it has */
} Numbering;

/* Slice `slice` begins group `group`, or is one more of it. */
static LoopInstruction *count_slice(Numbering *n, LoopInstruction *slice, LoopInstruction *begins,
                                    LoopInstruction *group, LoopInstruction *group_count) {
    Code *code = n->code;
    LoopInstruction *one = code_integer(code, 1);
    code_store(code, n->numbers, slice, group);
    code_if(code, begins);
    code_store(code, n->firsts, group, slice);
    code_store(code, n->members, group, one);
    code_else(code, NULL, 0);
    code_store(code, n->members, group, code_plus(code, code_load(code, n->members, group), 1));
    code_if_end(code, NULL, 0);
    return code_add(code, group_count, code_convert(code, TFCC_INT64, begins));
}

/* Goes through the sorted slices. In their order the groups are numbered here; otherwise the first
 * slice of the group is noted beside each. Gives the number of groups. */
static LoopInstruction *walk_sorted(Numbering *n, const Slices *s, const CodeSort *sort,
                                    LoopInstruction *half, bool by_order, uint32_t leaders) {
    Code *code = n->code;
    LoopInstruction *zero = code_integer(code, 0);
    LoopInstruction *walk = code_for(code, zero, s->count, (LoopInstruction *[]){zero, zero}, 2);
    LoopInstruction *place = code_add(code, half, walk->index);
    LoopInstruction *slice = code_load(code, sort->indices, place);
    LoopInstruction *before =
        code_load(code, sort->indices, code_maximum(code, code_plus(code, place, -1), half));
    LoopInstruction *is_same;
    if (sort->is_in_order) {
        is_same = compare_slices(code, s, before, slice, true);
    } else {
        LoopInstruction *key = code_load(code, sort->keys, place);
        LoopInstruction *earlier =
            code_load(code, sort->keys, code_maximum(code, code_plus(code, place, -1), half));
        is_same = code_and(code, code_equal(code, key, earlier),
                           code_not(code, is_nan_key(code, s, key)));
    }
    LoopInstruction *begins = code_or(code, code_not(code, is_same),
                                      code_equal(code, walk->index, code_integer(code, 0)));
    LoopInstruction *groups = walk->carried[0];
    LoopInstruction *leader = code_select(code, begins, slice, walk->carried[1]);
    if (by_order) {
        LoopInstruction *started = code_convert(code, TFCC_INT64, begins);
        LoopInstruction *group = code_plus(code, code_add(code, groups, started), -1);
        groups = count_slice(n, slice, begins, group, groups);
    } else {
        code_store(code, leaders, slice, leader);
    }
    code_for_end(code, (LoopInstruction *[]){groups, leader}, 2);
    return walk->results[0];
}

/* Goes through the slices as they stand: a slice that leads its group begins it. */
static LoopInstruction *walk_as_given(Numbering *n, const Slices *s, uint32_t leaders) {
    Code *code = n->code;
    LoopInstruction *zero = code_integer(code, 0);
    LoopInstruction *walk = code_for(code, zero, s->count, &zero, 1);
    LoopInstruction *leader = code_load(code, leaders, walk->index), *groups = walk->carried[0];
    LoopInstruction *begins = code_equal(code, leader, walk->index);
    LoopInstruction *known = code_convert(code, TFCC_INT64, code_load(code, n->numbers, leader));
    LoopInstruction *group = code_select(code, begins, groups, known);
    groups = count_slice(n, walk->index, begins, group, groups);
    code_for_end(code, &groups, 1);
    return walk->results[0];
}

/* What the first kernel leaves for the second: by group. */
typedef struct Found {
    Buffer *firsts, *members;
} Found;

/* `axis` is -1 where the input counts as one row of elements. */
static Found find_groups(LowerContext *c, int axis, Dim slice_count) {
    Buffer *input = lower_input(c, "x");
    const Shape *shape = &input->type.shape, places = {.rank = 1, .dims = {slice_count}};
    bool by_order = node_attribute_bool(c->node, "sorted"), has_axis = axis >= 0;
    tfcc_dtype key = code_sort_key_dtype(input->type.dtype);
    Found found = {program_add_temporary(c->program, c->node->label, TFCC_INT64, &places),
                   program_add_temporary(c->program, c->node->label, TFCC_INT64, &places)};
    Dim inner = dim_constant(c->dims, 1), length = inner;
    for (int k = 0; has_axis && k < shape->rank; k++) {
        if (k > axis) inner = dim_multiply(c->dims, inner, shape->dims[k]);
        if (k != axis) length = dim_multiply(c->dims, length, shape->dims[k]);
    }
    Code code;
    Slices s = {0};
    code_begin(&code, c);
    s.input = code_input(&code, input);
    Numbering n = {.code = &code};
    n.numbers = code_output(&code, lower_output(c, 1));
    n.firsts = code_output(&code, found.firsts);
    n.members = code_output(&code, found.members);
    uint32_t total = code_output(&code, lower_output(c, 4));
    uint32_t leaders = by_order ? 0 : code_scratch(&code, TFCC_INT64, slice_count);
    CodeSort sort = code_sort_scratch(&code, has_axis ? TFCC_NONE : key, slice_count);
    s.count = code_size(&code, slice_count);
    s.length = code_size(&code, length);
    s.inner = code_size(&code, inner);
    if (has_axis) sort.is_in_order = is_in_order;
    sort.context = &s;

    LoopInstruction *zero = code_integer(&code, 0);
    LoopInstruction *in = code_for(&code, zero, s.count, NULL, 0);
    if (!has_axis)
        code_store(&code, sort.keys, in->index,
                   code_sort_key(&code, code_load(&code, s.input, in->index), false));
    code_store(&code, sort.indices, in->index, in->index);
    code_for_end(&code, NULL, 0);
    LoopInstruction *half = code_sort(&code, &sort, s.count);
    LoopInstruction *groups = walk_sorted(&n, &s, &sort, half, by_order, leaders);
    if (!by_order) groups = walk_as_given(&n, &s, leaders);
    code_store(&code, total, zero, groups);
    code_end(&code);
    return found;
}

/* y[.., g, ..] = x[.., the first of group g, ..]; of the whole as one row, y[g] = x[first]. */
static void take_slices(LowerContext *c, int axis, Buffer *firsts, Dim slice_count) {
    Buffer *input = lower_input(c, "x"), *output = lower_output(c, 0);
    Shape row = {.rank = 1, .dims = {slice_count}};
    if (axis < 0) input = program_reshape(c->program, input, &row);
    Dim axes[MAX_RANK];
    Scalar *index[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    for (int d = 0; d < input->type.shape.rank; d++)
        index[d] =
            axis < 0 || d == axis ? scalar_load(k, firsts, &axes[d]) : scalar_index(k, axes[d]);
    kernel_store(k, output, scalar_load_at(k, input, index));
}

static void copy_places(LowerContext *c, int output, Buffer *from) {
    Buffer *to = lower_output(c, output);
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &to->type.shape, axes);
    kernel_store(k, to, scalar_load(k, from, axes));
}

/* y, the number of each element's group, how many each group has, its first element, and (behind
 * what the row says) how many groups there are. */
void lower_unique(LowerContext *c);
void lower_unique(LowerContext *c) {
    const Shape *shape = &lower_input(c, "x")->type.shape;
    int axis = node_input(c->node, "axis") ? lower_axis(c, "axis", shape->rank, 0) : -1;
    Dim slice_count = axis < 0 ? shape_element_count(c->dims, shape) : shape->dims[axis];
    Found found = find_groups(c, axis, slice_count);
    lower_bind(c, 4);
    take_slices(c, axis, found.firsts, slice_count);
    copy_places(c, 2, found.members);
    copy_places(c, 3, found.firsts);
}
