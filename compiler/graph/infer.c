/* infer.c: settles dtypes by the letters of the signature, then asks the shape rule. */
#include "graph/infer.h"

#include "graph/rules.h"
#include "support/dtype.h"
#include <assert.h>
#include <string.h>

/* ---- dtypes ---- */

/* What the letters of a row stand for in this node. */
typedef struct Letters {
    tfcc_dtype dtype['Z' + 1];
    size_t from['Z' + 1]; /* the input that said so, or SIZE_MAX */
} Letters;

static bool is_weak(const Value *value) {
    return value->node->row->code == OP_CONSTANT && value->node->weak;
}

static const Parameter *parameter_of(const GraphNode *node, size_t input) {
    for (size_t p = 0; p < node->row->parameter_count; p++) {
        const Argument *a = &node->arguments[p];
        if (a->kind == ARGUMENT_INPUTS && input >= a->first && input < a->first + a->count)
            return &node->row->parameters[p];
    }
    assert(0 && "an input without a parameter");
    return NULL;
}

static bool dtype_not_allowed(InferContext *c, size_t input, tfcc_dtype dtype, uint64_t allowed) {
    return infer_error_at(c, input, "%s is %s; it has to be %s", input_text(c, input),
                          dtype_name(dtype), op_dtypes_text(c->graph->arena, allowed));
}

static bool meet_letter(InferContext *c, Letters *letters, const Parameter *p, size_t input,
                        tfcc_dtype dtype) {
    int letter = p->letter;
    if (!(p->dtypes & dtype_bit(dtype))) {
        if (input != SIZE_MAX) return dtype_not_allowed(c, input, dtype, p->dtypes);
        return infer_error_text(c, "the variable %s is %s; it has to be %s",
                                c->node->variable->name, dtype_name(dtype),
                                op_dtypes_text(c->graph->arena, p->dtypes));
    }
    if (letters->dtype[letter] == TFCC_NONE) {
        letters->dtype[letter] = dtype;
        letters->from[letter] = input;
        return true;
    }
    if (letters->dtype[letter] == dtype) return true;
    const char *other = letters->from[letter] != SIZE_MAX ? input_text(c, letters->from[letter])
                        : c->node->variable               ? c->node->variable->name
                                                          : "the dtype asked for";
    return infer_error_at(
        c, input, "%s is %s, which does not match %s, which is %s; a cast() makes them one dtype",
        input_text(c, input), dtype_name(dtype), other, dtype_name(letters->dtype[letter]));
}

/* Letters that a dtype attribute gives. */
static bool settle_by_attributes(InferContext *c, Letters *letters) {
    const OpRow *row = c->node->row;
    for (size_t i = 0; i < row->letter_count; i++) {
        const LetterRow *l = &row->letters[i];
        if (l->attribute < 0 || c->node->arguments[l->attribute].kind != ARGUMENT_DTYPE) continue;
        tfcc_dtype dtype = c->node->arguments[l->attribute].as.dtype;
        if (!(l->dtypes & dtype_bit(dtype)))
            return infer_error_text(c, "%s is %s; it has to be %s",
                                    row->parameters[l->attribute].name, dtype_name(dtype),
                                    op_dtypes_text(c->graph->arena, l->dtypes));
        letters->dtype[(int)l->letter] = dtype;
        letters->from[(int)l->letter] = SIZE_MAX;
    }
    return true;
}

static bool settle_by_inputs(InferContext *c, Letters *letters) {
    GraphNode *node = c->node;
    for (size_t p = 0; p < node->row->parameter_count; p++) {
        const Parameter *parameter = &node->row->parameters[p];
        if (parameter->kind == PARAMETER_VARIABLE) {
            tfcc_dtype dtype = node->variable->node->outputs[0]->type.dtype;
            if (!meet_letter(c, letters, parameter, SIZE_MAX, dtype)) return false;
        }
        const Argument *a = &node->arguments[p];
        if (a->kind != ARGUMENT_INPUTS) continue;
        for (size_t i = a->first; i < a->first + a->count; i++) {
            tfcc_dtype dtype = node->inputs[i]->type.dtype;
            if (is_weak(node->inputs[i])) continue;
            if (parameter->letter ? !meet_letter(c, letters, parameter, i, dtype)
                                  : !(parameter->dtypes & dtype_bit(dtype)) &&
                                        !dtype_not_allowed(c, i, dtype, parameter->dtypes))
                return false;
        }
    }
    return true;
}

