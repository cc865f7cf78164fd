#include "source/files_internal.h"

#include "bundle.h" /* of the runtime */
#include "support/checked.h"
#include "support/dtype.h"
#include "support/text.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what the readers share ---- */

bool tensor_file_error(const TensorFile *file, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *sentence = arena_format_list(file->arena, format, arguments);
    va_end(arguments);
    return diagnose_error(file->diagnostics, file->place, "`%s`: %s", file->path, sentence);
}

typedef struct Mapping {
    void *bytes;
    size_t size;
} Mapping;

static void unmap(void *object) {
    Mapping *mapping = object;
    munmap(mapping->bytes, mapping->size);
}

bool tensor_file_map(TensorFile *file) {
    /* Not waiting for the other end of a pipe. */
    int descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) return tensor_file_error(file, "cannot be opened: %s", strerror(errno));
    struct stat status;
    bool is_file = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    file->size = is_file ? (size_t)status.st_size : 0;
    file->bytes = (const uint8_t *)"";
    void *bytes = NULL;
    if (file->size > 0) bytes = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    int error = errno;
    close(descriptor);
    if (!is_file) return tensor_file_error(file, "is not a regular file");
    if (bytes == MAP_FAILED) return tensor_file_error(file, "cannot be read: %s", strerror(error));
    if (!bytes) return true;
    Mapping *mapping = arena_alloc(file->arena, sizeof *mapping);
    *mapping = (Mapping){bytes, file->size};
    arena_on_destroy(file->arena, unmap, mapping);
    file->bytes = bytes;
    return true;
}

static const char *sizes_text(Arena *arena, const ConstantData *data) {
    Text text = {.arena = arena};
    text_add(&text, "[");
    for (int i = 0; i < data->rank; i++)
        text_add_format(&text, "%s%lld", i ? ", " : "", (long long)data->dims[i]);
    text_add(&text, "]");
    return text.bytes;
}

bool tensor_file_measure(const TensorFile *file, ConstantData *data) {
    int64_t count = 1, size;
    bool fits = true;
    for (int i = 0; i < data->rank; i++)
        fits = fits && checked_multiply(count, data->dims[i], &count);
    if (!fits || !checked_multiply(count, (int64_t)dtype_size(data->dtype), &size))
        return tensor_file_error(file, "its shape %s is too large", sizes_text(file->arena, data));
    data->element_count = count;
    data->size = (size_t)size;
    return true;
}

/* Whether a file's `found` may stand for `wanted`: the same, or its bits where the format lacks it.
 */
static bool stands_for(tfcc_dtype found, tfcc_dtype wanted) {
    if (found == wanted) return true;
    switch (wanted) {
    case TFCC_BFLOAT16: return found == TFCC_UINT16;
    case TFCC_FLOAT8_E5M2:
    case TFCC_FLOAT8_E4M3FN:
    case TFCC_FLOAT8_E4M3FNUZ:
    case TFCC_FLOAT8_E5M2FNUZ:
    case TFCC_UINT4: return found == TFCC_UINT8;
    case TFCC_INT4: return found == TFCC_INT8;
    default: return false;
    }
}

/* Files with a dtype of their own for it, checkpoints, may leave the upper half of an int4's byte
 * empty; ours are whole numbers of 8 bits. */
static const uint8_t *extend_signs(const TensorFile *file, const uint8_t *bytes, size_t size) {
    uint8_t *whole = arena_alloc(file->arena, size + 1);
    for (size_t i = 0; i < size; i++) whole[i] = (uint8_t)(((bytes[i] & 15) ^ 8) - 8);
    return whole;
}

