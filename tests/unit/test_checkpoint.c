/* test_checkpoint.c: sessions to and from checkpoints: subsets, renaming, retention, memory, and
 * restores that fail and change nothing. */
#include "bundle_support.h"
#include <pthread.h>
#include <tfcc/abi.h>

#define expect_status(call, wanted, part)                                                          \
    do {                                                                                           \
        tfcc_status status_ = (call);                                                              \
        cr_assert_eq(status_, wanted, "%s: %s", tfcc_status_name(status_), tfcc_message(NULL));    \
        if (status_)                                                                               \
            cr_assert_not_null(strstr(tfcc_message(NULL), part), "%s", tfcc_message(NULL));        \
    } while (0)
#define expect_ok(call) expect_status(call, TFCC_OK, "")

/* A model of variables alone. */
static const tfcc_abi_variable variables[] = {
    {.name = "w", .dtype = TFCC_FLOAT32, .rank = 2, .shape = {2, 3}, .bytes = 24},
    {.name = "a", .dtype = TFCC_INT32, .rank = 0, .bytes = 4},
    {.name = "flags", .dtype = TFCC_BOOL, .rank = 1, .shape = {3}, .bytes = 3},
    {.name = "none", .dtype = TFCC_INT64, .rank = 2, .shape = {0, 3}, .bytes = 0},
};
static const tfcc_model model = {.abi_version = TFCC_ABI_VERSION,
                                 .struct_size = sizeof(tfcc_model),
                                 .name = "variables",
                                 .requires = "",
                                 .variables = variables,
                                 .variable_count = 4};

static tfcc_session *open_session(void) {
    tfcc_session *session;
    expect_ok(tfcc_session_open(&model, NULL, &session));
    return session;
}

static void set_values(tfcc_session *session, int32_t value) {
    float w[6];
    bool flags[3] = {value & 1, value & 2, value & 4};
    for (int i = 0; i < 6; i++) w[i] = (float)(value * 10 + i);
    tfcc_tensor tensors[] = {tfcc_array(TFCC_FLOAT32, w, variables[0].shape, 2), tfcc_int32(&value),
                             tfcc_array(TFCC_BOOL, flags, variables[2].shape, 1),
                             tfcc_array(TFCC_INT64, NULL, variables[3].shape, 2)};
    for (int i = 0; i < 4; i++)
        expect_ok(tfcc_variable_set(session, variables[i].name, &tensors[i]));
}

static int32_t get_scalar(tfcc_session *session) {
    int32_t value;
    tfcc_tensor tensor = tfcc_int32(&value);
    expect_ok(tfcc_variable_get(session, "a", &tensor));
    return value;
}

static void expect_values(tfcc_session *session, int32_t value) {
    float w[6] = {0};
    bool flags[3] = {false};
    tfcc_tensor tensor = tfcc_array(TFCC_FLOAT32, w, (int64_t[]){2, 3}, 2);
    expect_ok(tfcc_variable_get(session, "w", &tensor));
    for (int i = 0; i < 6; i++) cr_assert_eq(w[i], (float)(value * 10 + i));
    tensor = tfcc_array(TFCC_BOOL, flags, (int64_t[]){3}, 1);
    expect_ok(tfcc_variable_get(session, "flags", &tensor));
    cr_assert(flags[0] == !!(value & 1) && flags[1] == !!(value & 2) && flags[2] == !!(value & 4));
    cr_assert_eq(get_scalar(session), value);
}

Test(checkpoint, saves_and_restores) {
    make_folder();
    tfcc_session *session = open_session(), *other = open_session();
    const char *prefix = in_folder("model/m.ckpt");
    expect_status(tfcc_save(session, prefix), TFCC_FAILED_PRECONDITION, "uninitialized value");
    set_values(session, 5);
    expect_ok(tfcc_save(session, prefix));
    set_values(session, 6);
    expect_ok(tfcc_restore(other, prefix)); /* without tfcc_initialize */
    expect_values(other, 5);
    expect_ok(tfcc_save(session, prefix));
    expect_ok(tfcc_restore(other, prefix));
    expect_values(other, 6);
    char path[300];
    expect_ok(tfcc_latest_checkpoint(in_folder("model"), NULL, path, sizeof path));
    cr_assert_str_eq(path, prefix);
    expect_status(tfcc_latest_checkpoint(in_folder("model"), "other", path, sizeof path),
                  TFCC_NOT_FOUND, "there is no file");
    expect_status(tfcc_latest_checkpoint(in_folder("model"), NULL, path, 3), TFCC_INVALID_ARGUMENT,
                  "3 bytes");
    tfcc_session_close(session);
    tfcc_session_close(other);
    remove_folder();
}

static tfcc_save_options save_options(void) {
    return (tfcc_save_options){.size = sizeof(tfcc_save_options)};
}