/* The default of weak numbers, where nobody else speaks for their letter: the widest of what each
 * alone would be. */
static bool settle_by_weak(InferContext *c, Letters *letters) {
    GraphNode *node = c->node;
    for (size_t k = 0; k < node->row->letter_count; k++) {
        const LetterRow *l = &node->row->letters[k];
        if (letters->dtype[(int)l->letter] != TFCC_NONE) continue;
        tfcc_dtype best = TFCC_NONE;
        for (size_t i = 0; i < node->input_count; i++) {
            if (parameter_of(node, i)->letter != l->letter) continue;
            tfcc_dtype dtype = weak_default(node->inputs[i]->node, l->dtypes);
            if (dtype == TFCC_NONE)
                return infer_error_at(c, i, "%s has to be %s", input_text(c, i),
                                      op_dtypes_text(c->graph->arena, l->dtypes));
            bool wider = best == TFCC_NONE || (dtype_is_float(dtype) && !dtype_is_float(best)) ||
                         (dtype == TFCC_INT64 && best == TFCC_INT32);
            if (wider) best = dtype;
        }
        letters->dtype[(int)l->letter] = best;
    }
    /* `@dtype/T`: as T; nothing at all: float32, as in TensorFlow */
    for (size_t k = 0; k < node->row->letter_count; k++) {
        const LetterRow *l = &node->row->letters[k];
        tfcc_dtype *dtype = &letters->dtype[(int)l->letter];
        if (*dtype == TFCC_NONE && l->other) *dtype = letters->dtype[(int)l->other];
        if (*dtype == TFCC_NONE) *dtype = TFCC_FLOAT32;
    }
    return true;
}

static bool convert_weak_inputs(InferContext *c, const Letters *letters) {
    GraphNode *node = c->node;
    for (size_t i = 0; i < node->input_count; i++) {
        if (!is_weak(node->inputs[i])) continue;
        const Parameter *parameter = parameter_of(node, i);
        tfcc_dtype dtype = parameter->letter
                               ? letters->dtype[(int)parameter->letter]
                               : weak_default(node->inputs[i]->node, parameter->dtypes);
        if (dtype == TFCC_NONE)
            return infer_error_at(c, i, "%s has to be %s", input_text(c, i),
                                  op_dtypes_text(c->graph->arena, parameter->dtypes));
        Value *converted = weak_convert(c, i, dtype);
        if (!converted) return false;
        node->inputs[i] = converted;
    }
    return true;
}

static bool settle_dtypes(InferContext *c) {
    Letters letters = {0};
    if (!settle_by_attributes(c, &letters) || !settle_by_inputs(c, &letters) ||
        !settle_by_weak(c, &letters) || !convert_weak_inputs(c, &letters))
        return false;
    const OpRow *row = c->node->row;
    for (size_t i = 0; i < c->node->output_count; i++) {
        const OutputRow *output = &row->outputs[i < row->output_count ? i : row->output_count - 1];
        c->node->outputs[i]->type.dtype =
            output->letter ? letters.dtype[(int)output->letter] : output->dtype;
    }
    /* Outputs that the shape rule adds take the dtype of the first. */
    return true;
}

/* ---- Limits ---- */

/* A rank that turns out to be the same in every run is a known one. */
static void narrow_rank(Shape *shape) {
    int64_t rank;
    if (!shape->runtime_rank || !dim_is_constant(shape->runtime_rank, &rank)) return;
    Shape narrow = {.rank = (int)rank};
    for (int i = 0; i < narrow.rank; i++)
        narrow.dims[i] = shape->dims[shape->rank - narrow.rank + i];
    *shape = narrow;
}

