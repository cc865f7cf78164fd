/* import.h: from an ONNX model to a file of the graph language, and what the rows of onnx_ops.def
 * are written with.
 *
 * The nodes of the model are translated in their order. What a node becomes is text of the graph
 * language; the text is at once read by the language's own builder into a graph and inferred, so
 * that the translation of the next node may ask for dtypes, ranks and contents. What is written at
 * the end is the text.
 *
 * A row of the table is an expression or, for the irregular ops, a function
 * `bool import_NAME(ImportNode *)` that asks what it needs to know and then writes expressions too.
 */
#ifndef TFCC_IMPORT_IMPORT_H
#define TFCC_IMPORT_IMPORT_H

#include "graph/graph.h"
#include "import/model.h"
#include "support/text.h"

/* ---- The whole ---- */

typedef struct ImportResult {
    const char *yaml; /* the graph */
    size_t length;
    ConstantData **weights; /* what goes into the file of weights, in order */
    const char **weight_names;
    size_t weight_count;
    const char **read_files;
    size_t read_file_count;
} ImportResult;

/* Translates a model that was read. `weights` is how the YAML names the file of weights. False after
 * diagnostics. */
bool import_model(OnnxModel *model, const char *weights, ImportResult *result);
/* Writes both files, which appear together or not at all; false after a diagnostic. */
bool import_write_files(Arena *arena, Diagnostics *diagnostics, const ImportResult *result,
                        const char *yaml_path, const char *weights_path);

/* ---- What a row's function asks ----
 *
 * Names are those of the row's signature (inputs, attributes), and those that import_write and
 * import_bind have added. */

typedef struct ImportNode ImportNode;

/* Whether the input, output or attribute is there; attributes with a default always are. */
bool import_has(const ImportNode *n, const char *name);
/* The value of an input, or of a name that was written; NULL where it is absent. */
Value *import_value(const ImportNode *n, const char *name);
/* The inputs of a variadic one. */
size_t import_list(const ImportNode *n, const char *name, Value ***values);
/* Of a value, or that an attribute of kind `dtype` names; TFCC_NONE where absent. */
tfcc_dtype import_dtype(const ImportNode *n, const char *name);
int import_rank(const ImportNode *n, const char *name); /* -1: not known */
/* Size `axis` (counted from the end where negative) of it, or -1 where it is not known. */
int64_t import_size(const ImportNode *n, const char *name, int axis);
/* The numbers that an attribute or a constant input holds; false where it is absent or not known. */
bool import_integers(const ImportNode *n, const char *name, const int64_t **numbers, size_t *count);
bool import_floats(const ImportNode *n, const char *name, const double **numbers, size_t *count);
int64_t import_integer(const ImportNode *n, const char *name, int64_t otherwise);
double import_float(const ImportNode *n, const char *name, double otherwise);
bool import_bool(const ImportNode *n, const char *name);
/* A text attribute; "" where it is absent. */
const char *import_word(const ImportNode *n, const char *name);
/* The node of the model itself, for what no schema says. */
const OnnxNode *import_onnx(const ImportNode *n);
const OnnxAttribute *import_attribute(const ImportNode *n, const char *name);
int64_t import_opset(const ImportNode *n);
/* What the model declares about its output number `output`: NULL where it says nothing. */
const OnnxValueInfo *import_declared(const ImportNode *n, size_t output);
/* Whether anyone uses that output. */
bool import_is_wanted(const ImportNode *n, size_t output);
Arena *import_arena(const ImportNode *n);

/* ---- What it does ---- */

/* A name stands for this piece of an expression from now on. */
void import_bind(ImportNode *n, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void import_bind_integers(ImportNode *n, const char *name, const int64_t *numbers, size_t count);
/* The same as what another name stands for. */
void import_alias(ImportNode *n, const char *name, const char *other);
void import_bind_absent(ImportNode *n, const char *name);
/* A constant with these elements, which last as long as the arena. */
void import_bind_tensor(ImportNode *n, const char *name, tfcc_dtype dtype, int rank,
                        const int64_t *dims, const void *elements);
/* Writes statements in the form of the table's expressions, names and braces included. May be called
 * several times; what was written can be asked about. False after a refusal. */
bool import_write(ImportNode *n, const char *statements);
/* The node cannot be translated, and why; gives false. */
bool import_refuse(ImportNode *n, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- Shared by rows' functions (onnx_axes.c) ---- */

/* The expression for the indices (an input) with negative ones counted from the end of axis `axis` of
 * `data`. */
const char *import_count_from_end(ImportNode *n, const char *indices, const char *data, int axis);

/* ---- The table (onnx_table.c) ---- */

typedef enum ImportKind {
    IMPORT_BOOL,
    IMPORT_INTEGER,
    IMPORT_FLOAT,
    IMPORT_WORD,
    IMPORT_INTEGERS,
    IMPORT_FLOATS,
    IMPORT_DTYPE,
    IMPORT_TENSOR,
    IMPORT_GRAPH,
    IMPORT_WORDS,
} ImportKind;

typedef struct ImportInput {
    const char *name;
    bool is_optional, is_list;
    bool is_each; /* stands for one of a list at a time */
} ImportInput;

typedef struct ImportAttribute {
    const char *name;
    ImportKind kind;
    bool is_optional;
    const char *otherwise; /* the default, as an expression writes it, or NULL */
} ImportAttribute;

typedef struct ImportRow {
    const char *op, *domain;
    int64_t since;
    const char *signature, *expression;
    bool (*function)(ImportNode *);
    ImportInput *inputs, *outputs;
    size_t input_count, output_count;
    ImportAttribute *attributes;
    size_t attribute_count;
    struct ImportRow *older; /* of the same op */
} ImportRow;

/* domain, newline, op -> the newest row. */
Map import_table(Arena *arena);

#endif
