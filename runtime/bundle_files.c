/* bundle_files.c: the file system, as checkpoints use it: every error counts, nothing is left
 * half-written. */
#include "bundle_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

tfcc_status tfcc_fail_errno(const char *action, const char *path) {
    int error = errno;
    tfcc_status status = tfcc_fail(FILE_SYSTEM, action, path, strerror(error));
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM: return TFCC_RESOURCE_EXHAUSTED;
    case EACCES:
    case EPERM: return TFCC_PERMISSION_DENIED;
    default: return status;
    }
}

size_t tfcc_bundle_folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* ---- reading ---- */

tfcc_status tfcc_bundle_file_open(BundleFile *file) {
    struct stat status;
    /* Not waiting for the other end of a pipe. */
    file->descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file->descriptor < 0 && (errno == ENOENT || errno == ENOTDIR))
        return tfcc_fail(NO_FILE, file->path);
    if (file->descriptor < 0 || fstat(file->descriptor, &status) != 0)
        return tfcc_fail_errno("open", file->path);
    file->size = status.st_size;
    if (S_ISREG(status.st_mode)) return TFCC_OK;
    errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL; /* a pipe */
    return tfcc_fail_errno("read", file->path);
}

void tfcc_bundle_file_close(BundleFile *file) {
    if (file->descriptor >= 0) close(file->descriptor);
    file->descriptor = -1;
}

tfcc_status tfcc_bundle_file_read(const BundleFile *file, void *bytes, size_t size,
                                  int64_t offset) {
    if (file->bytes && size > 0) {
        memcpy(bytes, file->bytes + offset, size);
        return TFCC_OK;
    }
    for (char *at = bytes; size > 0;) {
        ssize_t count = pread(file->descriptor, at, size, offset);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return tfcc_fail_errno("read", file->path);
        if (count == 0) return tfcc_fail_in(file->path, NULL, MESSAGE_FILE_SHORT);
        at += count;
        offset += count;
        size -= (size_t)count;
    }
    return TFCC_OK;
}

tfcc_status tfcc_bundle_file_load(const BundleFile *file, BundleMemory *memory, uint8_t **bytes) {
    size_t size = (size_t)file->size;
    if (size > BUNDLE_INDEX_MOST) return tfcc_fail_in(file->path, NULL, MESSAGE_FILE_LARGE);
    *bytes = tfcc_bundle_obtain(memory, size + 1);
    if (!*bytes) return TFCC_RESOURCE_EXHAUSTED;
    (*bytes)[size] = 0;
    return tfcc_bundle_file_read(file, *bytes, size, 0);
}

/* ---- writing ---- */

tfcc_status tfcc_bundle_make_folders(char *path) {
    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) return tfcc_fail_errno("make folder", path);
        *slash = '/';
    }
    return TFCC_OK;
}

tfcc_status tfcc_bundle_output_create(BundleOutput *output) {
    char *temporary = output->temporary;
    char *name = stpncpy(temporary, output->path, tfcc_bundle_folder_length(output->path));
    for (unsigned attempt = 0;; attempt++) {
        sprintf(name, ".tfcc-%x-%x.tmp", (unsigned)getpid(), attempt);
        output->descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (output->descriptor >= 0) return TFCC_OK;
        if (errno != EEXIST) return tfcc_fail_errno("make a file for", output->path);
        /* another one's, or left by a crash */
    }
}

tfcc_status tfcc_bundle_output_write(const BundleOutput *output, const void *bytes, size_t size) {
    for (const char *at = bytes; size > 0;) {
        ssize_t count = write(output->descriptor, at, size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return tfcc_fail_errno("write", output->path);
        at += count;
        size -= (size_t)count;
    }
    return TFCC_OK;
}

/* File systems that cannot sync, as some cannot a folder, say EINVAL. */
static bool is_synced(int descriptor) {
    return fsync(descriptor) == 0 || errno == EINVAL;
}

tfcc_status tfcc_bundle_output_end(BundleOutput *output, tfcc_status status) {
    int descriptor = output->descriptor;
    char *temporary = output->temporary;
    output->descriptor = -1;
    if (descriptor < 0) return status;
    bool is_good = !status && is_synced(descriptor);
    if (close(descriptor) == 0 && is_good && rename(temporary, output->path) == 0) {
        /* The rename is to last, too. A folder that may be written but not read cannot be opened.
         */
        strcpy(temporary + tfcc_bundle_folder_length(temporary), ".");
        descriptor = open(temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        is_good = descriptor < 0 ? errno == EACCES : is_synced(descriptor);
        if (!is_good) status = tfcc_fail_errno("write", output->path);
        if (descriptor >= 0) close(descriptor);
        return status;
    }
    if (!status) status = tfcc_fail_errno("write", output->path);
    unlink(temporary);
    return status;
}

tfcc_status tfcc_bundle_output_all(BundleOutput *output, const BundleBuffer *content) {
    TFCC_TRY(tfcc_bundle_output_create(output));
    return tfcc_bundle_output_end(output,
                                  tfcc_bundle_output_write(output, content->bytes, content->size));
}

/* ---- data files ---- */

void tfcc_bundle_data_path(char *suffix, uint32_t shard, uint32_t count) {
    sprintf(suffix, ".data-%05u-of-%05u", (unsigned)shard, (unsigned)count);
}

void tfcc_bundle_remove_data(char *path, char *suffix, uint32_t count, uint32_t kept) {
    for (uint32_t shard = 0; shard < count; shard++) {
        tfcc_bundle_data_path(suffix, shard, count);
        if (shard != kept) unlink(path);
    }
}