Test(checkpoint, subsets_and_other_names) {
    make_folder();
    tfcc_session *session = open_session();
    set_values(session, 3);
    tfcc_save_options options = save_options();
    const char *some[] = {"w", "a"}, *keys[] = {"x/kernel", "x/bias"};
    options.variables = some;
    options.keys = keys;
    options.variable_count = 2;
    const char *prefix = in_folder("sub");
    expect_ok(tfcc_save_with(session, prefix, &options));
    BundleReader reader;
    expect_ok(tfcc_bundle_open(&reader, &tfcc_default_allocator, prefix));
    cr_assert_eq(reader.record_count, 2);
    tfcc_bundle_close(&reader);
    set_values(session, 4);
    expect_status(tfcc_restore(session, prefix), TFCC_NOT_FOUND, "Key a not found in checkpoint");
    tfcc_restore_options restore = {sizeof restore, some, 2, keys};
    expect_ok(tfcc_restore_with(session, prefix, &restore));
    cr_assert_eq(get_scalar(session), 3);

    const char *twice[] = {"w", "w"}, *unknown[] = {"w", "zz"}, *null[] = {"w", NULL};
    options.variables = twice;
    expect_status(tfcc_save_with(session, prefix, &options), TFCC_INVALID_ARGUMENT, "twice");
    options.variables = unknown;
    expect_status(tfcc_save_with(session, prefix, &options), TFCC_NOT_FOUND, "'zz'");
    options.variables = null;
    expect_status(tfcc_save_with(session, prefix, &options), TFCC_INVALID_ARGUMENT, "NULL");
    options.variables = some;
    options.keys = twice;
    expect_status(tfcc_save_with(session, prefix, &options), TFCC_INVALID_ARGUMENT, "'w'");
    options.variable_count = 0;
    expect_status(tfcc_save_with(session, prefix, &options), TFCC_INVALID_ARGUMENT, "empty");
    options.size = 3;
    expect_status(tfcc_save_with(session, prefix, &options), TFCC_INVALID_ARGUMENT, "size");
    restore.variables = twice;
    expect_status(tfcc_restore_with(session, prefix, &restore), TFCC_INVALID_ARGUMENT, "twice");
    expect_status(tfcc_save(NULL, prefix), TFCC_INVALID_ARGUMENT, "NULL");
    expect_status(tfcc_save(session, NULL), TFCC_INVALID_ARGUMENT, "NULL");
    expect_status(tfcc_restore(session, NULL), TFCC_INVALID_ARGUMENT, "NULL");
    expect_status(tfcc_save(session, ""), TFCC_INVALID_ARGUMENT, "no name");
    expect_status(tfcc_save(session, in_folder("x/")), TFCC_INVALID_ARGUMENT, "no name");
    expect_status(tfcc_save(session, in_folder("checkpoint")), TFCC_INVALID_ARGUMENT, "state file");
    tfcc_session_close(session);
    remove_folder();
}

Test(checkpoint, older_ones_are_removed) {
    make_folder();
    tfcc_session *session = open_session();
    struct stat status;
    char path[300], name[60];
    tfcc_save_options options = save_options();
    int64_t step;
    options.global_step = &step;
    options.max_to_keep = 3;
    options.path = path;
    options.path_size = sizeof path;
    for (step = 0; step < 6; step++) {
        set_values(session, (int32_t)step);
        expect_ok(tfcc_save_with(session, in_folder("m"), &options));
        snprintf(name, sizeof name, "m-%d", (int)step);
        cr_assert_str_eq(path, in_folder(name));
        for (int k = 0; k <= step; k++) {
            snprintf(name, sizeof name, "m-%d.index", k);
            cr_assert_eq(stat(in_folder(name), &status) == 0, k > step - 3, "%s", name);
        }
    }
    cr_assert_eq(count_files(), 3 * 2 + 1);
    options.global_step = NULL; /* the same prefix again takes one place only */
    for (int i = 0; i < 3; i++) expect_ok(tfcc_save_with(session, in_folder("n"), &options));
    cr_assert_eq(count_files(), 3 * 2 + 1);
    char latest[300];
    expect_ok(tfcc_latest_checkpoint(folder, NULL, latest, sizeof latest));
    cr_assert_str_eq(latest, in_folder("n"));
    size_t size;
    char *text = (char *)load(in_folder("checkpoint"), &size);
    const char *first = strstr(text, "\nall_"), *second = strstr(first + 1, "\nall_");
    cr_assert_not_null(strstr(first, "/m-4\""));
    cr_assert_not_null(strstr(second, "/m-5\""));
    free(text);
    options.max_to_keep = 1; /* one is removed at a time */
    expect_ok(tfcc_save_with(session, in_folder("n"), &options));
    cr_assert_eq(count_files(), 2 * 2 + 1);
    options.max_to_keep = -1;
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "all%d", i);
        expect_ok(tfcc_save_with(session, in_folder(name), &options));
    }
    cr_assert_eq(count_files(), 2 * 2 + 1 + 8 * 2);
    options.state_file = "";
    expect_ok(tfcc_save_with(session, in_folder("quiet"), &options));
    expect_ok(tfcc_latest_checkpoint(folder, NULL, latest, sizeof latest));
    cr_assert_str_eq(latest, in_folder("all7"));
    options.path_size = 4;
    expect_status(tfcc_save_with(session, in_folder("all0"), &options), TFCC_INVALID_ARGUMENT,
                  "fit");
    options.path = NULL;
    options.state_file = "a/b";
    expect_status(tfcc_save_with(session, in_folder("all0"), &options), TFCC_INVALID_ARGUMENT,
                  "slash");
    tfcc_session_close(session);
    remove_folder();
}

