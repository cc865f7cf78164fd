/* feed.c: tensors from the command line. */
#include "command/feed.h"

#include "kernels/scalar_evaluate.h"
#include "source/files.h"
#include "support/checked.h"
#include "support/diagnostic.h"
#include "support/dtype.h"
#include <string.h>

typedef struct Reader {
    Arena *arena;
    Diagnostics *diagnostics;
    const Tree *tree;
    tfcc_tensor *tensor;
    int64_t next; /* the element that comes next, row-major */
} Reader;

/* The shape is that of the first element at every depth; the others are held to it. */
static bool find_shape(Reader *reader, const TreeNode *node, int64_t *count) {
    tfcc_tensor *tensor = reader->tensor;
    TreeNode at = *node;
    *count = 1;
    for (tensor->rank = 0; at.kind == TREE_SEQUENCE; tensor->rank++) {
        if (tensor->rank == TFCC_MAX_RANK)
            return diagnose_error(reader->diagnostics, tree_place(reader->tree, node),
                                  "a tensor has at most %d dimensions", TFCC_MAX_RANK);
        tensor->shape[tensor->rank] = (int64_t)at.length;
        if (!checked_multiply(*count, (int64_t)at.length, count))
            return diagnose_error(reader->diagnostics, tree_place(reader->tree, node),
                                  "the tensor has too many elements");
        if (at.length == 0) {
            tensor->rank++;
            break;
        }
        at = tree_item(reader->tree, &at, 0);
    }
    return true;
}

static bool store_element(Reader *reader, const TreeNode *node) {
    tfcc_dtype dtype = reader->tensor->dtype;
    const DtypeInfo *info = dtype_info(dtype);
    Number number = tree_resolve(node);
    Place place = tree_place(reader->tree, node);
    uint64_t bits;
    if (number.kind == NUMBER_BOOL && info->kind == DTYPE_KIND_BOOL) {
        bits = number.boolean;
    } else if (number.kind == NUMBER_INTEGER && info->kind == DTYPE_KIND_FLOAT) {
        bits = bits_from_double(dtype, (double)number.integer);
    } else if (number.kind == NUMBER_FLOAT && info->kind == DTYPE_KIND_FLOAT) {
        bits = bits_from_double(dtype, number.real);
    } else if (number.kind == NUMBER_INTEGER && info->kind != DTYPE_KIND_BOOL) {
        if (number.integer < (WideInteger)info->minimum ||
            number.integer > (WideInteger)info->maximum)
            return diagnose_error(reader->diagnostics, place, "%s does not fit into %s",
                                  tree_text(reader->arena, node), info->name);
        bits = bits_from_integer(dtype, (int64_t)(uint64_t)number.integer);
    } else {
        return diagnose_error(reader->diagnostics, place, "'%s' is no %s",
                              escape_for_message(reader->arena, tree_text(reader->arena, node)),
                              info->name);
    }
    bits_store(dtype, reader->tensor->data, reader->next++, bits);
    return true;
}

static bool store_axis(Reader *reader, const TreeNode *node, int axis) {
    const tfcc_tensor *tensor = reader->tensor;
    Place place = tree_place(reader->tree, node);
    if (axis == tensor->rank) {
        if (node->kind == TREE_SCALAR) return store_element(reader, node);
        return diagnose_error(reader->diagnostics, place,
                              "a number is expected here: the lists are nested %d deep elsewhere",
                              tensor->rank);
    }
    if (node->kind != TREE_SEQUENCE || (int64_t)node->length != tensor->shape[axis])
        return diagnose_error(reader->diagnostics, place,
                              "a list of %lld is expected here, as elsewhere in dimension %d",
                              (long long)tensor->shape[axis], axis);
    for (size_t k = 0; k < node->length; k++) {
        TreeNode item = tree_item(reader->tree, node, k);
        if (!store_axis(reader, &item, axis + 1)) return false;
    }
    return true;
}

