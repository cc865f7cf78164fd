/* tree_place.h: the index of a file's characters, lines and columns. Private to the tree. */
#ifndef TFCC_SOURCE_TREE_PLACE_H
#define TFCC_SOURCE_TREE_PLACE_H

#include "source/tree.h"

typedef struct TreeIndex TreeIndex;

TreeIndex *tree_index_create(Arena *arena, const SourceFile *file);
/* The byte at which the character with this number (from 0, as libyaml counts) begins. */
size_t tree_index_offset(const TreeIndex *index, size_t character);

/* The bytes for libyaml: the file's own, or a copy in which each `?` that stands for an unknown
 * size is a `~`. */
const char *tree_replace_unknowns(Arena *arena, const SourceFile *file);

#endif
