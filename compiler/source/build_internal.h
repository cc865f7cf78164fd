/* build_internal.h: what the files build_*.c share.
 *
 * A scope is first declared, all its names and nodes at once, so that nodes may stand in any order;
 * then its nodes are filled in the file's order. Whatever a user wrote where a value may stand is
 * an Expression; pieces of YAML become one (EXPRESSION_YAML) and are looked at when it is known
 * what is wanted of them: a tensor, a word, a dtype, a shape.
 *
 * A node with an error stays in the graph half filled; since a diagnostic was given, nothing looks
 * at it after the source stage.
 */
#ifndef TFCC_SOURCE_BUILD_INTERNAL_H
#define TFCC_SOURCE_BUILD_INTERNAL_H

#include "graph/ops.h"
#include "source/build.h"
#include "source/expression.h"
#include "source/files.h"

/* A name of a scope: a node, or a further output of one. */
typedef struct Declared {
    const char *name;
    Place place;     /* of the name, for "declared here" */
    GraphNode *node; /* NULL: it could not be made; uses of it are silent */
    size_t output;
    bool is_node_name; /* false for what `outputs:` lists */
    bool has_outputs;  /* the node's own list of output names was given */
    TreeNode yaml;
    Expression *expression; /* of a node that is one expression */
    struct Declared *layer; /* of a layer's variable, whose node is made with the layer */
    bool is_filled;
} Declared;

typedef struct Scope {
    struct Scope *outer;
    Map names;          /* -> Declared */
    GraphNode *cond;    /* whose branch this is; NULL at the top */
    const char *branch; /* `then`, `else` */
    Guard *guard;
} Scope;

/* An index of one item, which is a mask where it turns out to be bool. */
typedef struct LateIndex {
    GraphNode *node; /* a strided_slice whose only input is the tensor so far */
    GraphNode *owner;
    Value *index;
    Place place;
} LateIndex;

/* An identity that waits for the initial value of a variable. */
typedef struct InitialCopy {
    GraphNode *node;
    Variable *source;
    Place place;
} InitialCopy;

/* A constant whose value an op gives. */
typedef struct ComputedConstant {
    GraphNode *node;
    Place place;
} ComputedConstant;

typedef struct Builder {
    Compilation *c;
    Arena *arena;
    Diagnostics *diagnostics;
    Graph *graph;
    const Tree *tree;
    Scope *scope;
    GraphNode *owner;  /* the named node whose parts are being made */
    size_t draw_count; /* random ops in it so far */
    LateIndex *late;
    size_t late_count, late_capacity;
    InitialCopy *copies;
    size_t copy_count, copy_capacity;
    GraphNode **broken; /* nodes with an error of their own, and their parts */
    size_t broken_count, broken_capacity;
    ComputedConstant *computed;
    size_t computed_count, computed_capacity;
    Map bound_dims; /* name -> DimBinding */
} Builder;

/* ---- build_names.c ---- */

/* Letters, digits and `_`, not beginning with a digit. */
bool is_identifier(const char *text);

Scope *scope_create(Builder *b, Scope *outer);
/* Adds a name; NULL after a diagnostic (taken, empty, too long). */
Declared *scope_declare(Builder *b, const TreeNode *name);
/* Exactly this name, here or further out; NULL silently. */
Declared *scope_find(const Builder *b, const char *name);
/* The value of a name or of `name:k`. *found tells whether there is such a thing at all: NULL with
 * *found is a node without value or one that is broken; nothing is reported. */
Value *scope_value(Builder *b, const char *name, bool *found, Declared **declared);
/* "there is no node …", with the nearest name. */
void report_unknown_name(Builder *b, Place place, const char *name);
/* The value, or NULL after a diagnostic (unless the node is broken). `user` is whose input it is.
 */