static bool check_output(InferContext *c, Value *value) {
    Shape *shape = &value->type.shape;
    narrow_rank(shape);
    if (shape->rank > MAX_RANK)
        return infer_error_text(c, "the result would have %d dimensions; a tensor has at most %d",
                                shape->rank, MAX_RANK);
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i]->kind == DIM_OVERFLOW)
            return infer_error_text(
                c, "size %d of the result does not fit 63 bits, or is too involved", i);
        if (dim_high(shape->dims[i]) < 0)
            return infer_error_text(c, "size %d of the result is negative in %s", i,
                                    shape_text(c->graph->arena, shape));
    }
    Dim count = shape_element_count(c->dims, shape),
        size = known(c, (int64_t)dtype_size(value->type.dtype));
    Dim bytes = dim_multiply(c->dims, count, size);
    if (bytes->kind == DIM_OVERFLOW && !shape_is_known(shape))
        return infer_error_text(c,
                                "the size of the result does not fit 62 bits, or is a formula more "
                                "than %d operations deep",
                                DIM_MAXIMUM_DEPTH);
    if (bytes->kind == DIM_OVERFLOW || dim_low(bytes) > INT64_C(1) << 62)
        return infer_error_text(c, "a tensor of %s %s is too large: its bytes do not fit 62 bits",
                                dtype_name(value->type.dtype), shape_text(c->graph->arena, shape));
    return true;
}

/* ---- Exported ---- */

bool infer_node(Graph *graph, GraphNode *node) {
    InferContext c = {graph, node, graph->dims};
    /* The symbols of a feed are made once. */
    bool is_feed =
        node->row->code == OP_PLACEHOLDER || node->row->code == OP_PLACEHOLDER_WITH_DEFAULT;
    if (is_feed && node->outputs[0]->type.dtype != TFCC_NONE) return true;
    node->requirement_count = 0;
    bool poisoned = node->variable && node->row->code != OP_VARIABLE &&
                    node->variable->node->outputs[0]->type.dtype == TFCC_NONE;
    for (size_t i = 0; i < node->input_count; i++)
        poisoned |= node->inputs[i]->type.dtype == TFCC_NONE;
    for (size_t i = 0; i < node->output_count; i++) node->outputs[i]->type = (Type){0};
    bool done = !poisoned && settle_dtypes(&c);
    tfcc_dtype first = node->output_count ? node->outputs[0]->type.dtype : TFCC_NONE;
    size_t settled = node->output_count;
    done = done && node->row->infer(&c);
    for (size_t i = settled; done && i < node->output_count; i++)
        if (node->outputs[i]->type.dtype == TFCC_NONE)
            node->outputs[i]->type.dtype = settled ? first : node->inputs[0]->type.dtype;
    for (size_t i = 0; done && i < node->output_count; i++)
        done = check_output(&c, node->outputs[i]);
    if (done) {
        infer_contents(&c);
        return true;
    }
    for (size_t i = 0; i < node->output_count; i++) node->outputs[i]->type.dtype = TFCC_NONE;
    return false;
}

bool infer_graph(Graph *graph) {
    /* Rules may add nodes (converted numbers, counts): they come to stand in front of the node that
     * needs them. */
    GraphNode **nodes = graph->nodes;
    size_t count = graph->node_count;
    graph->nodes = NULL;
    graph->node_count = graph->node_capacity = 0;
    bool done = true;
    for (size_t i = 0; i < count; i++) {
        if (nodes[i]->is_dead) continue;
        done &= infer_node(graph, nodes[i]);
        *ARENA_PUSH(graph->arena, graph->nodes, graph->node_count, graph->node_capacity) = nodes[i];
    }
    return done;
}

size_t infer_requirements(const Graph *graph, const GraphNode *node,
                          const Requirement **requirements) {
    (void)graph;
    *requirements = node->requirements;
    return node->requirement_count;
}
