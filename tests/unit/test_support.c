/* test_support.c: arenas, texts, maps, diagnostics, output files, dtypes, 16-bit floats. */
#include "support/arena.h"
#include "support/diagnostic.h"
#include "support/dtype.h"
#include "support/half.h"
#include "support/map.h"
#include "support/output_file.h"
#include "support/text.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int releases;
static void count_release(void *object) {
    releases = releases * 10 + *(int *)object;
}

Test(arena, gives_zeroed_aligned_memory_and_releases_in_reverse) {
    Arena *arena = arena_create();
    for (size_t size = 0; size < 300000; size = size * 3 + 1) {
        unsigned char *memory = arena_alloc(arena, size);
        cr_assert_eq((uintptr_t)memory % 16, 0);
        for (size_t i = 0; i < size; i++) cr_assert_eq(memory[i], 0);
        memset(memory, 0xff, size);
    }
    static int one = 1, two = 2;
    arena_on_destroy(arena, count_release, &one);
    arena_on_destroy(arena, count_release, &two);
    cr_assert_str_eq(arena_format(arena, "%d-%s", 7, "x"), "7-x");
    cr_assert_str_eq(arena_copy_text(arena, "hello", 3), "hel");
    cr_assert_gt(arena_used(arena), 300000);
    releases = 0;
    arena_destroy(arena);
    arena_destroy(NULL);
    cr_assert_eq(releases, 21);
}

Test(arena, push_keeps_elements_and_zeroes_new_ones) {
    Arena *arena = arena_create();
    int *numbers = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < 10000; i++) {
        int *slot = ARENA_PUSH(arena, numbers, count, capacity);
        cr_assert_eq(*slot, 0);
        *slot = i;
    }
    for (int i = 0; i < 10000; i++) cr_assert_eq(numbers[i], i);
    arena_destroy(arena);
}

static const char *double_text(Arena *arena, double value, int is_float32) {
    Text text = {.arena = arena};
    text_add_double(&text, value, is_float32);
    return text.bytes;
}

Test(text, doubles_are_shortest_and_read_back) {
    Arena *arena = arena_create();
    static const struct {
        double value;
        int is_float32;
        const char *text;
    } cases[] = {{0, 0, "0.0"},
                 {-0.0, 0, "-0.0"},
                 {1, 0, "1.0"},
                 {0.1, 0, "0.1"},
                 {100000, 0, "100000.0"},
                 {1e15, 0, "1000000000000000.0"},
                 {1e16, 0, "1e+16"},
                 {-2.5e-8, 0, "-2.5e-08"},
                 {0.0001, 0, "0.0001"},
                 {123.456, 0, "123.456"},
                 {(double)0.1f, 1, "0.1"},
                 {(double)0.1f, 0, "0.10000000149011612"},
                 {1e300 * 1e10, 0, "inf"},
                 {-1e300 * 1e10, 1, "-inf"},
                 {NAN, 0, "nan"},
                 {5e-324, 0, "5e-324"},
                 {(double)16777216.0f, 1, "16777216.0"},
                 {0.00001234, 0, "0.00001234"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_str_eq(double_text(arena, cases[i].value, cases[i].is_float32), cases[i].text);
    uint64_t state = 1;
    for (int i = 0; i < 3000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        double value;
        memcpy(&value, &state, 8);
        if (isfinite(value)) cr_assert_eq(strtod(double_text(arena, value, 0), NULL), value);
        uint32_t half = (uint32_t)(state >> 32);
        float narrow;
        memcpy(&narrow, &half, 4);
        if (isfinite(narrow))
            cr_assert_eq(strtof(double_text(arena, (double)narrow, 1), NULL), narrow);
    }
    Text text = {.arena = arena};
    text_add(&text, "a");
    text_add_char(&text, 'b');
    text_add_format(&text, "%05d", 42);
    text_add_bytes(&text, "xyz", 2);
    cr_assert_str_eq(text.bytes, "ab00042xy");
    cr_assert_eq(text.length, 9);
    arena_destroy(arena);
}

Test(map, finds_in_order_and_suggests) {
    Arena *arena = arena_create();
    Map map = map_create(arena);
    cr_assert_null(map_get(&map, "x"));
    char name[32];
    for (size_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "node%zu", i);
        map_set(&map, name, (void *)(i + 1));
    }
    cr_assert_eq(map.count, 5000);
    for (size_t i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "node%zu", i);
        cr_assert_eq((size_t)map_get(&map, name), i + 1);
        cr_assert_str_eq(map.entries[i].key, name);
    }
    bool added;
    map_insert(&map, "a\0b", 3, &added);
    cr_assert(added);
    cr_assert_null(map_find(&map, "a", 1));
    map_insert(&map, "a\0b", 3, &added);
    cr_assert_not(added);
    map_set(&map, "kernel", &map);
    cr_assert_str_eq(map_nearest(&map, "kernle")->key, "kernel");
    cr_assert_null(map_nearest(&map, "zzzzzz"));
    cr_assert_eq(edit_distance("abcd", "acbd", 3), 1);
    cr_assert_eq(edit_distance("kitten", "sitting", 3), 3);
    cr_assert_eq(edit_distance("kitten", "sitting", 2), 3);
    cr_assert_eq(edit_distance("", "abc", 5), 3);
    arena_destroy(arena);
}

