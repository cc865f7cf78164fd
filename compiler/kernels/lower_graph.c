/* lower_graph.c: the graph, node by node, to buffers and kernels.
 *
 * Kernels stand in the order of their nodes. What orders them beyond the data they pass on is
 * written in `after`: control dependencies between nodes, checks before what relies on them, and
 * the BIND kernels that give a kernel its sizes.
 */
#include "compilation.h"
#include "graph/infer.h"
#include "kernels/lower.h"
#include <assert.h>
#include <string.h>

/* The kernels that stand for a node in `after`: its own, or, where it has none, those it would wait
 * for. */
typedef struct NodeKernels {
    Kernel **kernels;
    size_t count, capacity;
} NodeKernels;

typedef struct Lowering {
    Program *program;
    Graph *graph;
    NodeKernels *nodes;    /* by node id */
    Kernel **binds;        /* by symbol number: the kernel that binds it */
    Value **symbol_values; /* by symbol number: what it is an element of, or NULL */
    size_t symbol_count;
} Lowering;

/* ---- requirements ---- */

/* The conditions that the shape rule has left to the run, asked over no axes. */
static void lower_requirements(LowerContext *c) {
    const Requirement *requirements;
    size_t count = infer_requirements(c->graph, c->node, &requirements);
    if (count == 0) return;
    Kernel *kernel = lower_check_kernel(c);
    for (size_t k = 0; k < count; k++) {
        const Requirement *requirement = &requirements[k];
        Scalar *values[16];
        for (size_t v = 0; v < requirement->value_count; v++)
            values[v] = scalar_index(kernel, requirement->values[v]);
        Scalar *holds = scalar_not_equal(kernel, scalar_index(kernel, requirement->condition),
                                         scalar_integer(kernel, TFCC_INT64, 0));
        kernel_check(kernel, holds, TFCC_INVALID_ARGUMENT, requirement->message, values,
                     requirement->value_count);
    }
}

/* ---- order ---- */

static void forward(Lowering *lowering, NodeKernels *into, const GraphNode *from) {
    const NodeKernels *kernels = &lowering->nodes[from->id];
    for (size_t k = 0; k < kernels->count; k++) {
        bool known = false;
        for (size_t i = 0; i < into->count && !known; i++)
            known = into->kernels[i] == kernels->kernels[k];
        if (!known)
            *ARENA_PUSH(lowering->program->arena, into->kernels, into->count, into->capacity) =
                kernels->kernels[k];
    }
}

/* Called for each node after it has been lowered: `first` is the number of its first kernel. */
static void record_kernels(Lowering *lowering, GraphNode *node, size_t first) {
    Program *program = lowering->program;
    NodeKernels *kernels = &lowering->nodes[node->id];
    for (size_t k = first; k < program->kernel_count; k++)
        *ARENA_PUSH(program->arena, kernels->kernels, kernels->count, kernels->capacity) =
            program->kernels[k];
    if (kernels->count > 0) {
        for (size_t a = 0; a < node->after_count; a++) {
            const NodeKernels *earlier = &lowering->nodes[node->after[a]->id];
            for (size_t e = 0; e < earlier->count; e++)
                for (size_t k = first; k < program->kernel_count; k++)
                    kernel_add_after(program->kernels[k], earlier->kernels[e]);
        }
        return;
    }
    for (size_t a = 0; a < node->after_count; a++) forward(lowering, kernels, node->after[a]);
    for (size_t i = 0; i < node->input_count; i++)
        forward(lowering, kernels, node->inputs[i]->node);
}

Kernel *lower_kernel(LowerContext *c) {
    Kernel *kernel = kernel_create(c->program, KERNEL_STRUCTURED, c->node->label, c->node->place,
                                   c->node->guard);
    if (c->requirement) kernel_add_after(kernel, c->requirement);
    return kernel;
}

Kernel *lower_steps(LowerContext *c, Dim steps) {
    Kernel *group =
        kernel_create(c->program, KERNEL_GROUP, c->node->label, c->node->place, c->node->guard);
    kernel_add_axis(group, steps);
    if (c->requirement) kernel_add_after(group, c->requirement);
    return group;
}

/* ---- sizes that are computed ---- */

