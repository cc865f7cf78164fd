/* import_internal.h: what the files import*.c share. */
#ifndef TFCC_IMPORT_IMPORT_INTERNAL_H
#define TFCC_IMPORT_IMPORT_INTERNAL_H

#include "import/import.h"
#include "source/build_internal.h"

enum {
    IMPORT_MAX_NODES = 1 << 17, /* written, functions expanded */
    IMPORT_MAX_CALLS = 64,      /* functions and branches inside each other */
    IMPORT_MAX_BRANCHES = 18,   /* written inside each other: YAML's nesting is limited */
    IMPORT_INLINE_ELEMENTS = 16,
};

/* A value of the model. */
typedef struct ImportValue {
    const char *name;          /* in the graph that is written */
    Value *value;              /* NULL: it could not be made, which has been reported */
    OnnxTensor *tensor;        /* of a constant */
    struct ImportScope *scope; /* where a constant is written when it is first needed by name */
    bool is_written;
} ImportValue;

/* The names that a graph of the model sees. */
typedef struct ImportScope {
    struct ImportScope *outer; /* NULL also for the body of a function, which sees no other names */
    struct ImportScope *caller;
    Map values;   /* ONNX's name -> ImportValue */
    Map declared; /* ONNX's name -> OnnxValueInfo */
    const OnnxOpset *opsets;
    size_t opset_count;
    const OnnxFunction *function; /* whose body this is, or NULL */
    Map *attributes;              /* of a function's call: name -> OnnxAttribute; else NULL */
    const char *prefix;           /* of names, for the body of a function: "call/" */
    const char *place;            /* in messages: "", " of function `f`, called by …" */
    Scope *builder_scope;
    Text *text; /* where its nodes are written */
    int indent;
    int depth;
} ImportScope;

typedef struct Problem {
    const OnnxNode *onnx;
    const char *node, *reason;
} Problem;

typedef struct Importer {
    OnnxModel *model;
    Arena *arena;
    Graph *graph;
    Builder *builder;
    Diagnostics *diagnostics; /* of what is being built; its messages become problems */
    Map table;
    Map functions; /* domain, newline, name, newline, overload -> OnnxFunction */
    const char *weights;
    ImportResult *result;
    size_t weight_capacity;
    Map weight_names;
    Problem *problems;
    size_t problem_count, problem_capacity;
    size_t node_count;
    bool is_over; /* a limit was passed, and reported */
} Importer;

/* What a name of a row stands for. */
typedef enum BoundKind { BOUND_ABSENT, BOUND_VALUE, BOUND_LIST, BOUND_TEXT } BoundKind;

typedef struct ImportBinding {
    BoundKind kind;
    ImportValue *value;
    ImportValue **values;
    size_t count;
    const char *text;               /* NULL: of a long list, see import_binding_text */
    const OnnxAttribute *attribute; /* a TEXT that came from it */
    ImportKind attribute_kind;
    bool is_pending; /* an output or intermediate that has not been written */
} ImportBinding;

struct ImportNode {
    Importer *importer;
    ImportScope *scope;
    const OnnxNode *onnx;
    const ImportRow *row;
    int64_t opset;
    Arena *scratch;     /* of this node alone */
    Map names;          /* -> ImportBinding */
    const char *reason; /* why it could not be translated */
    bool is_silent;     /* an input is broken, which has been reported */
};

/* ---- import_graph.c ---- */

/* The nodes of a graph or a function, in an order that their inputs allow. */
void import_nodes(Importer *im, ImportScope *scope, const OnnxNode *nodes, size_t count);
/* The declarations and constants of a graph become names of the scope. */
void import_declare_graph(Importer *im, ImportScope *scope, const OnnxGraph *graph);
ImportValue *import_find_value(const ImportScope *scope, const char *name);
ImportValue *import_add_value(Importer *im, ImportScope *scope, const char *name,
                              const char *written, Value *value);
ImportValue *import_add_tensor(Importer *im, ImportScope *scope, const char *name,
                               const char *wanted, OnnxTensor *tensor);
void import_add_problem(Importer *im, const ImportScope *scope, const OnnxNode *node,
                        const char *reason);
/* Nodes of ops that no row has, wherever the translation did not come by. */
void import_sweep(Importer *im, const ImportScope *scope, const OnnxGraph *graph);
int64_t import_scope_opset(const ImportScope *scope, const char *domain);
bool import_call_function(ImportNode *n, const OnnxFunction *function);
/* A name for a node in this scope. One of the model's own values keeps it unless an outer node is
 * called the same; any other name gives way to all of the model's. */
const char *import_free_name(Importer *im, ImportScope *scope, const char *wanted, bool is_own);

/* ---- import_constant.c ---- */

/* The value of a constant with its contents; NULL after a problem (in *reason). */
Value *import_constant_value(Importer *im, ImportValue *constant, const char **reason);
/* Writes the constant's line, where it has none yet. */
bool import_write_constant(Importer *im, ImportValue *constant, const char **reason);
/* The literal of a constant's elements. */
void import_add_literal(Text *text, const ConstantData *data);
/* Whether a number or list in an expression says the same. */
bool import_is_literal(const ConstantData *data);

/* ---- import_node.c ---- */

void import_node(Importer *im, ImportScope *scope, const OnnxNode *node);
const OnnxFunction *import_find_function(const Importer *im, const OnnxNode *node);
/* Gives why the op is not supported in that op set, or NULL with the row in *row. */
const char *import_find_row(const Importer *im, const OnnxNode *node, int64_t opset,
                            const ImportRow **row);
ImportBinding *import_binding(const ImportNode *n, const char *name);
/* How a TEXT stands in an expression; that of a long list is made when it is asked for. */
const char *import_binding_text(ImportNode *n, const ImportBinding *binding);
ImportBinding *import_add_binding(ImportNode *n, const char *name, ImportBinding binding);

/* ---- import_template.c ---- */

/* The text with braces resolved; NULL with n->reason. */
const char *template_expand(ImportNode *n, const char *text);
/* One statement: `targets = expression`. */
typedef struct Statement {
    const char **targets;
    size_t target_count;
    const char *text;
    bool is_needed;
} Statement;
bool template_statements(ImportNode *n, const char *text, Statement **statements, size_t *count);

/* ---- import_expression.c ---- */

/* Appends the expression with bound names replaced; false with n->reason. */
bool import_write_expression(ImportNode *n, Text *out, const Expression *expression);
/* A call of an op with several outputs as a mapping that names them. */
bool import_write_mapping(ImportNode *n, Text *out, const Expression *call,
                          const char *const *names, size_t count);
/* The text of an expression as a YAML scalar may hold it. */
const char *import_guard_text(const ImportNode *n, const Expression *expression, const char *text);

/* ---- import_write.c ---- */

/* Appends a piece of an expression, or a name, as a YAML scalar; `in_flow` inside [ ] or { }. */
void import_add_scalar(Text *text, const char *scalar, bool in_flow);
/* Appends a key with its colon at an indentation. */
void import_add_key(Text *text, const char *name, int indent);
void import_indent(Text *text, int indent);
/* A name as an expression writes it. */
void import_add_name(Text *text, const char *name);
/* Writes one statement as a node of the graph that is written, and builds it. */
bool import_statement(ImportNode *n, const Statement *statement);

#endif
