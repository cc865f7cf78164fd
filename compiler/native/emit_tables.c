/* emit_tables.c: the tables of tfcc/abi.h: one row per struct, each table a constant array that the
 * model points to.
 *
 * Lists of numbers and texts are pools of bytes; every other table holds addresses and is an array
 * of LLVM structs, laid out as C lays out the structs of abi.h because their fields stand in the
 * same order with the same types.
 */
#include "native/module.h"

#include "support/dtype.h"
#include <string.h>

void table_add(NativeModule *m, TableRows *table, LLVMValueRef *fields, unsigned count) {
    *ARENA_PUSH(m->arena, table->rows, table->count, table->capacity) =
        LLVMConstStructInContext(m->context, fields, count, false);
}

LLVMValueRef table_finish(NativeModule *m, const TableRows *table, const char *name) {
    if (table->count == 0) return LLVMConstNull(m->pointer);
    LLVMTypeRef row = LLVMTypeOf(table->rows[0]);
    LLVMValueRef content = LLVMConstArray2(row, table->rows, table->count);
    LLVMValueRef global = LLVMAddGlobal(m->module, LLVMTypeOf(content), name);
    LLVMSetInitializer(global, content);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    LLVMSetGlobalConstant(global, true);
    return global;
}

uint32_t lists_add(NativeModule *m, const uint32_t *numbers, size_t count) {
    size_t offset = byte_pool_add(m, &m->lists, numbers, count * sizeof *numbers, sizeof *numbers);
    return (uint32_t)(offset / sizeof *numbers);
}

static LLVMValueRef number(NativeModule *m, uint32_t value) {
    return native_int32(m, value);
}

static uint32_t buffer_index(const NativeModule *m, const Buffer *buffer) {
    return buffer ? m->layout.buffer_index[buffer->number] : TFCC_ABI_NONE;
}

/* ---- symbols and numbers ---- */

static uint32_t slot_or_none(const NativeModule *m, Dim dim) {
    return dim ? layout_slot(m, dim) : TFCC_ABI_NONE;
}

static void add_symbols(NativeModule *m, TableRows *table) {
    for (size_t k = 0; k < m->loops->symbol_count; k++) {
        const DimSymbol *symbol = m->loops->slots[k].dim->symbol;
        /* What a BIND gives in place of a fallback is still the most it can be. */
        Dim fallback = symbol->is_late ? NULL : symbol->fallback;
        Dim upper = symbol->is_late ? symbol->fallback : symbol->upper;
        LLVMValueRef name =
            symbol->kind == DIM_NAMED ? native_text(m, symbol->name) : LLVMConstNull(m->pointer);
        table_add(m, table,
                  (LLVMValueRef[]){name, number(m, slot_or_none(m, fallback)),
                                   number(m, slot_or_none(m, upper))},
                  3);
    }
}

static LLVMValueRef add_numbers(NativeModule *m) {
    const LoopProgram *loops = m->loops;
    if (loops->constant_count == 0) return LLVMConstNull(m->pointer);
    byte_pool_begin(m, &m->numbers, "numbers", 8);
    for (size_t k = 0; k < loops->constant_count; k++) {
        int64_t value = INT64_MAX; /* what an overflow counts as */
        dim_is_constant(loops->slots[loops->symbol_count + k].dim, &value);
        byte_pool_add(m, &m->numbers, &value, sizeof value, 8);
    }
    byte_pool_finish(m, &m->numbers);
    return m->numbers.global;
}

/* ---- buffers ---- */

static void add_buffers(NativeModule *m, TableRows *table) {
    for (size_t k = 0; k < m->layout.buffer_count; k++) {
        const Buffer *buffer = m->layout.buffers[k];
        const LoopBufferPlan *plan = &m->loops->buffers[buffer->number];
        int rank = buffer->type.shape.rank;
        const Buffer *data = buffer->alias_of ? buffer->alias_of : buffer;
        bool is_constant = buffer->kind == TFCC_ABI_CONSTANT;
        LLVMValueRef fields[] = {
            native_text(m, buffer->name ? buffer->name : ""),
            is_constant ? constants_address(m, data) : LLVMConstNull(m->pointer),
            number(m, (uint32_t)buffer->kind),
            number(m, (uint32_t)buffer->type.dtype),
            number(m, (uint32_t)rank),
            number(m, plan->rank_slot),
            number(m, lists_add(m, plan->shape, (size_t)rank)),
            number(m, plan->bytes_slot),
            number(m, plan->level),
            number(m, buffer->variable ? buffer->variable->number : TFCC_ABI_NONE),
            number(m, buffer_index(m, buffer->alias_of)),
            number(m, plan->offset_slot),
        };
        table_add(m, table, fields, sizeof fields / sizeof *fields);
    }
}

