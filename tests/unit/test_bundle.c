/* test_bundle.c: TensorFlow's checkpoint files, read and written; the state file. */
#include "bundle_support.h"
#include <sys/stat.h>

static const char *const names[] = {"scalar",    "ranks",       "empty",   "dtypes", "names",
                                    "unordered", "partitioned", "sharded", "strings"};
enum { NAMES = sizeof names / sizeof names[0], WRITTEN_IN_ORDER = 5 };

static bool is_complex(const Expected *expected) {
    return expected->dtype == TFCC_NONE;
}

/* ---- reading ---- */

Test(crc32c, known_values_at_every_length) {
    uint8_t bytes[2000] = {0};
    cr_assert_eq(tfcc_crc32c(0, "123456789", 9), 0xe3069283);
    cr_assert_eq(tfcc_crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    cr_assert_eq(tfcc_crc32c(0, bytes, 32), 0x62a8ab43);
    cr_assert_eq(tfcc_crc32c_mask(0), 0xa282ead8);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 31 + i / 7);
    for (size_t size = 500; size < 600; size++) { /* the instruction and the table */
        uint32_t one = 0;
        for (size_t i = 0; i < size; i++) one = tfcc_crc32c(one, bytes + i, 1);
        cr_assert_eq(tfcc_crc32c(0, bytes, size), one);
        cr_assert_eq(tfcc_crc32c(tfcc_crc32c(0, bytes, 3), bytes + 3, size - 3), one);
    }
}

Test(bundle, reads_what_tensorflow_wrote) {
    for (int i = 0; i < NAMES; i++) {
        BundleReader reader;
        cr_assert_eq(tfcc_bundle_open(&reader, &tfcc_default_allocator, data_path(names[i])),
                     TFCC_OK, "%s", tfcc_message(NULL));
        FILE *file = open_expected(names[i]);
        size_t count = 0, described = 0;
        BundleTensor tensor;
        for (Expected expected; next_expected(file, &expected); count++)
            if (!is_complex(&expected)) expect_tensor(&reader, &expected);
        fclose(file);
        for (size_t k = 0; k < reader.record_count; k++)
            described += describe_tensor(&reader, k, &tensor);
        cr_assert_eq(described, count + (strcmp(names[i], "strings") == 0));
        cr_assert_eq(tfcc_bundle_find(&reader, "zz", &tensor), TFCC_NOT_FOUND);
        cr_assert_not_null(strstr(tfcc_message(NULL), "Key zz not found in checkpoint"));
        tfcc_bundle_close(&reader);
    }
}

Test(bundle, refuses_what_it_cannot_hold) {
    BundleReader reader;
    BundleTensor tensor;
    cr_assert_eq(tfcc_bundle_open(&reader, &tfcc_default_allocator, data_path("strings")), TFCC_OK);
    cr_assert_eq(tfcc_bundle_find(&reader, "text", &tensor), TFCC_OK);
    cr_assert_eq(tfcc_bundle_read(&reader, &tensor, NULL), TFCC_UNIMPLEMENTED);
    cr_assert_eq(tfcc_bundle_read(&reader, &tensor, NULL), TFCC_UNIMPLEMENTED);
    tfcc_bundle_close(&reader);
    cr_assert_eq(tfcc_bundle_open(&reader, &tfcc_default_allocator, "w/none"), TFCC_NOT_FOUND);
    cr_assert_not_null(
        strstr(tfcc_message(NULL), "The passed save_path is not a valid checkpoint: w/none"));
    make_folder();
    mkdir(in_folder("d.index"), 0777);
    cr_assert_eq(tfcc_bundle_open(&reader, &tfcc_default_allocator, in_folder("d")),
                 TFCC_UNAVAILABLE);
    cr_assert_not_null(strstr(tfcc_message(NULL), "d.index': Is a directory"));
    mkfifo(in_folder("f.index"), 0666);
    cr_assert_eq(tfcc_bundle_open(&reader, &tfcc_default_allocator, in_folder("f")),
                 TFCC_UNAVAILABLE);
    remove_folder();
}

/* ---- writing ---- */

static tfcc_status save_expected(const char *prefix, const char *description) {
    BundleWriter writer;
    TFCC_TRY(tfcc_bundle_create(&writer, &tfcc_default_allocator, prefix, false));
    FILE *file = open_expected(description);
    for (Expected e; next_expected(file, &e);) {
        tfcc_status status =
            tfcc_bundle_add(&writer, e.name, e.dtype, e.rank, e.shape, e.bytes, e.size);
        cr_assert_eq(status, TFCC_OK, "%s", tfcc_message(NULL));
    }
    fclose(file);
    tfcc_status status = tfcc_bundle_commit(&writer);
    if (status)
        tfcc_bundle_finish(&writer);
    else
        tfcc_bundle_finish(&writer);
    return status;
}

