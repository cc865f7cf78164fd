/* lower_suppression.c: non-maximum suppression: of boxes that overlap, the one with the best score.
 *
 * For every batch and class the boxes whose score passes are sorted, best first, of equal ones the
 * first; each is selected unless it overlaps too much with one that has been. How many that are is
 * known only then: a second kernel, behind the BIND of the number, copies what has been selected.
 */
#include "graph/rules.h"
#include "kernels/direct.h"
#include "kernels/scalar_evaluate.h"

typedef struct Suppression {
    Code *code;
    uint32_t boxes, scores, found;
    LoopInstruction *box_count, *iou_threshold, *score_threshold; /* NULL: every score passes */
    LoopInstruction *limit;                                       /* of boxes in a class */
    CodeSort sort;
    bool is_centred, has_classes;
} Suppression;

/* Of one box, in float32. */
typedef struct Box {
    LoopInstruction *low[2], *high[2], *area;
} Box;

static LoopInstruction *load_float(Code *code, uint32_t buffer, LoopInstruction *at) {
    return code_convert(code, TFCC_FLOAT32, code_load(code, buffer, at));
}

/* Two opposite corners in any order, or the centre and the extents. */
static Box load_box(const Suppression *s, LoopInstruction *first_box, LoopInstruction *number) {
    Code *code = s->code;
    LoopInstruction *at = code_times(code, code_add(code, first_box, number), 4);
    LoopInstruction *two = code_bits(code, TFCC_FLOAT32, 0x40000000);
    Box box;
    for (int d = 0; d < 2; d++) {
        LoopInstruction *a = load_float(code, s->boxes, code_plus(code, at, d));
        LoopInstruction *b = load_float(code, s->boxes, code_plus(code, at, d + 2));
        if (s->is_centred) {
            LoopInstruction *half = code_divide(code, b, two), *centre = a;
            a = code_subtract(code, centre, half);
            b = code_add(code, centre, half);
        }
        box.low[d] = code_minimum(code, a, b);
        box.high[d] = code_maximum(code, a, b);
    }
    box.area = code_multiply(code, code_subtract(code, box.high[0], box.low[0]),
                             code_subtract(code, box.high[1], box.low[1]));
    return box;
}

/* Whether intersection / union is larger than the threshold; boxes without area have no part of
 * either. */
static LoopInstruction *overlaps(const Suppression *s, const Box *a, const Box *b) {
    Code *code = s->code;
    LoopInstruction *zero = code_bits(code, TFCC_FLOAT32, 0), *extents[2];
    for (int d = 0; d < 2; d++)
        extents[d] = code_maximum(code,
                                  code_subtract(code, code_minimum(code, a->high[d], b->high[d]),
                                                code_maximum(code, a->low[d], b->low[d])),
                                  zero);
    LoopInstruction *common = code_multiply(code, extents[0], extents[1]);
    LoopInstruction *all = code_subtract(code, code_add(code, a->area, b->area), common);
    LoopInstruction *has_area =
        code_and(code, code_less(code, zero, a->area), code_less(code, zero, b->area));
    return code_and(code, has_area,
                    code_less(code, s->iou_threshold, code_divide(code, common, all)));
}

/* The boxes whose score passes, as keys and indices; gives how many. */
static LoopInstruction *gather_candidates(const Suppression *s, LoopInstruction *first_score) {
    Code *code = s->code;
    LoopInstruction *zero = code_integer(code, 0);
    LoopInstruction *each = code_for(code, zero, s->box_count, &zero, 1);
    LoopInstruction *raw = code_load(code, s->scores, code_add(code, first_score, each->index));
    LoopInstruction *score = code_convert(code, TFCC_FLOAT32, raw);
    LoopInstruction *passes = s->score_threshold ? code_less(code, s->score_threshold, score)
                                                 : code_equal(code, score, score);
    code_if(code, passes);
    code_store(code, s->sort.keys, each->carried[0], code_sort_key(code, raw, true));
    code_store(code, s->sort.indices, each->carried[0], each->index);
    code_if_end(code, NULL, 0);
    LoopInstruction *next =
        code_add(code, each->carried[0], code_convert(code, TFCC_INT64, passes));
    code_for_end(code, &next, 1);
    return each->results[0];
}

/* The number of the selected box `at` places behind the first of its class. */
static LoopInstruction *selected_box(const Suppression *s, LoopInstruction *at) {
    Code *code = s->code;
    if (s->has_classes) at = code_plus(code, code_times(code, at, 3), 2);
    return code_load(code, s->found, at);
}

/* Whether the box overlaps with one of those selected from `begin` to `end`, the latest first. */
static LoopInstruction *is_suppressed(const Suppression *s, const Box *box,
                                      LoopInstruction *first_box, LoopInstruction *begin,
                                      LoopInstruction *end) {
    Code *code = s->code;
    LoopInstruction *no = code_constant(code, TFCC_BOOL, 0);
    LoopInstruction *loop = code_while(code, (LoopInstruction *[]){end, no}, 2);
    code_do(code, code_and(code, code_less(code, begin, loop->carried[0]),
                           code_not(code, loop->carried[1])));
    LoopInstruction *at = code_plus(code, loop->carried[0], -1);
    Box other = load_box(s, first_box, selected_box(s, at));
    code_while_end(code, (LoopInstruction *[]){at, overlaps(s, box, &other)}, 2);
    return loop->results[1];
}

static void note(const Suppression *s, LoopInstruction *at, LoopInstruction *batch,
                 LoopInstruction *class, LoopInstruction *box) {
    Code *code = s->code;
    if (!s->has_classes) {
        code_store(code, s->found, at, box);
        return;
    }
    LoopInstruction *columns[] = {batch, class, box}, *row = code_times(code, at, 3);
    for (int k = 0; k < 3; k++) code_store(code, s->found, code_plus(code, row, k), columns[k]);
}

