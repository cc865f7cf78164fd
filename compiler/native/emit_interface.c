/* emit_interface.c: the tables of what a user sees: feeds, fetches, variables, signatures, and
 * their handles.
 *
 * A handle is a name that has a symbol of its own, NAME_feed_X or NAME_fetch_X, so that a header and
 * an object that do not belong together fail to link.
 */
#include "native/module.h"
#include "support/checked.h"
#include "support/dtype.h"
#include <string.h>

static LLVMValueRef number(NativeModule *m, uint32_t value) {
    return native_int32(m, value);
}

static LLVMValueRef add_handle(NativeModule *m, const char *kind, const char *identifier,
                               const char *name) {
    size_t size = strlen(name) + 1;
    size_t offset = byte_pool_add(m, &m->handles, name, size, 1);
    LLVMValueRef address = byte_pool_address(m, &m->handles, offset);
    LLVMTypeRef type = LLVMArrayType2(m->int8, size);
    LLVMAddAlias2(m->module, type, 0, address,
                  arena_format(m->arena, "%s_%s_%s", m->prefix, kind, identifier));
    return address;
}

/* ---- feeds ---- */

static void add_feed(NativeModule *m, TableRows *table, uint32_t index) {
    const Feed *feed = &m->graph->feeds[index];
    LLVMValueRef fields[] = {
        add_handle(m, "feed", m->identifiers->feeds[index], feed->name),
        number(m, m->layout.buffer_index[feed->value->buffer->number]),
        number(m, 0),
        number(m, 0),
    };
    table_add(m, table, fields, sizeof fields / sizeof *fields);
}

/* ---- fetches ---- */

/* Where a value's sizes are settled by a BIND, also for a run that feeds it and has no other step
 * for it. */
static Kernel *bind_of_level(const NativeModule *m, uint32_t level) {
    for (size_t k = 0; level > 0 && k < m->loops->step_count; k++)
        if (m->loops->steps[k].kernel->kind == KERNEL_BIND && m->loops->steps[k].level == level)
            return m->loops->steps[k].kernel;
    return NULL;
}

static void add_fetch(NativeModule *m, TableRows *table, uint32_t index) {
    const Fetch *fetch = &m->graph->fetches[index];
    const Buffer *buffer = fetch->value ? fetch->value->buffer : NULL;
    uint32_t first_step = 0, step_count = 0;
    if (!buffer) {
        const ProgramNode *node = &m->program->nodes[fetch->node->id];
        first_step = lists_add_steps(m, node->kernels, node->kernel_count, &step_count);
    } else if (buffer->is_feedable) {
        Kernel *bind = bind_of_level(m, m->loops->buffers[buffer->number].level);
        first_step = lists_add_steps(m, &bind, bind != NULL, &step_count);
    }
    LLVMValueRef fields[] = {
        add_handle(m, "fetch", m->identifiers->fetches[index], fetch->name),
        number(m, buffer ? m->layout.buffer_index[buffer->number] : TFCC_ABI_NONE),
        number(m, first_step),
        number(m, step_count),
    };
    table_add(m, table, fields, sizeof fields / sizeof *fields);
}

/* ---- variables and signatures ---- */

static void add_variable(NativeModule *m, TableRows *table, const Variable *variable) {
    const Type *type = &variable->node->outputs[0]->type;
    LLVMValueRef sizes[TFCC_ABI_RANK];
    int64_t bytes = (int64_t)dtype_size(type->dtype);
    for (int axis = 0; axis < TFCC_ABI_RANK; axis++) {
        int64_t size = 0;
        if (axis < type->shape.rank) {
            dim_is_constant(type->shape.dims[axis], &size);
            checked_multiply(bytes, size, &bytes);
        }
        sizes[axis] = native_int64(m, size);
    }
    LLVMValueRef fields[] = {
        native_text(m, variable->name),
        number(m, (uint32_t)type->dtype),
        number(m, (uint32_t)type->shape.rank),
        LLVMConstArray2(m->int64, sizes, TFCC_ABI_RANK),
        native_int64(m, bytes),
    };
    table_add(m, table, fields, sizeof fields / sizeof *fields);
}

static uint32_t add_indices(NativeModule *m, const size_t *indices, size_t count) {
    uint32_t first = (uint32_t)(m->lists.length / sizeof(uint32_t));
    for (size_t k = 0; k < count; k++) {
        uint32_t index = (uint32_t)indices[k];
        lists_add(m, &index, 1);
    }
    return first;
}

static void add_signature(NativeModule *m, TableRows *table, const Signature *signature) {
    uint32_t feeds = add_indices(m, signature->feeds, signature->feed_count);
    uint32_t fetches = add_indices(m, signature->fetches, signature->fetch_count);
    add_indices(m, signature->targets, signature->target_count);
    LLVMValueRef fields[] = {
        native_text(m, signature->name),
        number(m, feeds),
        number(m, (uint32_t)signature->feed_count),
        number(m, fetches),
        number(m, (uint32_t)signature->fetch_count),
        number(m, (uint32_t)signature->target_count),
    };
    table_add(m, table, fields, sizeof fields / sizeof *fields);
}

void emit_interface(NativeModule *m, TableRows *feeds, TableRows *fetches, TableRows *variables,
                    TableRows *signatures) {
    const Graph *graph = m->graph;
    for (uint32_t k = 0; k < graph->feed_count; k++) add_feed(m, feeds, k);
    for (uint32_t k = 0; k < graph->fetch_count; k++) add_fetch(m, fetches, k);
    for (size_t k = 0; k < graph->variable_count; k++)
        add_variable(m, variables, graph->variables[k]);
    for (size_t k = 0; k < graph->signature_count; k++)
        add_signature(m, signatures, &graph->signatures[k]);
}