/* ---- restores that fail ---- */

/* Saves tensors `w` and `a` that may differ from the model's, beside the right others. */
static void save_other(const char *prefix, uint32_t dtype, int32_t rank, const int64_t *shape,
                       size_t size) {
    BundleWriter writer;
    char bytes[100] = {0};
    int32_t value = 99;
    expect_ok(tfcc_bundle_create(&writer, &tfcc_default_allocator, prefix, false));
    expect_ok(tfcc_bundle_add(&writer, "a", TFCC_INT32, 0, NULL, &value, 4));
    expect_ok(tfcc_bundle_add(&writer, "flags", TFCC_BOOL, 1, (int64_t[]){3}, "\2\0\xff", 3));
    expect_ok(tfcc_bundle_add(&writer, "none", TFCC_INT64, 2, (int64_t[]){0, 3}, NULL, 0));
    if (rank >= 0) expect_ok(tfcc_bundle_add(&writer, "w", dtype, rank, shape, bytes, size));
    expect_ok(tfcc_bundle_commit(&writer));
    tfcc_bundle_finish(&writer);
}

Test(checkpoint, a_restore_that_fails_changes_nothing) {
    make_folder();
    tfcc_session *session = open_session();
    set_values(session, 1);
    const char *prefix = in_folder("m");
    save_other(prefix, TFCC_FLOAT64, 2, (int64_t[]){2, 3}, 48);
    expect_status(tfcc_restore(session, prefix), TFCC_INVALID_ARGUMENT,
                  "tensor_name = w; expected dtype float32 does not equal original dtype float64");
    save_other(prefix, TFCC_FLOAT32, 2, (int64_t[]){3, 2}, 24);
    expect_status(tfcc_restore(session, prefix), TFCC_INVALID_ARGUMENT,
                  "lhs shape= [2, 3] rhs shape= [3, 2]");
    cr_assert_not_null(strstr(tfcc_message(NULL), prefix));
    save_other(prefix, TFCC_FLOAT32, 1, (int64_t[]){6}, 24);
    expect_status(tfcc_restore(session, prefix), TFCC_INVALID_ARGUMENT, "rhs shape= [6]");
    save_other(prefix, 0, -1, NULL, 0);
    expect_status(tfcc_restore(session, prefix), TFCC_NOT_FOUND, "Key w not found");
    expect_status(tfcc_restore(session, in_folder("gone")), TFCC_NOT_FOUND,
                  "not a valid checkpoint");

    remove_below(folder);
    expect_ok(tfcc_save(session, prefix)); /* a, flags, none, w: the data has 31 bytes */
    size_t size;
    const char *data = in_folder("m.data-00000-of-00001");
    uint8_t *bytes = load(data, &size);
    cr_assert_eq(size, 31);
    set_values(session, 2);
    store(data, bytes, size - 1);
    expect_status(tfcc_restore(session, prefix), TFCC_OUT_OF_RANGE,
                  "tensor 'w': Read less bytes than requested");
    bytes[30] ^= 1;
    store(data, bytes, size);
    expect_status(tfcc_restore(session, prefix), TFCC_DATA_LOSS,
                  "tensor 'w': Checksum does not match");
    cr_assert_not_null(strstr(tfcc_message(NULL), data));
    unlink(data);
    expect_status(tfcc_restore(session, prefix), TFCC_NOT_FOUND, data);
    store(in_folder("m.index"), "short", 5);
    expect_status(tfcc_restore(session, prefix), TFCC_DATA_LOSS, "too short to be an sstable");
    expect_values(session, 2);
    save_other(prefix, TFCC_FLOAT32, 2, (int64_t[]){2, 3}, 24); /* odd bytes of bools become 1 */
    expect_ok(tfcc_restore(session, prefix));
    uint8_t flags[3];
    tfcc_tensor tensor = tfcc_array(TFCC_BOOL, flags, (int64_t[]){3}, 1);
    expect_ok(tfcc_variable_get(session, "flags", &tensor));
    cr_assert_eq(memcmp(flags, "\1\0\1", 3), 0);
    free(bytes);
    tfcc_session_close(session);
    remove_folder();
}

