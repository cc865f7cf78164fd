/* test_bundle_crash.c: saves that crash or fail at any of their calls leave the old checkpoint or
 * the new one. */
#include "bundle_support.h"
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- calls of the system, counted, and failing or ending the process at a chosen one ---- */

static int calls_until_event = -1; /* -1: no event */
static bool event_is_failure;      /* else the process ends */

static bool call_fails(int error) {
    if (calls_until_event < 0 || calls_until_event-- > 0) return false;
    if (!event_is_failure) _exit(77);
    errno = error;
    return true;
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
    return call_fails(ENOSPC) ? -1 : syscall(SYS_write, descriptor, bytes, size);
}

int fsync(int descriptor) {
    (void)descriptor;
    return call_fails(EIO) ? -1 : 0; /* a process that ends loses nothing that was written */
}

int rename(const char *from, const char *to) {
    return call_fails(EIO) ? -1 : (int)syscall(SYS_rename, from, to);
}

int unlink(const char *path) {
    return call_fails(EIO) ? -1 : (int)syscall(SYS_unlink, path);
}

int mkdir(const char *path, mode_t mode) {
    return call_fails(ENOSPC) ? -1 : (int)syscall(SYS_mkdir, path, mode);
}

int close(int descriptor) {
    bool fails = call_fails(EIO);
    int result = (int)syscall(SYS_close, descriptor);
    if (fails) errno = EIO;
    return fails ? -1 : result;
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return call_fails(EMFILE) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* Runs a save in a process of its own, with an event at call `event`. Gives its exit status: 77 for
 * a crash, else the tfcc_status. */
static int save_in_child(const char *prefix, int32_t value, int event, bool is_failure) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        event_is_failure = is_failure;
        calls_until_event = event;
        tfcc_status status = save_value(prefix, value, false);
        _exit(calls_until_event < 0 || event < 0 ? 100 + (int)status : (int)status);
    }
    int result;
    waitpid(child, &result, 0);
    cr_assert(WIFEXITED(result));
    return WEXITSTATUS(result);
}

/* After `history` saves, one more that ends, or fails, at each of its calls: the old checkpoint is
 * there, or the new one. */
static void stop_at_every_call(int history, bool is_failure) {
    int news = 0, olds = 0;
    for (int event = 0;; event++) {
        make_folder();
        const char *prefix = in_folder("model/m.ckpt");
        for (int i = 0; i < history; i++) cr_assert_eq(save_value(prefix, i * 10, false), TFCC_OK);
        int old = history == 0 ? -1 : 10 * (history - 1);
        int result = save_in_child(prefix, 1000, event, is_failure);
        int32_t value = read_value(prefix);
        cr_assert(value == old || value == 1000, "call %d left %d", event, value);
        *(value == 1000 ? &news : &olds) += 1;
        if (result == 100)
            cr_assert_eq(value, 1000); /* a failure that does not matter: unlink, close */
        /* Whatever was left over, the next save works, and leaves nothing but its own files. */
        cr_assert_eq(save_value(prefix, 2000, false), TFCC_OK, "%s", tfcc_message(NULL));
        cr_assert_eq(read_value(prefix), 2000);
        remove_folder();
        if (result == 0) break; /* the event was not reached */
        cr_assert_lt(event, 100);
    }
    cr_assert_geq(news, 2);
    cr_assert_geq(olds, 8);
}

Test(bundle_crash, first_save) {
    stop_at_every_call(0, false);
}
Test(bundle_crash, second_save) {
    stop_at_every_call(1, false);
}
Test(bundle_crash, third_save) {
    stop_at_every_call(2, false);
}
Test(bundle_failure, first_save) {
    stop_at_every_call(0, true);
}
Test(bundle_failure, second_save) {
    stop_at_every_call(1, true);
}

Test(bundle_failure, disk_full) {
    make_folder();
    const char *prefix = in_folder("m");
    cr_assert_eq(save_value(prefix, 5, false), TFCC_OK);
    int files = count_files();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
        tfcc_status status = save_value(prefix, 6, false);
        bool names_file = strstr(tfcc_message(NULL), prefix) != NULL;
        _exit(names_file ? (int)status : 99);
    }
    int result;
    waitpid(child, &result, 0);
    cr_assert_eq(WEXITSTATUS(result), TFCC_RESOURCE_EXHAUSTED);
    cr_assert_eq(read_value(prefix), 5);
    cr_assert_eq(count_files(), files);
    remove_folder();
}

static size_t allocations_left;
static size_t allocated;

static void *limited_allocate(void *context, size_t size, size_t alignment) {
    (void)context, (void)alignment;
    if (allocations_left-- == 0) {
        allocations_left = 0;
        return NULL;
    }
    allocated += size;
    return malloc(size);
}

static void limited_release(void *context, void *block, size_t size) {
    (void)context;
    allocated -= size;
    free(block);
}

Test(bundle_failure, no_memory) {
    const tfcc_allocator allocator = {limited_allocate, limited_release, NULL};
    make_folder();
    const char *prefix = in_folder("m");
    for (size_t limit = 0;; limit++) {
        allocations_left = limit;
        BundleWriter writer;
        tfcc_status status = tfcc_bundle_create(&writer, &allocator, prefix, false);
        if (!status) {
            status = tfcc_bundle_add(&writer, "a", TFCC_INT32, 0, NULL, &limit, 4);
            if (!status) status = tfcc_bundle_commit(&writer);
            tfcc_bundle_finish(&writer);
        }
        cr_assert_eq(allocated, 0);
        if (!status) break;
        cr_assert_eq(status, TFCC_RESOURCE_EXHAUSTED);
        cr_assert_eq(count_files(), 0);
    }
    static const char *const read[] = {"partitioned", "names"};
    for (int i = 0; i < 2; i++)
        for (size_t limit = 0;; limit++) {
            allocations_left = limit;
            BundleReader reader;
            BundleTensor tensor;
            uint8_t bytes[8192];
            tfcc_status status = tfcc_bundle_open(&reader, &allocator, data_path(read[i]));
            if (!status) {
                status = tfcc_bundle_find(&reader, i ? "model/layer_000/bias" : "rows", &tensor);
                if (!status) status = tfcc_bundle_read(&reader, &tensor, bytes);
                tfcc_bundle_close(&reader);
            }
            cr_assert_eq(allocated, 0);
            if (!status) break;
            cr_assert_eq(status, TFCC_RESOURCE_EXHAUSTED);
        }
    remove_folder();
}
