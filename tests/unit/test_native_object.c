/* test_native_object.c: a whole model, put together by hand: tables, entry points, header, the
 * object file. */
#include "native/module.h"
#include "native_fixture.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the counter: variable a = 1, b = 1 (may be fed), c = assign(a, a + b) ---- */

static Dim number_of(NativeFixture *f, int64_t value) {
    return dim_constant(f->compilation.graph->dims, value);
}

static uint32_t slot_of(NativeFixture *f, int64_t value) {
    LoopProgram *loops = &f->loops;
    Dim dim = number_of(f, value);
    bool added;
    MapEntry *entry = map_insert(&loops->slot_of_dim, (const char *)&dim, sizeof dim, &added);
    if (added) {
        *ARENA_PUSH(loops->arena, loops->slots, loops->slot_count, loops->slot_capacity) =
            (LoopSlot){dim, 0};
        entry->value = (void *)(uintptr_t)loops->slot_count;
        loops->constant_count++;
    }
    return (uint32_t)((uintptr_t)entry->value - 1);
}

static Buffer *add_buffer(NativeFixture *f, int kind, const char *name, int64_t size) {
    Program *program = &f->program;
    Buffer *buffer = arena_alloc(f->arena, sizeof *buffer);
    buffer->number = (uint32_t)program->buffer_count;
    buffer->kind = kind;
    buffer->name = name;
    buffer->type.dtype = TFCC_INT32;
    buffer->type.shape.rank = size > 1;
    buffer->type.shape.dims[0] = number_of(f, size);
    *ARENA_PUSH(f->arena, program->buffers, program->buffer_count, program->buffer_capacity) =
        buffer;
    LoopBufferPlan *plans = arena_alloc_array(f->arena, program->buffer_count, sizeof *plans);
    if (buffer->number > 0) memcpy(plans, f->loops.buffers, buffer->number * sizeof *plans);
    plans[buffer->number] = (LoopBufferPlan){.rank_slot = UINT32_MAX,
                                             .shape = {slot_of(f, size)},
                                             .bytes_slot = slot_of(f, size * 4),
                                             .offset_slot = UINT32_MAX};
    if (kind == TFCC_ABI_WRITE) plans[buffer->number].offset_slot = slot_of(f, 0);
    f->loops.buffers = plans;
    return buffer;
}

static Value *add_value(NativeFixture *f, const char *name, Buffer *buffer) {
    Value *value = arena_alloc(f->arena, sizeof *value);
    GraphNode *node = arena_alloc(f->arena, sizeof *node);
    node->name = node->label = name;
    node->outputs = arena_alloc(f->arena, sizeof(Value *));
    node->outputs[0] = value;
    value->node = node;
    value->name = name;
    value->type = buffer->type;
    value->buffer = buffer;
    return value;
}

/* The step last added gets these arguments. */
static void set_arguments(NativeFixture *f, const LoopArgument *arguments, size_t count) {
    LoopStep *step = &f->loops.steps[f->loops.step_count - 1];
    step->arguments = arena_copy(f->arena, arguments, count * sizeof *arguments);
    step->argument_count = count;
}

static void add_fetch(NativeFixture *f, const char *name, Value *value) {
    Graph *g = f->compilation.graph;
    *ARENA_PUSH(f->arena, g->fetches, g->fetch_count, g->fetch_capacity) =
        (Fetch){name, value->node, value};
}

static ConstantData *integers(NativeFixture *f, const int32_t *numbers, size_t count) {
    ConstantData *data = arena_alloc(f->arena, sizeof *data);
    data->dtype = TFCC_INT32;
    data->element_count = (int64_t)count;
    data->bytes = arena_copy(f->arena, numbers, count * sizeof *numbers);
    data->size = count * sizeof *numbers;
    return data;
}

static void add_copy_function(NativeFixture *f, Buffer *from, Buffer *to) {
    LoopBuilder b;
    native_fixture_function(f, "copy", (tfcc_dtype[]){TFCC_INT32, TFCC_INT32}, 2, &b);
    LoopInstruction *zero = loop_constant(&b, (LoopType){TFCC_INT64, 1}, 0);
    loop_store(&b, 1, zero, loop_load(&b, 0, zero, 1, NULL, NULL), NULL);
    set_arguments(f, (LoopArgument[]){{from, TFCC_ABI_INPUT, NULL}, {to, TFCC_ABI_OUTPUT, NULL}},
                  2);
}

