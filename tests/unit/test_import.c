/* test_import.c: ONNX files: what they become, and everything that can be wrong with one. */
#include "graph/ops.h"
#include "import/import.h"
#include "import/wire.h"
#include "onnx_writer.h"
#include "support/dtype.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static Arena *arena;
static Diagnostics *diagnostics;
static char folder[64];

static void begin(void) {
    arena = arena_create();
    strcpy(folder, "/tmp/tfcc-import-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void end(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    arena_destroy(arena);
}

TestSuite(import, .init = begin, .fini = end);

static const char *printed(void) {
    char *bytes = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&bytes, &length);
    diagnostics_print(diagnostics, stream);
    fclose(stream);
    const char *copy = arena_copy_text(arena, bytes, length);
    free(bytes);
    return copy;
}

static bool import_bytes(const void *bytes, size_t size, ImportResult *result) {
    diagnostics = diagnostics_create(arena);
    const char *path = arena_format(arena, "%s/m.onnx", folder);
    OnnxModel *read = onnx_model_from_bytes(arena, diagnostics, path, bytes, size);
    return read && import_model(read, "m.safetensors", result);
}

/* What the model becomes, from `nodes:` on, or what is said about it. */
static const char *imported(const Message *m) {
    ImportResult result = {0};
    if (!import_bytes(m->bytes, m->length, &result)) return printed();
    cr_assert_eq(diagnostics_error_count(diagnostics), 0);
    return strstr(result.yaml, "nodes:\n") + strlen("nodes:\n");
}

static void expect_text(const char *text, const char *wanted) {
    cr_assert(strcmp(text, wanted) == 0, "--- got\n%s--- wanted\n%s", text, wanted);
}

static void expect_import(const Message *graph, const char *wanted) {
    Message m = model(arena, graph, 17);
    expect_text(imported(&m), wanted);
}

static void expect_refusal_of(const Message *m, const char *wanted) {
    ImportResult result;
    cr_assert(!import_bytes(m->bytes, m->length, &result), "imported, where this was expected: %s",
              wanted);
    const char *said = printed();
    cr_assert(strstr(said, wanted), "--- said\n%s--- wanted\n%s", said, wanted);
}

static void expect_refusal(const Message *graph, const char *wanted) {
    Message m = model(arena, graph, 17);
    expect_refusal_of(&m, wanted);
}

