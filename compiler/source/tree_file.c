/* tree_file.c: reading a source file whole, and looking things up in its tree. */
#include "source/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static SourceFile *cannot_read(Diagnostics *diagnostics, const SourceFile *file, const char *why) {
    diagnose_error(diagnostics, (Place){.file = file}, "cannot read the file: %s", why);
    return NULL;
}

SourceFile *tree_read_file(Arena *arena, Diagnostics *diagnostics, const char *path, size_t limit) {
    if (limit == 0) limit = TREE_MAX_FILE_BYTES;
    if (limit > UINT32_MAX / 2) limit = UINT32_MAX / 2;
    SourceFile *file = arena_alloc(arena, sizeof *file);
    file->path = path;
    FILE *stream = fopen(path, "rb");
    if (!stream) return cannot_read(diagnostics, file, strerror(errno));
    struct stat status;
    if (fstat(fileno(stream), &status) == 0 && S_ISDIR(status.st_mode)) {
        fclose(stream);
        return cannot_read(diagnostics, file, "it is a folder");
    }
    /* A regular file is read in one piece; a pipe grows. One byte more than allowed tells a file
     * that is too large. */
    size_t capacity = S_ISREG(status.st_mode) && (uint64_t)status.st_size <= limit
                          ? (size_t)status.st_size + 1
                          : 65536;
    char *bytes = arena_alloc(arena, capacity + 1);
    size_t length = 0, count;
    while ((count = fread(bytes + length, 1, capacity - length, stream)) > 0) {
        length += count;
        if (length > limit) break;
        if (length == capacity) bytes = arena_grow(arena, bytes, &capacity, capacity + 1, 1);
    }
    bool failed = ferror(stream) != 0;
    int error = errno;
    fclose(stream);
    if (failed) return cannot_read(diagnostics, file, strerror(error));
    if (length > limit) {
        diagnose_error(
            diagnostics, (Place){.file = file},
            "the file is larger than %zu MiB; keep large values in a .npy or .safetensors "
            "file and name it with `value: {file: …}`",
            limit >> 20);
        return NULL;
    }
    file->bytes = bytes;
    file->length = length;
    return file;
}

TreeNode tree_item(const Tree *tree, const TreeNode *sequence, size_t index) {
    if (!sequence->is_verbatim) return sequence->as.items[index];
    TreeLeaf leaf = sequence->as.leaves[index];
    return (TreeNode){
        .kind = TREE_SCALAR,
        .offset = leaf.offset,
        .source_length = leaf.length,
        .length = leaf.length,
        .is_verbatim = true,
        .is_flow = sequence->is_flow,
        .as.text = tree->file->bytes + leaf.offset,
    };
}

TreeNode tree_get(const TreeNode *mapping, const char *key) {
    if (mapping->kind == TREE_MAPPING)
        for (size_t i = 0; i < mapping->length; i++)
            if (tree_is(&mapping->as.pairs[i].key, key)) return mapping->as.pairs[i].value;
    return (TreeNode){.kind = TREE_ABSENT};
}

bool tree_is(const TreeNode *scalar, const char *text) {
    return scalar->kind == TREE_SCALAR && strlen(text) == scalar->length &&
           memcmp(text, scalar->as.text, scalar->length) == 0;
}

const char *tree_text(Arena *arena, const TreeNode *scalar) {
    return arena_copy_text(arena, scalar->as.text, scalar->length);
}