/* One class of one batch; gives how many have been selected now. */
static LoopInstruction *select_boxes(const Suppression *s, LoopInstruction *batch,
                                     LoopInstruction *class, LoopInstruction *first_score,
                                     LoopInstruction *selected) {
    Code *code = s->code;
    LoopInstruction *first_box = code_multiply(code, batch, s->box_count);
    LoopInstruction *count = gather_candidates(s, first_score);
    LoopInstruction *half = code_sort(code, &s->sort, count);
    LoopInstruction *most = code_add(code, selected, s->limit);
    LoopInstruction *zero = code_integer(code, 0);
    LoopInstruction *loop = code_while(code, (LoopInstruction *[]){zero, selected}, 2);
    LoopInstruction *next = loop->carried[0], *so_far = loop->carried[1];
    code_do(code, code_and(code, code_less(code, next, count), code_less(code, so_far, most)));
    LoopInstruction *number = code_load(code, s->sort.indices, code_add(code, half, next));
    Box box = load_box(s, first_box, number);
    LoopInstruction *is_taken = code_not(code, is_suppressed(s, &box, first_box, selected, so_far));
    code_if(code, is_taken);
    note(s, so_far, batch, class, number);
    code_if_end(code, NULL, 0);
    code_while_end(
        code,
        (LoopInstruction *[]){code_plus(code, next, 1),
                              code_add(code, so_far, code_convert(code, TFCC_INT64, is_taken))},
        2);
    return loop->results[1];
}

/* The only element of a tensor as float32. */
static LoopInstruction *load_threshold(Code *code, uint32_t buffer) {
    return load_float(code, buffer, code_integer(code, 0));
}

static void check_threshold(Code *code, LoopInstruction *threshold) {
    LoopInstruction *zero = code_bits(code, TFCC_FLOAT32, 0),
                    *one = code_bits(code, TFCC_FLOAT32, 0x3f800000);
    LoopInstruction *fits = code_and(code, code_less_equal(code, zero, threshold),
                                     code_less_equal(code, threshold, one));
    code_fail_if(code, code_not(code, fits), TFCC_INVALID_ARGUMENT,
                 lower_message(code->context, "iou_threshold has to be in [0, 1], and is %f0"),
                 &threshold, 1);
}

/* A threshold that may be given, or what it is otherwise. */
static LoopInstruction *threshold_of(Code *code, Buffer *given, uint32_t buffer, double otherwise) {
    if (given) return load_threshold(code, buffer);
    return code_bits(code, TFCC_FLOAT32, bits_from_double(TFCC_FLOAT32, otherwise));
}

static void copy_found(LowerContext *c, Buffer *found) {
    Buffer *output = lower_output(c, 0);
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    kernel_store(k, output, scalar_load(k, found, axes));
}

void lower_non_max_suppression(LowerContext *c);
void lower_non_max_suppression(LowerContext *c) {
    Buffer *boxes = lower_input(c, "boxes"), *scores = lower_input(c, "scores");
    Buffer *iou = lower_input(c, "iou_threshold"), *score = lower_input(c, "score_threshold");
    bool has_classes = boxes->type.shape.rank == 3;
    const Shape *given = &scores->type.shape;
    Dim one = dim_constant(c->dims, 1), box_count = given->dims[given->rank - 1];
    Dim batches = has_classes ? given->dims[0] : one, classes = has_classes ? given->dims[1] : one;
    Dim limit = dim_minimum(c->dims, box_count, shape_suppression_limit(c->dims, c->node));
    Dim most = dim_multiply(c->dims, dim_multiply(c->dims, batches, classes), limit);
    Shape places = {.rank = has_classes ? 2 : 1, .dims = {most, dim_constant(c->dims, 3)}};
    Buffer *found = program_add_temporary(c->program, c->node->label, TFCC_INT64, &places);

    Code code;
    code_begin(&code, c);
    Suppression s = {.code = &code,
                     .has_classes = has_classes,
                     .is_centred = node_attribute_integer(c->node, "center_point_box") == 1};
    s.boxes = code_input(&code, boxes);
    s.scores = code_input(&code, scores);
    uint32_t iou_buffer = iou ? code_input(&code, iou) : 0;
    uint32_t score_buffer = score ? code_input(&code, score) : 0;
    s.found = code_output(&code, found);
    uint32_t total = code_output(&code, lower_output(c, 1));
    s.sort = code_sort_scratch(&code, code_sort_key_dtype(scores->type.dtype), box_count);
    s.box_count = code_size(&code, box_count);
    s.limit = code_size(&code, limit);
    s.iou_threshold = threshold_of(&code, iou, iou_buffer, has_classes ? 0 : 0.5);
    if (iou) check_threshold(&code, s.iou_threshold);
    if (score || !has_classes)
        s.score_threshold = threshold_of(&code, score, score_buffer, -__builtin_inf());

    LoopInstruction *zero = code_integer(&code, 0), *class_count = code_size(&code, classes);
    LoopInstruction *b = code_for(&code, zero, code_size(&code, batches), &zero, 1);
    LoopInstruction *k = code_for(&code, zero, class_count, b->carried, 1);
    LoopInstruction *row = code_add(&code, code_multiply(&code, b->index, class_count), k->index);
    LoopInstruction *selected =
        select_boxes(&s, b->index, k->index, code_multiply(&code, row, s.box_count), k->carried[0]);
    code_for_end(&code, &selected, 1);
    code_for_end(&code, k->results, 1);
    code_store(&code, total, zero, b->results[0]);
    code_end(&code);
    lower_bind(c, 1);
    copy_found(c, found);
}
