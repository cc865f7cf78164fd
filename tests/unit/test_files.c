/* test_files.c: values from .npy, .safetensors and checkpoints; hostile and damaged files; writing
 * .npy. */
#include "source/files_internal.h"
#include "source/json.h"
#include "support/dtype.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static Arena *arena;
static Compilation compilation;
static char folder[64];

static void begin(void) {
    arena = arena_create();
    compilation = (Compilation){.arena = arena, .diagnostics = diagnostics_create(arena)};
    strcpy(folder, "/tmp/tfcc-files-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void end(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
    arena_destroy(arena);
}

static const char *printed(void) {
    char *bytes = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&bytes, &length);
    diagnostics_print(compilation.diagnostics, stream);
    fclose(stream);
    const char *copy = arena_copy_text(arena, bytes, length);
    free(bytes);
    return copy;
}

/* In the folder of the tests. */
static const char *tests_path(const char *path) {
    return arena_format(arena, TFCC_TEST_FOLDER "/%s", path);
}

static const char *in_folder(const char *name) {
    return arena_format(arena, "%s/%s", folder, name);
}

static void store(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static uint8_t *load(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    uint8_t *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static bool read_value(const char *path, const char *tensor, tfcc_dtype dtype, ConstantData *data) {
    FileValue value = {.path = path, .tensor = tensor, .dtype = dtype};
    return file_read_tensor(&compilation, &value, data);
}

/* ---- files that numpy and safetensors made ---- */

typedef struct Line {
    bool is_written; /* npy_write gives the same file */
    char file[100], tensor[100];
    ConstantData data;
    uint8_t bytes[4096];
} Line;

static bool next_line(FILE *manifest, Line *line) {
    static char text[20000];
    char dtype[40];
    int used, rank;
    if (!fgets(text, sizeof text, manifest)) return false;
    line->is_written = text[0] == '=';
    char *at = text + line->is_written;
    cr_assert_eq(sscanf(at, "%99s %99s %39s %d%n", line->file, line->tensor, dtype, &rank, &used),
                 4);
    line->data =
        (ConstantData){.dtype = dtype_from_name(dtype), .rank = rank, .bytes = line->bytes};
    at += used;
    for (int i = 0; i < rank; i++) line->data.dims[i] = strtoll(at, &at, 10);
    for (at++; sscanf(at, "%2hhx", &line->bytes[line->data.size]) == 1; at += 2) line->data.size++;
    for (char *space; (space = strstr(line->tensor, "\\_"));) {
        *space = ' ';
        memmove(space + 1, space + 2, strlen(space + 1));
    }
    return true;
}

static void expect_same(const ConstantData *data, const Line *line) {
    cr_assert_eq(data->dtype, line->data.dtype, "%s", line->file);
    cr_assert_eq(data->rank, line->data.rank, "%s", line->file);
    cr_assert_eq(data->size, line->data.size, "%s", line->file);
    cr_assert_eq(memcmp(data->dims, line->data.dims, sizeof data->dims), 0);
    cr_assert_eq(memcmp(data->bytes, line->bytes, data->size), 0, "%s %s", line->file,
                 line->tensor);
    cr_assert_eq(data->element_count * (int64_t)dtype_size(data->dtype), (int64_t)data->size);
    cr_assert_eq((uintptr_t)data->bytes % dtype_size(data->dtype), 0);
}

static void expect_written(const Line *line) {
    const char *path = in_folder("written.npy");
    tfcc_tensor tensor = {.data = (void *)(uintptr_t)line->bytes,
                          .shape = (int64_t *)(uintptr_t)line->data.dims,
                          .rank = line->data.rank,
                          .dtype = line->data.dtype};
    cr_assert(npy_write(arena, compilation.diagnostics, path, &tensor));
    size_t size, expected_size;
    uint8_t *bytes = load(path, &size);
    uint8_t *expected =
        load(tests_path(arena_format(arena, "files/data/%s", line->file)), &expected_size);
    cr_assert_eq(size, expected_size);
    cr_assert_eq(memcmp(bytes, expected, size), 0, "%s", line->file);
    free(bytes);
    free(expected);
}

Test(files, read_as_numpy_and_safetensors_wrote_them) {
    begin();
    FILE *manifest = fopen(tests_path("files/data/manifest"), "r");
    cr_assert_not_null(manifest);
    int count = 0, written = 0;
    for (Line *line = arena_alloc(arena, sizeof *line); next_line(manifest, line); count++) {
        ConstantData data;
        const char *tensor = line->tensor[0] == '-' ? NULL : line->tensor;
        const char *path = tests_path(arena_format(arena, "files/data/%s", line->file));
        cr_assert(read_value(path, tensor, TFCC_NONE, &data), "%s", printed());
        expect_same(&data, line);
        cr_assert(read_value(path, tensor, line->data.dtype, &data), "%s", printed());
        if (line->is_written) {
            expect_written(line);
            written++;
        }
        memset(line, 0, sizeof *line);
    }
    fclose(manifest);
    cr_assert_geq(count, 45);
    cr_assert_geq(written, 22);
    cr_assert_eq(diagnostics_error_count(compilation.diagnostics), 0);
    cr_assert_eq(compilation.read_file_count, 30); /* each file once */
    end();
}

Test(files, bits_of_dtypes_that_npy_lacks) {
    begin();
    ConstantData data;
    const char *uint16 = tests_path("files/data/uint16.npy"),
               *uint8 = tests_path("files/data/uint8.npy");
    cr_assert(read_value(uint16, NULL, TFCC_BFLOAT16, &data));
    cr_assert_eq(data.dtype, TFCC_BFLOAT16);
    cr_assert(read_value(uint8, NULL, TFCC_FLOAT8_E5M2, &data));
    cr_assert_not(read_value(uint8, NULL, TFCC_UINT4, &data)); /* its elements are larger */
    cr_assert_not(read_value(uint16, NULL, TFCC_FLOAT16, &data));
    cr_assert_not(read_value(uint16, NULL, TFCC_INT32, &data));
    cr_assert_not_null(strstr(printed(), "its elements are uint16, not int32"), "%s", printed());
    tfcc_tensor tensor = tfcc_array(TFCC_INT4, (int8_t[]){-8, 7}, (int64_t[]){2}, 1);
    cr_assert(npy_write(arena, compilation.diagnostics, in_folder("i4.npy"), &tensor));
    cr_assert(read_value(in_folder("i4.npy"), NULL, TFCC_INT4, &data));
    cr_assert(npy_read(arena, compilation.diagnostics, (Place){0}, in_folder("i4.npy"), TFCC_INT8,
                       &data));
    end();
}

Test(files, checkpoints_by_name) {
    begin();
    ConstantData data;
    FileValue value = {.path = tests_path("checkpoints/data/partitioned"),
                       .is_checkpoint = true,
                       .tensor = "columns",
                       .dtype = TFCC_INT16};
    cr_assert(file_read_tensor(&compilation, &value, &data), "%s", printed());
    cr_assert_eq(data.rank, 3);
    cr_assert_eq(data.size, 3 * 200 * 2 * 2);
    value.dtype = TFCC_INT32;
    cr_assert_not(file_read_tensor(&compilation, &value, &data));
    value.tensor = "colums";
    cr_assert_not(file_read_tensor(&compilation, &value, &data));
    cr_assert_not_null(strstr(printed(), "did you mean `columns`?"));
    value.tensor = NULL;
    cr_assert_not(file_read_tensor(&compilation, &value, &data));
    cr_assert_not_null(strstr(printed(), "has 4 tensors: say which one"));
    value.path = tests_path("checkpoints/data/scalar");
    cr_assert(file_read_tensor(&compilation, &value, &data)); /* the only one */
    value.path = tests_path("checkpoints/data/scalar.index");
    cr_assert_not(file_read_tensor(&compilation, &value, &data));
    cr_assert_not_null(strstr(printed(), "without `.index`"));
    value = (FileValue){.path = tests_path("checkpoints/data/scalar")};
    cr_assert_not(file_read_tensor(&compilation, &value, &data));
    cr_assert_not_null(strstr(printed(), "there is a checkpoint of that name"));
    end();
}

Test(files, are_found_beside_the_model_then_in_folders) {
    begin();
    ConstantData data;
    const char *search[] = {tests_path("checkpoints/data"), tests_path("files/data")};
    SourceFile model = {in_folder("model.yaml"), "x: 1\n", 5};
    FileValue value = {.place = {&model, 0, 1, 1, 1}, .path = "rank1.npy"};
    cr_assert_not(file_read_tensor(&compilation, &value, &data));
    cr_assert_not_null(strstr(printed(), "model.yaml:1:1: error: `"), "%s", printed());
    cr_assert_not_null(strstr(printed(), "there is no such file"));
    compilation.options.search_paths = search;
    compilation.options.search_path_count = 2;
    cr_assert(file_read_tensor(&compilation, &value, &data));
    cr_assert_eq(data.dims[0], 3);
    Line *line = calloc(1, sizeof *line);
    size_t size;
    uint8_t *bytes = load(tests_path("files/data/rank0.npy"), &size);
    store(in_folder("rank1.npy"), bytes, size);
    compilation.file_cache = NULL; /* that it was missing has been reported once */
    cr_assert(file_read_tensor(&compilation, &value, &data));
    cr_assert_eq(data.rank, 0); /* the one beside the model */
    free(line);
    free(bytes);
    end();
}

/* ---- hostile files ---- */

static void expect_error(const char *name, const void *bytes, size_t size, const char *tensor,
                         const char *sentence) {
    ConstantData data;
    compilation.diagnostics = diagnostics_create(arena);
    compilation.file_cache = NULL;
    const char *path = in_folder(name);
    store(path, bytes, size);
    cr_assert_not(read_value(path, tensor, TFCC_NONE, &data), "%s", sentence);
    cr_assert_not_null(strstr(printed(), sentence), "%s instead of %s", printed(), sentence);
    cr_assert_eq(diagnostics_error_count(compilation.diagnostics), 1, "%s", printed());
}

static void expect_npy_error(const char *header, size_t data, const char *sentence) {
    uint8_t bytes[1024] = "\x93NUMPY\1";
    size_t length = strlen(header);
    bytes[8] = (uint8_t)length, bytes[9] = (uint8_t)(length >> 8);
    memcpy(bytes + 10, header, length);
    expect_error("x.npy", bytes, 10 + length + data, NULL, sentence);
}

Test(files, hostile_npy) {
    begin();
    static const struct {
        const char *header;
        size_t data;
        const char *sentence;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "cut short"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3], }", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (True,), }", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0x2,), }", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }", 24, "damaged"},
        {"{'descr': '<f4', 'shape': (2,), }", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 24, "damaged"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", 24, "damaged"},
        {"", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 24,
         "too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 24,
         "too large"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,), }", 24,
         "too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 24,
         "more than 8 dimensions"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 24, "pickled"},
        {"{'descr': '<V2', 'fortran_order': False, 'shape': (2,), }", 24, "as their bits"},
        {"{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }", 24, "not supported"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", 24, "complex"},
        {"{'descr': '<f3', 'fortran_order': False, 'shape': (2,), }", 24, "not supported"},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (2,), }", 24, "not supported"},
        {"{'descr': '', 'fortran_order': False, 'shape': (2,), }", 24, "not supported"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 24, "structures"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_npy_error(cases[i].header, cases[i].data, cases[i].sentence);
    uint8_t bools[] =
        "\x93NUMPY\1\0\x39\0{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }\0\1\2";
    expect_error("b.npy", bools, sizeof bools - 1, NULL, "element 2 is 2, which is no bool");
    expect_error("v.npy", "\x93NUMPY\4\0\0\0\0\0", 12, NULL, "version 4");
    expect_error("l.npy", "\x93NUMPY\2\0\xff\xff\xff\xff", 12, NULL, "header");
    expect_error("l.npy", "\x93NUMPY\2\0", 8, NULL, "no .npy file");
    expect_error("l.npy", "\x93NUMPY\1\0\xff\xff{", 11, NULL, "cut short");
    expect_error("z.npz", "PK\3\4aaaaaaaa", 12, NULL, "zip archive");
    expect_error("x.bin", "hello", 5, NULL, "neither .npy nor .safetensors");
    expect_error("empty.npy", "", 0, NULL, "neither .npy nor .safetensors");
    ConstantData data;
    cr_assert_not(read_value(folder, NULL, TFCC_NONE, &data));
    mkfifo(in_folder("fifo"), 0666);
    cr_assert_not(read_value(in_folder("fifo"), NULL, TFCC_NONE, &data));
    cr_assert_not(read_value(tests_path("files/data/rank1.npy"), "x", TFCC_NONE, &data));
    end();
}

