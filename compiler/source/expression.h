/* expression.h: the expression language, text to syntax tree.
 *
 * Python's expressions as far as they make sense for tensors:
 *
 *     expression := comparison
 *     comparison := bits [ ("==" | "!=" | "<" | "<=" | ">" | ">=") bits ]
 *     bits       := "|", then "^", then "&", then "<<" ">>", then "+" "-",
 *                   then "*" "/" "//" "%" "@"; all from the left
 *     unary      := ("-" | "+" | "~") unary | power
 *     power      := postfix [ "**" unary ]
 *     postfix    := primary { "(" arguments ")" | "[" subscripts "]" }
 *     primary    := number | string | name | `name` | "(" expression ")" | "[" list "]" | "(" tuple ")"
 *                   | "..."
 *
 * Chains of one precedence are one node with many operands, so the depth of the tree is that of the
 * brackets, signs and subscripts written, at most EXPRESSION_MAX_DEPTH, and every walk may recurse. Each node knows its
 * stretch of the source.
 */
#ifndef TFCC_SOURCE_EXPRESSION_H
#define TFCC_SOURCE_EXPRESSION_H

#include "source/tree.h"

enum { EXPRESSION_MAX_DEPTH = 100 };

typedef enum ExpressionKind {
    EXPRESSION_NUMBER, /* also true, false and None written as such */
    EXPRESSION_STRING, /* in quotes */
    EXPRESSION_NAME,   /* an identifier, or any text in backquotes */
    EXPRESSION_LIST,   /* items */
    EXPRESSION_CALL,   /* text: the op; items and their keywords (NULL: by position) */
    EXPRESSION_UNARY,  /* operators[0] applied to items[0] */
    EXPRESSION_CHAIN,  /* items[0] operators[0] items[1] operators[1] …, from the left */
    EXPRESSION_INDEX,  /* items[0] [ items[1], … ] */
    EXPRESSION_SLICE,  /* items[0] : items[1] : items[2], each may be NULL; only inside an INDEX */
    EXPRESSION_ELLIPSIS, /* only inside an INDEX */
    EXPRESSION_VALUE,    /* a value of the graph; never made by the parser: see compose.h */
    EXPRESSION_YAML,     /* a YAML node that has not been looked at; never made by the parser */
} ExpressionKind;

typedef enum Operator {
    OPERATOR_EQUAL,
    OPERATOR_NOT_EQUAL,
    OPERATOR_LESS,
    OPERATOR_LESS_EQUAL,
    OPERATOR_GREATER,
    OPERATOR_GREATER_EQUAL,
    OPERATOR_OR,
    OPERATOR_XOR,
    OPERATOR_AND,
    OPERATOR_LEFT_SHIFT,
    OPERATOR_RIGHT_SHIFT,
    OPERATOR_ADD,
    OPERATOR_SUBTRACT,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE,
    OPERATOR_FLOOR_DIVIDE,
    OPERATOR_MODULO,
    OPERATOR_MATMUL,
    OPERATOR_POWER,
    OPERATOR_NEGATE,
    OPERATOR_PLUS,
    OPERATOR_INVERT,
} Operator;

typedef struct Expression Expression;
struct Expression {
    ExpressionKind kind;
    bool is_backquoted;
    bool is_bracketed; /* stood in ( ) */
    int height;        /* calls, subscripts, lists, signs and chains below this one */
    Place place;
    const char *text; /* NAME, STRING, CALL: NUL-terminated */
    Place name_place; /* CALL: of the op's name */
    Number number;    /* NUMBER */
    Expression **items;
    size_t item_count, item_capacity;
    const char **keywords; /* CALL: one for each item */
    Place *keyword_places;
    Operator *operators;
    size_t operator_capacity;
    TreeNode yaml;
    struct Value *value; /* VALUE */
};

/* How the operator is written. */
const char *operator_text(Operator op);

/* Parses the text of a scalar. NULL after a diagnostic at the place of the slip. */
Expression *expression_parse(Arena *arena, Diagnostics *diagnostics, const Tree *tree,
                             const TreeNode *scalar);

/* Numbers among themselves, as Python computes them. False after a diagnostic (division by zero,
 * past 64 bits, …). */
bool number_fold_binary(Diagnostics *diagnostics, Place place, Operator op, Number a, Number b,
                        Number *result);
bool number_fold_unary(Diagnostics *diagnostics, Place place, Operator op, Number a,
                       Number *result);

#endif