/* ---- steps ---- */

typedef struct StepTables {
    TableRows steps[TARGET_MAX_LEVELS]; /* a table for each target */
    TableRows arguments, checks, guards;
} StepTables;

static void add_arguments(NativeModule *m, StepTables *tables, const LoopStep *step) {
    for (size_t k = 0; k < step->argument_count; k++) {
        const LoopArgument *argument = &step->arguments[k];
        LLVMValueRef fields[] = {number(m, buffer_index(m, argument->buffer)),
                                 number(m, argument->flags),
                                 number(m, buffer_index(m, argument->initial))};
        table_add(m, &tables->arguments, fields, 3);
    }
}

/* The form of a value at `text`, behind a percent sign, whose number is stored; 0 where there is
 * none. */
static char value_form(const char **text, size_t *number) {
    const char *at = *text;
    char form = *at == 'f'   ? TFCC_ABI_AS_FLOAT
                : *at == 'b' ? TFCC_ABI_AS_BOOL
                             : TFCC_ABI_AS_INTEGER;
    at += form != TFCC_ABI_AS_INTEGER;
    bool is_braced = *at == '{';
    at += is_braced;
    if (*at < '0' || *at > '9') return 0;
    *number = 0;
    do *number = *number * 10 + (size_t)(*at++ - '0');
    while (is_braced && *at >= '0' && *at <= '9');
    *text = at + is_braced;
    return form;
}

/* The message as tfcc_abi_check has it. */
static const char *check_message(NativeModule *m, const char *text) {
    Text message = {.arena = m->arena};
    while (*text) {
        size_t number;
        char byte = *text++, form = byte == '%' ? value_form(&text, &number) : 0;
        if (form) {
            text_add_char(&message, form);
            byte = (char)(number + 1);
        } else if (byte == '%' && *text == '%') {
            text++;
        } else if ((unsigned char)byte <= TFCC_ABI_AS_BOOL) {
            byte = '?';
        }
        text_add_char(&message, byte);
    }
    return message.bytes ? message.bytes : "";
}

static void add_checks(NativeModule *m, StepTables *tables, const Kernel *kernel) {
    for (size_t k = 0; k < kernel->check_count; k++) {
        const KernelCheck *check = &kernel->checks[k];
        LLVMValueRef fields[] = {number(m, (uint32_t)check->status),
                                 native_text(m, check_message(m, check->message))};
        table_add(m, &tables->checks, fields, 2);
    }
}

static void add_guards(NativeModule *m, StepTables *tables, const Guard *guard) {
    for (; guard; guard = guard->outer) {
        LLVMValueRef fields[] = {number(m, buffer_index(m, guard->predicate->buffer)),
                                 number(m, guard->wanted)};
        table_add(m, &tables->guards, fields, 2);
    }
}

uint32_t lists_add_steps(NativeModule *m, Kernel *const *kernels, size_t count, uint32_t *steps) {
    uint32_t first = (uint32_t)(m->lists.length / sizeof(uint32_t));
    *steps = 0;
    for (size_t k = 0; k < count; k++) {
        uint32_t step = layout_step(m, kernels[k]);
        if (step == TFCC_ABI_NONE) continue;
        lists_add(m, &step, 1);
        ++*steps;
    }
    return first;
}

