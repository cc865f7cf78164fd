/* build_files.c: `{file: w.npy}`, `{file: w.safetensors, tensor: a.b}` and `{checkpoint:
 * model.ckpt, tensor: a/b}` as values. */
#include "graph/print.h"
#include "source/build_internal.h"
#include "source/files.h"
#include "support/text.h"
#include <string.h>

static const char *require_text(Builder *b, const TreeNode *mapping, const char *key) {
    TreeNode value = tree_get(mapping, key);
    if (value.kind == TREE_SCALAR && value.length > 0) return tree_text(b->arena, &value);
    diagnose_error(b->diagnostics,
                   tree_place(b->tree, value.kind == TREE_ABSENT ? mapping : &value), "`%s` is %s",
                   key, strcmp(key, "tensor") == 0 ? "the name of a tensor" : "a path");
    return NULL;
}

/* The shape that the node declares has to be the file's; null and unbound names match anything. */
static bool check_shape(Builder *b, const ConstantData *data, const Argument *shape, Place place) {
    bool fits = !shape || (int)shape->count == data->rank;
    for (int i = 0; shape && fits && i < data->rank; i++) {
        const ShapeEntry *entry = &shape->as.sizes[i];
        const DimBinding *binding = entry->name ? map_get(&b->bound_dims, entry->name) : NULL;
        int64_t size = binding ? binding->size : entry->size;
        fits = size < 0 || (entry->name && !binding) || size == data->dims[i];
    }
    if (fits) return true;
    Text text = {.arena = b->arena};
    text_add(&text, "[");
    for (int i = 0; i < data->rank; i++)
        text_add_format(&text, "%s%lld", i ? ", " : "", (long long)data->dims[i]);
    text_add(&text, "]");
    diagnose_error(b->diagnostics, place, "the file's tensor has the shape %s", text.bytes);
    diagnose_note(b->diagnostics, shape->place, "another shape is asked for here");
    return false;
}

bool read_file_mapping(Builder *b, const TreeNode *mapping, FileValue *value) {
    static const char *const file_keys[] = {"file", "tensor", NULL};
    static const char *const checkpoint_keys[] = {"checkpoint", "tensor", NULL};
    bool is_checkpoint = tree_get(mapping, "checkpoint").kind != TREE_ABSENT;
    bool has_tensor = tree_get(mapping, "tensor").kind != TREE_ABSENT;
    if (!check_keys(b, mapping, is_checkpoint ? "{checkpoint: …}" : "{file: …}",
                    is_checkpoint ? checkpoint_keys : file_keys))
        return false;
    TreeNode path = tree_get(mapping, is_checkpoint ? "checkpoint" : "file");
    *value = (FileValue){
        .place = tree_place(b->tree, path.kind == TREE_ABSENT ? mapping : &path),
        .is_checkpoint = is_checkpoint,
        .path = require_text(b, mapping, is_checkpoint ? "checkpoint" : "file"),
        .tensor = has_tensor ? require_text(b, mapping, "tensor") : NULL,
    };
    return value->path && (!has_tensor || value->tensor);
}

const char *file_value_text(Arena *arena, const FileValue *value) {
    Text origin = {.arena = arena};
    text_add_format(&origin, "{%s: ", value->is_checkpoint ? "checkpoint" : "file");
    print_scalar(&origin, value->path);
    if (value->tensor) {
        text_add(&origin, ", tensor: ");
        print_scalar(&origin, value->tensor);
    }
    text_add_char(&origin, '}');
    return origin.bytes;
}

ConstantData *read_file_value(Builder *b, const TreeNode *mapping, tfcc_dtype dtype,
                              const Argument *shape) {
    FileValue value;
    if (!read_file_mapping(b, mapping, &value)) return NULL;
    value.dtype = dtype;
    ConstantData *data = arena_alloc(b->arena, sizeof *data);
    if (!file_read_tensor(b->c, &value, data)) return NULL;
    data->origin = file_value_text(b->arena, &value);
    return check_shape(b, data, shape, value.place) ? data : NULL;
}
