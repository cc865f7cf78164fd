/* model.h: an ONNX file as our own structures.
 *
 * Everything lives in the arena, with the file mapped beside it: the elements of tensors are bytes
 * of the mapping wherever they lie there as they are needed. All texts are names by the rules of
 * the graph language already: printable UTF-8 of at most 4,096 bytes. A name of the file that is
 * not is escaped, the same name always in the same way and two names never alike.
 */
#ifndef TFCC_IMPORT_MODEL_H
#define TFCC_IMPORT_MODEL_H

#include "graph/graph.h"

typedef struct OnnxGraph OnnxGraph;

/* A tensor of the file. Its data is looked at by onnx_tensor_data. */
typedef struct OnnxTensor {
    const char *name;
    tfcc_dtype dtype;       /* TFCC_NONE: none of ours */
    const char *dtype_name; /* ONNX's, for messages */
    const char *problem;    /* why it cannot be used, or NULL */
    ConstantData data;      /* dtype, rank, dims, element_count; bytes once they were asked for */
    const struct WireCut *cuts;
    size_t cut_count;
    const char *location; /* of external data: the path as the file gives it, else NULL */
    uint64_t offset, length;
    bool has_length;
} OnnxTensor;

typedef enum OnnxAttributeKind {
    ONNX_UNDEFINED = 0,
    ONNX_FLOAT = 1,
    ONNX_INTEGER = 2,
    ONNX_STRING = 3,
    ONNX_TENSOR = 4,
    ONNX_GRAPH = 5,
    ONNX_FLOATS = 6,
    ONNX_INTEGERS = 7,
    ONNX_STRINGS = 8,
    ONNX_TENSORS = 9,
    ONNX_SPARSE_TENSOR = 11,
    /* others exist, and nothing reads them */
} OnnxAttributeKind;

typedef struct OnnxAttribute {
    const char *name;
    OnnxAttributeKind kind;
    const char *reference; /* in a function: the caller's attribute it stands for, or NULL */
    int64_t integer;
    float number;
    const char *text;
    size_t count; /* of a list */
    const int64_t *integers;
    const float *numbers;
    const char **texts;
    OnnxTensor *tensor, **tensors;
    OnnxGraph *graph;
} OnnxAttribute;

typedef struct OnnxNode {
    const char *name, *op, *domain, *overload; /* never NULL; domain "" is ai.onnx */
    size_t number;                             /* its place in the list of nodes, from 1 */
    const char **inputs, **outputs;            /* "" where one is left out */
    size_t input_count, output_count;
    OnnxAttribute *attributes;
    size_t attribute_count;
} OnnxNode;

typedef struct OnnxValueInfo {
    const char *name;
    bool is_tensor;
    tfcc_dtype dtype;
    const char *dtype_name;
    bool has_shape;
    int rank; /* may be over MAX_RANK; then sizes holds the first ones */
    ShapeEntry sizes[MAX_RANK];
} OnnxValueInfo;

struct OnnxGraph {
    const char *name;
    OnnxNode *nodes;
    size_t node_count;
    OnnxTensor *initializers; /* also sparse ones, made dense */
    size_t initializer_count;
    OnnxValueInfo *inputs, *outputs, *infos;
    size_t input_count, output_count, info_count;
};

typedef struct OnnxOpset {
    const char *domain;
    int64_t version;
} OnnxOpset;

typedef struct OnnxFunction {
    const char *name, *domain, *overload;
    const char **inputs, **outputs, **attributes;
    size_t input_count, output_count, attribute_count;
    OnnxAttribute *defaults; /* attributes that have one */
    size_t default_count;
    OnnxOpset *opsets;
    size_t opset_count;
    OnnxNode *nodes;
    size_t node_count;
} OnnxFunction;

typedef struct OnnxModel {
    Arena *arena;
    Diagnostics *diagnostics;
    const SourceFile *file; /* its path; bytes are NULL: a place in it has no line to show */
    OnnxOpset *opsets;
    size_t opset_count;
    OnnxGraph *graph;
    OnnxFunction *functions;
    size_t function_count;
    Map names;             /* as in the file -> as here */
    Map taken;             /* names that are in use here */
    bool has_number_names; /* some of them look like numbers */
    Map external_files;    /* location -> ExternalFile */
    const struct WireCut *cuts;
    size_t cut_count;
    const char **read_files; /* everything that was opened */
    size_t read_file_count, read_file_capacity;
} OnnxModel;

/* Maps and reads a file; NULL after a diagnostic. */
OnnxModel *onnx_model_read(Arena *arena, Diagnostics *diagnostics, const char *path);
/* The same from memory that lasts as long as the arena; `path` is where external data is looked
 * for. */
OnnxModel *onnx_model_from_bytes(Arena *arena, Diagnostics *diagnostics, const char *path,
                                 const uint8_t *bytes, size_t size);
/* A file with one TensorProto, as the test data of ONNX has them; NULL after a diagnostic. */
OnnxTensor *onnx_tensor_read(Arena *arena, Diagnostics *diagnostics, const char *path);

/* The elements, dense, 4-bit types one a byte; NULL after a diagnostic. */
const ConstantData *onnx_tensor_data(OnnxModel *model, OnnxTensor *tensor);

/* A name that no other one of the model has, made from this one. */
const char *onnx_unique_name(OnnxModel *model, const char *wanted);
/* An error about the model as a whole; gives false. */
bool onnx_error(const OnnxModel *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- between model*.c ---- */

/* ONNX's TensorProto.DataType as ours, with ONNX's name. */
tfcc_dtype onnx_dtype(int32_t type, const char **name);
/* Elements that are stored at `indices` of zeros. */
struct Onnx__SparseTensor;
struct Onnx__Tensor;
void onnx_tensor_convert(OnnxModel *model, const struct Onnx__Tensor *from, OnnxTensor *to);
void onnx_sparse_convert(OnnxModel *model, const struct Onnx__SparseTensor *from, OnnxTensor *to);
const char *onnx_text(OnnxModel *model, const uint8_t *bytes, size_t length);
const uint8_t *onnx_map_file(OnnxModel *model, const char *path, size_t *size, const char **error);

#endif