static void add_step(NativeModule *m, StepTables *tables, const LoopStep *step) {
    const Kernel *kernel = step->kernel;
    size_t arguments = tables->arguments.count, checks = tables->checks.count;
    size_t guards = tables->guards.count;
    add_arguments(m, tables, step);
    add_checks(m, tables, kernel);
    add_guards(m, tables, kernel->guard);
    uint32_t after_count;
    uint32_t after = lists_add_steps(m, kernel->after, kernel->after_count, &after_count);
    uint32_t flags = (kernel->check_count > 0 ? TFCC_ABI_FAILS : 0u) |
                     (kernel->is_alternate ? TFCC_ABI_ALTERNATE : 0u);
    LLVMValueRef fields[] = {
        native_text(m, kernel->name ? kernel->name : ""),
        NULL,
        number(m, kernel->kind == KERNEL_BIND ? TFCC_ABI_BIND : TFCC_ABI_KERNEL),
        number(m, flags),
        number(m, (uint32_t)arguments),
        number(m, (uint32_t)step->argument_count),
        NULL,
        NULL,
        number(m, (uint32_t)checks),
        number(m, (uint32_t)kernel->check_count),
        number(m, after),
        number(m, after_count),
        number(m, (uint32_t)guards),
        number(m, (uint32_t)(tables->guards.count - guards)),
        number(m, step->level),
    };
    for (size_t k = 0; k < m->loops->targets.count; k++) {
        LoopVersion version = {step->function, step->slots, step->slot_count};
        if (k > 0 && step->versions) version = step->versions[k - 1];
        fields[1] =
            version.function ? m->kernels[version.function->number] : LLVMConstNull(m->pointer);
        fields[6] = number(m, lists_add(m, version.slots, version.slot_count));
        fields[7] = number(m, (uint32_t)version.slot_count);
        table_add(m, &tables->steps[k], fields, sizeof fields / sizeof *fields);
    }
}

/* The steps that give variables their initial values. */
static uint32_t add_initial_steps(NativeModule *m, uint32_t *count) {
    uint32_t first = (uint32_t)(m->lists.length / sizeof(uint32_t));
    *count = 0;
    bool *is_initial = arena_alloc(m->arena, m->program->buffer_count + 1);
    for (size_t v = 0; v < m->graph->variable_count; v++) {
        const Buffer *write = m->program->initial_writes[m->graph->variables[v]->number];
        if (write) is_initial[write->number] = true;
    }
    for (uint32_t s = 0; s < m->loops->step_count; s++) {
        const LoopStep *step = &m->loops->steps[s];
        bool is_wanted = false;
        for (size_t k = 0; k < step->argument_count; k++)
            is_wanted |= (step->arguments[k].flags & TFCC_ABI_OUTPUT) != 0 &&
                         is_initial[step->arguments[k].buffer->number];
        if (!is_wanted) continue;
        lists_add(m, &s, 1);
        ++*count;
    }
    return first;
}

/* ---- the model ---- */

static LLVMValueRef side_file_name(NativeModule *m) {
    if (m->side_size == 0) return LLVMConstNull(m->pointer);
    return native_text(m, m->compilation->options.weights);
}

static LLVMValueRef add_side_offsets(NativeModule *m) {
    if (m->side_size == 0) return LLVMConstNull(m->pointer);
    BytePool offsets;
    byte_pool_begin(m, &offsets, "side_offsets", 8);
    for (size_t k = 0; k < m->layout.buffer_count; k++) {
        const Buffer *buffer = m->layout.buffers[k];
        if (buffer->alias_of) buffer = buffer->alias_of;
        PlacedConstant placed = m->constants[buffer->number];
        uint64_t offset = placed.home == HOME_SIDE ? placed.offset : 0;
        byte_pool_add(m, &offsets, &offset, sizeof offset, 8);
    }
    byte_pool_finish(m, &offsets);
    return offsets.global;
}

/* Where the fields are that a model of another target has for itself. */
enum { FIELD_STEPS = 4, FIELD_PROCESSOR = 33, FIELD_REQUIRES = 34, FIELD_ALTERNATIVE = 40 };

/* The model for one target: all of it but the steps is shared. The best one is NAME_model, the
 * others are reached from it. */