/* ---- memory ---- */

Test(checkpoint, in_memory_as_in_files) {
    make_folder();
    tfcc_session *session = open_session();
    tfcc_saved saved;
    expect_status(tfcc_save_memory(session, NULL, &saved), TFCC_FAILED_PRECONDITION,
                  "uninitialized");
    cr_assert_null(saved.data);
    set_values(session, 7);
    expect_ok(tfcc_save_memory(session, NULL, &saved));
    expect_ok(tfcc_save(session, in_folder("m")));
    store(in_folder("index"), saved.index, saved.index_size);
    store(in_folder("data"), saved.data, saved.data_size);
    cr_assert(same_files(in_folder("index"), in_folder("m.index")));
    cr_assert(same_files(in_folder("data"), in_folder("m.data-00000-of-00001")));
    set_values(session, 8);
    tfcc_bytes index = {saved.index, saved.index_size}, data = {saved.data, saved.data_size};
    expect_ok(tfcc_restore_memory(session, index, &data, 1, NULL));
    expect_values(session, 7);
    expect_status(tfcc_restore_memory(session, index, NULL, 0, NULL), TFCC_OUT_OF_RANGE,
                  "Read less");
    expect_status(tfcc_restore_memory(session, (tfcc_bytes){0}, NULL, 0, NULL),
                  TFCC_INVALID_ARGUMENT, "NULL");
    expect_values(session, 7);
    tfcc_session_close(session);
    tfcc_saved_free(&saved); /* after the session */
    cr_assert_null(saved.index);
    tfcc_saved_free(&saved);
    tfcc_saved_free(NULL);
    remove_folder();
}

/* ---- memory that runs out ---- */

typedef struct Limit {
    size_t left, balance;
} Limit;

static void *limited_allocate(void *context, size_t size, size_t alignment) {
    Limit *limit = context;
    (void)alignment;
    if (limit->left-- == 0) {
        limit->left = 0;
        return NULL;
    }
    limit->balance += size;
    return aligned_alloc(64, (size + 63) / 64 * 64);
}

static void limited_release(void *context, void *block, size_t size) {
    ((Limit *)context)->balance -= size;
    free(block);
}

Test(checkpoint, without_memory_nothing_changes) {
    make_folder();
    Limit limit = {SIZE_MAX, 0};
    tfcc_options options = {.size = sizeof options,
                            .allocator = {limited_allocate, limited_release, &limit}};
    tfcc_session *session;
    expect_ok(tfcc_session_open(&model, &options, &session));
    set_values(session, 1);
    const char *prefix = in_folder("m");
    expect_ok(tfcc_save(session, prefix));
    for (int what = 0; what < 3; what++)
        for (size_t count = 0;; count++) {
            set_values(session, 2);
            limit.left = count;
            tfcc_saved saved = {0};
            tfcc_status status = what == 0   ? tfcc_restore(session, prefix)
                                 : what == 1 ? tfcc_save_memory(session, NULL, &saved)
                                             : tfcc_save(session, prefix);
            limit.left = SIZE_MAX;
            tfcc_saved_free(&saved);
            if (!status) break;
            cr_assert_eq(status, TFCC_RESOURCE_EXHAUSTED);
            expect_values(session, 2);
            cr_assert_lt(count, 100);
        }
    expect_ok(tfcc_restore(session, prefix));
    expect_values(session, 2);
    tfcc_session_close(session);
    cr_assert_eq(limit.balance, 0);
    remove_folder();
}

/* ---- threads ---- */

static char shared_prefix[200];

static void *save_often(void *argument) {
    tfcc_session *session = argument;
    for (int i = 0; i < 40; i++)
        if (tfcc_save(session, shared_prefix)) return "save";
    return NULL;
}

static void *set_often(void *argument) {
    for (int i = 0; i < 400; i++) set_values(argument, i);
    return NULL;
}

Test(checkpoint, saves_from_several_threads) {
    make_folder();
    tfcc_session *session = open_session();
    set_values(session, 1);
    pthread_t threads[3];
    void *results[3];
    strcpy(shared_prefix, in_folder("m"));
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, i < 2 ? save_often : set_often, session);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], &results[i]);
    cr_assert_null(results[0]);
    cr_assert_null(results[1]);
    expect_ok(tfcc_restore(session, shared_prefix));
    cr_assert_eq(count_files(), 3);
    tfcc_session_close(session);
    remove_folder();
}
