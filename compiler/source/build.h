/* build.h: from the tree of a YAML file to a graph.
 *
 * Names are resolved, expressions become nodes, every argument is matched with the parameter of its
 * op's row, literals become constants. dtypes and shapes are not looked at here: that is inference.
 * What graphs/README.md says about the language is carried out in the files build_*.c.
 */
#ifndef TFCC_SOURCE_BUILD_H
#define TFCC_SOURCE_BUILD_H

#include "compilation.h"
#include "source/tree.h"

/* Reads and parses options.input and fills in c->graph. False when nothing usable came out; whether
 * anything was wrong is told by diagnostics_error_count alone: as many errors as possible are
 * collected in one go. */
bool source_build_graph(Compilation *compilation);

/* The same from a file that was read already, or from one mapping inside a tree (a graph written
 * inside another file). */
bool source_build_from_file(Compilation *compilation, const SourceFile *file);
bool source_build_from_tree(Compilation *compilation, const Tree *tree, const TreeNode *root);

#endif
