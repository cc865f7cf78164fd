/* report.c: what a model costs, step by step and signature by signature. */
#include "command/report.h"

#include "graph/graph.h"
#include "kernels/kernel.h"
#include "loops/loops.h"
#include "support/dtype.h"
#include <string.h>

typedef struct Cost {
    const Kernel *kernel;
    DimTable *dims;
    Dim operations;
    bool *inside; /* by scalar id: it lies in a reduction that has been counted with its axes */
} Cost;

static Dim point_count(DimTable *dims, const Dim *axes, size_t count) {
    Dim points = dim_constant(dims, 1);
    for (size_t k = 0; k < count; k++) points = dim_multiply(dims, points, axes[k]->size);
    return points;
}

static bool is_operation(const Scalar *scalar) {
    return scalar->op > SCALAR_SCAN && scalar->op != SCALAR_CONVERT &&
           scalar->op != SCALAR_BITCAST && scalar->op != SCALAR_SELECT &&
           scalar->dtype != TFCC_BOOL;
}

/* Operations of an expression at one point; a reduction counts its body and one combination per
 * point of its axes. */
static void count_operations(Cost *cost, const Scalar *scalar, Dim times) {
    if (cost->inside[scalar->id]) return;
    cost->inside[scalar->id] = true;
    if (scalar->op == SCALAR_REDUCE) {
        Dim points =
            point_count(cost->dims, scalar->as.reduce.axes, (size_t)scalar->as.reduce.axis_count);
        Dim inner = dim_multiply(cost->dims, times, points);
        cost->operations = dim_add(cost->dims, cost->operations, inner);
        count_operations(cost, scalar->as.reduce.body, inner);
        return;
    }
    if (scalar->op == SCALAR_SCAN) count_operations(cost, scalar->as.scan.body, times);
    if (is_operation(scalar)) cost->operations = dim_add(cost->dims, cost->operations, times);
    for (int k = 0; k < scalar->operand_count; k++)
        count_operations(cost, scalar->operands[k], times);
}

static Dim kernel_operations(const Compilation *c, Arena *scratch, const Kernel *kernel) {
    DimTable *dims = c->graph->dims;
    if (kernel->kind == KERNEL_GROUP) {
        Dim sum = dim_constant(dims, 0);
        for (size_t m = 0; m < kernel->member_count; m++)
            sum = dim_add(dims, sum, kernel_operations(c, scratch, kernel->members[m]));
        return sum;
    }
    Cost cost = {kernel, dims, dim_constant(dims, 0), NULL};
    cost.inside = arena_alloc_array(scratch, kernel->scalar_count + 1, sizeof *cost.inside);
    Dim points = point_count(dims, kernel->axes, kernel->axis_count);
    for (size_t k = 0; k < kernel->output_count; k++)
        if (!kernel->outputs[k].is_optional && kernel->outputs[k].value)
            count_operations(&cost, kernel->outputs[k].value, points);
    return cost.operations;
}

static Dim step_bytes(const Compilation *c, const LoopStep *step) {
    DimTable *dims = c->graph->dims;
    Dim bytes = dim_constant(dims, 0);
    for (size_t k = 0; k < step->argument_count; k++) {
        const Type *type = &step->arguments[k].buffer->type;
        Dim elements = shape_element_count(dims, &type->shape);
        Dim size = dim_constant(dims, (int64_t)dtype_size(type->dtype));
        bytes = dim_add(dims, bytes, dim_multiply(dims, elements, size));
    }
    return bytes;
}

static void print_padded(Text *text, Dim dim, Arena *scratch) {
    Text number = {.arena = scratch};
    dim_print(&number, dim);
    text_add_format(text, "%14s  ", number.bytes);
}

static void print_steps(Text *text, const Compilation *c, Arena *scratch) {
    const LoopProgram *loops = c->loops;
    text_add_format(text, "%14s  %14s  %s\n", "FLOPs", "bytes", "step");
    for (size_t k = 0; k < loops->step_count; k++) {
        const LoopStep *step = &loops->steps[k];
        const Kernel *kernel = step->kernel;
        if (kernel->kind == KERNEL_BIND) continue;
        if (kernel->kind == KERNEL_DIRECT)
            text_add_format(text, "%14s  ", "-");
        else
            print_padded(text, kernel_operations(c, scratch, kernel), scratch);
        print_padded(text, step_bytes(c, step), scratch);
        text_add(text, escape_for_message(scratch, kernel->name));
        if (kernel->output_count)
            text_add_format(text, ": %s", type_text(scratch, &kernel->outputs[0].buffer->type));
        else
            text_add(text, ": check");
        if (kernel->is_alternate) text_add(text, " (alternate)");
        text_add_char(text, '\n');
    }
}

static void print_names(Text *text, const char *title, const size_t *numbers, size_t count,
                        const char *(*name)(const Graph *graph, size_t number, Arena *scratch),
                        const Graph *graph, Arena *scratch) {
    if (!count) return;
    text_add_format(text, "  %s:", title);
    for (size_t k = 0; k < count; k++)
        text_add_format(text, "%s %s", k ? "," : "", name(graph, numbers[k], scratch));
    text_add_char(text, '\n');
}

static const char *feed_name(const Graph *graph, size_t number, Arena *scratch) {
    const Feed *feed = &graph->feeds[number];
    return arena_format(scratch, "%s %s", escape_for_message(scratch, feed->name),
                        type_text(scratch, &feed->value->type));
}

static const char *fetch_name(const Graph *graph, size_t number, Arena *scratch) {
    const Fetch *fetch = &graph->fetches[number];
    if (!fetch->value) return escape_for_message(scratch, fetch->name);
    return arena_format(scratch, "%s %s", escape_for_message(scratch, fetch->name),
                        type_text(scratch, &fetch->value->type));
}

void report_print(Text *text, const Compilation *c) {
    Arena *scratch = arena_create();
    const Graph *graph = c->graph;
    const LoopProgram *loops = c->loops;
    text_add_format(text, "model %s: %zu nodes, %zu steps, %zu distinct kernels\n", graph->name,
                    graph->node_count, loops->step_count, loops->function_count);
    print_steps(text, c, scratch);
    for (uint32_t level = 0; level < loops->level_count; level++) {
        text_add_format(text, "workspace, level %u: ", level);
        dim_print(text, loops->slots[loops->workspace_slots[level]].dim);
        text_add(text, " bytes\n");
    }
    for (size_t k = 0; k < graph->signature_count; k++) {
        const Signature *signature = &graph->signatures[k];
        text_add_format(text, "signature %s\n", signature->name);
        print_names(text, "feeds", signature->feeds, signature->feed_count, feed_name, graph,
                    scratch);
        print_names(text, "fetches", signature->fetches, signature->fetch_count, fetch_name, graph,
                    scratch);
        print_names(text, "targets", signature->targets, signature->target_count, fetch_name, graph,
                    scratch);
    }
    arena_destroy(scratch);
}