/* Symbols that have become one, as the values they are elements of have. */
typedef struct SameSymbols {
    Dim *from, *to;
    size_t count, capacity;
} SameSymbols;

static void find_symbols(Lowering *lowering, SameSymbols *same) {
    DimTable *dims = lowering->graph->dims;
    lowering->symbol_count = dim_symbol_count(dims);
    Arena *arena = lowering->program->arena;
    lowering->binds = arena_alloc_array(arena, lowering->symbol_count + 1, sizeof(Kernel *));
    lowering->symbol_values = arena_alloc_array(arena, lowering->symbol_count + 1, sizeof(Value *));
    Map first = map_create(arena);
    for (size_t k = 0; k < lowering->symbol_count; k++) {
        Dim dim = dim_symbol_at(dims, k);
        DimSymbol *symbol = dim->symbol;
        if (symbol->kind != DIM_OF_VALUE || !symbol->value) continue;
        symbol->value = graph_resolve(symbol->value);
        struct {
            const Value *value;
            int64_t element;
        } key = {symbol->value, symbol->element};
        bool added;
        MapEntry *entry = map_insert(&first, (const char *)&key, sizeof key, &added);
        if (added) {
            entry->value = (void *)(uintptr_t)dim;
            lowering->symbol_values[k] = symbol->value;
            continue;
        }
        size_t to_capacity = same->capacity;
        same->from =
            arena_grow(arena, same->from, &to_capacity, same->count + 1, sizeof *same->from);
        same->to = arena_grow(arena, same->to, &same->capacity, same->count + 1, sizeof *same->to);
        same->from[same->count] = dim;
        same->to[same->count++] = entry->value;
        symbol->value = NULL; /* nothing binds it */
    }
}

static void unite(Graph *graph, const SameSymbols *same, Dim *dim) {
    if (*dim) *dim = dim_substitute(graph->dims, *dim, same->from, same->to, same->count);
}

static void unite_value(Graph *graph, const SameSymbols *same, Value *value) {
    Shape *shape = &value->type.shape;
    int64_t count = 1, size;
    for (int d = 0; d < shape->rank; d++) {
        if (value->elements && dim_is_constant(shape->dims[d], &size)) count *= size;
        unite(graph, same, &shape->dims[d]);
    }
    unite(graph, same, &shape->runtime_rank);
    for (int64_t k = 0; value->elements && k < count; k++) unite(graph, same, &value->elements[k]);
}

/* Writes the first of equal symbols wherever another stands. */
static void unite_symbols(Graph *graph, const SameSymbols *same) {
    if (same->count == 0) return;
    for (size_t n = 0; n < graph->node_count; n++) {
        GraphNode *node = graph->nodes[n];
        for (size_t o = 0; o < node->output_count; o++) unite_value(graph, same, node->outputs[o]);
        for (size_t r = 0; r < node->requirement_count; r++) {
            Requirement *requirement = &node->requirements[r];
            unite(graph, same, &requirement->condition);
            for (size_t v = 0; v < requirement->value_count; v++)
                unite(graph, same, &requirement->values[v]);
        }
    }
    for (size_t k = 0; k < dim_symbol_count(graph->dims); k++) {
        DimSymbol *symbol = dim_symbol_at(graph->dims, k)->symbol;
        unite(graph, same, &symbol->fallback);
        unite(graph, same, &symbol->upper);
    }
}

/* One BIND kernel for an output of which an element is a size somewhere. */
static void bind_output(Lowering *lowering, const GraphNode *node, const Value *value) {
    Kernel *bind = NULL;
    for (size_t k = 0; k < lowering->symbol_count && value->buffer; k++) {
        if (lowering->symbol_values[k] != value || lowering->binds[k]) continue;
        if (!bind) {
            bind = kernel_create(lowering->program, KERNEL_BIND, value->buffer->name, node->place,
                                 node->guard);
            bind->bind = value->buffer;
        }
        lowering->binds[k] = bind;
    }
}

static void bind_outputs(Lowering *lowering, const GraphNode *node) {
    for (size_t o = 0; o < node->output_count; o++) bind_output(lowering, node, node->outputs[o]);
}

void lower_bind(LowerContext *c, int index) {
    if (c->lowering) bind_output(c->lowering, c->node, c->node->outputs[index]);
}

