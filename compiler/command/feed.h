/* feed.h: --feed NAME=VALUE and --feed NAME=@FILE.npy. */
#ifndef TFCC_COMMAND_FEED_H
#define TFCC_COMMAND_FEED_H

#include "command/session.h"
#include "source/tree.h"

/* Fills in run->feeds from the command line; VALUE is YAML of the feed's dtype. False after a
 * sentence on standard error. Whether the shape fits is the run's question. */
bool command_read_feeds(Arena *arena, const CommandLine *line, CommandSession *run);

/* A YAML node as a tensor of this dtype, in the arena: a scalar or nested lists. False after a
 * diagnostic at its place. */
bool tensor_from_tree(Arena *arena, Diagnostics *diagnostics, const Tree *tree,
                      const TreeNode *node, tfcc_dtype dtype, tfcc_tensor *tensor);

#endif
