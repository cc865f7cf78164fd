/* tree_place.c: from bytes and characters of a file to lines and columns, and from a scalar's text
 * back to the file.
 *
 * libyaml tells where things stand in characters, diagnostics want lines and columns, everything
 * between counts bytes. The index holds all three for every 1,024th byte, so each question costs
 * one short scan however long the lines are.
 */
#include "source/tree_place.h"

#include <string.h>

enum { STRIDE = 1024 };

typedef struct IndexPoint {
    uint32_t character; /* characters before this byte, a byte order mark not counted */
    uint32_t line;      /* from 0 */
    uint32_t column;    /* characters since the start of the line */
} IndexPoint;

struct TreeIndex {
    const SourceFile *file;
    IndexPoint *points; /* of bytes 0, STRIDE, 2 * STRIDE, … */
    size_t count;
    size_t skipped; /* bytes of the byte order mark */
    bool is_ascii;
};

static bool is_continuation(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static IndexPoint step(const TreeIndex *index, IndexPoint point, size_t offset) {
    char byte = index->file->bytes[offset];
    if (offset < index->skipped || is_continuation(byte)) return point;
    point.character++;
    point.column++;
    if (byte == '\n') {
        point.line++;
        point.column = 0;
    }
    return point;
}

TreeIndex *tree_index_create(Arena *arena, const SourceFile *file) {
    TreeIndex *index = arena_alloc(arena, sizeof *index);
    index->file = file;
    index->count = file->length / STRIDE + 1;
    index->points = arena_alloc_array(arena, index->count, sizeof *index->points);
    index->is_ascii = true;
    if (file->length >= 3 && memcmp(file->bytes, "\xef\xbb\xbf", 3) == 0) index->skipped = 3;
    IndexPoint point = {0};
    for (size_t offset = 0; offset < file->length; offset++) {
        if (offset % STRIDE == 0) index->points[offset / STRIDE] = point;
        if (offset >= index->skipped && (unsigned char)file->bytes[offset] >= 0x80)
            index->is_ascii = false;
        point = step(index, point, offset);
    }
    if (file->length % STRIDE == 0) index->points[index->count - 1] = point;
    return index;
}

size_t tree_index_offset(const TreeIndex *index, size_t character) {
    size_t length = index->file->length;
    if (index->is_ascii) {
        size_t offset = character + index->skipped;
        return offset < length ? offset : length;
    }
    size_t low = 0, high = index->count; /* the last point that is not behind the character */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (index->points[middle].character <= character)
            low = middle;
        else
            high = middle;
    }
    size_t offset = low * STRIDE;
    IndexPoint point = index->points[low];
    while (offset < length && (point.character < character || offset < index->skipped ||
                               is_continuation(index->file->bytes[offset]))) {
        point = step(index, point, offset);
        offset++;
    }
    return offset;
}

Place tree_place_at(const Tree *tree, size_t offset, size_t length) {
    const SourceFile *file = tree->file;
    if (offset > file->length) offset = file->length;
    size_t start = offset / STRIDE;
    IndexPoint point = tree->index->points[start];
    for (size_t i = start * STRIDE; i < offset; i++) point = step(tree->index, point, i);
    if (length > file->length - offset) length = file->length - offset;
    return (Place){
        .file = file,
        .offset = offset,
        .line = (int)point.line + 1,
        .column = (int)point.column + 1,
        .length = length,
    };
}

Place tree_place(const Tree *tree, const TreeNode *node) {
    size_t length = node->source_length;
    /* A collection is shown by its first line, without the blanks at that line's end. */
    const char *start = tree->file->bytes + node->offset;
    const char *line_end = memchr(start, '\n', length);
    if (line_end) {
        length = (size_t)(line_end - start);
        while (length > 0 && (start[length - 1] == ' ' || start[length - 1] == '\r')) length--;
    }
    return tree_place_at(tree, node->offset, length);
}

/* ---- scalars that are not the file's own bytes ---- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The escape at source[0] == '\\': bytes of source it takes, and bytes of text it gives. */
static size_t escape_length(const char *source, size_t left, size_t *produced) {
    static const char *const digits = "xuU";
    *produced = 1;
    if (left < 2) return left;
    const char *kind = strchr(digits, source[1]);
    if (source[1] == 'N' || source[1] == '_') *produced = 2;
    if (source[1] == 'L' || source[1] == 'P') *produced = 3;
    if (!kind) return 2;
    size_t count = (size_t)2 << (kind - digits);
    uint32_t code = 0;
    for (size_t i = 2; i < 2 + count && i < left; i++) {
        char c = source[i];
        code = code * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    *produced = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    return 2 + count < left ? 2 + count : left;
}

/* Aligns one run of blanks: as they are on one line; where lines are folded, all of them stand for
 * the break. */
static void align_blanks(const char *text, size_t length, size_t *k, const char *source, size_t end,
                         size_t *p, uint32_t *origins) {
    size_t stop = *p;
    bool has_break = false;
    while (stop < end && is_blank(source[stop])) has_break |= source[stop++] == '\n';
    size_t from = *p;
    for (; *k < length && is_blank(text[*k]); ++*k) {
        if (!has_break && from >= stop) break;
        origins[*k] = (uint32_t)from;
        if (!has_break) from++;
    }
    *p = has_break ? stop : from;
}

const uint32_t *tree_text_origins(Arena *arena, const Tree *tree, const TreeNode *scalar) {
    if (scalar->is_verbatim) return NULL;
    const char *source = tree->file->bytes, *text = scalar->as.text;
    size_t length = scalar->length, p = scalar->offset, end = p + scalar->source_length;
    uint32_t *origins = arena_alloc_array(arena, length + 1, sizeof *origins);
    char style = p < end ? source[p] : ' ';
    if (style == '|' || style == '>') { /* behind the header's line */
        while (p < end && source[p] != '\n') p++;
    } else if (style == '"' || style == '\'') {
        p++;
    }
    for (size_t k = 0; k < length;) {
        if (style == '"' && p + 1 < end && source[p] == '\\') {
            if (source[p + 1] == '\n' || source[p + 1] == '\r') { /* an escaped line break */
                for (p++; p < end && is_blank(source[p]);) p++;
                continue;
            }
            size_t produced, taken = escape_length(source + p, end - p, &produced);
            for (; produced > 0 && k < length; produced--) origins[k++] = (uint32_t)p;
            p += taken;
        } else if (is_blank(text[k])) {
            size_t before = k;
            align_blanks(text, length, &k, source, end, &p, origins);
            if (k == before) origins[k++] = (uint32_t)p;
        } else {
            while (p < end && is_blank(source[p])) p++;
            origins[k] = (uint32_t)p;
            if (style == '\'' && text[k] == '\'') p++;
            if (p < end) p++;
            k++;
        }
    }
    origins[length] = (uint32_t)(p < end ? p : end);
    return origins;
}