bool tensor_from_tree(Arena *arena, Diagnostics *diagnostics, const Tree *tree,
                      const TreeNode *node, tfcc_dtype dtype, tfcc_tensor *tensor) {
    Reader reader = {arena, diagnostics, tree, tensor, 0};
    int64_t count, bytes;
    *tensor = (tfcc_tensor){.dtype = dtype};
    tensor->shape = arena_alloc_array(arena, TFCC_MAX_RANK, sizeof *tensor->shape);
    if (!find_shape(&reader, node, &count)) return false;
    if (!checked_multiply(count, (int64_t)dtype_size(dtype), &bytes))
        return diagnose_error(diagnostics, tree_place(tree, node), "the tensor is too large");
    tensor->data = arena_alloc(arena, (size_t)bytes + 1);
    return store_axis(&reader, node, 0);
}

/* ---- the command line ---- */

static bool read_value(Arena *arena, Diagnostics *diagnostics, const char *name, const char *text,
                       tfcc_dtype dtype, tfcc_tensor *tensor) {
    SourceFile *file = arena_alloc(arena, sizeof *file);
    *file = (SourceFile){arena_format(arena, "--feed %s", name), text, strlen(text)};
    Tree *tree = tree_parse(arena, diagnostics, file);
    if (!tree) return false;
    if (tree->root.kind == TREE_ABSENT)
        return diagnose_error(diagnostics, (Place){0}, "--feed %s= has no value", name);
    return tensor_from_tree(arena, diagnostics, tree, &tree->root, dtype, tensor);
}

static bool read_file(Arena *arena, Diagnostics *diagnostics, const char *path, tfcc_dtype dtype,
                      tfcc_tensor *tensor) {
    ConstantData data;
    if (!npy_read(arena, diagnostics, (Place){0}, path, dtype, &data)) return false;
    *tensor = (tfcc_tensor){.dtype = data.dtype, .rank = data.rank, .capacity = data.size};
    tensor->shape = arena_copy(arena, data.dims, sizeof data.dims);
    tensor->data = (void *)(uintptr_t)data.bytes;
    return true;
}

static bool find_feed(const tfcc_model *model, const char *name, tfcc_description *found) {
    for (size_t k = 0; tfcc_model_feed(model, k, found) == TFCC_OK; k++)
        if (command_is_name(name, found->name)) return true;
    fprintf(stderr, "error: the model has no feed '%s'", name);
    if (tfcc_model_feed_count(model)) fputs("; its feeds are", stderr);
    for (size_t k = 0; tfcc_model_feed(model, k, found) == TFCC_OK; k++)
        fprintf(stderr, "%s %s", k ? "," : "", found->name);
    fputc('\n', stderr);
    return false;
}

/* A name may hold an equals sign: the longest name of the model that the text begins with, else all
 * before the first sign. */
static size_t name_length(const tfcc_model *model, const char *text) {
    tfcc_description feed;
    size_t best = 0;
    for (size_t k = 0; tfcc_model_feed(model, k, &feed) == TFCC_OK; k++) {
        size_t length = strlen(feed.name);
        if (length > best && strncmp(text, feed.name, length) == 0 && text[length] == '=')
            best = length;
    }
    return best ? best : strcspn(text, "=");
}

bool command_read_feeds(Arena *arena, const CommandLine *line, CommandSession *run) {
    Diagnostics *diagnostics = run->compilation->diagnostics;
    size_t count = line->counts[OPTION_FEED];
    run->feeds = arena_alloc_array(arena, count + 1, sizeof *run->feeds);
    for (size_t k = 0; k < count; k++) {
        const char *text = line->values[OPTION_FEED][k];
        size_t length = name_length(run->model, text);
        const char *name = arena_copy_text(arena, text, length);
        tfcc_description description;
        if (text[length] != '=') {
            fprintf(stderr, "error: --feed needs NAME=VALUE or NAME=@FILE.npy, not '%s'\n", text);
            return false;
        }
        const char *value = text + length + 1;
        if (!find_feed(run->model, name, &description)) return false;
        tfcc_feed *feed = &run->feeds[run->feed_count++];
        feed->name = name;
        bool good =
            *value == '@'
                ? read_file(arena, diagnostics, value + 1, description.dtype, &feed->tensor)
                : read_value(arena, diagnostics, name, value, description.dtype, &feed->tensor);
        if (!good) return false;
    }
    return true;
}
