/* bundle_files.c: the file system, as checkpoints use it: every error counts, nothing is left
 * half-written. */
#include "bundle_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

tfcc_status tfcc_bundle_fail_errno(int error, const char *action, const char *path) {
    bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG || error == ENOMEM;
    bool is_denied = error == EACCES || error == EPERM;
    return tfcc_fail(is_full     ? TFCC_RESOURCE_EXHAUSTED
                     : is_denied ? TFCC_PERMISSION_DENIED
                                 : TFCC_UNAVAILABLE,
                     "cannot %s '%s': %s", action, path, strerror(error));
}

void tfcc_bundle_data_path(char *path, const char *prefix, int32_t shard, int32_t count) {
    sprintf(path, "%s.data-%05d-of-%05d", prefix, (int)shard, (int)count);
}

size_t tfcc_bundle_folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

tfcc_status tfcc_bundle_open_file(const char *path, int *descriptor, int64_t *size) {
    struct stat status;
    /* Not waiting for the other end of a pipe. */
    *descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*descriptor < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? tfcc_fail(TFCC_NOT_FOUND, "there is no file '%s'", path)
                   : tfcc_bundle_fail_errno(errno, "open", path);
    if (fstat(*descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
        *size = status.st_size;
        return TFCC_OK;
    }
    close(*descriptor);
    return tfcc_bundle_fail_errno(EINVAL, "read", path); /* a folder, a pipe */
}

bool tfcc_bundle_read_at(int descriptor, void *bytes, size_t size, int64_t offset) {
    for (char *at = bytes; size > 0;) {
        ssize_t count = pread(descriptor, at, size, offset);
        if (count < 0 && errno == EINTR) continue;
        if (count == 0) errno = 0;
        if (count <= 0) return false;
        at += count;
        offset += count;
        size -= (size_t)count;
    }
    return true;
}

tfcc_status tfcc_bundle_load_file(const tfcc_allocator *allocator, const char *path, size_t most,
                                  uint8_t **bytes, size_t *size) {
    int descriptor;
    int64_t length;
    TFCC_TRY(tfcc_bundle_open_file(path, &descriptor, &length));
    tfcc_status status = TFCC_RESOURCE_EXHAUSTED;
    *size = (size_t)length;
    if (*size > most) {
        status = tfcc_fail(TFCC_DATA_LOSS, "'%s' is larger than %zu bytes", path, most);
    } else if ((*bytes = tfcc_bundle_obtain(allocator, *size + 1))) {
        (*bytes)[*size] = 0;
        status = TFCC_OK;
        if (!tfcc_bundle_read_at(descriptor, *bytes, *size, 0)) {
            status = tfcc_bundle_fail_errno(errno ? errno : EIO, "read", path);
            tfcc_release(allocator, *bytes, *size + 1);
        }
    }
    close(descriptor);
    return status;
}

/* Makes changes in the folder of a file durable; 0 or an errno. File systems that cannot sync a
 * folder say EINVAL; one that may be written but not read cannot be opened. `path` becomes the
 * folder's. */
static int sync_folder(char *path) {
    strcpy(path + tfcc_bundle_folder_length(path), ".");
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = descriptor < 0 || fsync(descriptor) != 0 ? errno : 0;
    if (descriptor >= 0) close(descriptor);
    return error == EINVAL || error == EACCES ? 0 : error;
}

tfcc_status tfcc_bundle_make_folders(char *path) {
    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return tfcc_bundle_fail_errno(errno, "make folder", path);
        *slash = '/';
    }
    return TFCC_OK;
}

tfcc_status tfcc_bundle_create_temporary(char *temporary, const char *beside, int *descriptor) {
    size_t folder = tfcc_bundle_folder_length(beside);
    memcpy(temporary, beside, folder);
    for (unsigned attempt = 0;; attempt++) {
        sprintf(temporary + folder, ".tfcc-%x-%x.tmp", (unsigned)getpid(), attempt);
        *descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*descriptor >= 0) return TFCC_OK;
        if (errno == EEXIST) continue; /* another one's, or left by a crash */
        *temporary = '\0';
        return tfcc_bundle_fail_errno(errno, "make a file for", beside);
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

tfcc_status tfcc_bundle_publish(int descriptor, int error, char *temporary, const char *path) {
    if (!error && fsync(descriptor) != 0 && errno != EINVAL) error = errno;
    if (close(descriptor) != 0 && !error) error = errno;
    if (!error && rename(temporary, path) != 0) error = errno;
    if (error)
        unlink(temporary);
    else
        error = sync_folder(temporary);
    *temporary = '\0';
    return error ? tfcc_bundle_fail_errno(error, "write", path) : TFCC_OK;
}

tfcc_status tfcc_bundle_replace_file(char *temporary, const char *path, const void *bytes,
                                     size_t size) {
    int descriptor;
    TFCC_TRY(tfcc_bundle_create_temporary(temporary, path, &descriptor));
    int error = tfcc_bundle_write_all(descriptor, bytes, size);
    return tfcc_bundle_publish(descriptor, error, temporary, path);
}
