/* bundle_state.c: the file `checkpoint` of a folder, and removing checkpoints that are no longer
 * kept.
 *
 * The file is a protocol buffer in text form:
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

#define STATE_MOST (16 << 20)

/* ---- writing ---- */

static void append_path(BundleBuffer *text, const char *field, const char *prefix) {
    if (*prefix != '/') prefix += tfcc_bundle_folder_length(prefix);
    tfcc_bundle_append(text, field, strlen(field));
    tfcc_bundle_append(text, ": \"", 3);
    for (; *prefix; prefix++) {
        char escaped[5];
        unsigned char byte = (unsigned char)*prefix;
        const char *pair = "\"\"\\\\''\nn\rr\tt"; /* a byte, its letter */
        while (*pair && *pair != *prefix) pair += 2;
        if (*pair)
            snprintf(escaped, sizeof escaped, "\\%c", pair[1]);
        else
            snprintf(escaped, sizeof escaped, byte < 32 || byte == 127 ? "\\%03o" : "%c", byte);
        tfcc_bundle_append(text, escaped, strlen(escaped));
    }
    tfcc_bundle_append(text, "\"\n", 2);
}

static void append_state(BundleBuffer *text, const char *newest, char *const *older,
                         size_t older_count) {
    static const char all[] = "all_model_checkpoint_paths";
    size_t folder = tfcc_bundle_folder_length(newest);
    append_path(text, "model_checkpoint_path", newest);
    for (size_t i = 0; i < older_count; i++)
        if (tfcc_bundle_folder_length(older[i]) == folder && !memcmp(older[i], newest, folder))
            append_path(text, all, older[i]);
    append_path(text, all, newest);
}

tfcc_status tfcc_bundle_write_state(const tfcc_allocator *allocator, const char *name,
                                    const char *newest, char *const *older, size_t older_count) {
    BundleMemory memory = {.allocator = allocator};
    BundleBuffer text = {.memory = &memory};
    size_t folder = tfcc_bundle_folder_length(newest);
    size_t room = folder + strlen(name) + BUNDLE_SUFFIX_ROOM;
    append_state(&text, newest, older, older_count);
    char *path = memory.status ? NULL : tfcc_bundle_obtain(allocator, 2 * room);
    tfcc_status status = TFCC_RESOURCE_EXHAUSTED;
    if (path) {
        snprintf(path, room, "%.*s%s", (int)folder, newest, name);
        status = tfcc_bundle_replace_file(path + room, path, text.bytes, text.size);
        tfcc_release(allocator, path, 2 * room);
    }
    tfcc_bundle_buffer_release(&text);
    return status;
}

/* ---- reading ---- */

static const char *skip_blank(const char *at) {
    for (;; at++) {
        if (*at == '#')
            while (*at && *at != '\n') at++;
        if (*at == '\0' || !strchr(" \t\r\n\f\v,;", *at)) return at;
    }
}

static bool is_word(char byte) {
    return byte == '_' || byte == '.' || byte == '-' || byte == '+' ||
           (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'z');
}

static int digit_of(char byte, int base) {
    int digit = byte >= '0' && byte <= '9'                 ? byte - '0'
                : (byte | 32) >= 'a' && (byte | 32) <= 'f' ? (byte | 32) - 'a' + 10
                                                           : 99;
    return digit < base ? digit : -1;
}

/* Reads an escape behind its backslash; -1 for one that is none. */
static int read_escape(const char **at) {
    static const char letters[] = "n\nr\rt\ta\ab\bf\fv\v\\\\''\"\"??";
    char letter = **at;
    bool is_hex = (letter | 32) == 'x';
    int base = is_hex ? 16 : 8, value = 0, count = 0;
    if (is_hex) ++*at;
    for (int digit; count < (is_hex ? 2 : 3) && (digit = digit_of(**at, base)) >= 0; count++) {
        value = value * base + digit;
        ++*at;
    }
    if (count > 0) return value & 255;
    for (const char *pair = letters; letter && !is_hex && *pair; pair += 2)
        if (*pair == letter) {
            ++*at;
            return pair[1];
        }
    return -1;
}

/* Reads adjacent strings at *at; stores them, NUL-terminated, in `path` as far as there is room and
 * always counts them. */
static bool read_string(const char **at, char *path, size_t room, size_t *length) {
    *length = 0;
    while (**at == '"' || **at == '\'') {
        char quote = *(*at)++;
        while (**at != quote) {
            if (**at == '\0' || **at == '\n') return false;
            int byte = (unsigned char)*(*at)++;
            if (byte == '\\' && (byte = read_escape(at)) <= 0) return false; /* nor a NUL */
            if (*length < room) path[*length] = (char)byte;
            ++*length;
        }
        *at = skip_blank(*at + 1);
    }
    if (room > 0) path[*length < room ? *length : room - 1] = '\0';
    return true;
}