static NativeFixture *counter(const char *weights) {
    NativeFixture *f = native_fixture_create("x86-64-v2", 2);
    Graph *g = f->compilation.graph;
    f->compilation.options.weights = weights;
    g->name = "counter";
    for (int64_t k = 0; k <= 1; k++) slot_of(f, k);
    Buffer *start = add_buffer(f, TFCC_ABI_START, "a", 1);
    Buffer *one = add_buffer(f, TFCC_ABI_CONSTANT, "b", 1);
    one->constant = integers(f, &(int32_t){1}, 1);
    Buffer *write = add_buffer(f, TFCC_ABI_WRITE, "c", 1);
    Buffer *initial = add_buffer(f, TFCC_ABI_WRITE, "a", 1);
    int32_t *numbers = arena_alloc_array(f->arena, 40000, sizeof *numbers);
    for (int k = 0; k < 40000; k++) numbers[k] = k * 3;
    Buffer *table = add_buffer(f, TFCC_ABI_CONSTANT, "table */ \"x\"", 40000);
    table->constant = integers(f, numbers, 40000);

    Value *a = add_value(f, "a", start);
    Variable *variable = arena_alloc(f->arena, sizeof *variable);
    *variable = (Variable){.name = "a", .node = a->node};
    start->variable = write->variable = initial->variable = variable;
    *ARENA_PUSH(f->arena, g->variables, g->variable_count, g->variable_capacity) = variable;
    f->program.initial_writes[0] = initial;
    Value *b = add_value(f, "b", one);
    Value *c = add_value(f, "c", write);
    *ARENA_PUSH(f->arena, g->feeds, g->feed_count, g->feed_capacity) = (Feed){"b", b};
    add_fetch(f, "c", c);
    add_fetch(f, "a", a);
    add_fetch(f, "table */ \"x\"", add_value(f, "table", table));

    LoopBuilder builder;
    native_fixture_function(f, "add", (tfcc_dtype[]){TFCC_INT32, TFCC_INT32, TFCC_INT32}, 3,
                            &builder);
    LoopInstruction *zero = loop_constant(&builder, (LoopType){TFCC_INT64, 1}, 0);
    LoopInstruction *operands[] = {loop_load(&builder, 0, zero, 1, NULL, NULL),
                                   loop_load(&builder, 1, zero, 1, NULL, NULL)};
    loop_store(&builder, 2, zero, loop_arithmetic(&builder, SCALAR_ADD, TFCC_INT32, operands, 2),
               NULL);
    set_arguments(f,
                  (LoopArgument[]){{start, TFCC_ABI_INPUT | TFCC_ABI_SAME_INDEX, NULL},
                                   {one, TFCC_ABI_INPUT, NULL},
                                   {write, TFCC_ABI_OUTPUT, NULL}},
                  3);
    add_copy_function(f, one, initial);

    Signature *s = ARENA_PUSH(f->arena, g->signatures, g->signature_count, g->signature_capacity);
    *s = (Signature){.name = "step", .feed_count = 1, .fetch_count = 2};
    s->feeds = arena_alloc(f->arena, sizeof(size_t));
    s->fetches = arena_copy(f->arena, (size_t[]){0, 1}, 2 * sizeof(size_t));
    f->loops.workspace_slots[0] = slot_of(f, 4);
    return f;
}

Test(native_object, runs_the_counter) {
    NativeFixture *f = counter(NULL);
    native_fixture_build(f);
    native_fixture_check_symbols(f);
    native_fixture_load(f);
    tfcc_session *session;
    cr_assert_eq(tfcc_session_open(f->model, NULL, &session), TFCC_OK, "%s", tfcc_message(NULL));
    int32_t c = 0, a = 0;
    tfcc_fetch fetches[] = {{"c", tfcc_int32(&c)}, {"a", tfcc_int32(&a)}};
    cr_assert_eq(tfcc_run(session, NULL, 0, fetches, 2), TFCC_FAILED_PRECONDITION);
    cr_assert_eq(tfcc_initialize(session), TFCC_OK, "%s", tfcc_message(session));
    for (int32_t k = 2; k < 5; k++) {
        cr_assert_eq(tfcc_run(session, NULL, 0, fetches, 2), TFCC_OK, "%s", tfcc_message(session));
        cr_assert_eq(c, k);
        cr_assert_eq(a, k);
    }
    int32_t ten = 10;
    tfcc_feed feed = {"b", tfcc_const_int32(&ten)};
    cr_assert_eq(tfcc_run(session, &feed, 1, fetches, 2), TFCC_OK, "%s", tfcc_message(session));
    cr_assert_eq(c, 14);
    static int32_t numbers[40000]; /* a large constant, which LLVM never saw */
    tfcc_fetch table = {"table */ \"x\"", tfcc_array(TFCC_INT32, numbers, (int64_t[]){40000}, 1)};
    cr_assert_eq(tfcc_run(session, NULL, 0, &table, 1), TFCC_OK, "%s", tfcc_message(session));
    for (int k = 0; k < 40000; k++) cr_assert_eq(numbers[k], k * 3);
    tfcc_session_close(session);
    native_fixture_destroy(f);
}