typedef struct BindSearch {
    const Lowering *lowering;
    Kernel *kernel;
} BindSearch;

static void wait_for_symbol(void *context, Dim dim) {
    BindSearch *search = context;
    if (dim->symbol->number >= search->lowering->symbol_count) return;
    Kernel *bind = search->lowering->binds[dim->symbol->number];
    if (bind && bind->number < search->kernel->number) kernel_add_after(search->kernel, bind);
    if (dim->symbol->upper) dim_each_symbol(dim->symbol->upper, wait_for_symbol, context);
}

static void wait_for_shape(BindSearch *search, const Shape *shape) {
    for (int k = 0; k < shape->rank; k++) dim_each_symbol(shape->dims[k], wait_for_symbol, search);
    if (shape->runtime_rank) dim_each_symbol(shape->runtime_rank, wait_for_symbol, search);
}

static void wait_for_scalar(void *context, Scalar *scalar) {
    BindSearch *search = context;
    if (scalar->op == SCALAR_INDEX) dim_each_symbol(scalar->as.index, wait_for_symbol, search);
    if (scalar->op == SCALAR_LOAD) wait_for_shape(search, &scalar->as.load.buffer->type.shape);
    if (scalar->op != SCALAR_REDUCE) return;
    for (int k = 0; k < scalar->as.reduce.axis_count; k++)
        dim_each_symbol(scalar->as.reduce.axes[k]->size, wait_for_symbol, search);
}

static void wait_for_code(BindSearch *search, const KernelCode *code) {
    for (size_t k = 0; code && k < code->buffer_count; k++)
        wait_for_shape(search, &code->buffers[k]->type.shape);
    for (size_t k = 0; code && k < code->number_count; k++)
        dim_each_symbol(code->numbers[k], wait_for_symbol, search);
}

static void wait_for_axes(BindSearch *search, const Kernel *kernel) {
    for (size_t a = 0; a < kernel->axis_count; a++)
        dim_each_symbol(kernel->axes[a]->size, wait_for_symbol, search);
    for (size_t m = 0; m < kernel->member_count; m++) wait_for_axes(search, kernel->members[m]);
}

/* Kernels come after the BIND kernels of the symbols they mention. */
static void wait_for_binds(const Lowering *lowering, size_t first) {
    const Program *program = lowering->program;
    bool any = false;
    for (size_t k = 0; k < lowering->symbol_count && !any; k++) any = lowering->binds[k] != NULL;
    for (size_t k = first; k < program->kernel_count && any; k++) {
        BindSearch search = {.lowering = lowering, .kernel = program->kernels[k]};
        wait_for_axes(&search, search.kernel);
        for (size_t o = 0; o < search.kernel->output_count; o++)
            wait_for_shape(&search, &search.kernel->outputs[o].buffer->type.shape);
        kernel_each_scalar(search.kernel, wait_for_scalar, &search);
        wait_for_code(&search, search.kernel->code);
    }
}

/* ---- feeds whose own sizes are computed ---- */

/* Whether the number is known only after a BIND. */
static bool is_late(const Lowering *lowering, Dim dim) {
    bool answer = false;
    for (size_t k = 0; k < lowering->symbol_count && !answer; k++)
        answer = lowering->binds[k] && dim_contains(dim, dim_symbol_at(lowering->graph->dims, k));
    return answer;
}

/* The sizes of a value that may be fed, and else has sizes that are known only then: they go
 * through a buffer, from which a BIND takes them. */