Value *require_value(Builder *b, const char *name, Place place, const char *user);
/* The node for `after` and targets. */
GraphNode *require_node(Builder *b, const char *name, Place place);
/* A note where something is declared. */
void note_declared(Builder *b, const Declared *declared);
/* The nearest key of a list of words (NULL-terminated), or NULL. */
const char *nearest_word(Builder *b, const char *word, const char *const *words);
/* Unknown keys of a mapping, each reported; `words` are the known ones. */
bool check_keys(Builder *b, const TreeNode *mapping, const char *what, const char *const *words);
/* The names of a list (or of one word), as text with places; false after a diagnostic. */
typedef struct NameItem {
    const char *text;
    Place place;
} NameItem;
bool read_names(Builder *b, const TreeNode *list, const char *what, NameItem **names,
                size_t *count);

/* ---- build_nodes.c ---- */

typedef struct Call Call;

/* Fills a declared node of the top level, unless that has been done. */
void build_declared(Builder *b, Declared *declared);

/* Last of all: nodes that an error left unfinished give values without a dtype, over which
 * inference steps silently, so that errors of the others are found in the same go. */
void break_incomplete_nodes(Builder *b);

/* Declares and fills all nodes of a `nodes:` mapping in the current scope. */
void build_nodes(Builder *b, const TreeNode *nodes);
/* A node written as a mapping, as an anonymous part of the owner (target NULL) or into target. */
void build_mapping_node(Builder *b, const TreeNode *mapping, GraphNode *target, GraphNode **made);
/* A new part of the owner, or target made ready for the row. */
GraphNode *begin_node(Builder *b, const OpRow *row, GraphNode *target, Place place);
/* Makes an unfilled node one of another op; its outputs stay. */
void change_row(Builder *b, GraphNode *node, const OpRow *row);
/* The call that a mapping with `op`, or an expression, writes; and the node of a call. */
Call call_of_mapping(Builder *b, const TreeNode *mapping, const OpRow *row);
Call call_of_expression(Builder *b, const Expression *expression, const OpRow *row);
GraphNode *build_by_op(Builder *b, const Call *call, GraphNode *target);
/* A call of an op in an expression. */
GraphNode *build_call_expression(Builder *b, Expression *expression, GraphNode *target);
/* The row, or NULL after a diagnostic. */
const OpRow *require_op(Builder *b, const char *name, Place place);

/* ---- build_expression.c ---- */

typedef enum OperandKind {
    OPERAND_BROKEN, /* reported */
    OPERAND_NUMBER,
    OPERAND_LIST, /* not looked into yet */
    OPERAND_STRING,
    OPERAND_VALUE,
    OPERAND_NODE, /* carried out, without a value */
} OperandKind;

typedef struct Operand {
    OperandKind kind;
    Number number;
    Value *value;
    GraphNode *node;
    Expression *expression; /* what it came from */
} Operand;

Expression *expression_of_yaml(Builder *b, const TreeNode *yaml);
/* An EXPRESSION_YAML turned, in place, into what it says; false after a diagnostic. */
bool resolve_yaml(Builder *b, Expression *expression);
/* Whether it is made of numbers only, so that it folds; makes no nodes. */
bool is_literal(Builder *b, Expression *expression);
/* With a target, the last op goes into it. */
Operand evaluate(Builder *b, Expression *expression, GraphNode *target);
/* As a tensor: literals become weak constants, lists with nodes in them a stack. NULL after a
 * diagnostic. */
Value *operand_value(Builder *b, Operand operand, GraphNode *target);
Value *evaluate_value(Builder *b, Expression *expression);
/* A node that is one expression. */
void fill_expression(Builder *b, Expression *expression, GraphNode *target);
/* A node of this row on these inputs. */
Value *apply_op(Builder *b, OpCode code, Expression *const *places, Value *const *inputs,
                size_t count, GraphNode *target, Place place);
/* How an expression is called in messages: the text of its place, shortened. */
const char *source_text(Builder *b, Place place);

/* ---- build_index.c ---- */

