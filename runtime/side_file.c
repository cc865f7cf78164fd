/* side_file.c: maps the constants of a model from a file, after comparing size and hash. */
#include "side_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t read_word(const unsigned char *at) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) word = word << 8 | at[i];
    return word;
}

static void mix(uint64_t lanes[4], const unsigned char *at) {
    for (int i = 0; i < 4; i++) {
        uint64_t lane = (lanes[i] ^ read_word(at + 8 * i)) * UINT64_C(0x9e3779b97f4a7c15);
        lanes[i] = lane << 29 | lane >> 35;
    }
}

void tfcc_side_hash(const void *data, uint64_t bytes, uint8_t hash[32]) {
    const unsigned char *at = data;
    uint64_t lanes[4];
    for (uint64_t i = 0; i < 4; i++) lanes[i] = bytes + i;
    uint64_t whole = bytes / 32 * 32;
    for (uint64_t i = 0; i < whole; i += 32) mix(lanes, at + i);
    if (whole < bytes) {
        unsigned char last[32] = {0};
        memcpy(last, at + whole, (size_t)(bytes - whole));
        mix(lanes, last);
    }
    for (int i = 0; i < 32; i++) hash[i] = (uint8_t)(lanes[i / 8] >> (8 * (i % 8)));
}

static tfcc_status file_error(const char *path, int error) {
    return tfcc_fail(error == ENOENT ? TFCC_NOT_FOUND : TFCC_UNAVAILABLE,
                     "cannot read the weights in '%s': %s", path, strerror(error));
}

static tfcc_status map_file(tfcc_session *session, const char *path, int file) {
    struct stat status;
    uint64_t bytes = session->model->side_bytes;
    if (fstat(file, &status) != 0) return file_error(path, errno);
    if ((uint64_t)status.st_size != bytes)
        return tfcc_fail(TFCC_DATA_LOSS,
                         "the weights in '%s' are %llu bytes; those of graph '%s' are %llu", path,
                         (unsigned long long)status.st_size, session->model->name,
                         (unsigned long long)bytes);
    if (bytes == 0) return TFCC_OK;
    void *data = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) return file_error(path, errno);
    session->side = data;
    session->side_bytes = (size_t)bytes;
    uint8_t hash[32];
    tfcc_side_hash(data, bytes, hash);
    if (memcmp(hash, session->model->side_hash, sizeof hash) != 0)
        return tfcc_fail(TFCC_DATA_LOSS,
                         "the weights in '%s' are not those that graph '%s' was compiled with",
                         path, session->model->name);
    return TFCC_OK;
}

tfcc_status tfcc_side_file_open(tfcc_session *session, const char *path) {
    if (session->model->side_file == NULL) return TFCC_OK;
    if (path == NULL) path = session->model->side_file;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return file_error(path, errno);
    tfcc_status status = map_file(session, path, file);
    close(file); /* the mapping stays */
    return status;
}

void tfcc_side_file_close(tfcc_session *session) {
    if (session->side != NULL) munmap((void *)(uintptr_t)session->side, session->side_bytes);
}