static void bind_fallbacks(Lowering *lowering, const GraphNode *node) {
    Program *program = lowering->program;
    DimTable *dims = lowering->graph->dims;
    Dim *symbols = NULL;
    size_t count = 0, capacity = 0;
    bool is_feedable = node->output_count > 0 && node->outputs[0]->is_feedable;
    for (size_t k = 0; is_feedable && k < lowering->symbol_count; k++) {
        Dim dim = dim_symbol_at(dims, k);
        DimSymbol *symbol = dim->symbol;
        if (!symbol->fallback || !symbol->value || symbol->value->node != node ||
            !is_late(lowering, symbol->fallback))
            continue;
        symbol->is_late = true;
        *ARENA_PUSH(program->arena, symbols, count, capacity) = dim;
    }
    if (count == 0) return;
    Shape shape = {.rank = 1, .dims = {dim_constant(dims, (int64_t)count)}};
    const char *name = arena_format(program->arena, "%s.shape", node->label);
    Buffer *sizes = program_add_temporary(program, name, TFCC_INT64, &shape);
    Kernel *kernel = kernel_create(program, KERNEL_STRUCTURED, name, node->place, node->guard);
    for (size_t k = 0; k < count; k++) {
        Scalar *index = scalar_index(kernel, dim_constant(dims, (int64_t)k));
        kernel_store_at(kernel, sizes, &index, scalar_index(kernel, symbols[k]->symbol->fallback));
    }
    wait_for_binds(lowering, kernel->number);
    Kernel *bind = kernel_create(program, KERNEL_BIND, name, node->place, node->guard);
    bind->bind = sizes;
    bind->symbols = symbols;
    bind->symbol_count = count;
    for (size_t k = 0; k < count; k++) lowering->binds[symbols[k]->symbol->number] = bind;
}

/* ---- the graph ---- */

/* What `initialize` stores: a copy of every variable's initial value. */
static void lower_initial_values(LowerContext *c) {
    for (size_t k = 0; k < c->graph->variable_count; k++) {
        Variable *variable = c->graph->variables[k];
        if (!variable->initial || !variable->initial->buffer) continue;
        Value *value = variable->node->outputs[0];
        Buffer *write = program_add_buffer(c->program, TFCC_ABI_WRITE, variable->name, value->type);
        write->variable = variable;
        c->program->initial_writes[variable->number] = write;
        Kernel *kernel = kernel_create(c->program, KERNEL_STRUCTURED, variable->node->label,
                                       variable->node->place, NULL);
        Dim axes[MAX_RANK];
        kernel_add_axes(kernel, &value->type.shape, axes);
        kernel_store(
            kernel, write,
            lower_load_broadcast(kernel, variable->initial->buffer, &value->type.shape, axes));
    }
}

/* A program of all nodes of an inferred, ordered graph. */
static Program *lower_nodes(Arena *arena, Graph *graph) {
    Lowering lowering = {.program = program_create(arena, graph), .graph = graph};
    lowering.nodes = arena_alloc_array(arena, graph->next_id + 1, sizeof(NodeKernels));
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t o = 0; o < graph->nodes[n]->output_count; o++)
            graph->nodes[n]->outputs[o]->buffer = NULL;
    SameSymbols same = {0};
    find_symbols(&lowering, &same);
    unite_symbols(graph, &same);
    bool *is_bound_value = arena_alloc(arena, graph->next_id + 1);
    for (size_t k = 0; k < lowering.symbol_count; k++)
        if (lowering.symbol_values[k]) is_bound_value[lowering.symbol_values[k]->node->id] = true;

    LowerContext context = {
        .program = lowering.program, .graph = graph, .dims = graph->dims, .lowering = &lowering};
    for (size_t n = 0; n < graph->node_count; n++) {
        GraphNode *node = graph->nodes[n];
        if (node->is_dead) continue;
        bind_fallbacks(&lowering, node);
        size_t first = lowering.program->kernel_count;
        context.node = node;
        context.requirement = NULL;
        lower_requirements(&context);
        node->row->lower(&context);
        record_kernels(&lowering, node, first);
        wait_for_binds(&lowering, first);
        if (is_bound_value[node->id]) bind_outputs(&lowering, node);
    }
    lowering.program->nodes = arena_alloc_array(arena, graph->next_id + 1, sizeof(ProgramNode));
    for (size_t k = 0; k < graph->next_id; k++)
        lowering.program->nodes[k] =
            (ProgramNode){lowering.nodes[k].kernels, lowering.nodes[k].count};
    size_t first = lowering.program->kernel_count;
    lower_initial_values(&context);
    wait_for_binds(&lowering, first);
    return lowering.program;
}

bool lower_graph(Compilation *compilation) {
    size_t errors = diagnostics_error_count(compilation->diagnostics);
    compilation->program = lower_nodes(compilation->arena, compilation->graph);
    return diagnostics_error_count(compilation->diagnostics) == errors;
}
