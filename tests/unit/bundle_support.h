/* bundle_support.h: what the tests of checkpoints share: a folder of their own, the files that
 * TensorFlow made and what is in them, and checkpoints of one number. Each test is a program of its
 * own, so all of it is static. */
#ifndef TFCC_TESTS_BUNDLE_SUPPORT_H
#define TFCC_TESTS_BUNDLE_SUPPORT_H

#include "../../runtime/bundle_format.h"
#include "../../runtime/crc32c.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wunused-function"

/* ---- files ---- */

static char folder[64];

static void make_folder(void) {
    strcpy(folder, "/tmp/tfcc-bundle-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_below(const char *path) {
    char below[600];
    int count = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR) remove_below(below), rmdir(below);
        unlink(below);
        count++;
    }
    if (directory) closedir(directory);
    return count;
}

static void remove_folder(void) {
    remove_below(folder);
    rmdir(folder);
}

static int count_files(void) {
    int count = -2;
    DIR *directory = opendir(folder);
    while (readdir(directory)) count++;
    closedir(directory);
    return count;
}

static const char *in_folder(const char *name) {
    static char paths[4][500];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* The files that TensorFlow made. */
static const char *data_path(const char *name) {
    static char paths[4][1000];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], TFCC_TEST_FOLDER "/checkpoints/data/%s", name);
    return path;
}

static uint8_t *load(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    cr_assert_eq(fread(bytes, 1, *size, file), *size);
    bytes[*size] = '\0';
    fclose(file);
    return bytes;
}

static void store(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static bool same_files(const char *a, const char *b) {
    size_t a_size, b_size;
    uint8_t *a_bytes = load(a, &a_size), *b_bytes = load(b, &b_size);
    bool same = a_size == b_size && memcmp(a_bytes, b_bytes, a_size) == 0;
    free(a_bytes);
    free(b_bytes);
    return same;
}

/* ---- what a checkpoint should hold ---- */

typedef struct Expected {
    char name[200];
    tfcc_dtype dtype;
    int rank;
    int64_t shape[8];
    size_t size;
    uint8_t bytes[4096];
} Expected;

static tfcc_dtype dtype_named(const char *name) {
    for (int dtype = 1; dtype < 31; dtype++)
        if (!strcmp(tfcc_dtype_name((tfcc_dtype)dtype), name)) return (tfcc_dtype)dtype;
    return TFCC_NONE;
}

/* Reads one line of a description; see tests/checkpoints/generate.py. */
static bool next_expected(FILE *file, Expected *expected) {
    static char line[20000];
    char dtype[40];
    int used;
    if (!fgets(line, sizeof line, file)) return false;
    cr_assert_eq(sscanf(line, "%199s %39s %d%n", expected->name, dtype, &expected->rank, &used), 3);
    expected->dtype = dtype_named(dtype);
    char *at = line + used;
    for (int i = 0; i < expected->rank; i++) expected->shape[i] = strtoll(at, &at, 10);
    while (*at == ' ') at++;
    expected->size = 0;
    for (unsigned byte; sscanf(at, "%2x", &byte) == 1; at += 2)
        expected->bytes[expected->size++] = (uint8_t)byte;
    return true;
}

static FILE *open_expected(const char *name) {
    char file_name[100];
    snprintf(file_name, sizeof file_name, "%s.expect", name);
    FILE *file = fopen(data_path(file_name), "r");
    cr_assert_not_null(file, "%s", data_path(file_name));
    return file;
}

/* Describes a record; false for a slice. */
static bool describe_tensor(const BundleReader *reader, size_t index, BundleTensor *tensor) {
    tfcc_bundle_describe(reader, &reader->records[index], tensor);
    return tensor->name[0] != '\0';
}

static void expect_tensor(BundleReader *reader, const Expected *expected) {
    BundleTensor tensor;
    cr_assert_eq(tfcc_bundle_find(reader, expected->name, &tensor), TFCC_OK, "%s",
                 tfcc_message(NULL));
    cr_assert_eq(tensor.dtype, expected->dtype);
    cr_assert_eq(tensor.rank, expected->rank);
    cr_assert_eq(memcmp(tensor.shape, expected->shape, sizeof(int64_t) * (size_t)tensor.rank), 0);
    cr_assert_eq((size_t)tensor.size, expected->size);
    cr_assert_eq(tfcc_bundle_read(reader, &tensor, NULL), TFCC_OK, "%s", tfcc_message(NULL));
    uint8_t bytes[4096];
    cr_assert_eq(tfcc_bundle_read(reader, &tensor, bytes), TFCC_OK, "%s", tfcc_message(NULL));
    cr_assert_eq(memcmp(bytes, expected->bytes, expected->size), 0, "%s", expected->name);
}

/* Two tensors: `a` holds `value` in every element, `b` is larger. */
enum { ELEMENTS = 5000 };
static tfcc_status save_value(const char *prefix, int32_t value, bool fixed_name) {
    static int32_t numbers[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++) numbers[i] = value + i;
    BundleWriter writer;
    TFCC_TRY(tfcc_bundle_create(&writer, &tfcc_default_allocator, prefix, fixed_name));
    tfcc_status status = tfcc_bundle_add(&writer, "a", TFCC_INT32, 0, NULL, &value, 4);
    if (!status)
        status = tfcc_bundle_add(&writer, "b", TFCC_INT32, 1, (int64_t[]){ELEMENTS}, numbers,
                                 sizeof numbers);
    if (!status) status = tfcc_bundle_commit(&writer);
    if (status) {
        tfcc_bundle_finish(&writer);
        return status;
    }
    status =
        tfcc_bundle_write_state(&tfcc_default_allocator, "checkpoint", prefix, strlen(prefix) + 1);
    tfcc_bundle_finish(&writer);
    return status;
}

/* The value a checkpoint holds; -1 where there is none; it has to be whole. */
static int32_t read_value(const char *prefix) {
    static int32_t numbers[ELEMENTS];
    BundleReader reader;
    BundleTensor tensor;
    int32_t value;
    tfcc_status status = tfcc_bundle_open(&reader, &tfcc_default_allocator, prefix);
    if (status == TFCC_NOT_FOUND) return -1;
    cr_assert_eq(status, TFCC_OK, "%s", tfcc_message(NULL));
    cr_assert_eq(tfcc_bundle_find(&reader, "a", &tensor), TFCC_OK);
    cr_assert_eq(tfcc_bundle_read(&reader, &tensor, &value), TFCC_OK, "%s", tfcc_message(NULL));
    cr_assert_eq(tfcc_bundle_find(&reader, "b", &tensor), TFCC_OK);
    cr_assert_eq(tfcc_bundle_read(&reader, &tensor, numbers), TFCC_OK, "%s", tfcc_message(NULL));
    for (int i = 0; i < ELEMENTS; i++) cr_assert_eq(numbers[i], value + i);
    tfcc_bundle_close(&reader);
    return value;
}

#endif
