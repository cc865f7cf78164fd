/* bundle_state.c: the file `checkpoint` of a folder, and removing checkpoints.
 *
 * The file is a protocol buffer in text form, one field a line:
 *
 *     model_checkpoint_path: "model.ckpt-2"
 *     all_model_checkpoint_paths: "model.ckpt-1"
 *     all_model_checkpoint_paths: "model.ckpt-2"
 *
 * Paths that were relative when they were saved are relative to the folder.
 */
#include "bundle_format.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char newest_field[] = "model_checkpoint_path: \"";

/* Escaped bytes, each with its letter. */
static const char escapes[] = "\"\"\\\\''\nn\rr\tt";

/* ---- writing ---- */

TFCC_INLINE void append_text(BundleBuffer *buffer, const char *text) {
    tfcc_bundle_append(buffer, text, strlen(text));
}

static void append_path(BundleBuffer *text, const char *field, const char *prefix) {
    if (*prefix != '/') prefix += tfcc_bundle_folder_length(prefix);
    append_text(text, field);
    for (; *prefix; prefix++) {
        char escaped[5];
        unsigned char byte = (unsigned char)*prefix;
        const char *pair = escapes;
        while (*pair && *pair != *prefix) pair += 2;
        const char *format = *pair ? "\\%c" : byte < 32 || byte == 127 ? "\\%03o" : "%c";
        sprintf(escaped, format, *pair ? pair[1] : byte);
        append_text(text, escaped);
    }
    append_text(text, "\"\n");
}

tfcc_status tfcc_bundle_write_state(const tfcc_allocator *allocator, const char *name,
                                    const char *prefixes, size_t size) {
    BundleMemory memory = {.allocator = allocator};
    BundleBuffer text = {.memory = &memory};
    const char *end = prefixes + size, *newest = prefixes;
    for (const char *p = prefixes; p < end; p += strlen(p) + 1) newest = p;
    size_t folder = tfcc_bundle_folder_length(newest);
    append_path(&text, newest_field, newest);
    for (const char *p = prefixes; p < end; p += strlen(p) + 1)
        if (tfcc_bundle_folder_length(p) == folder && memcmp(p, newest, folder) == 0)
            append_path(&text, "all_model_checkpoint_paths: \"", p);

    BundleOutput output = {.path = tfcc_bundle_path(&memory, newest, name),
                           .temporary = tfcc_bundle_path(&memory, newest, name)};
    tfcc_status status = memory.status;
    if (!status) {
        strcpy(output.path + folder, name);
        status = tfcc_bundle_output_all(&output, &text);
    }
    tfcc_bundle_release(&memory, NULL);
    return status;
}

/* ---- reading ---- */

/* Decodes the string behind its quote in place, NUL-terminated; false where it is damaged. */
static bool decode_string(char *at) {
    for (char *to = at;; to++) {
        *to = *at++;
        if (*to == '"') {
            *to = '\0';
            return true;
        }
        if (*to == '\\') {
            int value = 0, digits = 0;
            const char *pair = escapes;
            while (*pair && pair[1] != *at) pair += 2;
            for (; digits < 3 && *at >= '0' && *at <= '7'; digits++)
                value = value * 8 + *at++ - '0';
            *to = digits ? (char)value : *pair; /* NUL where it is no escape */
            if (!digits) at++;
        } else if (*to == '\n') {
            return false;
        }
        if (*to == '\0') return false;
    }
}

/* Stores the newest checkpoint of a state file, whose folder it is relative to, in `path`. */
TFCC_INLINE tfcc_status find_newest(BundleMemory *memory, BundleFile *file, char *path,
                                    size_t path_size) {
    int folder = (int)tfcc_bundle_folder_length(file->path);
    uint8_t *text;
    TFCC_TRY(tfcc_bundle_file_open(file));
    TFCC_TRY(tfcc_bundle_file_load(file, memory, &text));
    char *string = (char *)text;
    const size_t length = sizeof newest_field - 1;
    for (; strncmp(string, newest_field, length) != 0; string++)
        if (!(string = strchr(string, '\n')))
            return tfcc_fail_in(file->path, NULL, MESSAGE_STATE_EMPTY);
    string += length;
    if (*string == '"') return tfcc_fail_in(file->path, NULL, MESSAGE_STATE_EMPTY);
    if (!decode_string(string)) return tfcc_fail_in(file->path, NULL, MESSAGE_STATE_DAMAGED);
    if (*string == '/') folder = 0;
    if ((size_t)snprintf(path, path_size, "%.*s%s", folder, file->path, string) >= path_size)
        return tfcc_fail(PATH_ROOM, file->path, path_size);
    BundleReader reader;
    TFCC_TRY(tfcc_bundle_open(&reader, memory->allocator, path));
    tfcc_bundle_close(&reader);
    return TFCC_OK;
}

tfcc_status tfcc_bundle_latest(const tfcc_allocator *allocator, const char *folder,
                               const char *name, char *path, size_t path_size) {
    BundleMemory memory = {.allocator = allocator};
    BundleFile file = {.path = tfcc_bundle_path(&memory, folder, name), .descriptor = -1};
    tfcc_status status = memory.status;
    if (!status) {
        sprintf(file.path, "%s%s%s", folder, *folder ? "/" : "", name);
        status = find_newest(&memory, &file, path, path_size);
    }
    tfcc_bundle_file_close(&file);
    tfcc_bundle_release(&memory, NULL);
    return status;
}

/* ---- removing ---- */

tfcc_status tfcc_bundle_remove(const tfcc_allocator *allocator, const char *prefix) {
    BundleReader reader;
    TFCC_TRY(tfcc_bundle_open(&reader, allocator, prefix));
    unlink(reader.file.path); /* the index: without it, the checkpoint is gone */
    tfcc_bundle_remove_data(reader.file.path, reader.suffix, reader.shard_count, UINT32_MAX);
    strcpy(reader.suffix, ".meta");
    unlink(reader.file.path);
    tfcc_bundle_close(&reader);
    return TFCC_OK;
}