static LLVMValueRef add_model(NativeModule *m, LLVMValueRef *fields, unsigned count, size_t target,
                              const TableRows *steps) {
    const char *requirements = native_requirements(m, &m->loops->targets.targets[target]);
    uint32_t bits[TFCC_ABI_PROCESSOR_WORDS];
    LLVMValueRef processor[TFCC_ABI_PROCESSOR_WORDS];
    native_processor_bits(m, requirements, bits);
    for (int k = 0; k < TFCC_ABI_PROCESSOR_WORDS; k++) processor[k] = number(m, bits[k]);
    fields[FIELD_STEPS] = table_finish(m, steps, "steps");
    fields[FIELD_PROCESSOR] = LLVMConstArray2(m->int32, processor, TFCC_ABI_PROCESSOR_WORDS);
    fields[FIELD_REQUIRES] = native_text(m, requirements);
    fields[FIELD_ALTERNATIVE] = m->model ? m->model : LLVMConstNull(m->pointer);
    LLVMValueRef content = LLVMConstStructInContext(m->context, fields, count, false);
    const char *name = target == 0 ? arena_format(m->arena, "%s_model", m->prefix) : "model";
    LLVMValueRef model = LLVMAddGlobal(m->module, LLVMTypeOf(content), name);
    LLVMSetInitializer(model, content);
    LLVMSetGlobalConstant(model, true);
    if (target > 0) LLVMSetLinkage(model, LLVMPrivateLinkage);
    return model;
}

void emit_tables(NativeModule *m) {
    const LoopProgram *loops = m->loops;
    byte_pool_begin(m, &m->texts, "texts", 1);
    byte_pool_begin(m, &m->lists, "lists", 4);
    byte_pool_begin(m, &m->handles, "handles", 1);
    TableRows symbols = {0}, buffers = {0}, feeds = {0}, fetches = {0}, variables = {0};
    TableRows signatures = {0};
    StepTables steps = {0};
    add_symbols(m, &symbols);
    add_buffers(m, &buffers);
    for (size_t k = 0; k < loops->step_count; k++) add_step(m, &steps, &loops->steps[k]);
    emit_interface(m, &feeds, &fetches, &variables, &signatures);
    uint32_t workspace = lists_add(m, loops->workspace_slots, loops->level_count);
    uint32_t initial_count, initial = add_initial_steps(m, &initial_count);
    LLVMValueRef fields[] = {
        number(m, TFCC_ABI_VERSION),
        number(m, sizeof(tfcc_model)),
        native_text(m, m->graph->name),
        table_finish(m, &buffers, "buffers"),
        NULL,
        table_finish(m, &steps.arguments, "arguments"),
        m->lists.global,
        table_finish(m, &steps.guards, "guards"),
        table_finish(m, &variables, "variables"),
        table_finish(m, &feeds, "feeds"),
        table_finish(m, &fetches, "fetches"),
        m->settle ? m->settle : LLVMConstNull(m->pointer),
        number(m, (uint32_t)loops->symbol_count),
        number(m, (uint32_t)loops->constant_count),
        number(m, (uint32_t)loops->slot_count + m->extra_slots),
        number(m, loops->level_count),
        number(m, (uint32_t)feeds.count),
        number(m, (uint32_t)fetches.count),
        number(m, (uint32_t)variables.count),
        number(m, (uint32_t)buffers.count),
        number(m, (uint32_t)steps.steps[0].count),
        number(m, (uint32_t)signatures.count),
        table_finish(m, &symbols, "symbols"),
        add_numbers(m),
        table_finish(m, &steps.checks, "checks"),
        table_finish(m, &signatures, "signatures"),
        number(m, workspace),
        number(m, (uint32_t)steps.arguments.count),
        number(m, (uint32_t)steps.checks.count),
        number(m, (uint32_t)steps.guards.count),
        number(m, (uint32_t)(m->lists.length / sizeof(uint32_t))),
        number(m, initial),
        number(m, initial_count),
        NULL,
        NULL,
        side_file_name(m),
        add_side_offsets(m),
        native_int64(m, (int64_t)m->side_size),
        number(m, constants_side_checksum(m)),
        number(m, 0),
        NULL,
    };
    m->model = NULL;
    for (size_t k = loops->targets.count; k-- > 0;)
        m->model = add_model(m, fields, sizeof fields / sizeof *fields, k, &steps.steps[k]);
    byte_pool_finish(m, &m->lists);
    byte_pool_finish(m, &m->handles);
    byte_pool_finish(m, &m->texts);
}
