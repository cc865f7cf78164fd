/* model.c: from the unpacked messages to our structures, and names. */
#include "import/model.h"

#include "import/wire.h"
#include "onnx.pb-c.h"
#include "source/tree.h"
#include "support/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool onnx_error(const OnnxModel *model, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *sentence = arena_format_list(model->arena, format, arguments);
    va_end(arguments);
    return diagnose_error(model->diagnostics, (Place){.file = model->file}, "%s", sentence);
}

/* ---- Names ---- */

const char *onnx_unique_name(OnnxModel *model, const char *wanted) {
    const char *name = wanted;
    for (unsigned long suffix = 1; map_find(&model->taken, name, strlen(name)); suffix++)
        name = arena_format(model->arena, "%.*s_%lu", TREE_MAX_NAME_BYTES - 24, wanted, suffix);
    map_set(&model->taken, name, model);
    return name;
}

/* Whether YAML takes the character in a scalar: no control character (also of the second set), no
 * line break, nothing outside of Unicode's text. */
static bool is_printable(const uint8_t *c, size_t length) {
    if (length == 1) return *c >= 0x20 && *c != 0x7f;
    if (length == 2) return c[0] != 0xc2 || c[1] >= 0xa0;
    if (length != 3) return length == 4;
    bool is_break = c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9);
    bool is_mark =
        c[0] == 0xef && ((c[1] == 0xbb && c[2] == 0xbf) || (c[1] == 0xbf && c[2] >= 0xbe));
    return !is_break && !is_mark;
}

/* Bytes that no name may hold are written as \xNN; the tail of a longer name gives way to a hash.
 */
static const char *printable_name(OnnxModel *model, const uint8_t *bytes, size_t length) {
    enum { KEPT = TREE_MAX_NAME_BYTES - 64 };
    Text text = {.arena = model->arena};
    text_add(&text, "");
    for (size_t at = 0; at < length && text.length < TREE_MAX_NAME_BYTES;) {
        size_t step = text_utf8_length(bytes + at, length - at);
        if (is_printable(bytes + at, step)) {
            text_add_bytes(&text, bytes + at, step);
            at += step;
        } else {
            text_add_format(&text, "\\x%02x", bytes[at++]);
        }
    }
    if (length <= KEPT && text.length <= KEPT) return text.bytes;
    if (text.length <= TREE_MAX_NAME_BYTES && length <= TREE_MAX_NAME_BYTES) return text.bytes;
    size_t cut = KEPT;
    while (((unsigned char)text.bytes[cut] & 0xc0) == 0x80) cut--;
    return arena_format(model->arena, "%.*s_%016llx", (int)cut, text.bytes,
                        (unsigned long long)hash_bytes(bytes, length));
}

const char *onnx_text(OnnxModel *model, const uint8_t *bytes, size_t length) {
    if (length == 0) return "";
    bool is_new;
    MapEntry *entry = map_insert(&model->names, (const char *)bytes, length, &is_new);
    if (!is_new) return entry->value;
    const char *name = onnx_unique_name(model, printable_name(model, bytes, length));
    model->has_number_names |= name[strspn(name, "0123456789+-.e")] == '\0';
    return map_find(&model->names, (const char *)bytes, length)->value = (void *)(uintptr_t)name;
}

static const char *text_of(OnnxModel *model, ProtobufCBinaryData data) {
    return onnx_text(model, data.data, data.len);
}

static const char **texts_of(OnnxModel *model, const ProtobufCBinaryData *data, size_t count) {
    const char **texts = arena_alloc_array(model->arena, count, sizeof *texts);
    for (size_t i = 0; i < count; i++) texts[i] = text_of(model, data[i]);
    return texts;
}

/* What is compared with words of ONNX (op types, domains, attributes, texts) as it is; a NUL ends
 * it, and makes it a word that nothing knows. */
static const char *word_of(OnnxModel *model, ProtobufCBinaryData data) {
    if (memchr(data.data ? data.data : (const uint8_t *)"", 0, data.len)) return "\\x00";
    return arena_copy_text(model->arena, (const char *)data.data, data.len);
}

static const char **words_of(OnnxModel *model, const ProtobufCBinaryData *data, size_t count) {
    const char **words = arena_alloc_array(model->arena, count, sizeof *words);
    for (size_t i = 0; i < count; i++) words[i] = word_of(model, data[i]);
    return words;
}