static const char *printed(Arena *arena, const Diagnostics *diagnostics) {
    char *bytes = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&bytes, &length);
    diagnostics_print(diagnostics, stream);
    fclose(stream);
    const char *copy = arena_copy_text(arena, bytes, length);
    free(bytes);
    return copy;
}

Test(diagnostic, sorts_and_shows_the_line) {
    Arena *arena = arena_create();
    Diagnostics *diagnostics = diagnostics_create(arena);
    static const char source[] = "w: 1\n\ty: \xc3\xa4 @ w\n";
    SourceFile file = {"model.yaml", source, sizeof source - 1};
    cr_assert_not(diagnose_error(diagnostics, (Place){0}, "cannot write"));
    diagnose_error(diagnostics, (Place){&file, 9, 2, 5, 6}, "bad %s\n", "product");
    diagnose_note(diagnostics, (Place){&file, 0, 1, 1, 1}, "w is here");
    diagnose_error(diagnostics, (Place){&file, 0, 1, 1, 0}, "first");
    diagnose_error(diagnostics, (Place){.file = &file, .offset = 14}, "whole");
    cr_assert_eq(diagnostics_error_count(diagnostics), 4);
    cr_assert_str_eq(printed(arena, diagnostics),
                     "model.yaml:1:1: error: first\n    1 | w: 1\n      | ^\n"
                     "model.yaml:2:5: error: bad product\\x0a\n"
                     "    2 | \ty: \xc3\xa4 @ w\n      | \t   ^~~~~\n"
                     "model.yaml:1:1: note: w is here\n    1 | w: 1\n      | ^\n"
                     "model.yaml: error: whole\n"
                     "error: cannot write\n");
    for (int i = 0; i < 200; i++) diagnose_error(diagnostics, (Place){0}, "again");
    cr_assert_eq(diagnostics_error_count(diagnostics), 204);
    cr_assert_not_null(strstr(printed(arena, diagnostics), "error: 104 more errors"));
    cr_assert_str_eq(escape_for_message(arena, "a\x01\xff\xc2\x85\xe2\x82\xac"),
                     "a\\x01\\xff\\xc2\\x85\xe2\x82\xac");
    arena_destroy(arena);
}

Test(diagnostic, survives_places_at_any_offset) {
    Arena *arena = arena_create();
    char *source = malloc(5000);
    for (size_t i = 0; i < 5000; i++) source[i] = "\xe2\x82\xac\t\r\xff\x01y"[i % 8];
    SourceFile file = {"x", source, 5000};
    for (size_t offset = 0; offset <= 5001; offset += 7) {
        Diagnostics *diagnostics = diagnostics_create(arena);
        diagnose_error(diagnostics, (Place){&file, offset, 1, 1, offset}, "here");
        cr_assert_not_null(strstr(printed(arena, diagnostics), "error: here"));
    }
    free(source);
    arena_destroy(arena);
}

Test(output_file, appears_on_commit_only) {
    Arena *arena = arena_create();
    Diagnostics *diagnostics = diagnostics_create(arena);
    char folder[] = "/tmp/tfcc-test-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    const char *path = arena_format(arena, "%s/out.txt", folder);
    struct stat status;

    OutputFile *file = output_file_open(arena, diagnostics, path);
    cr_assert(output_file_write(file, "hello", 5));
    cr_assert_neq(stat(path, &status), 0);
    cr_assert(output_file_commit(file));
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_size, 5);

    file = output_file_open(arena, diagnostics, path);
    const char *temporary = output_file_temporary_path(file);
    cr_assert(output_file_write(file, "other", 5));
    output_file_abandon(file);
    cr_assert_neq(stat(temporary, &status), 0);

    /* finished, it waits under its temporary name, and can still be given up */
    file = output_file_open(arena, diagnostics, path);
    cr_assert(output_file_write(file, "third", 5));
    cr_assert(output_file_finish(file));
    cr_assert_eq(stat(output_file_temporary_path(file), &status), 0);
    output_file_abandon(file);
    cr_assert_neq(stat(output_file_temporary_path(file), &status), 0);
    cr_assert_not(output_file_commit(file));

    file = output_file_open(arena, diagnostics, path);
    output_file_unlink_all();
    cr_assert_neq(stat(output_file_temporary_path(file), &status), 0);
    cr_assert_not(output_file_commit(file)); /* its file is gone */
    cr_assert_eq(diagnostics_error_count(diagnostics), 1);

    cr_assert_null(output_file_open(arena, diagnostics, folder));
    cr_assert_null(output_file_open(arena, diagnostics, arena_format(arena, "%s/no/x", folder)));
    file = output_file_open(arena, diagnostics, "/dev/full");
    cr_assert_not_null(file);
    output_file_write(file, "x", 1);
    cr_assert_not(output_file_commit(file));
    cr_assert_eq(diagnostics_error_count(diagnostics), 4);
    cr_assert_not_null(strstr(printed(arena, diagnostics), "/dev/full"));
    unlink(path);
    cr_assert_eq(rmdir(folder), 0); /* nothing is left behind */
    arena_destroy(arena);
}

