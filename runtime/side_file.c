/* side_file.c: maps the constants of a model from a file, after comparing size and checksum. */
#include "bundle_format.h"
#include "crc32c.h"

#include <sys/mman.h>

static tfcc_status map_file(tfcc_session *session, const BundleFile *file) {
    const tfcc_model *model = session->model;
    if ((uint64_t)file->size == model->side_bytes) {
        void *data = mmap(NULL, (size_t)file->size, PROT_READ, MAP_PRIVATE, file->descriptor, 0);
        if (data == MAP_FAILED) return tfcc_fail_errno("map", file->path);
        session->side = data;
        if (tfcc_crc32c(0, data, (size_t)file->size) == model->side_checksum) return TFCC_OK;
    }
    return tfcc_fail(SIDE_FILE, file->path, (long long)file->size, model->name,
                     (long long)model->side_bytes);
}

tfcc_status tfcc_side_file_open(tfcc_session *session, const char *path) {
    if (session->model->side_file == NULL) return TFCC_OK;
    if (path == NULL) path = session->model->side_file;
    BundleFile file = {.path = (char *)(uintptr_t)path};
    tfcc_status status = tfcc_bundle_file_open(&file);
    if (status == TFCC_OK) status = map_file(session, &file);
    tfcc_bundle_file_close(&file); /* the mapping stays */
    return status;
}

void tfcc_side_file_close(const tfcc_session *session) {
    if (session->side != NULL)
        munmap((void *)(uintptr_t)session->side, (size_t)session->model->side_bytes);
}