Test(bundle, first_save_is_byte_for_byte_tensorflows) {
    make_folder();
    char name[200];
    for (int i = 0; i < WRITTEN_IN_ORDER; i++) {
        const char *prefix = in_folder(names[i]);
        cr_assert_eq(save_expected(prefix, names[i]), TFCC_OK, "%s", tfcc_message(NULL));
        static const char *const suffixes[] = {"index", "data-00000-of-00001"};
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof name, "%s.%s", names[i], suffixes[k]);
            cr_assert(same_files(in_folder(name), data_path(name)), "%s", name);
        }
    }
    cr_assert_eq(count_files(), 2 * WRITTEN_IN_ORDER);
    remove_folder();
}

static uint32_t zip_crc(const uint8_t *bytes, size_t size) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static int compare_text(const void *a, const void *b) {
    return strcmp(a, b);
}

/* An index of two data blocks: the separator between them matters. */
Test(bundle, large_index_is_byte_for_byte_tensorflows) {
    make_folder();
    static char keys[5000][80];
    for (int i = 0; i < 5000; i++)
        snprintf(keys[i], sizeof keys[i], "block%05d/a_rather_long_name_for_a_variable/%d",
                 i * 7919 % 10007, i);
    qsort(keys, 5000, sizeof keys[0], compare_text);
    BundleWriter writer;
    const char *prefix = in_folder("many");
    tfcc_bundle_create(&writer, &tfcc_default_allocator, prefix, false);
    for (int i = 0; i < 5000; i++) {
        int32_t value = atoi(strrchr(keys[i], '/') + 1);
        cr_assert_eq(tfcc_bundle_add(&writer, keys[i], TFCC_INT32, 0, NULL, &value, 4), TFCC_OK);
    }
    cr_assert_eq(tfcc_bundle_add(&writer, "block", TFCC_INT32, 0, NULL, &writer, 4),
                 TFCC_INVALID_ARGUMENT); /* not in order */
    cr_assert_eq(tfcc_bundle_commit(&writer), TFCC_OK);
    tfcc_bundle_finish(&writer);
    size_t size, expected_size;
    unsigned expected_crc;
    uint8_t *index = load(in_folder("many.index"), &size);
    FILE *file = fopen(data_path("many.sum"), "r");
    cr_assert_eq(fscanf(file, "%zu %u", &expected_size, &expected_crc), 2);
    fclose(file);
    cr_assert_eq(size, expected_size);
    cr_assert_eq(zip_crc(index, size), expected_crc);
    free(index);
    BundleReader reader;
    cr_assert_eq(tfcc_bundle_open(&reader, &tfcc_default_allocator, prefix), TFCC_OK);
    cr_assert_eq(reader.record_count, 5000);
    for (int i = 0; i < 5000; i++) {
        BundleTensor tensor;
        int32_t value;
        cr_assert_eq(tfcc_bundle_find(&reader, keys[i], &tensor), TFCC_OK);
        cr_assert_eq(tfcc_bundle_read(&reader, &tensor, &value), TFCC_OK);
        cr_assert_eq(value, atoi(strrchr(keys[i], '/') + 1));
    }
    tfcc_bundle_close(&reader);
    remove_folder();
}

Test(bundle, data_files_alternate) {
    make_folder();
    char prefix[200], name[80];
    snprintf(prefix, sizeof prefix, "%s/deep/er/m.ckpt", folder); /* both folders are made */
    struct stat status;
    for (int save = 0; save < 5; save++) {
        cr_assert_eq(save_value(prefix, 10 * save, false), TFCC_OK, "%s", tfcc_message(NULL));
        cr_assert_eq(read_value(prefix), 10 * save);
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof name, "deep/er/m.ckpt.data-%05d-of-%05d", k, k + 1);
            cr_assert_eq(stat(in_folder(name), &status) == 0, k == save % 2);
        }
    }
    cr_assert_eq(save_value(prefix, 7, true), TFCC_OK);
    cr_assert_eq(save_value(prefix, 8, true), TFCC_OK);
    cr_assert_eq(stat(in_folder("deep/er/m.ckpt.data-00000-of-00001"), &status), 0);
    cr_assert_eq(read_value(prefix), 8);
    cr_assert_eq(tfcc_bundle_remove(&tfcc_default_allocator, prefix), TFCC_OK);
    cr_assert_eq(remove_below(in_folder("deep/er")), 1); /* the state file */
    remove_folder();
}

