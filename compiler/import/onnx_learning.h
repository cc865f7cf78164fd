/* onnx_learning.h: what the rows of ai.onnx.ml share. */
#ifndef TFCC_IMPORT_ONNX_LEARNING_H
#define TFCC_IMPORT_ONNX_LEARNING_H

#include "import/import.h"

/* Writes `done`: `scores`, transformed as ONNX's word says. */
bool learning_transform(ImportNode *n, const char *transform);
/* The same as an output, which is float32. */
bool learning_give(ImportNode *n, const char *output, const char *transform);
/* How many labels classlabels_* has. */
size_t learning_class_count(const ImportNode *n);
/* Writes the label, Y, and the scores, Z, of a classifier, from `scores` [rows, classes]; the
 * transform is the attribute post_transform. */
bool learning_classify(ImportNode *n);
/* The same for two classes, from the score [rows, 1] of the second: it is that one above the
 * threshold. The first class's score is 1 - s, or -s. */
bool learning_classify_one(ImportNode *n, double threshold, bool is_probability);

#endif
