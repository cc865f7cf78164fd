/* order.c: kernels to steps, in the order of execution.
 *
 * The program's order is legal already. Two things are improved: writes of variables that no step
 * that can fail depends on move behind all of those, so that they may be done in place; and a BIND
 * comes right after what it reads, so that sizes are known as early as can be. Everything else
 * keeps its order.
 */
#include "loops/plan.h"
#include <tfcc/abi.h>

typedef struct Edge {
    size_t from;
    struct Edge *next;
} Edge;

typedef struct Order {
    Arena *scratch;
    const Program *program;
    Edge **needs;     /* by kernel number: kernels that must come before it */
    size_t *producer; /* by buffer number: 1 + the last kernel that stored into it */
    size_t *writer;   /* by variable number: 1 + the last kernel that wrote it */
    Edge **readers;   /* by variable number: kernels that read it since */
    size_t current;
} Order;

static void add_need(Order *order, size_t kernel, size_t from) {
    if (from == kernel) return;
    Edge *edge = arena_alloc(order->scratch, sizeof *edge);
    *edge = (Edge){from, order->needs[kernel]};
    order->needs[kernel] = edge;
}

static void need_buffer(Order *order, Buffer *buffer) {
    buffer = buffer_root(buffer);
    size_t producer = order->producer[buffer->number];
    if (producer > 0) add_need(order, order->current, producer - 1);
    if (buffer->kind != TFCC_ABI_START && buffer->kind != TFCC_ABI_CURRENT) return;
    uint32_t variable = buffer->variable->number;
    if (buffer->kind == TFCC_ABI_CURRENT && order->writer[variable] > 0)
        add_need(order, order->current, order->writer[variable] - 1);
    Edge *reader = arena_alloc(order->scratch, sizeof *reader);
    *reader = (Edge){order->current, order->readers[variable]};
    order->readers[variable] = reader;
}

static void visit_input(void *context, Buffer *buffer) {
    need_buffer(context, buffer);
}

static void add_output(Order *order, const KernelOutput *output) {
    Buffer *buffer = buffer_root(output->buffer);
    if (output->initial) need_buffer(order, output->initial);
    size_t earlier = order->producer[buffer->number];
    if (earlier > 0) add_need(order, order->current, earlier - 1);
    order->producer[buffer->number] = order->current + 1;
    if (buffer->kind != TFCC_ABI_WRITE) return;
    uint32_t variable = buffer->variable->number;
    if (order->writer[variable] > 0) add_need(order, order->current, order->writer[variable] - 1);
    for (Edge *reader = order->readers[variable]; reader; reader = reader->next)
        add_need(order, order->current, reader->from);
    order->writer[variable] = order->current + 1;
    order->readers[variable] = NULL;
}

static void find_needs(Order *order, const Kernel *kernel) {
    order->current = kernel->number;
    for (size_t k = 0; k < kernel->after_count; k++)
        add_need(order, kernel->number, kernel->after[k]->number);
    for (const Guard *guard = kernel->guard; guard; guard = guard->outer)
        if (guard->predicate->buffer) need_buffer(order, guard->predicate->buffer);
    kernel_each_input(kernel, visit_input, order);
    for (size_t k = 0; k < kernel->output_count; k++) add_output(order, &kernel->outputs[k]);
}

/* Memory is obtained when sizes become known, so a BIND may fail too. */
static bool can_fail(const Kernel *kernel) {
    return kernel->check_count > 0 || kernel->kind == KERNEL_BIND;
}

static bool is_writer(const Kernel *kernel) {
    for (size_t k = 0; k < kernel->output_count; k++)
        if (buffer_root(kernel->outputs[k].buffer)->kind == TFCC_ABI_WRITE) return true;
    return false;
}

static void append_step(LoopProgram *loops, Kernel *kernel) {
    ARENA_PUSH(loops->arena, loops->steps, loops->step_count, loops->step_capacity)->kernel =
        kernel;
}