static void expect_json_error(const char *header, size_t data, const char *sentence) {
    uint8_t bytes[2048] = {0};
    size_t length = strlen(header);
    bytes[0] = (uint8_t)length, bytes[1] = (uint8_t)(length >> 8);
    memcpy(bytes + 8, header, length);
    expect_error("x.safetensors", bytes, 8 + length + data, "a", sentence);
}

Test(files, hostile_safetensors) {
    begin();
#define TENSOR(dtype, shape, from, to)                                                             \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"
    static const struct {
        const char *header;
        size_t data;
        const char *sentence;
    } cases[] = {
        {"{\"a\":" TENSOR("F32", "[2]", 0, 8) "}", 7, "outside of the file"},
        {"{\"a\":" TENSOR("F32", "[2]", 0, 8) "}", 9, "belong to no tensor"},
        {"{\"a\":" TENSOR("F32", "[3]", 0, 8) "}", 8, "does not agree"},
        {"{\"a\":" TENSOR("F32", "[2]", 8, 0) "}", 8, "outside of the file"},
        {"{\"a\":" TENSOR("F32", "[2]", 1, 9) "}", 9, "leave a hole"},
        {"{\"a\":" TENSOR("F32", "[2]", 0, 8) ",\"b\":" TENSOR("F32", "[2]", 4, 12) "}", 12,
         "overlap"},
        {"{\"a\":" TENSOR("F32", "[2]", 0, 8) ",\"a\":" TENSOR("F32", "[2]", 8, 16) "}", 16,
         "twice"},
        {"{\"a\":" TENSOR("Q7", "[2]", 0, 8) "}", 8, "unknown dtype"},
        {"{\"a\":" TENSOR("F32", "[4294967296,4294967296,0]", 0, 0) "}", 0, "too large"},
        {"{\"a\":" TENSOR("F64", "[2305843009213693952]", 0, 0) "}", 0, "does not agree"},
        {"{\"a\":" TENSOR("F4", "[3]", 0, 1) "}", 1, "does not agree"},
        {"{\"a\":" TENSOR("F32", "[2.0]", 0, 8) "}", 8, "damaged"},
        {"{\"a\":" TENSOR("F32", "[-2]", 0, 8) "}", 8, "damaged"},
        {"{\"a\":" TENSOR("F32", "[02]", 0, 8) "}", 8, "damaged"},
        {"{\"a\":" TENSOR("F32", "[2,]", 0, 8) "}", 8, "damaged"},
        {"{\"a\":" TENSOR("F32", "[2]", 0, 1e1) "}", 10, "damaged"},
        {"{\"a\":" TENSOR("F32", "[2]", 0, 8) ",}", 8, "damaged"},
        {"{\"a\":" TENSOR("F32", "[2]", 0, 8), 8, "damaged"},
        {"{\"a\":" TENSOR("F32", "[2]", 0, 8) "}x", 8, "damaged"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "damaged"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8, "damaged"},
        {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
         "damaged"},
        {"{\"a\":[[[[[[[[[[[[[", 8, "damaged"},
        {"{\"\":" TENSOR("F32", "[2]", 0, 8) "}", 8, "empty name"},
        {"{\"a\\u0000\":" TENSOR("F32", "[2]", 0, 8) "}", 8, "damaged"},
        {"{\"a\\ud800\":" TENSOR("F32", "[2]", 0, 8) "}", 8, "damaged"},
        {"{\"a\\x\":" TENSOR("F32", "[2]", 0, 8) "}", 8, "damaged"},
        {"{\"a\xff\":" TENSOR("F32", "[2]", 0, 8) "}", 8, "damaged"},
        {"{\"a\n\":" TENSOR("F32", "[2]", 0, 8) "}", 8, "damaged"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "damaged"},
        {" {\"a\":" TENSOR("F32", "[2]", 0, 8) "}", 8, "does not begin with"},
        {"[]", 0, "does not begin with"},
        {"", 0, "does not begin with"},
        {"{\"b\":" TENSOR("F32", "[2]", 0, 8) "}", 8, "has no tensor `a`"},
        {"{}", 0, "has no tensor `a`"},
        {"{\"a\":" TENSOR("C64", "[1]", 0, 8) "}", 8, "not supported"},
        {"{\"a\":" TENSOR("F32", "[1,1,1,1,1,1,1,1,2]", 0, 8) "}", 8, "not supported"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_json_error(cases[i].header, cases[i].data, cases[i].sentence);
    expect_error("n.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "a", "cut short");
    expect_error("n.safetensors", "\x03\0\0\0\0\0\0\0{}", 10, "a", "cut short");
    expect_error("n.safetensors", "\x03\0\0", 3, "a", "cut short");
    expect_error("n.safetensors", "\x03\0\0\0\0\0\0\0{}\0", 11, "a", "damaged"); /* a NUL */
    end();
}

Test(json, strings_and_numbers) {
    begin();
    static const char good[] =
        "\"\\u00e9\\ud83d\\ude00\\n\\/ \xc3\xa9\" 9223372036854775807 9223372036854775808";
    JsonCursor cursor = {(const uint8_t *)good, (const uint8_t *)good + sizeof good - 1};
    size_t length;
    int64_t number;
    cr_assert_str_eq(json_string(&cursor, arena, &length), "\xc3\xa9\xf0\x9f\x98\x80\n/ \xc3\xa9");
    cr_assert(json_integer(&cursor, &number));
    cr_assert_eq(number, INT64_MAX);
    cr_assert_not(json_integer(&cursor, &number));
    end();
}

/* ---- damaged files ---- */

/* Parses bytes from a block of exactly their size, so that the sanitizer sees what is read beyond.
 */
static void parse_damaged(const uint8_t *bytes, size_t size) {
    Arena *scratch = arena_create();
    uint8_t *exact = malloc(size + !size);
    memcpy(exact, bytes, size);
    TensorFile file = {scratch, diagnostics_create(scratch), {0}, "x", exact, size};
    ConstantData data;
    bool good;
    if (npy_is(&file)) {
        good = npy_parse(&file, TFCC_NONE, &data);
    } else {
        const Safetensors *parsed = safetensors_parse(&file);
        good = parsed != NULL;
        for (size_t i = 0; parsed && i < parsed->tensors.count && good; i++)
            good = safetensors_take(&file, parsed->tensors.entries[i].value, TFCC_NONE, &data);
    }
    cr_assert_eq(good, diagnostics_error_count(file.diagnostics) == 0);
    free(exact);
    arena_destroy(scratch);
}

Test(files, damaged_anywhere, .timeout = 120) {
    begin();
    static const char *const files[] = {"fortran2.npy", "version2.npy", "bool.npy",
                                        "one.safetensors", "all.safetensors"};
    for (int f = 0; f < 5; f++) {
        size_t size;
        uint8_t *bytes = load(tests_path(arena_format(arena, "files/data/%s", files[f])), &size);
        int step = f == 4 ? 7 : 1;
        for (size_t cut = 0; cut <= size; cut += (size_t)step) parse_damaged(bytes, cut);
        for (size_t i = 0; i < size; i += (size_t)step)
            for (int change = 0; change < 10; change++) {
                static const char special[] = "{}[],:\"0(')9";
                uint8_t before = bytes[i], flipped = (uint8_t)(before ^ 1 << change);
                bytes[i] = change < 4 ? flipped : (uint8_t)special[(i + (size_t)change) % 12];
                parse_damaged(bytes, size);
                bytes[i] = before;
            }
        free(bytes);
    }
    end();
}
