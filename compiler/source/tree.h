/* tree.h: the YAML file as a small tree that remembers where everything was written.
 *
 * libyaml's events become scalars, sequences and mappings. Nothing is resolved here: a scalar is
 * its text, and `tree_resolve` says what number or word that text is under tfcc's own rules
 * (YAML 1.1's octal, sexagesimal and yes/no do not exist). Anchors, aliases and merge keys (`<<`)
 * are expanded by sharing, so the tree is without cycles but may hold one subtree several times.
 *
 * Refused, each at its place: what libyaml refuses; a second document; a key written twice; a key
 * that is no scalar; an alias without anchor or inside its own anchor; tags other than YAML's own
 * core ones; control characters; text that is not UTF-8. Limits: TREE_MAX_DEPTH levels,
 * TREE_MAX_NODES nodes, TREE_MAX_EXPANSION nodes that aliases stand for, the given file size.
 *
 * Nodes are values of 24 bytes, copied freely; a sequence of plain words and numbers is kept as 8
 * bytes an item, so that a literal of many megabytes stays cheap. Text is not NUL-terminated.
 */
#ifndef TFCC_SOURCE_TREE_H
#define TFCC_SOURCE_TREE_H

#include "support/arena.h"
#include "support/diagnostic.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    TREE_MAX_DEPTH = 64,
    TREE_MAX_NODES = 40000000,
    TREE_MAX_EXPANSION = 1000000,
    TREE_MAX_FILE_BYTES = 64 << 20,
    TREE_MAX_NAME_BYTES = 4096,
};

typedef enum TreeKind {
    TREE_ABSENT, /* no node at all: a key that is not there */
    TREE_SCALAR,
    TREE_SEQUENCE,
    TREE_MAPPING,
} TreeKind;

typedef struct TreeNode TreeNode;
typedef struct TreePair TreePair;
typedef struct TreeLeaf TreeLeaf;

struct TreeNode {
    uint32_t offset;        /* of its first byte in the file, behind anchor and tag */
    uint32_t source_length; /* bytes of the file that it spans */
    uint32_t length;        /* bytes of the scalar's text, or the number of items or pairs */
    uint8_t kind;           /* TreeKind */
    bool is_quoted;         /* a scalar in quotes or a block scalar: always text, never a number */
    bool is_verbatim;       /* the text is the file's bytes from `offset` on */
    bool is_flow;           /* written inside (a scalar) or as (others) `[ ]` or `{ }` */
    union {
        const char *text;
        const TreeNode *items;
        const TreeLeaf *leaves; /* of a sequence with is_verbatim: plain scalars */
        const TreePair *pairs;
    } as;
};

struct TreePair {
    TreeNode key, value;
};

struct TreeLeaf {
    uint32_t offset, length;
};

typedef struct Tree {
    const SourceFile *file;
    struct TreeIndex *index; /* byte offsets to lines and columns */
    TreeNode root;           /* TREE_ABSENT for an empty file */
} Tree;

/* Reads the file's bytes into the arena; NULL after a diagnostic (missing, unreadable, a folder,
 * larger than `limit`; 0 means TREE_MAX_FILE_BYTES). */
SourceFile *tree_read_file(Arena *arena, Diagnostics *diagnostics, const char *path, size_t limit);

/* Parses a file that was read; NULL after a diagnostic. Everything lives in the arena. */
Tree *tree_parse(Arena *arena, Diagnostics *diagnostics, const SourceFile *file);

/* The item of a sequence. */
TreeNode tree_item(const Tree *tree, const TreeNode *sequence, size_t index);
/* The value of a key, of kind TREE_ABSENT where it is missing; looks at the pairs one by one. */
TreeNode tree_get(const TreeNode *mapping, const char *key);
/* True when the scalar is exactly this text. */
bool tree_is(const TreeNode *scalar, const char *text);
/* The scalar's text with a NUL behind it. */
const char *tree_text(Arena *arena, const TreeNode *scalar);

/* Where a node stands; of anything that spans lines, its first line. */
Place tree_place(const Tree *tree, const TreeNode *node);
/* Any stretch of the file. */
Place tree_place_at(const Tree *tree, size_t offset, size_t length);
/* For each byte of a scalar's text, and its end, the offset in the file it came from (through
 * quotes, escapes and folding); NULL when byte k simply comes from offset + k. */
const uint32_t *tree_text_origins(Arena *arena, const Tree *tree, const TreeNode *scalar);

/* ---- what a plain scalar means ---- */

__extension__ typedef __int128 WideInteger;

typedef enum NumberKind {
    NUMBER_NONE,     /* a word */
    NUMBER_NULL,     /* null, ~, None, ?, or nothing at all */
    NUMBER_BOOL,     /* true, True, false, False */
    NUMBER_INTEGER,  /* between -2^63 and 2^64 - 1 */
    NUMBER_FLOAT,    /* with a point, an exponent, or inf, .inf, nan, .nan */
    NUMBER_TOO_LARGE /* an integer past 64 bits or a float past float64's range */
} NumberKind;

typedef struct Number {
    NumberKind kind;
    bool boolean;
    WideInteger integer;
    double real;
} Number;

/* What the text is, if nothing was declared under that name. */
Number number_from_text(const char *text, size_t length);
/* The same for a tree's scalar: quoted ones are words. */
Number tree_resolve(const TreeNode *scalar);

#endif