/* Finds the value of model_checkpoint_path, the last one; its length is 0 where there is none. */
static bool parse_state(const char *at, char *path, size_t room, size_t *length) {
    static const char wanted[] = "model_checkpoint_path";
    *length = 0;
    for (at = skip_blank(at); *at; at = skip_blank(at)) {
        const char *field = at;
        size_t other;
        while (is_word(*at)) at++;
        size_t size = (size_t)(at - field);
        bool is_path = size == sizeof wanted - 1 && memcmp(field, wanted, size) == 0;
        at = skip_blank(at);
        if (size == 0 || *at++ != ':') return false;
        at = skip_blank(at);
        if (*at == '"' || *at == '\'') {
            if (!read_string(&at, path, is_path ? room : 0, is_path ? length : &other))
                return false;
        } else {
            if (!is_word(*at) || is_path) return false;
            while (is_word(*at)) at++;
        }
    }
    return true;
}

/* Puts the folder before a relative path, which stands in `path` with its length. */
static bool join_folder(const char *folder, char *path, size_t room, size_t length) {
    size_t before = *path == '/' ? 0 : strlen(folder);
    bool needs_slash = before > 0 && folder[before - 1] != '/';
    if (length >= room || before + needs_slash >= room - length) return false;
    memmove(path + before + needs_slash, path, length + 1);
    memcpy(path, folder, before);
    if (needs_slash) path[before] = '/';
    return true;
}

static tfcc_status find_index(const tfcc_allocator *allocator, const char *file,
                              const char *prefix) {
    uint64_t identity[3];
    size_t room = strlen(prefix) + BUNDLE_SUFFIX_ROOM;
    char *path = tfcc_bundle_obtain(allocator, room);
    if (!path) return TFCC_RESOURCE_EXHAUSTED;
    snprintf(path, room, "%s.index", prefix);
    bool is_there = tfcc_bundle_identify_file(path, identity);
    tfcc_release(allocator, path, room);
    if (is_there) return TFCC_OK;
    return tfcc_fail(TFCC_NOT_FOUND, "'%s' names the checkpoint '%s', which is not there", file,
                     prefix);
}

tfcc_status tfcc_bundle_latest(const tfcc_allocator *allocator, const char *folder,
                               const char *name, char *path, size_t path_size) {
    size_t room = strlen(folder) + strlen(name) + 2, size, length;
    char *file = tfcc_bundle_obtain(allocator, room);
    if (!file) return TFCC_RESOURCE_EXHAUSTED;
    snprintf(file, room, "%s%s%s", folder, *folder ? "/" : "", name);
    uint8_t *text;
    tfcc_status status = tfcc_bundle_load_file(allocator, file, STATE_MOST, &text, &size, NULL);
    if (!status) {
        if (!parse_state((const char *)text, path, path_size, &length))
            status = tfcc_fail(TFCC_DATA_LOSS, "'%s' is no list of checkpoints", file);
        else if (length == 0)
            status = tfcc_fail(TFCC_NOT_FOUND, "'%s' names no checkpoint", file);
        else if (!join_folder(folder, path, path_size, length))
            status = tfcc_fail(TFCC_INVALID_ARGUMENT,
                               "the newest checkpoint's path in '%s' does not fit in %zu bytes",
                               file, path_size);
        else
            status = find_index(allocator, file, path);
        tfcc_release(allocator, text, size + 1);
    }
    tfcc_release(allocator, file, room);
    return status;
}

/* ---- removing ---- */

tfcc_status tfcc_bundle_remove(const tfcc_allocator *allocator, const char *prefix) {
    BundleReader reader;
    int32_t count = 0;
    if (!tfcc_bundle_open(&reader, allocator, prefix)) {
        count = reader.shard_count;
        tfcc_bundle_close(&reader);
    }
    size_t room = strlen(prefix) + BUNDLE_SUFFIX_ROOM;
    char *path = tfcc_bundle_obtain(allocator, room);
    if (!path) return TFCC_RESOURCE_EXHAUSTED;
    static const char *const suffixes[] = {"index", "meta"}; /* without its index, it is gone */
    for (int i = 0; i < 2; i++) {
        snprintf(path, room, "%s.%s", prefix, suffixes[i]);
        unlink(path);
    }
    for (int32_t i = 0; i < count; i++) {
        tfcc_bundle_data_path(path, prefix, i, count);
        unlink(path);
    }
    tfcc_release(allocator, path, room);
    return TFCC_OK;
}