Test(bundle, impossible_prefixes) {
    make_folder();
    char prefix[400];
    cr_assert_eq(save_value("", 1, false), TFCC_INVALID_ARGUMENT);
    cr_assert_eq(save_value(in_folder("x/"), 1, false), TFCC_INVALID_ARGUMENT);
    snprintf(prefix, sizeof prefix, "%s/%0*d", folder, 300, 0);
    cr_assert_neq(save_value(prefix, 1, false), TFCC_OK);
    snprintf(prefix, sizeof prefix, "%s/%0*d", folder, 240, 0); /* too long with its suffix */
    cr_assert_neq(save_value(prefix, 1, false), TFCC_OK);
    cr_assert_eq(count_files(), 0);
    store(in_folder("file"), "x", 1);
    cr_assert_neq(save_value(in_folder("file/m"), 1, false), TFCC_OK);
    mkdir(in_folder("m.index"), 0777);
    cr_assert_neq(save_value(in_folder("m"), 1, false), TFCC_OK);
    cr_assert_eq(count_files(), 2); /* nothing was left behind */
    static const char *const odd[] = {"[g]*?", "a b", "\xff\xfe", "..x", "it's\"\\\n"};
    for (int i = 0; i < 5; i++) {
        snprintf(prefix, sizeof prefix, "%s/%s", folder, odd[i]);
        cr_assert_eq(save_value(prefix, i, false), TFCC_OK, "%s", tfcc_message(NULL));
        cr_assert_eq(read_value(prefix), i);
        char latest[400];
        cr_assert_eq(tfcc_bundle_latest(&tfcc_default_allocator, folder, "checkpoint", latest,
                                        sizeof latest),
                     TFCC_OK, "%s", tfcc_message(NULL));
        cr_assert_str_eq(latest, prefix);
    }
    remove_folder();
}

/* ---- the state file ---- */

static tfcc_status latest_of(const char *text, char *path, size_t size) {
    store(in_folder("checkpoint"), text, strlen(text));
    return tfcc_bundle_latest(&tfcc_default_allocator, folder, "checkpoint", path, size);
}

Test(bundle_state, is_written_as_tensorflow_does) {
    make_folder();
    char here[4096], list[1000];
    cr_assert_not_null(getcwd(here, sizeof here));
    cr_assert_eq(chdir(folder), 0);
    static const char escaped[] = "it's \"x\"\\\t\xc3\xa9-1\0it's \"x\"\\\t\xc3\xa9-2";
    cr_assert_eq(
        tfcc_bundle_write_state(&tfcc_default_allocator, "checkpoint", escaped, sizeof escaped),
        TFCC_OK);
    cr_assert(same_files("checkpoint", data_path("state_escaped/checkpoint")));
    static const char plain[] = "m.ckpt-1\0m.ckpt-2";
    tfcc_bundle_write_state(&tfcc_default_allocator, "other", plain, sizeof plain);
    cr_assert(same_files("other", data_path("state/checkpoint")));
    cr_assert_eq(chdir(here), 0);
    int length = snprintf(list, sizeof list, "/elsewhere/m%c%s/n", '\0', folder);
    tfcc_bundle_write_state(&tfcc_default_allocator, "checkpoint", list, (size_t)length + 1);
    size_t size;
    char *text = (char *)load(in_folder("checkpoint"), &size);
    cr_assert_not_null(strstr(text, in_folder("n")));
    cr_assert_null(strstr(text, "elsewhere"));
    free(text);
    remove_folder();
}

Test(bundle_state, is_read_with_care) {
    make_folder();
    char path[300], expected[300], absolute[400];
    cr_assert_eq(save_value(in_folder("m-2"), 1, false), TFCC_OK);
    snprintf(expected, sizeof expected, "%s/m-2", folder);
    snprintf(absolute, sizeof absolute, "model_checkpoint_path: \"%s\"", expected);
    const char *good[] = {
        "model_checkpoint_path: \"m-2\"\n",
        "all_model_checkpoint_paths: \"x\"\nmodel_checkpoint_path: \"m\\0552\"\n",
        "all_model_checkpoint_paths: \"model_checkpoint_path: \\\"x\"\nmodel_checkpoint_path: "
        "\"m-\\62\"",
        absolute,
    };
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(latest_of(good[i], path, sizeof path), TFCC_OK, "%s", tfcc_message(NULL));
        cr_assert_str_eq(path, expected);
        cr_assert_eq(latest_of(good[i], path, strlen(expected)), TFCC_INVALID_ARGUMENT);
        cr_assert_eq(latest_of(good[i], path, strlen(expected) + 1), TFCC_OK);
    }
    static const char *const bad[] = {
        "model_checkpoint_path: \"m", "model_checkpoint_path: \"\\q\"",
        "model_checkpoint_path: \"m\n\"", "model_checkpoint_path: \"a\\000b\"",
        "model_checkpoint_path: \"a\\"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(latest_of(bad[i], path, sizeof path), TFCC_DATA_LOSS, "%s", bad[i]);
    static const char *const none[] = {"", "\177ELF", "model_checkpoint_path: \"\"",
                                       "model_checkpoint_path: \"gone\"",
                                       "xmodel_checkpoint_path: \"m-2\""};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        cr_assert_eq(latest_of(none[i], path, sizeof path), TFCC_NOT_FOUND, "%s", none[i]);
    unlink(in_folder("checkpoint"));
    cr_assert_eq(
        tfcc_bundle_latest(&tfcc_default_allocator, folder, "checkpoint", path, sizeof path),
        TFCC_NOT_FOUND);
    remove_folder();
}