/* The place a kernel has if it comes right after the last of those it needs. */
static size_t earliest_place(const Order *order, const size_t *place, size_t kernel) {
    size_t earliest = 0;
    for (const Edge *edge = order->needs[kernel]; edge; edge = edge->next)
        if (place[edge->from] + 1 > earliest) earliest = place[edge->from] + 1;
    return earliest;
}

/* Each BIND moves up; those after it keep their order. BINDs keep theirs among themselves, so that
 * levels grow. */
static void raise_binds(LoopProgram *loops, const Order *order) {
    size_t count = order->program->kernel_count, bind_count = 0, last_bind = 0;
    size_t *place = arena_alloc_array(order->scratch, count + 1, sizeof *place);
    size_t *wanted = arena_alloc_array(order->scratch, loops->step_count + 1, sizeof *wanted);
    for (size_t k = 0; k < loops->step_count; k++) {
        Kernel *kernel = loops->steps[k].kernel;
        place[kernel->number] = k;
        if (kernel->kind != KERNEL_BIND) continue;
        size_t earliest = earliest_place(order, place, kernel->number);
        last_bind = earliest > last_bind ? earliest : last_bind;
        wanted[bind_count++] = last_bind;
        /* It stands between its producer and the next: what needs it is not earlier than that. */
        place[kernel->number] = last_bind > 0 ? last_bind - 1 : 0;
    }
    if (bind_count == 0) return;
    LoopStep *steps = arena_alloc_array(loops->arena, loops->step_count, sizeof *steps);
    LoopStep *binds = arena_alloc_array(order->scratch, bind_count, sizeof *binds);
    size_t found = 0, next = 0, written = 0;
    for (size_t k = 0; k < loops->step_count; k++)
        if (loops->steps[k].kernel->kind == KERNEL_BIND) binds[found++] = loops->steps[k];
    for (size_t k = 0; k < loops->step_count; k++) {
        for (; next < bind_count && wanted[next] <= k; next++) steps[written++] = binds[next];
        if (loops->steps[k].kernel->kind != KERNEL_BIND) steps[written++] = loops->steps[k];
    }
    for (; next < bind_count; next++) steps[written++] = binds[next];
    loops->steps = steps;
}

void order_steps(LoopProgram *loops) {
    const Program *program = loops->program;
    size_t count = program->kernel_count, variables = program->graph->variable_count;
    Order order = {.scratch = arena_create(), .program = program};
    order.needs = arena_alloc_array(order.scratch, count + 1, sizeof *order.needs);
    order.producer =
        arena_alloc_array(order.scratch, program->buffer_count + 1, sizeof *order.producer);
    order.writer = arena_alloc_array(order.scratch, variables + 1, sizeof *order.writer);
    order.readers = arena_alloc_array(order.scratch, variables + 1, sizeof *order.readers);
    for (size_t k = 0; k < count; k++) {
        program->kernels[k]->number = (uint32_t)k;
        if (!program->kernels[k]->is_dead) find_needs(&order, program->kernels[k]);
    }
    /* What can fail, and what leads to it, stays in front. */
    bool *leads_to_failure = arena_alloc(order.scratch, count + 1),
         *is_late = arena_alloc(order.scratch, count + 1);
    for (size_t k = count; k-- > 0;) {
        if (can_fail(program->kernels[k])) leads_to_failure[k] = true;
        if (!leads_to_failure[k]) continue;
        for (const Edge *edge = order.needs[k]; edge; edge = edge->next)
            leads_to_failure[edge->from] = true;
    }
    for (size_t k = 0; k < count; k++) {
        is_late[k] = is_writer(program->kernels[k]) && !leads_to_failure[k];
        for (const Edge *edge = order.needs[k]; edge; edge = edge->next)
            is_late[k] = is_late[k] || is_late[edge->from];
    }
    for (int late = 0; late <= 1; late++)
        for (size_t k = 0; k < count; k++)
            if (!program->kernels[k]->is_dead && is_late[k] == (late == 1))
                append_step(loops, program->kernels[k]);
    raise_binds(loops, &order);
    arena_destroy(order.scratch);
}