Test(dtype, table_is_consistent) {
    size_t count;
    const DtypeInfo *rows = dtype_table(&count);
    cr_assert_eq(count, 19);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(dtype_from_name(rows[i].name), rows[i].dtype);
        cr_assert_str_eq(dtype_name(rows[i].dtype), rows[i].name);
        cr_assert_eq(rows[i].size, (size_t)(rows[i].bits + 7) / 8);
        cr_assert_eq(rows[i].npy_descr[2], (char)('0' + rows[i].size));
        if (rows[i].safetensors_name)
            cr_assert_eq(dtype_from_safetensors_name(rows[i].safetensors_name), rows[i].dtype);
        cr_assert_eq(dtype_is_float(rows[i].dtype) + dtype_is_integer(rows[i].dtype) +
                         dtype_is_bool(rows[i].dtype),
                     1);
    }
    cr_assert_eq(dtype_from_name("half"), TFCC_FLOAT16);
    cr_assert_eq(dtype_from_name("float"), TFCC_FLOAT32);
    cr_assert_eq(dtype_from_name("double"), TFCC_FLOAT64);
    cr_assert_eq(dtype_from_name("string"), TFCC_NONE);
    cr_assert_null(dtype_info(TFCC_NONE));
    cr_assert_eq(dtype_size((tfcc_dtype)7), 0);
    cr_assert_str_eq(dtype_name((tfcc_dtype)99), "none");
    cr_assert_eq(dtype_info(TFCC_UINT64)->maximum, UINT64_MAX);
    cr_assert_eq(dtype_info(TFCC_INT4)->minimum, -8);
}

Test(half, every_float8_comes_back) {
    static const tfcc_dtype kinds[] = {TFCC_FLOAT8_E5M2, TFCC_FLOAT8_E4M3FN, TFCC_FLOAT8_E5M2FNUZ,
                                       TFCC_FLOAT8_E4M3FNUZ};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (uint32_t bits = 0; bits < 256; bits++) {
            float value = float8_to_float(kinds[k], (uint8_t)bits);
            uint8_t back = float_to_float8(kinds[k], value);
            cr_assert(back == bits || isnan(value), "%s %x", dtype_name(kinds[k]), bits);
            cr_assert(!isnan(value) || isnan(float8_to_float(kinds[k], back)));
        }
        float largest = (float)dtype_info(kinds[k])->largest;
        cr_assert_eq(float8_to_float(kinds[k], float_to_float8(kinds[k], largest)), largest);
        cr_assert_not(isfinite(float8_to_float(kinds[k], float_to_float8(kinds[k], 2 * largest))));
    }
    double above_half = 1 + 0x1p-4 + 0x1p-40; /* through a float it would be a tie */
    uint8_t bits;
    float_element_store(TFCC_FLOAT8_E4M3FN, &bits, above_half);
    cr_assert_eq(float_element_load(TFCC_FLOAT8_E4M3FN, &bits), 1.125);
}

Test(half, converts_every_value_and_rounds_to_even) {
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float value = float16_to_float((uint16_t)bits), wide = bfloat16_to_float((uint16_t)bits);
        if (isnan(value))
            cr_assert(isnan(float16_to_float(float_to_float16(value))));
        else
            cr_assert_eq(float_to_float16(value), bits);
        if (isnan(wide))
            cr_assert(isnan(bfloat16_to_float(float_to_bfloat16(wide))));
        else
            cr_assert_eq(float_to_bfloat16(wide), bits);
        /* Half way to the next finite number goes to the even one, anything beyond goes up. */
        if (bits < 0x7bff) {
            float next = float16_to_float((uint16_t)(bits + 1)), middle = (value + next) / 2;
            cr_assert_eq(float_to_float16(middle), bits + (bits & 1));
            cr_assert_eq(float_to_float16(nextafterf(middle, next)), bits + 1);
            cr_assert_eq(float_to_float16(nextafterf(middle, value)), bits);
        }
    }
    cr_assert_eq(float_to_float16(65519.0f), 0x7bff);
    cr_assert_eq(float_to_float16(65520.0f), 0x7c00);
    cr_assert_eq(float_to_float16(1e30f), 0x7c00);
    cr_assert_eq(float_to_bfloat16(3.4e38f), 0x7f80);
    cr_assert_eq(float_to_bfloat16(1.00390625f), 0x3f80);
    cr_assert_eq(float_to_bfloat16(1.01171875f), 0x3f82);
}