Test(native_object, equal_input_gives_equal_bytes) {
    NativeFixture *first = counter(NULL), *second = counter(NULL);
    second->compilation.options.input = "/another/folder/counter.yaml";
    native_fixture_build(first);
    native_fixture_build(second);
    const void *a, *b;
    size_t a_size, b_size;
    cr_assert(native_object(first->module, &a, &a_size));
    cr_assert(native_object(second->module, &b, &b_size));
    cr_assert_eq(a_size, b_size);
    cr_assert_arr_eq(a, b, a_size);
    native_fixture_destroy(first);
    native_fixture_destroy(second);
}

/* ---- linked by the C compiler, as a user does ---- */

static void write_file(const char *folder, const char *name, const void *bytes, size_t size) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

static const char program[] =
    "#include \"counter.h\"\n"
    "#include <stdio.h>\n"
    "int main(void) {\n"
    "    tfcc_session *session;\n"
    "    if (tfcc_session_open(&counter_model, NULL, &session)) return puts(tfcc_message(NULL)), "
    "1;\n"
    "    tfcc_initialize(session);\n"
    "    int32_t c, a, b = 5;\n"
    "    tfcc_fetch fetches[] = {{counter_fetch_c, tfcc_int32(&c)}, {counter_fetch_a, "
    "tfcc_int32(&a)}};\n"
    "    if (counter_run(session, NULL, 0, fetches, 2)) return puts(tfcc_message(session)), 1;\n"
    "    printf(\"%d %d\\n\", c, a);\n"
    "    if (counter_signature_step(session, &b, &c, &a)) return puts(tfcc_message(session)), 1;\n"
    "    printf(\"%d %d\\n\", c, a);\n"
    "    if (counter_signature_step(session, &b, NULL, &a)) return puts(tfcc_message(session)), "
    "1;\n"
    "    tfcc_extent extent;\n"
    "    if (counter_shape(session, NULL, 0, counter_fetch_table_x_, &extent)) return 1;\n"
    "    printf(\"%d %d %d\\n\", a, (int)extent.shape[0], (int)counter_table_x__SIZE);\n"
    "    size_t bytes;\n"
    "    if (counter_workspace(session, NULL, 0, fetches, 2, &bytes, NULL)) return 1;\n"
    "    printf(\"%d\\n\", counter_signature_step(session, NULL, &c, &a) == "
    "TFCC_INVALID_ARGUMENT);\n"
    "    tfcc_session_close(session);\n"
    "    return 0;\n"
    "}\n";

/* The static libraries of the build lie in ../lib of the test program. */
static void link_and_run(NativeFixture *f, const char *language, const char *flags) {
    const void *object, *side;
    size_t size, side_size;
    native_fixture_build(f);
    cr_assert(native_object(f->module, &object, &size));
    Text header = {.arena = f->arena};
    native_header(&f->compilation, &header);
    char folder[] = "/tmp/native_object_XXXXXX", command[2000], executable[300];
    cr_assert(mkdtemp(folder) != NULL);
    write_file(folder, "counter.o", object, size);
    write_file(folder, "counter.h", header.bytes, header.length);
    write_file(folder, "main.c", program, sizeof program - 1);
    if (native_side_file(f->module, &side, &side_size))
        write_file(folder, "counter.weights", side, side_size);
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    cr_assert(length > 0);
    executable[length] = 0;
    *strrchr(executable, '/') = 0;
    snprintf(command, sizeof command,
             "cd %s && cc -x %s -Wall -Wextra -Wpedantic -Werror %s -I%s/../runtime/include -c "
             "main.c -o main.o && "
             "cc %s " TFCC_TEST_LINK_FLAGS
             " main.o counter.o %s/../lib/libtfcc_runtime.a -lm -lpthread -o main && "
             "./main > out && printf '2 2\\n7 7\\n12 40000 40000\\n1\\n' | diff out -; s=$?; rm -r "
             "%s; exit $s",
             folder, language, flags, TFCC_TEST_FOLDER, flags, executable, folder);
    cr_assert_eq(system(command), 0, "%s", command);
    native_fixture_destroy(f);
}