/* Bools are 0 or 1, and 4-bit integers in their range: what is compiled relies on it. */
static bool check_elements(const TensorFile *file, tfcc_dtype dtype, const uint8_t *bytes,
                           size_t size) {
    int low = dtype == TFCC_INT4 ? -8 : 0;
    int high = dtype == TFCC_BOOL ? 1 : dtype == TFCC_INT4 ? 7 : 15;
    if (dtype != TFCC_BOOL && dtype != TFCC_INT4 && dtype != TFCC_UINT4) return true;
    for (size_t i = 0; i < size; i++) {
        int value = dtype == TFCC_INT4 ? (int8_t)bytes[i] : bytes[i];
        if (value < low || value > high)
            return tensor_file_error(file, "element %zu is %d, which is no %s", i, value,
                                     dtype_name(dtype));
    }
    return true;
}

bool tensor_file_take(const TensorFile *file, tfcc_dtype wanted, const uint8_t *bytes,
                      ConstantData *data) {
    if (wanted == TFCC_NONE) wanted = data->dtype;
    if (!stands_for(data->dtype, wanted))
        return tensor_file_error(file, "its elements are %s, not %s", dtype_name(data->dtype),
                                 dtype_name(wanted));
    if (data->dtype == TFCC_INT4) bytes = extend_signs(file, bytes, data->size);
    data->dtype = wanted;
    data->bytes = bytes;
    size_t element = dtype_size(wanted);
    if ((uintptr_t)bytes % element != 0) data->bytes = arena_copy(file->arena, bytes, data->size);
    return check_elements(file, wanted, bytes, data->size);
}

/* ---- finding files ---- */

typedef enum FileFormat { FORMAT_NPY, FORMAT_SAFETENSORS, FORMAT_CHECKPOINT } FileFormat;

/* A file that is open, under the path it was found at. */
typedef struct OpenFile {
    FileFormat format;
    TensorFile file;
    const Safetensors *safetensors;
    BundleReader bundle;
    bool is_good; /* else its errors were reported when it was opened */
} OpenFile;

struct FileCache {
    Map files; /* path, and for checkpoints the prefix behind a NUL -> OpenFile */
};

static const char *join_path(Arena *arena, const char *folder, size_t length, const char *path) {
    bool needs_slash = length > 0 && folder[length - 1] != '/';
    return arena_format(arena, "%.*s%s%s", (int)length, folder, needs_slash ? "/" : "", path);
}

static bool exists(Arena *arena, const char *path, bool is_checkpoint) {
    return access(is_checkpoint ? arena_format(arena, "%s.index", path) : path, F_OK) == 0;
}

/* Beside the YAML file, then in the folders of -L; where it is nowhere, beside the YAML file. */
static const char *find_path(Compilation *c, const FileValue *value) {
    if (value->path[0] == '/') return value->path;
    const char *model = value->place.file ? value->place.file->path : "";
    const char *slash = strrchr(model, '/');
    const char *beside =
        join_path(c->arena, model, slash ? (size_t)(slash - model) + 1 : 0, value->path);
    if (exists(c->arena, beside, value->is_checkpoint)) return beside;
    for (size_t i = 0; i < c->options.search_path_count; i++) {
        const char *folder = c->options.search_paths[i];
        const char *path = join_path(c->arena, folder, strlen(folder), value->path);
        if (exists(c->arena, path, value->is_checkpoint)) return path;
    }
    return beside;
}