static void store(const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(arena_format(arena, "%s/%s", folder, name), "wb");
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* ---- The table ---- */

/* What a row calls exists. */
static void check_row(const ImportRow *row) {
    static const char *const functions[] = {"rank", "count", "integer", "unsigned", "float",
                                            "bool", "known", "dtype",   "scalar"};
    if (row->expression && strstr(row->expression, "_{")) return; /* braces hold parts of words */
    for (const char *at = row->expression; at && *at;) {
        if (*at == '\'' || *at == '`') {
            at += strcspn(at + 1, *at == '`' ? "`" : "'") + 2;
            continue;
        }
        size_t length =
            strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.");
        const char *word = arena_copy_text(arena, at, length);
        at += length ? length : 1;
        if (length == 0 || *at != '(') continue;
        bool is_known = op_find(word) != NULL;
        for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
            is_known |= strcmp(word, functions[i]) == 0;
        cr_assert(is_known, "%s: there is no op `%s`", row->op, word);
    }
}

Test(import, table) {
    op_table();
    Map table = import_table(arena);
    cr_assert_gt(table.count, 100);
    for (size_t i = 0; i < table.count; i++)
        for (const ImportRow *row = table.entries[i].value; row; row = row->older) {
            cr_assert((row->expression != NULL) != (row->function != NULL));
            check_row(row);
        }
}

/* ---- What models become ---- */

Test(import, nodes_in_order_with_the_models_names) {
    Message g = message(arena);
    put_input(&g, "x", 1, "batch 3");
    put_node(&g, "Relu", "hidden/1", "y"); /* nodes need not be in order */
    put_node(&g, "MatMul", "x w", "hidden/1");
    const float w[6] = {1, 2, 3, 4, 5, 6.5f};
    Message t = raw_tensor(arena, "w", 1, 2, (int64_t[]){3, 2}, w, sizeof w);
    put_message(&g, 5, &t);
    put_output(&g, "y");
    expect_import(
        &g, "  x: {op: placeholder, dtype: float32, shape: [batch, 3]}\n"
            "  w: {op: constant, value: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.5]], dtype: float32}\n"
            "  hidden/1: x @ w\n"
            "  y: relu(`hidden/1`)\n"
            "\nfetches: [y]\n");
}

Test(import, dimensions) {
    Message g = message(arena);
    put_input(&g, "a", 7, "n -1 ? 4");
    put_input(&g, "b", 1, "batch+1 null _n2");
    put_input(&g, "c", 9, NULL);
    put_input(&g, "d", 10, "");
    put_output(&g, "a");
    expect_import(&g, "  a: {op: placeholder, dtype: int64, shape: [n, null, null, 4]}\n"
                      "  b: {op: placeholder, dtype: float32, shape: [null, null, _n2]}\n"
                      "  c: {op: placeholder, dtype: bool}\n"
                      "  d: {op: placeholder, dtype: float16, shape: []}\n"
                      "\nfetches: [a]\n");
}

Test(import, constants_in_place) {
    Message g = message(arena);
    put_input(&g, "x", 1, "2 n");
    const int64_t shape[] = {-1, 2}, axis = 1;
    const float half = 0.5f;
    Message s = raw_tensor(arena, "shape", 7, 1, (int64_t[]){2}, shape, sizeof shape);
    Message h = raw_tensor(arena, "half", 1, 0, NULL, &half, sizeof half);
    put_message(&g, 5, &s);
    put_message(&g, 5, &h);
    put_node(&g, "Mul", "x half", "m");
    put_node(&g, "Reshape", "m shape", "r");
    Message c = node(arena, "Constant", "", "axes"),
            value = raw_tensor(arena, "", 7, 1, (int64_t[]){1}, &axis, 8);
    put_message_attribute(&c, "value", 4, &value);
    put_message(&g, 1, &c);
    put_node(&g, "ReduceSum", "r axes", "y");
    put_output(&g, "y");
    expect_import(&g, "  x: {op: placeholder, dtype: float32, shape: [2, n]}\n"
                      "  m: x * 0.5\n"
                      "  r: reshape(m, [-1, 2])\n"
                      "  y: reduce_sum(r, axis=[1], keepdims=true)\n"
                      "\nfetches: [y]\n");
}

Test(import, several_outputs_and_absent_inputs) {
    Message g = message(arena);
    put_input(&g, "x", 1, "6 4");
    put_input(&g, "w", 1, "4 4");
    put_node(&g, "Split", "x -", "a - b");
    put_node(&g, "Gemm", "a w -", "y");
    put_output(&g, "y");
    expect_import(&g, "  x: {op: placeholder, dtype: float32, shape: [6, 4]}\n"
                      "  w: {op: placeholder, dtype: float32, shape: [4, 4]}\n"
                      "  a: {op: split, inputs: [x, 3], axis: 0, outputs: [a, a/outputs, b]}\n"
                      "  y: a @ w\n"
                      "\nfetches: [y]\n");
}

/* Every dtype, as bytes and in the list of numbers that is meant for it. */
Test(import, dtypes_of_constants) {
    static const struct {
        int dtype;
        const char *bytes;
        size_t size;
        unsigned field;
        uint64_t numbers[2];
        const char *text;
    } rows[] = {
        {1, "\0\0\x80\x3f\0\0\x20\xc0", 8, 0, {0}, "[1.0, -2.5], dtype: float32"},
        {2, "\x01\xff", 2, 5, {1, 255}, "[1, 255], dtype: uint8"},
        {3, "\x01\x80", 2, 5, {1, (uint64_t)-128}, "[1, -128], dtype: int8"},
        {4, "\1\0\xff\xff", 4, 5, {1, 65535}, "[1, 65535], dtype: uint16"},
        {5, "\1\0\0\x80", 4, 5, {1, (uint64_t)-32768}, "[1, -32768], dtype: int16"},
        {6, "\1\0\0\0\xff\xff\xff\xff", 8, 5, {1, (uint64_t)-1}, "[1, -1], dtype: int32"},
        {7,
         "\1\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff",
         16,
         7,
         {1, (uint64_t)-2},
         "[1, -2], dtype: int64"},
        {9, "\0\1", 2, 5, {0, 1}, "[false, true], dtype: bool"},
        {10, "\0\x3c\0\xc0", 4, 5, {0x3c00, 0xc000}, "[1.0, -2.0], dtype: float16"},
        {11, "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xf8\xbf", 16, 0, {0}, "[1.0, -1.5], dtype: float64"},
        {12, "\1\0\0\0\xff\xff\xff\xff", 8, 11, {1, 0xffffffff}, "[1, 4294967295], dtype: uint32"},
        {13,
         "\1\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
         16,
         11,
         {1, UINT64_MAX},
         "[1, 18446744073709551615], dtype: uint64"},
        {16, "\x80\x3f\0\xc0", 4, 5, {0x3f80, 0xc000}, "[1.0, -2.0], dtype: bfloat16"},
        {21, "\xf1", 1, 5, {0xf1}, "[1, 15], dtype: uint4"},
        {22, "\xf1", 1, 5, {0xf1}, "[1, -1], dtype: int4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int form = 0; form < 4; form++) {
            Message t = tensor(arena, "c", rows[i].dtype, 1, (int64_t[]){2}),
                    packed = message(arena);
            size_t count = rows[i].dtype > 20 ? 1 : 2;
            bool is_float = rows[i].dtype == 1 || rows[i].dtype == 11;
            unsigned field = rows[i].dtype == 1 ? 4 : rows[i].dtype == 11 ? 10 : rows[i].field;
            if (form == 0) {
                put_bytes(&t, 9, rows[i].bytes, rows[i].size);
            } else if (is_float && form == 1) {
                put_bytes(&t, field, rows[i].bytes, rows[i].size);
            } else if (form == 1) {
                for (size_t k = 0; k < count; k++) put_varint(&packed, rows[i].numbers[k]);
                put_message(&t, field, &packed);
            } else {
                /* one by one, and with another field between them */
                for (size_t k = 0; k < count; k++) {
                    if (k && form == 3) put_text(&t, 12, "doc");
                    if (!is_float) {
                        put_number(&t, field, rows[i].numbers[k]);
                        continue;
                    }
                    size_t width = rows[i].size / 2;
                    put_varint(&t, field << 3 | (width == 4 ? 5u : 1u));
                    text_add_bytes(&t, rows[i].bytes + k * width, width);
                }
            }
            Message g = message(arena);
            put_message(&g, 5, &t);
            put_output(&g, "c");
            expect_import(&g,
                          arena_format(arena, "  c: {op: constant, value: %s}\n\nfetches: [c]\n",
                                       rows[i].text));
        }
}

Test(import, sparse_constants) {
    const float values[] = {5, 7};
    const int64_t linear[] = {1, 5}, pairs[] = {0, 1, 1, 2};
    for (int rank = 1; rank <= 2; rank++) {
        Message v = raw_tensor(arena, "s", 1, 1, (int64_t[]){2}, values, sizeof values);
        Message i = raw_tensor(arena, "", 7, rank, (int64_t[]){2, 2}, rank == 1 ? linear : pairs,
                               rank == 1 ? sizeof linear : sizeof pairs);
        Message sparse = message(arena), g = message(arena);
        put_message(&sparse, 1, &v);
        put_message(&sparse, 2, &i);
        put_number(&sparse, 3, 2);
        put_number(&sparse, 3, 3);
        put_message(&g, 15, &sparse);
        put_output(&g, "s");
        expect_import(
            &g, "  s: {op: constant, value: [[0.0, 5.0, 0.0], [0.0, 0.0, 7.0]], dtype: float32}\n"
                "\nfetches: [s]\n");
    }
}

Test(import, large_constants_are_weights) {
    float w[20] = {1};
    int8_t b[18] = {2};
    Message g = message(arena), tw = raw_tensor(arena, "w", 1, 1, (int64_t[]){20}, w, sizeof w);
    Message tb = raw_tensor(arena, "a\"b", 3, 1, (int64_t[]){18}, b, sizeof b);
    put_message(&g, 5, &tb);
    put_message(&g, 5, &tw);
    put_output(&g, "a\"b");
    put_output(&g, "w");
    Message m = model(arena, &g, 17);
    ImportResult result;
    cr_assert(import_bytes(m.bytes, m.length, &result), "%s", printed());
    cr_assert(strstr(result.yaml, "w: {op: constant, value: {file: m.safetensors, tensor: w}}\n"),
              "%s", result.yaml);
    cr_assert_eq(result.weight_count, 2);
    const char *weights = arena_format(arena, "%s/m.safetensors", folder);
    const char *yaml = arena_format(arena, "%s/m.yaml", folder);
    cr_assert(import_write_files(arena, diagnostics, &result, yaml, weights), "%s", printed());
    FILE *file = fopen(weights, "rb");
    char bytes[512];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    uint64_t header;
    memcpy(&header, bytes, 8);
    cr_assert_eq(header % 8, 0);
    cr_assert_eq(size, 8 + header + sizeof w + sizeof b);
    const char *first = "{\"w\":{\"dtype\":\"F32\",\"shape\":[20],\"data_offsets\":[0,80]},";
    cr_assert(strncmp(bytes + 8, first, strlen(first)) == 0);
    cr_assert(memcmp(bytes + 8 + header, w, sizeof w) == 0);
    cr_assert(memcmp(bytes + 8 + header + sizeof w, b, sizeof b) == 0);
}

Test(import, initializers_among_the_inputs) {
    const float one = 1;
    Message g = message(arena), t = raw_tensor(arena, "w", 1, 0, NULL, &one, sizeof one);
    put_input(&g, "x", 1, "2");
    put_input(&g, "w", 1, "");
    put_message(&g, 5, &t);
    put_node(&g, "Add", "x w", "y");
    put_output(&g, "y");
    expect_import(
        &g, "  x: {op: placeholder, dtype: float32, shape: [2]}\n  y: x + 1.0\n\nfetches: [y]\n");
}

/* ---- Names ---- */

Test(import, names) {
    char name[5001];
    memset(name, 'n', 5000);
    name[5000] = '\0';
    Message g = message(arena);
    put_input(&g, "x", 1, "2");
    put_node(&g, "Relu", "x", "relu(x)"); /* looks like an expression */
    put_node(&g, "Tanh", "relu(x)", "t\1`\n");
    put_node(&g, "Relu", "x", "t\\x01`\\x0a"); /* what the one above is escaped to */
    put_node(&g, "Relu", "t\1`\n", name);
    put_node(&g, "Relu", "x", "true");
    put_node(&g, "Add", "true t\\x01`\\x0a", "\xc3\xa4\xc2\x85");
    put_output(&g, "relu(x)");
    put_output(&g, "true");
    put_output(&g, name);
    Message m = model(arena, &g, 17);
    const char *text = imported(&m);
    cr_assert(strstr(text, "  \"relu(x)\": (relu(x))\n"), "%s", text);
    cr_assert(strstr(text, "  \"true\": (relu(x))\n"), "%s", text);
    cr_assert(strstr(text, "  \"t\\\\x01`\\\\x0a\": tanh(`relu(x)`)\n"), "%s", text);
    cr_assert(strstr(text, "  \"t\\\\x01`\\\\x0a_1\": (relu(x))\n"), "%s", text);
}

Test(import, what_is_written_is_read) {
    Message g = message(arena);
    put_input(&g, "x:0", 1, "2");
    Message spaced = message(arena);
    put_text(&spaced, 1, "x:0");
    put_text(&spaced, 2, "a: b # {c}");
    put_text(&spaced, 4, "Relu");
    put_message(&g, 1, &spaced);
    Message again = message(arena);
    put_text(&again, 1, "a: b # {c}");
    put_text(&again, 2, "1");
    put_text(&again, 4, "Relu");
    put_message(&g, 1, &again);
    put_node(&g, "Add", "1 x:0", "y,z");
    put_output(&g, "y,z");
    put_output(&g, "1");
    expect_import(&g, "  \"x:0\": {op: placeholder, dtype: float32, shape: [2]}\n"
                      "  \"a: b # {c}\": relu(`x:0`)\n"
                      "  \"1\": \"relu(`a: b # {c}`)\"\n"
                      "  \"y,z\": \"`1` + `x:0`\"\n"
                      "\nfetches: [\"y,z\", \"1\"]\n");
}

/* ---- Branches and functions ---- */

static Message branch(const char *op, const char *output) {
    Message g = message(arena);
    put_node(&g, op, "x", output);
    put_output(&g, output);
    return g;
}

static Message graph_with_if(void) {
    Message g = message(arena), n = node(arena, "If", "p", "y"), then = branch("Relu", "a"),
            other = branch("Tanh", "a");
    put_message_attribute(&n, "then_branch", 5, &then);
    put_message_attribute(&n, "else_branch", 5, &other);
    put_input(&g, "x", 1, "2");
    put_message(&g, 1, &n);
    put_output(&g, "y");
    return g;
}

Test(import, branches) {
    Message g = graph_with_if();
    put_input(&g, "p", 9, "");
    expect_import(&g, "  x: {op: placeholder, dtype: float32, shape: [2]}\n"
                      "  p: {op: placeholder, dtype: bool, shape: []}\n"
                      "  y:\n"
                      "    op: cond\n"
                      "    inputs: p\n"
                      "    then:\n"
                      "      nodes:\n"
                      "        a: relu(x)\n"
                      "      fetches: [a]\n"
                      "    else:\n"
                      "      nodes:\n"
                      "        a: tanh(x)\n"
                      "      fetches: [a]\n"
                      "\nfetches: [y]\n");
}

Test(import, a_branch_that_is_known) {
    Message g = graph_with_if(), t = raw_tensor(arena, "p", 9, 0, NULL, "\0", 1);
    put_message(&g, 5, &t);
    expect_import(&g, "  x: {op: placeholder, dtype: float32, shape: [2]}\n"
                      "  y/a: tanh(x)\n"
                      "  y: \"`y/a`\"\n"
                      "\nfetches: [y]\n");
}

Test(import, a_condition_that_is_no_single_bool) {
    Message none = graph_with_if(), two = graph_with_if();
    Message empty = raw_tensor(arena, "p", 9, 1, (int64_t[]){0}, "", 0);
    Message both = raw_tensor(arena, "p", 9, 1, (int64_t[]){2}, "\0\1", 2);
    put_message(&none, 5, &empty);
    put_message(&two, 5, &both);
    expect_refusal(&none, "node 1, `y` (If): reshape: p is [0], which has 0 elements");
    expect_refusal(&two, "node 1, `y` (If): reshape: p is [2], which has 2 elements");
}

static Message function(const char *name, const char *inputs, const char *outputs) {
    Message f = message(arena), words = node(arena, "", inputs, outputs);
    (void)words;
    put_text(&f, 1, name);
    put_text(&f, 10, "mine");
    put_text(&f, 4, inputs);
    put_text(&f, 5, outputs);
    put_opset(&f, 9, "", 17);
    put_opset(&f, 9, "mine", 1);
    return f;
}

static Message call(const char *op, const char *inputs, const char *outputs) {
    Message n = node(arena, op, inputs, outputs);
    put_text(&n, 7, "mine");
    return n;
}

static Message model_with_call(Message *g, const Message *n) {
    put_input(g, "x", 1, "2 3");
    put_message(g, 1, n);
    put_output(g, "y");
    Message m = model(arena, g, 17);
    put_opset(&m, 8, "mine", 1);
    return m;
}

Test(import, functions_are_written_out) {
    Message f = function("Scaled", "v", "w"), soft = node(arena, "Softmax", "v", "s"),
            g = message(arena);
    put_reference(&soft, "axis", "along", 2);
    put_message(&f, 7, &soft);
    Message relu = node(arena, "Relu", "s", "w");
    put_message(&f, 7, &relu);
    put_text(&f, 6, "along");
    Message n = call("Scaled", "x", "y");
    put_integer_attribute(&n, "along", 0);
    Message m = model_with_call(&g, &n);
    put_message(&m, 25, &f);
    expect_text(imported(&m), "  x: {op: placeholder, dtype: float32, shape: [2, 3]}\n"
                              "  y/s: softmax(x, axis=0)\n"
                              "  y/w: relu(`y/s`)\n"
                              "  y: \"`y/w`\"\n"
                              "\nfetches: [y]\n");
}

Test(import, functions_that_never_end) {
    Message f = function("F", "v", "w"), again = call("F", "v", "w"), g = message(arena),
            n = call("F", "x", "y");
    put_message(&f, 7, &again);
    Message m = model_with_call(&g, &n);
    put_message(&m, 25, &f);
    expect_refusal_of(&m, "the function calls itself");
}

Test(import, functions_that_explode) {
    Message g = message(arena), n = call("F30", "x", "y"), m = model_with_call(&g, &n);
    for (int i = 0; i <= 30; i++) {
        Message f = function(arena_format(arena, "F%d", i), "v", "w");
        const char *op = i ? arena_format(arena, "F%d", i - 1) : "Relu";
        Message one = i ? call(op, "v", "u") : node(arena, op, "v", "u");
        Message two = i ? call(op, "u", "w") : node(arena, op, "u", "w");
        put_message(&f, 7, &one);
        put_message(&f, 7, &two);
        put_message(&m, 25, &f);
    }
    ImportResult result;
    cr_assert(!import_bytes(m.bytes, m.length, &result));
    const char *said = printed();
    cr_assert(strstr(said, "more than"), "%s", said);
    cr_assert(!strstr(said, "given by nothing"), "%s",
              said); /* what was not reached has no fault */
}

/* ---- What is refused ---- */

Test(import, every_node_that_is_not_supported) {
    Message g = message(arena);
    put_input(&g, "x", 1, "2");
    put_node(&g, "NoSuchOp", "x", "a");
    put_node(&g, "Relu", "a", "b"); /* silent: its input was reported */
    Message other = node(arena, "Mystery", "x", "c");
    put_text(&other, 7, "com.example");
    put_text(&other, 3, "the \1 node");
    put_message(&g, 1, &other);
    put_node(&g, "MatMul", "x x x", "d");
    Message bad = node(arena, "Relu", "x", "e");
    put_integer_attribute(&bad, "colour", 1);
    put_message(&g, 1, &bad);
    put_output(&g, "b");
    Message m = model(arena, &g, 17);
    ImportResult result;
    cr_assert(!import_bytes(m.bytes, m.length, &result));
    const char *said = printed();
    cr_assert(strstr(said, "m.onnx: error: 4 nodes of the model cannot be imported\n"), "%s", said);
    cr_assert(strstr(said, "note: node 1, `a` (NoSuchOp): the op is not supported\n"), "%s", said);
    cr_assert(
        strstr(said,
               "note: node 3, `the \\x01 node` (com.example.Mystery): the op is not supported"),
        "%s", said);
    cr_assert(
        strstr(said, "note: node 4, `d` (MatMul): it has 3 inputs, and at most 2 are known\n"),
        "%s", said);
    cr_assert(strstr(said, "note: node 5, `e` (Relu): its attribute `colour` is not known\n"), "%s",
              said);
    cr_assert(!strstr(said, "node 2"), "%s", said);
}

/* Also where the translation does not come by: behind what is broken, in functions, in a Loop. */
Test(import, every_node_of_every_graph) {
    Message f = function("F", "v", "w"), inner = node(arena, "Inner", "v", "w");
    put_message(&f, 7, &inner);
    Message g = message(arena), body = branch("Deep", "d"), n = call("F", "broken", "y");
    put_node(&g, "Nothing", "x", "broken");
    Message loop = node(arena, "Loop", "- - x", "z");
    put_message_attribute(&loop, "body", 5, &body);
    put_message(&g, 1, &loop);
    Message m = model_with_call(&g, &n);
    put_message(&m, 25, &f);
    expect_refusal_of(&m, "error: 4 nodes of the model cannot be imported");
    expect_refusal_of(&m, "note: node 1, `broken` (Nothing): the op is not supported");
    expect_refusal_of(&m, "note: node 2, `z` (Loop): the op is not supported");
    expect_refusal_of(&m, "note: node 1 of `body` of node 2, `d` (Deep): the op is not supported");
    expect_refusal_of(&m, "note: node 1 of function `F`, `w` (Inner): the op is not supported");
}

Test(import, graphs_that_make_no_sense) {
    Message cycle = message(arena), circle = message(arena), twice = message(arena),
            missing = message(arena), nothing = message(arena);
    put_input(&cycle, "x", 1, "2");
    put_node(&cycle, "Add", "x c", "a");
    put_node(&cycle, "Relu", "a", "b");
    put_node(&cycle, "Tanh", "b", "c");
    put_output(&cycle, "a");
    expect_refusal(
        &cycle,
        "the graph has a cycle: each of the nodes 1 (Add), 3 (Tanh), 2 (Relu) needs the next");
    put_input(&circle, "x", 1, "2");
    put_node(&circle, "Add", "x a", "a");
    put_output(&circle, "a");
    expect_refusal(&circle, "the graph has a cycle: the node 1 (Add) needs its own result");
    put_input(&twice, "x", 1, "2");
    put_node(&twice, "Relu", "x", "y");
    put_node(&twice, "Tanh", "x", "y");
    put_output(&twice, "y");
    expect_refusal(&twice, "the value `y` is given twice, the second time by node 2 (Tanh)");
    put_input(&missing, "x", 1, "2");
    put_node(&missing, "Add", "x nowhere", "y");
    put_output(&missing, "y");
    expect_refusal(&missing, "its input `nowhere` is given by nothing");
    put_input(&nothing, "x", 1, "2");
    expect_refusal(&nothing, "the graph has no outputs");
    put_output(&nothing, "z");
    expect_refusal(&nothing, "the output `z` of the graph is given by nothing");
    put_input(&nothing, "x", 1, "2");
    expect_refusal(&nothing, "the input `x` is given twice");
}

Test(import, shapes_and_dtypes_that_do_not_fit) {
    Message g = message(arena), strings = message(arena), wide = message(arena);
    put_input(&g, "x", 1, "2 3");
    put_input(&g, "w", 1, "4 5");
    put_node(&g, "MatMul", "x w", "y");
    put_output(&g, "y");
    expect_refusal(&g,
                   "node 1, `y` (MatMul): matmul: inner sizes differ: x is [2, 3], w is [4, 5]");
    put_input(&strings, "s", 8, "2");
    put_output(&strings, "s");
    put_node(&strings, "StringNormalizer", "s", "t");
    expect_refusal(&strings, "the input `s` is string, and inputs are tensors of numbers");
    expect_refusal(&strings, "node 1, `t` (StringNormalizer): the op is not supported");
    put_input(&wide, "x", 1, "1 1 1 1 1 1 1 1 1");
    put_output(&wide, "x");
    expect_refusal(&wide, "the input `x` has 9 dimensions");
    Message huge = message(arena);
    put_input(&huge, "x", 1, "4611686018427387904 4");
    put_output(&huge, "x");
    expect_refusal(&huge, "the input `x` cannot be fed");
}

Test(import, op_sets) {
    Message g = message(arena);
    put_input(&g, "x", 1, "2");
    put_node(&g, "Relu", "x", "y");
    put_output(&g, "y");
    Message newer = model(arena, &g, 23), none = message(arena);
    expect_refusal_of(&newer, "the model uses op set 23, and op sets up to 22 are known");
    put_message(&none, 7, &g);
    expect_refusal_of(&none, "imports no op set");
}

static void expect_broken_tensor(const Message *t, const char *wanted) {
    Message g = message(arena);
    put_message(&g, 5, t);
    put_output(&g, "c");
    expect_refusal(&g, wanted);
}

Test(import, tensors_that_are_damaged) {
    Message t = raw_tensor(arena, "c", 1, 1, (int64_t[]){3}, "12345678", 8);
    expect_broken_tensor(&t, "its shape does not agree with the bytes it has");
    t = tensor(arena, "c", 1, 2, (int64_t[]){INT64_C(1) << 40, INT64_C(1) << 40});
    expect_broken_tensor(&t, "its sizes overflow 64 bits");
    t = tensor(arena, "c", 6, 1, (int64_t[]){INT64_C(1) << 50});
    put_number(&t, 5, 1);
    expect_broken_tensor(&t, "its shape does not agree with its number of elements");
    t = tensor(arena, "c", 1, 1, (int64_t[]){-3});
    expect_broken_tensor(&t, "it has a negative size");
    t = tensor(arena, "c", 1, 9, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1});
    expect_broken_tensor(&t, "it has 9 dimensions");
    t = tensor(arena, "c", 7, 1, (int64_t[]){1});
    put_number(&t, 5, 1);
    expect_broken_tensor(&t, "its elements are in the list of another dtype");
    t = raw_tensor(arena, "c", 7, 1, (int64_t[]){1}, "12345678", 8);
    put_number(&t, 7, 1);
    expect_broken_tensor(&t, "its elements are in two places");
    t = raw_tensor(arena, "c", 9, 1, (int64_t[]){2}, "\1\2", 2);
    expect_broken_tensor(&t, "a bool in it is neither 0 nor 1");
    t = raw_tensor(arena, "c", 8, 1, (int64_t[]){2}, "\1\2", 2);
    expect_broken_tensor(&t, "its elements are string");
    t = raw_tensor(arena, "c", 999, 1, (int64_t[]){2}, "\1\2", 2);
    expect_broken_tensor(&t, "its elements are an unknown dtype");
    t = tensor(arena, "c", 7, 1, (int64_t[]){1});
    put_bytes(&t, 7, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11);
    expect_broken_tensor(&t, "its shape does not agree with its number of elements");
}

/* ---- External data ---- */

static Message external(const char *location, const char *offset, const char *length) {
    Message t = tensor(arena, "c", 1, 1, (int64_t[]){2});
    const char *const pairs[][2] = {{"location", location}, {"offset", offset}, {"length", length}};
    for (int i = 0; i < 3; i++) {
        if (!pairs[i][1]) continue;
        Message entry = message(arena);
        put_text(&entry, 1, pairs[i][0]);
        put_text(&entry, 2, pairs[i][1]);
        put_message(&t, 13, &entry);
    }
    put_number(&t, 14, 1);
    return t;
}

Test(import, external_data) {
    const float numbers[] = {0, 1.5f, 2};
    store("w.bin", numbers, sizeof numbers);
    Message t = external("w.bin", "4", "8"), g = message(arena);
    put_message(&g, 5, &t);
    put_output(&g, "c");
    expect_import(&g, "  c: {op: constant, value: [1.5, 2.0], dtype: float32}\n\nfetches: [c]\n");
}

Test(import, external_data_that_is_not_there) {
    store("short.bin", "1234", 4);
    cr_assert_eq(symlink("/etc/hostname", arena_format(arena, "%s/out.bin", folder)), 0);
    static const struct {
        const char *location, *offset, *length, *wanted;
    } rows[] = {
        {"none.bin", NULL, NULL, "none.bin, cannot be read: No such file or directory"},
        {"short.bin", NULL, NULL, "lies behind the end of short.bin, which has 4"},
        {"short.bin", "922337203685477000", NULL, "lies behind the end"},
        {"short.bin", "99999999999999999999999", NULL,
         "the offset of its external data is no number"},
        {"short.bin", "-1", NULL, "the offset of its external data is no number"},
        {"short.bin", NULL, "4", "the length of its external data does not agree with its shape"},
        {"/etc/passwd", NULL, NULL, "leaves the model's folder"},
        {"a/../../x", NULL, NULL, "leaves the model's folder"},
        {"..", NULL, NULL, "leaves the model's folder"},
        {"out.bin", NULL, NULL, "leaves the model's folder"},
        {"", NULL, NULL, "is empty, or no path"},
        {NULL, NULL, NULL, "its external data has no location"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Message t = external(rows[i].location, rows[i].offset, rows[i].length);
        expect_broken_tensor(&t, rows[i].wanted);
    }
}

/* ---- The wire ---- */

Test(import, no_protobuf) {
    Message m = message(arena);
    expect_refusal_of(&m, "it holds no graph");
    text_add(&m, "nodes: {a: 1}\n");
    expect_refusal_of(&m, "no ONNX model, or is damaged: at byte");
}

Test(import, nested_deeply) {
    /* An If in a branch of an If in …; and the same as types that are no tensors. */
    Message g = message(arena);
    for (int i = 0; i < 200; i++) {
        Message attribute = message(arena), n = message(arena), outer = message(arena);
        put_message(&attribute, 6, &g);
        put_message(&n, 5, &attribute);
        put_message(&outer, 1, &n);
        g = outer;
    }
    expect_refusal(&g, "messages are nested more than 64 levels deep");
}

Test(import, fields_of_the_wrong_kind) {
    Message g = message(arena), m = message(arena);
    put_number(&g, 1, 3);
    expect_refusal(&g, "in a GraphProto: field 1 has the wrong wire type 0");
    put_message(&m, 7, &(Message){.bytes = "", .length = 0});
    put_message(&m, 7, &(Message){.bytes = "", .length = 0});
    expect_refusal_of(&m, "field 7 is there twice");
    m = message(arena);
    text_add_bytes(&m, "\x3b", 1);
    expect_refusal_of(&m, "wire type 3 does not exist");
    m = message(arena);
    text_add_bytes(&m, "\x02\x00", 2);
    expect_refusal_of(&m, "a field has no valid number");
    m = message(arena);
    text_add_bytes(&m, "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    expect_refusal_of(&m, "reaches past the end of what it is in");
}

/* A model with something of everything. */
static Message rich_model(void) {
    Message g = graph_with_if(), n = call("F", "y", "z"), f = function("F", "v", "w");
    put_input(&g, "p", 9, "");
    const int64_t shape[] = {1, -1}, more[] = {0};
    Message t = raw_tensor(arena, "shape", 7, 1, (int64_t[]){2}, shape, sizeof shape);
    put_message(&g, 5, &t);
    Message ints = tensor(arena, "ints", 6, 1, (int64_t[]){2});
    put_number(&ints, 5, 3);
    put_number(&ints, 5, 4);
    put_message(&g, 5, &ints);
    put_node(&g, "Reshape", "y shape", "r");
    Message squeeze = node(arena, "Transpose", "r", "t");
    put_integers_attribute(&squeeze, "perm", (int64_t[]){1, 0}, 2);
    put_message(&g, 1, &squeeze);
    put_message(&g, 1, &n);
    put_output(&g, "t");
    put_output(&g, "z");
    put_output(&g, "ints");
    Message soft = node(arena, "Softmax", "v", "w");
    put_reference(&soft, "axis", "along", 2);
    put_message(&f, 7, &soft);
    Message m = model(arena, &g, 17);
    put_opset(&m, 8, "mine", 1);
    put_message(&m, 25, &f);
    (void)more;
    return m;
}

Test(import, damaged_at_every_byte) {
    Message m = rich_model();
    ImportResult result;
    cr_assert(import_bytes(m.bytes, m.length, &result), "%s", printed());
    static const uint8_t changes[] = {0x01, 0x02, 0x08, 0x40, 0x80, 0xff};
    Arena *outer = arena;
    for (size_t at = 0; at < m.length; at++)
        for (size_t change = 0; change <= sizeof changes; change++) {
            arena = arena_create();
            /* cut off there, or changed there; in memory of its own, so that a sanitizer sees its end */
            size_t size = change == sizeof changes ? at : m.length;
            uint8_t *bytes = malloc(size ? size : 1);
            memcpy(bytes, m.bytes, size);
            if (change < sizeof changes) bytes[at] ^= changes[change];
            bool done = import_bytes(bytes, size, &result);
            cr_assert(done == (diagnostics_error_count(diagnostics) == 0), "at byte %zu", at);
            arena_destroy(arena);
            free(bytes);
        }
    arena = outer;
}