static const char *domain_of(OnnxModel *model, ProtobufCBinaryData data) {
    const char *domain = word_of(model, data);
    return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

/* ---- Messages ---- */

static OnnxGraph *convert_graph(OnnxModel *model, const Onnx__Graph *from);

static void convert_attribute(OnnxModel *model, const Onnx__Attribute *from, OnnxAttribute *to) {
    to->name = word_of(model, from->name);
    to->reference = from->ref_attr_name.len ? word_of(model, from->ref_attr_name) : NULL;
    to->kind = from->has_type ? (OnnxAttributeKind)from->type : ONNX_UNDEFINED;
    if (!from->has_type) { /* the first files said it by what is there */
        to->kind = from->has_f           ? ONNX_FLOAT
                   : from->has_i         ? ONNX_INTEGER
                   : from->has_s         ? ONNX_STRING
                   : from->t             ? ONNX_TENSOR
                   : from->g             ? ONNX_GRAPH
                   : from->n_floats      ? ONNX_FLOATS
                   : from->n_ints        ? ONNX_INTEGERS
                   : from->n_strings     ? ONNX_STRINGS
                   : from->sparse_tensor ? ONNX_SPARSE_TENSOR
                                         : ONNX_UNDEFINED;
    }
    to->integer = from->i;
    to->number = from->f;
    to->text = word_of(model, from->s);
    switch (to->kind) {
    case ONNX_FLOATS:
        to->count = from->n_floats;
        to->numbers = from->floats;
        break;
    case ONNX_INTEGERS:
        to->count = from->n_ints;
        to->integers = from->ints;
        break;
    case ONNX_STRINGS:
        to->count = from->n_strings;
        to->texts = words_of(model, from->strings, from->n_strings);
        break;
    case ONNX_TENSORS:
        to->count = from->n_tensors;
        to->tensors = arena_alloc_array(model->arena, to->count, sizeof *to->tensors);
        for (size_t i = 0; i < to->count; i++) {
            to->tensors[i] = arena_alloc(model->arena, sizeof(OnnxTensor));
            onnx_tensor_convert(model, from->tensors[i], to->tensors[i]);
        }
        break;
    case ONNX_TENSOR:
    case ONNX_SPARSE_TENSOR:
        if (to->kind == ONNX_TENSOR ? !from->t : !from->sparse_tensor) break;
        to->tensor = arena_alloc(model->arena, sizeof *to->tensor);
        if (to->kind == ONNX_TENSOR)
            onnx_tensor_convert(model, from->t, to->tensor);
        else
            onnx_sparse_convert(model, from->sparse_tensor, to->tensor);
        break;
    case ONNX_GRAPH:
        if (from->g) to->graph = convert_graph(model, from->g);
        break;
    default: break;
    }
}

static OnnxAttribute *convert_attributes(OnnxModel *model, Onnx__Attribute *const *from,
                                         size_t count) {
    OnnxAttribute *attributes = arena_alloc_array(model->arena, count, sizeof *attributes);
    for (size_t i = 0; i < count; i++) convert_attribute(model, from[i], &attributes[i]);
    return attributes;
}

static OnnxNode *convert_nodes(OnnxModel *model, Onnx__Node *const *from, size_t count) {
    OnnxNode *nodes = arena_alloc_array(model->arena, count, sizeof *nodes);
    for (size_t i = 0; i < count; i++) {
        nodes[i] = (OnnxNode){
            .name = word_of(model, from[i]->name),
            .op = word_of(model, from[i]->op_type),
            .domain = domain_of(model, from[i]->domain),
            .overload = word_of(model, from[i]->overload),
            .number = i + 1,
            .inputs = texts_of(model, from[i]->input, from[i]->n_input),
            .input_count = from[i]->n_input,
            .outputs = texts_of(model, from[i]->output, from[i]->n_output),
            .output_count = from[i]->n_output,
            .attributes = convert_attributes(model, from[i]->attribute, from[i]->n_attribute),
            .attribute_count = from[i]->n_attribute,
        };
    }
    return nodes;
}

static bool is_identifier(const ProtobufCBinaryData *text) {
    for (size_t i = 0; i < text->len; i++) {
        uint8_t c = text->data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return text->len > 0 && text->len <= 255;
}

/* Words that a shape of the language reads as something else than the name of a size. */
static bool is_other_word(const ProtobufCBinaryData *text) {
    static const char *const words[] = {"null", "None",  "true", "false",
                                        "True", "False", "inf",  "nan"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == text->len && memcmp(words[i], text->data, text->len) == 0)
            return true;
    return false;
}

static ShapeEntry convert_size(OnnxModel *model, const Onnx__Dimension *from) {
    if (from->has_dim_value && from->dim_value >= 0) return (ShapeEntry){.size = from->dim_value};
    if (from->has_dim_param && !from->has_dim_value && is_identifier(&from->dim_param) &&
        !is_other_word(&from->dim_param))
        return (ShapeEntry){.size = -1, .name = word_of(model, from->dim_param)};
    return (ShapeEntry){.size = -1};
}

static OnnxValueInfo *convert_infos(OnnxModel *model, Onnx__ValueInfo *const *from, size_t count) {
    OnnxValueInfo *infos = arena_alloc_array(model->arena, count, sizeof *infos);
    for (size_t i = 0; i < count; i++) {
        OnnxValueInfo *to = &infos[i];
        to->name = text_of(model, from[i]->name);
        to->dtype_name = "undefined";
        const Onnx__TensorType *type = from[i]->type ? from[i]->type->tensor_type : NULL;
        if (!type) {
            if (from[i]->type && from[i]->type->has_other) to->dtype_name = "no tensor";
            continue;
        }
        to->is_tensor = true;
        to->dtype = onnx_dtype(type->elem_type, &to->dtype_name);
        if (!type->shape) continue;
        to->has_shape = true;
        to->rank = type->shape->n_dim > INT32_MAX ? INT32_MAX : (int)type->shape->n_dim;
        for (int k = 0; k < to->rank && k < MAX_RANK; k++)
            to->sizes[k] = convert_size(model, type->shape->dim[k]);
    }
    return infos;
}

static OnnxGraph *convert_graph(OnnxModel *model, const Onnx__Graph *from) {
    OnnxGraph *to = arena_alloc(model->arena, sizeof *to);
    to->name = word_of(model, from->name);
    to->inputs = convert_infos(model, from->input, to->input_count = from->n_input);
    to->outputs = convert_infos(model, from->output, to->output_count = from->n_output);
    to->infos = convert_infos(model, from->value_info, to->info_count = from->n_value_info);
    size_t dense = from->n_initializer, sparse = from->n_sparse_initializer;
    to->initializer_count = dense + sparse;
    to->initializers =
        arena_alloc_array(model->arena, to->initializer_count, sizeof *to->initializers);
    for (size_t i = 0; i < dense; i++)
        onnx_tensor_convert(model, from->initializer[i], &to->initializers[i]);
    for (size_t i = 0; i < sparse; i++)
        onnx_sparse_convert(model, from->sparse_initializer[i], &to->initializers[dense + i]);
    to->nodes = convert_nodes(model, from->node, to->node_count = from->n_node);
    return to;
}

static OnnxOpset *convert_opsets(OnnxModel *model, Onnx__OpsetImport *const *from, size_t count) {
    OnnxOpset *opsets = arena_alloc_array(model->arena, count, sizeof *opsets);
    for (size_t i = 0; i < count; i++)
        opsets[i] = (OnnxOpset){domain_of(model, from[i]->domain), from[i]->version};
    return opsets;
}

static void convert_function(OnnxModel *model, const Onnx__Function *from, OnnxFunction *to) {
    to->name = word_of(model, from->name);
    to->domain = domain_of(model, from->domain);
    to->overload = word_of(model, from->overload);
    to->inputs = texts_of(model, from->input, to->input_count = from->n_input);
    to->outputs = texts_of(model, from->output, to->output_count = from->n_output);
    to->attributes = words_of(model, from->attribute, to->attribute_count = from->n_attribute);
    to->defaults = convert_attributes(model, from->attribute_proto,
                                      to->default_count = from->n_attribute_proto);
    to->opsets = convert_opsets(model, from->opset_import, to->opset_count = from->n_opset_import);
    to->nodes = convert_nodes(model, from->node, to->node_count = from->n_node);
}

/* ---- Reading ---- */

static void *take_memory(void *arena, size_t size) {
    return arena_alloc(arena, size);
}

static void leave_memory(void *arena, void *memory) {
    (void)arena;
    (void)memory;
}

static OnnxModel *model_create(Arena *arena, Diagnostics *diagnostics, const char *path) {
    OnnxModel *model = arena_alloc(arena, sizeof *model);
    SourceFile *file = arena_alloc(arena, sizeof *file);
    file->path = path;
    model->arena = arena;
    model->diagnostics = diagnostics;
    model->file = file;
    model->names = map_create(arena);
    model->taken = map_create(arena);
    model->external_files = map_create(arena);
    return model;
}

OnnxModel *onnx_model_from_bytes(Arena *arena, Diagnostics *diagnostics, const char *path,
                                 const uint8_t *bytes, size_t size) {
    OnnxModel *model = model_create(arena, diagnostics, path);
    WireMessage message;
    const char *error;
    if (!wire_read(arena, WIRE_MODEL, bytes, size, &message, &error)) {
        onnx_error(model, "the file is no ONNX model, or is damaged: %s", error);
        return NULL;
    }
    ProtobufCAllocator allocator = {take_memory, leave_memory, arena};
    const Onnx__Model *from = onnx__model__unpack(&allocator, message.length, message.bytes);
    if (!from) {
        onnx_error(model, "the file is damaged: a list of numbers in it is cut short");
        return NULL;
    }
    if (!from->graph) {
        onnx_error(model, "the file is no ONNX model: it holds no graph");
        return NULL;
    }
    model->cuts = message.cuts;
    model->cut_count = message.cut_count;
    model->opsets = convert_opsets(model, from->opset_import, from->n_opset_import);
    model->opset_count = from->n_opset_import;
    model->graph = convert_graph(model, from->graph);
    model->function_count = from->n_functions;
    model->functions = arena_alloc_array(arena, from->n_functions, sizeof *model->functions);
    for (size_t i = 0; i < from->n_functions; i++)
        convert_function(model, from->functions[i], &model->functions[i]);
    return model;
}

/* ---- Files ---- */

typedef struct Mapping {
    void *bytes;
    size_t size;
} Mapping;

static void unmap(void *object) {
    const Mapping *mapping = object;
    munmap(mapping->bytes, mapping->size);
}

const uint8_t *onnx_map_file(OnnxModel *model, const char *path, size_t *size, const char **error) {
    *error = NULL;
    *size = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        *error = strerror(errno);
        if (descriptor >= 0) close(descriptor);
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        *error = S_ISDIR(status.st_mode) ? "it is a folder" : "it is no regular file";
        close(descriptor);
        return NULL;
    }
    *ARENA_PUSH(model->arena, model->read_files, model->read_file_count,
                model->read_file_capacity) = path;
    *size = (size_t)status.st_size;
    static const uint8_t nothing[1];
    const uint8_t *bytes = nothing;
    if (*size > 0) {
        void *memory = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (memory == MAP_FAILED) {
            *error = strerror(errno);
            bytes = NULL;
        } else {
            Mapping *mapping = arena_alloc(model->arena, sizeof *mapping);
            *mapping = (Mapping){memory, *size};
            arena_on_destroy(model->arena, unmap, mapping);
            bytes = memory;
        }
    }
    close(descriptor);
    return bytes;
}

OnnxModel *onnx_model_read(Arena *arena, Diagnostics *diagnostics, const char *path) {
    OnnxModel *unread = model_create(arena, diagnostics, path);
    size_t size;
    const char *error;
    const uint8_t *bytes = onnx_map_file(unread, path, &size, &error);
    if (!bytes) {
        onnx_error(unread, "cannot read the file: %s", error);
        return NULL;
    }
    OnnxModel *model = onnx_model_from_bytes(arena, diagnostics, path, bytes, size);
    if (model)
        *ARENA_PUSH(arena, model->read_files, model->read_file_count, model->read_file_capacity) =
            path;
    return model;
}

OnnxTensor *onnx_tensor_read(Arena *arena, Diagnostics *diagnostics, const char *path) {
    OnnxModel *model = model_create(arena, diagnostics, path);
    size_t size;
    const char *error;
    WireMessage message;
    const uint8_t *bytes = onnx_map_file(model, path, &size, &error);
    if (!bytes) {
        onnx_error(model, "cannot read the file: %s", error);
        return NULL;
    }
    if (!wire_read(arena, WIRE_TENSOR, bytes, size, &message, &error)) {
        onnx_error(model, "the file is no ONNX tensor, or is damaged: %s", error);
        return NULL;
    }
    ProtobufCAllocator allocator = {take_memory, leave_memory, arena};
    const Onnx__Tensor *from = onnx__tensor__unpack(&allocator, message.length, message.bytes);
    if (!from) {
        onnx_error(model, "the file is damaged: a list of numbers in it is cut short");
        return NULL;
    }
    model->cuts = message.cuts;
    model->cut_count = message.cut_count;
    OnnxTensor *tensor = arena_alloc(arena, sizeof *tensor);
    onnx_tensor_convert(model, from, tensor);
    return onnx_tensor_data(model, tensor) ? tensor : NULL;
}