static void report_missing(Compilation *c, const TensorFile *file, const FileValue *value) {
    size_t folders = value->path[0] == '/' ? 0 : c->options.search_path_count;
    tensor_file_error(file, "there is no such %s%s", value->is_checkpoint ? "checkpoint" : "file",
                      folders ? ", neither beside the model nor in the folders of -L" : "");
    const char *end = ".index";
    size_t length = strlen(value->path), end_length = strlen(end);
    if (value->is_checkpoint && length > end_length &&
        strcmp(value->path + length - end_length, end) == 0)
        diagnose_note(c->diagnostics, value->place,
                      "a checkpoint is named by its prefix, without `.index`");
    else if (!value->is_checkpoint && exists(c->arena, file->path, true))
        diagnose_note(c->diagnostics, value->place,
                      "there is a checkpoint of that name: write `checkpoint: %s`", value->path);
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* What a file is, by its first bytes. */
static bool open_contents(OpenFile *open) {
    TensorFile *file = &open->file;
    if (!tensor_file_map(file)) return false;
    if (npy_is(file)) {
        open->format = FORMAT_NPY;
        return true;
    }
    if (file->size >= 4 && memcmp(file->bytes, "PK\3\4", 4) == 0)
        return tensor_file_error(file, "is a zip archive (.npz): extract the .npy file you need");
    if (!ends_with(file->path, ".safetensors") && !(file->size > 8 && file->bytes[8] == '{'))
        return tensor_file_error(file, "is neither .npy nor .safetensors");
    open->format = FORMAT_SAFETENSORS;
    open->safetensors = safetensors_parse(file);
    return open->safetensors != NULL;
}

static void close_bundle(void *object) {
    tfcc_bundle_close(object);
}

static bool open_checkpoint(OpenFile *open) {
    open->format = FORMAT_CHECKPOINT;
    if (tfcc_bundle_open(&open->bundle, &tfcc_default_allocator, open->file.path) != TFCC_OK)
        return diagnose_error(open->file.diagnostics, open->file.place, "%s", tfcc_message(NULL));
    arena_on_destroy(open->file.arena, close_bundle, &open->bundle);
    return true;
}

static void add_read_file(Compilation *c, const char *path) {
    *ARENA_PUSH(c->arena, c->read_files, c->read_file_count, c->read_file_capacity) = path;
}

/* The data files of a checkpoint; one without tensors need not exist. */
static void add_data_files(Compilation *c, const OpenFile *open) {
    uint32_t count = open->bundle.shard_count;
    for (uint32_t k = 0; k < count; k++) {
        const char *path =
            arena_format(c->arena, "%s.data-%05u-of-%05u", open->file.path, k, count);
        if (exists(c->arena, path, false)) add_read_file(c, path);
    }
}

static OpenFile *open_file(Compilation *c, const FileValue *value) {
    if (!c->file_cache) {
        c->file_cache = arena_alloc(c->arena, sizeof *c->file_cache);
        c->file_cache->files = map_create(c->arena);
    }
    const char *path = find_path(c, value);
    const char *key = value->is_checkpoint ? arena_format(c->arena, "%s.index", path) : path;
    bool is_new;
    MapEntry *entry = map_insert(&c->file_cache->files, key, strlen(key), &is_new);
    if (is_new) {
        OpenFile *open = entry->value = arena_alloc(c->arena, sizeof *open);
        open->file = (TensorFile){
            .arena = c->arena, .diagnostics = c->diagnostics, .place = value->place, .path = path};
        if (!exists(c->arena, path, value->is_checkpoint)) {
            report_missing(c, &open->file, value);
        } else {
            add_read_file(c, key);
            open->is_good = value->is_checkpoint ? open_checkpoint(open) : open_contents(open);
            if (value->is_checkpoint && open->is_good) add_data_files(c, open);
        }
    }
    OpenFile *open = entry->value;
    open->file.place = value->place;
    return open->is_good ? open : NULL;
}

/* ---- tensors by name ---- */

static bool report_unknown(const TensorFile *file, const Map *names, const char *name) {
    tensor_file_error(file, "has no tensor `%s`", name);
    const MapEntry *nearest = map_nearest(names, name);
    if (nearest) {
        diagnose_note(file->diagnostics, file->place, "did you mean `%s`?", nearest->key);
    } else if (names->count > 0) {
        Text list = {.arena = file->arena};
        for (size_t i = 0; i < names->count && i < 8; i++)
            text_add_format(&list, "%s`%s`", i ? ", " : "", names->entries[i].key);
        diagnose_note(file->diagnostics, file->place, "it has %s%s", list.bytes,
                      names->count > 8 ? ", …" : "");
    }
    return false;
}

/* The name asked for, or the only one there is. */
static const char *choose_tensor(const TensorFile *file, const Map *names, const char *tensor) {
    if (tensor) return tensor;
    if (names->count == 1) return names->entries[0].key;
    tensor_file_error(file, "has %zu tensors: say which one with `tensor:`", names->count);
    return NULL;
}

static bool read_safetensors(OpenFile *open, const FileValue *value, ConstantData *data) {
    const Map *tensors = &open->safetensors->tensors;
    const char *name = choose_tensor(&open->file, tensors, value->tensor);
    if (!name) return false;
    const SafetensorsEntry *entry = map_get(tensors, name);
    if (!entry) return report_unknown(&open->file, tensors, name);
    return safetensors_take(&open->file, entry, value->dtype, data);
}

/* The names of a checkpoint's tensors; made only for messages. */
static Map bundle_names(OpenFile *open) {
    Map names = map_create(open->file.arena);
    BundleTensor tensor;
    for (size_t i = 0; i < open->bundle.record_count; i++) {
        tfcc_bundle_describe(&open->bundle, &open->bundle.records[i], &tensor);
        if (tensor.name[0] != '\0')
            map_insert(&names, tensor.name, tensor.record->name_length, NULL);
    }
    return names;
}

static bool read_checkpoint(OpenFile *open, const FileValue *value, ConstantData *data) {
    const TensorFile *file = &open->file;
    BundleReader *bundle = &open->bundle;
    BundleTensor tensor;
    const char *name = value->tensor;
    if (!name) {
        Map names = bundle_names(open);
        name = choose_tensor(file, &names, NULL);
        if (!name) return false;
    }
    if (tfcc_bundle_find(bundle, name, &tensor) != TFCC_OK) {
        Map names = bundle_names(open);
        return report_unknown(file, &names, name);
    }
    if (tfcc_bundle_read(bundle, &tensor, NULL) != TFCC_OK)
        return diagnose_error(file->diagnostics, file->place, "%s", tfcc_message(NULL));
    tfcc_dtype found = (tfcc_dtype)tensor.dtype;
    if (value->dtype != TFCC_NONE && found != value->dtype)
        return tensor_file_error(file, "tensor `%s` has elements of %s, not %s", name,
                                 dtype_name(found), dtype_name(value->dtype));
    *data = (ConstantData){.dtype = found, .rank = tensor.rank};
    memcpy(data->dims, tensor.shape, sizeof data->dims);
    if (!tensor_file_measure(file, data)) return false;
    uint8_t *bytes = arena_alloc(file->arena, data->size);
    if (tfcc_bundle_read(bundle, &tensor, bytes) != TFCC_OK)
        return diagnose_error(file->diagnostics, file->place, "%s", tfcc_message(NULL));
    return tensor_file_take(file, found, bytes, data);
}

bool file_read_tensor(Compilation *c, const FileValue *value, ConstantData *data) {
    OpenFile *open = open_file(c, value);
    if (!open) return false;
    switch (open->format) {
    case FORMAT_CHECKPOINT: return read_checkpoint(open, value, data);
    case FORMAT_SAFETENSORS: return read_safetensors(open, value, data);
    case FORMAT_NPY: break;
    }
    if (value->tensor)
        return tensor_file_error(&open->file, "an .npy file has one tensor, without a name: leave "
                                              "`tensor:` out");
    return npy_parse(&open->file, value->dtype, data);
}

bool file_has_tensor(Compilation *c, const FileValue *value) {
    OpenFile *open = open_file(c, value);
    if (!open || !value->tensor) return false;
    BundleTensor tensor;
    switch (open->format) {
    case FORMAT_CHECKPOINT:
        return tfcc_bundle_find(&open->bundle, value->tensor, &tensor) == TFCC_OK;
    case FORMAT_SAFETENSORS: return map_get(&open->safetensors->tensors, value->tensor) != NULL;
    case FORMAT_NPY: break;
    }
    return false;
}

bool npy_read(Arena *arena, Diagnostics *diagnostics, Place place, const char *path,
              tfcc_dtype wanted, ConstantData *data) {
    TensorFile file = {.arena = arena, .diagnostics = diagnostics, .place = place, .path = path};
    return tensor_file_map(&file) && npy_parse(&file, wanted, data);
}
