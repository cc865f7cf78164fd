/* bundle_files.c: the file system, as checkpoints use it: every error counts, nothing is left
 * half-written. */
#include "bundle_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

tfcc_status tfcc_bundle_fail_errno(int error, const char *action, const char *path) {
    bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG || error == ENOMEM;
    tfcc_status status = is_full                             ? TFCC_RESOURCE_EXHAUSTED
                         : error == EACCES || error == EPERM ? TFCC_PERMISSION_DENIED
                                                             : TFCC_UNAVAILABLE;
    return tfcc_fail(status, "cannot %s '%s': %s", action, path, strerror(error));
}

void tfcc_bundle_data_path(char *path, const char *prefix, int32_t shard, int32_t count) {
    snprintf(path, strlen(prefix) + BUNDLE_SUFFIX_ROOM, "%s.data-%05d-of-%05d", prefix, (int)shard,
             (int)count);
}

size_t tfcc_bundle_folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static void identify(const struct stat *status, uint64_t identity[3]) {
    identity[0] = (uint64_t)status->st_dev;
    identity[1] = (uint64_t)status->st_ino;
    identity[2] =
        (uint64_t)status->st_mtim.tv_sec * 1000000000u + (uint64_t)status->st_mtim.tv_nsec;
}

bool tfcc_bundle_identify_file(const char *path, uint64_t identity[3]) {
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) return false;
    identify(&status, identity);
    return true;
}

/* Opens without waiting for the other end of a pipe. */
static tfcc_status open_regular(const char *path, int *descriptor, struct stat *status) {
    *descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int error = errno;
    if (*descriptor < 0 && (error == ENOENT || error == ENOTDIR))
        return tfcc_fail(TFCC_NOT_FOUND, "there is no file '%s'", path);
    if (*descriptor < 0) return tfcc_bundle_fail_errno(error, "open", path);
    if (fstat(*descriptor, status) == 0 && S_ISREG(status->st_mode)) return TFCC_OK;
    close(*descriptor);
    return tfcc_fail(TFCC_UNAVAILABLE, "'%s' is not a regular file", path);
}

tfcc_status tfcc_bundle_open_file(const char *path, int *descriptor, int64_t *size) {
    struct stat status;
    TFCC_TRY(open_regular(path, descriptor, &status));
    *size = status.st_size;
    return TFCC_OK;
}

bool tfcc_bundle_read_at(int descriptor, void *bytes, size_t size, int64_t offset) {
    for (char *at = bytes; size > 0;) {
        ssize_t count = pread(descriptor, at, size, offset);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            if (count == 0) errno = 0;
            return false;
        }
        at += count;
        offset += count;
        size -= (size_t)count;
    }
    return true;
}

tfcc_status tfcc_bundle_load_file(const tfcc_allocator *allocator, const char *path, size_t most,
                                  uint8_t **bytes, size_t *size, uint64_t identity[3]) {
    int descriptor;
    struct stat file;
    TFCC_TRY(open_regular(path, &descriptor, &file));
    tfcc_status status = TFCC_OK;
    *size = (size_t)file.st_size;
    *bytes = NULL;
    if (identity) identify(&file, identity);
    if (*size > most)
        status = tfcc_fail(TFCC_DATA_LOSS, "'%s' is larger than %zu bytes", path, most);
    else if (!(*bytes = tfcc_bundle_obtain(allocator, *size + 1)))
        status = TFCC_RESOURCE_EXHAUSTED;
    else if (!tfcc_bundle_read_at(descriptor, *bytes, *size, 0))
        status = tfcc_bundle_fail_errno(errno ? errno : EIO, "read", path);
    else
        (*bytes)[*size] = 0;
    if (status) tfcc_release(allocator, *bytes, *size + 1);
    close(descriptor);
    return status;
}

/* Makes changes in the folder of `path` durable; 0 or an errno. File systems that cannot sync a
 * folder say EINVAL. */
static int sync_folder(const char *path, char *room) {
    size_t length = tfcc_bundle_folder_length(path);
    memcpy(room, path, length);
    memcpy(room + length, ".", 2);
    int descriptor = open(room, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return errno == EACCES ? 0 : errno; /* may be written, not read */
    int error = fsync(descriptor) != 0 && errno != EINVAL && errno != EROFS ? errno : 0;
    close(descriptor);
    return error;
}

tfcc_status tfcc_bundle_make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int error = mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : errno;
        if (error) {
            tfcc_status status = tfcc_bundle_fail_errno(error, "make folder", path);
            *slash = '/';
            return status;
        }
        *slash = '/';
    }
    return TFCC_OK;
}

tfcc_status tfcc_bundle_create_temporary(char *temporary, const char *beside, int *descriptor) {
    size_t folder = tfcc_bundle_folder_length(beside);
    memcpy(temporary, beside, folder);
    for (int attempt = 0;; attempt++) {
        uint64_t number = (uint64_t)getpid() << 32 | (uint64_t)attempt;
        if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0) number ^= (uintptr_t)temporary;
        snprintf(temporary + folder, BUNDLE_SUFFIX_ROOM, ".tfcc-%016llx.tmp",
                 (unsigned long long)number);
        *descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*descriptor >= 0) return TFCC_OK;
        int error = errno;
        if (error == EEXIST && attempt < 100) continue;
        *temporary = '\0';
        return tfcc_bundle_fail_errno(error, "make a file for", beside);
    }
}

int tfcc_bundle_write_all(int descriptor, const void *bytes, size_t size) {
    for (const char *at = bytes; size > 0;) {
        ssize_t count = write(descriptor, at, size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return count < 0 ? errno : EIO;
        at += count;
        size -= (size_t)count;
    }
    return 0;
}

tfcc_status tfcc_bundle_publish(int descriptor, char *temporary, const char *path) {
    int error = fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
    if (close(descriptor) != 0 && !error) error = errno;
    if (!error && rename(temporary, path) != 0) error = errno;
    if (error)
        unlink(temporary);
    else
        error = sync_folder(path, temporary);
    *temporary = '\0';
    return error ? tfcc_bundle_fail_errno(error, "write", path) : TFCC_OK;
}

tfcc_status tfcc_bundle_replace_file(char *temporary, const char *path, const void *bytes,
                                     size_t size) {
    int descriptor;
    TFCC_TRY(tfcc_bundle_create_temporary(temporary, path, &descriptor));
    int error = tfcc_bundle_write_all(descriptor, bytes, size);
    if (!error) return tfcc_bundle_publish(descriptor, temporary, path);
    close(descriptor);
    unlink(temporary);
    *temporary = '\0';
    return tfcc_bundle_fail_errno(error, "write", path);
}