Test(native_object, links_with_c) {
    link_and_run(counter(NULL), "c", "-std=c11");
}
Test(native_object, links_with_cxx) {
    link_and_run(counter(NULL), "c++", "-std=c++11");
}
Test(native_object, links_without_position) {
    link_and_run(counter(NULL), "c", "-std=c17 -no-pie");
}
Test(native_object, reads_a_side_file) {
    link_and_run(counter("counter.weights"), "c", "-std=c11");
}

/* ---- sections ---- */

/* Bits of the object changed in turn, its end cut off: a section inside it, or none. */
Test(native_object, damaged_objects_give_no_section) {
    NativeFixture *f = counter(NULL);
    native_fixture_build(f);
    const void *bytes;
    size_t size, found;
    cr_assert(native_object(f->module, &bytes, &size));
    char *copy = malloc(size);
    memcpy(copy, bytes, size);
    cr_assert(elf_find_section(copy, size, NATIVE_WEIGHTS_SECTION, &found) != NULL);
    cr_assert_eq(found, 160000);
    cr_assert_null(elf_find_section(copy, size, ".tfcc", &found));
    uint64_t table;
    memcpy(&table, copy + 40, sizeof table);
    for (size_t k = 0; k < size; k += k < 64 || k >= table ? 1 : 997) {
        for (int bit = 0; bit < 8; bit++) {
            copy[k] = (char)(copy[k] ^ 1 << bit);
            char *section = elf_find_section(copy, size, NATIVE_WEIGHTS_SECTION, &found);
            cr_assert(!section || (section >= copy && found <= size - (size_t)(section - copy)));
            copy[k] = (char)(copy[k] ^ 1 << bit);
        }
    }
    for (size_t cut = 0; cut < size; cut += 61) {
        char *section = elf_find_section(copy, cut, NATIVE_WEIGHTS_SECTION, &found);
        cr_assert(!section || (section >= copy && found <= cut - (size_t)(section - copy)));
    }
    free(copy);
    native_fixture_destroy(f);
}

/* ---- names ---- */

Test(native_object, identifiers_are_unique) {
    Arena *arena = arena_create();
    Graph graph = {.arena = arena, .name = "g"};
    static const char *const names[] = {"x", "a/b", "a.b",      "a_b",     "a_b_2", "for",
                                        "3", "X",   "\xc3\xa9", "session", "int8_t"};
    enum { COUNT = sizeof names / sizeof *names };
    Value values[COUNT];
    memset(values, 0, sizeof values);
    for (size_t k = 0; k < COUNT; k++) {
        *ARENA_PUSH(arena, graph.feeds, graph.feed_count, graph.feed_capacity) =
            (Feed){names[k], &values[k]};
        *ARENA_PUSH(arena, graph.fetches, graph.fetch_count, graph.fetch_capacity) =
            (Fetch){names[k], NULL, &values[k]};
    }
    Signature *s =
        ARENA_PUSH(arena, graph.signatures, graph.signature_count, graph.signature_capacity);
    *s = (Signature){.name = "all of it", .feed_count = COUNT, .fetch_count = COUNT};
    s->feeds = s->fetches = arena_alloc_array(arena, COUNT, sizeof(size_t));
    for (size_t k = 0; k < COUNT; k++) s->feeds[k] = k;
    ModelIdentifiers *identifiers = model_identifiers(arena, &graph);
    cr_assert_str_eq(identifiers->signatures[0], "all_of_it");
    cr_assert_str_eq(identifiers->feeds[0], "x");
    cr_assert_str_eq(identifiers->signature_feeds[0][5], "value_for");
    cr_assert_str_eq(identifiers->signature_feeds[0][6], "value_3");
    cr_assert_str_eq(identifiers->signature_fetches[0][0], "x_2");
    Map seen = map_create(arena), parameters = map_create(arena);
    for (size_t k = 0; k < COUNT; k++) {
        cr_assert_null(map_get(&seen, identifiers->feeds[k]));
        map_set(&seen, identifiers->feeds[k], arena);
        const char *both[] = {identifiers->signature_feeds[0][k],
                              identifiers->signature_fetches[0][k]};
        for (int j = 0; j < 2; j++) {
            cr_assert_null(map_get(&parameters, both[j]), "%s", both[j]);
            map_set(&parameters, both[j], arena);
        }
    }
    arena_destroy(arena);
}