Operand evaluate_index(Builder *b, Expression *index, GraphNode *target);
/* After all nodes are there: indices that are masks. */
void settle_masks(Builder *b);

/* ---- build_arguments.c ---- */

typedef struct CallArgument {
    const char *keyword; /* NULL: by position */
    Place keyword_place;
    Expression *value;
} CallArgument;

struct Call {
    const OpRow *row;
    const char *spelling; /* as the user wrote it */
    Place place;          /* of the op's name */
    bool is_mapping;      /* positions are those of `inputs:`, which skip attributes */
    CallArgument *arguments;
    size_t count, capacity;
};

/* What was given for each parameter: value, or the items of a list. */
typedef struct Bound {
    Expression *value;  /* NULL: nothing */
    Expression **items; /* of a list that was given as several positions */
    size_t item_count;
    bool is_given;
} Bound;

/* Matches arguments and parameters: an array of row->parameter_count, or NULL after a diagnostic.
 */
Bound *bind_arguments(Builder *b, const Call *call);
/* Binds and fills a node of an ordinary op. Gives the node, or NULL after a diagnostic. */
GraphNode *build_call(Builder *b, const Call *call, GraphNode *target);
bool fill_parameter(Builder *b, const Call *call, GraphNode *node, size_t parameter,
                    const Bound *bound);
/* The single readings of an argument; false after a diagnostic. */
bool read_dtype(Builder *b, Expression *expression, tfcc_dtype *dtype);
bool read_shape(Builder *b, Expression *expression, Argument *argument);
/* A number that folds. */
bool read_number(Builder *b, Expression *expression, const char *what, Number *number);

/* ---- build_literal.c ---- */

/* The bytes of a literal in YAML: a scalar or nested lists. dtype TFCC_NONE: inferred. A `shape`
 * (known sizes, or NULL) stretches a scalar; anything else has as many numbers as it holds. NULL
 * after a diagnostic. */
ConstantData *literal_from_tree(Builder *b, const TreeNode *yaml, tfcc_dtype dtype,
                                const Argument *shape);
/* The same from an expression that is_literal. With `weak`, and no dtype, the numbers keep no dtype
 * of their own. */
ConstantData *literal_from_expression(Builder *b, Expression *expression, tfcc_dtype dtype,
                                      const Argument *shape, WeakKind *weak);

/* ---- build_files.c ---- */

/* What `{file: …}` or `{checkpoint: …, tensor: …}` holds; NULL after a diagnostic. */
ConstantData *read_file_value(Builder *b, const TreeNode *mapping, tfcc_dtype dtype,
                              const Argument *shape);

/* The file and the tensor that a mapping names, not opened yet; false after a diagnostic. */
bool read_file_mapping(Builder *b, const TreeNode *mapping, FileValue *value);

/* ---- layer.c ---- */

bool is_layer(const OpRow *row);
/* The names of its variables, in the current scope, where the node is a layer. */
void declare_layer_variables(Builder *b, Declared *node);
GraphNode *build_layer(Builder *b, const Call *call, GraphNode *target);

/* ---- build_state.c ---- */

GraphNode *build_constant(Builder *b, const Call *call, GraphNode *target);
GraphNode *build_variable(Builder *b, const Call *call, GraphNode *target);
GraphNode *build_placeholder(Builder *b, const Call *call, GraphNode *target);
/* Puts a constant into a node, a part of the owner where target is NULL. */
GraphNode *add_constant(Builder *b, const ConstantData *data, WeakKind weak, GraphNode *target,
                        Place place);
/* After all nodes are there: copies of initial values, and what these may depend on. */
void settle_initial_values(Builder *b);

/* ---- build_cond.c ---- */

void build_cond(Builder *b, const TreeNode *mapping, GraphNode *target);

/* ---- build_entries.c ---- */

/* feeds, fetches, signatures. */
void build_entries(Builder *b, const TreeNode *root, const TreeNode *nodes);

#endif
