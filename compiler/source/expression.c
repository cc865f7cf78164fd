/* expression.c: the parser of expressions. The grammar stands in expression.h, each rule again
 * above its function.
 *
 * Binary operators are parsed by precedence climbing, so that brackets are what costs depth; the
 * depth counts every call that may recurse and stops at EXPRESSION_MAX_DEPTH.
 */
#include "source/expression.h"

#include "source/expression_lexer.h"
#include <string.h>

typedef struct Parser {
    Lexer lexer;
    Token token; /* the one that is looked at */
    Arena *arena;
    Diagnostics *diagnostics;
    int depth;
    bool failed; /* something was reported: everything returns NULL */
    bool is_flow_scalar;
} Parser;

static Expression *parse_expression(Parser *p);
static Expression *parse_unary(Parser *p);

static const char *const operator_texts[] = {
    [OPERATOR_EQUAL] = "==",       [OPERATOR_NOT_EQUAL] = "!=",
    [OPERATOR_LESS] = "<",         [OPERATOR_LESS_EQUAL] = "<=",
    [OPERATOR_GREATER] = ">",      [OPERATOR_GREATER_EQUAL] = ">=",
    [OPERATOR_OR] = "|",           [OPERATOR_XOR] = "^",
    [OPERATOR_AND] = "&",          [OPERATOR_LEFT_SHIFT] = "<<",
    [OPERATOR_RIGHT_SHIFT] = ">>", [OPERATOR_ADD] = "+",
    [OPERATOR_SUBTRACT] = "-",     [OPERATOR_MULTIPLY] = "*",
    [OPERATOR_DIVIDE] = "/",       [OPERATOR_FLOOR_DIVIDE] = "//",
    [OPERATOR_MODULO] = "%",       [OPERATOR_MATMUL] = "@",
    [OPERATOR_POWER] = "**",       [OPERATOR_NEGATE] = "-",
    [OPERATOR_PLUS] = "+",         [OPERATOR_INVERT] = "~",
};

const char *operator_text(Operator op) {
    return operator_texts[op];
}

enum { LOOSEST = 1, TIGHTEST = 7 };

/* How tightly a binary operator binds, LOOSEST (comparisons) to TIGHTEST; 0 for what is none. */
static int precedence_of(const Token *token) {
    if (token->kind != TOKEN_OPERATOR) return 0;
    switch (token->op) {
    case OPERATOR_EQUAL:
    case OPERATOR_NOT_EQUAL:
    case OPERATOR_LESS:
    case OPERATOR_LESS_EQUAL:
    case OPERATOR_GREATER:
    case OPERATOR_GREATER_EQUAL: return LOOSEST;
    case OPERATOR_OR: return 2;
    case OPERATOR_XOR: return 3;
    case OPERATOR_AND: return 4;
    case OPERATOR_LEFT_SHIFT:
    case OPERATOR_RIGHT_SHIFT: return 5;
    case OPERATOR_ADD:
    case OPERATOR_SUBTRACT: return 6;
    case OPERATOR_MULTIPLY:
    case OPERATOR_DIVIDE:
    case OPERATOR_FLOOR_DIVIDE:
    case OPERATOR_MODULO:
    case OPERATOR_MATMUL: return TIGHTEST;
    default: return 0;
    }
}

/* ---- helpers ---- */

static Expression *fail(Parser *p, const Token *token, const char *message) {
    if (!p->failed) {
        diagnose_error(p->diagnostics, lexer_place(&p->lexer, token->start, token->end), "%s",
                       message);
        if (p->is_flow_scalar)
            diagnose_note(p->diagnostics, lexer_place(&p->lexer, 0, p->lexer.length),
                          "YAML ends a plain word inside [ ] or { } at a comma or bracket; put the "
                          "expression in double quotes");
    }
    p->failed = true;
    return NULL;
}

static void advance(Parser *p) {
    if (p->failed) return;
    p->token = lexer_next(&p->lexer);
    if (p->token.kind == TOKEN_ERROR) fail(p, &p->token, p->token.message);
}

static bool is_at(const Parser *p, char punctuation) {
    return !p->failed && p->token.kind == TOKEN_PUNCTUATION && p->token.punctuation == punctuation;
}

static bool is_word(const Parser *p, const char *word) {
    return p->token.kind == TOKEN_NAME && !p->token.is_backquoted &&
           p->token.length == strlen(word) && memcmp(p->token.text, word, p->token.length) == 0;
}

static bool too_deep(Parser *p) {
    fail(p, &p->token, "the expression is nested too deeply; give a part of it a name of its own");
    return false;
}

static bool enter(Parser *p) {
    if (p->failed) return false;
    return ++p->depth <= EXPRESSION_MAX_DEPTH || too_deep(p);
}

static Expression *make(Parser *p, ExpressionKind kind, size_t start, size_t end) {
    Expression *expression = arena_alloc(p->arena, sizeof *expression);
    expression->kind = kind;
    expression->place = lexer_place(&p->lexer, start, end);
    return expression;
}

/* The stretch of source from the start of `first` to the last token that was read. */
static Expression *make_from(Parser *p, ExpressionKind kind, const Place *first) {
    Expression *expression = arena_alloc(p->arena, sizeof *expression);
    expression->kind = kind;
    expression->place = *first;
    size_t end = lexer_origin(&p->lexer, p->lexer.last_end);
    expression->place.length = end > first->offset ? end - first->offset : 0;
    return expression;
}

typedef struct ExpressionList {
    Expression **items;
    size_t count, capacity;
    const char **keywords;
    size_t keyword_count, keyword_capacity;
    Place *keyword_places;
    size_t place_count, place_capacity;
} ExpressionList;

static void list_add(Parser *p, ExpressionList *list, Expression *item) {
    *ARENA_PUSH(p->arena, list->items, list->count, list->capacity) = item;
}

static void stand_above(Expression *expression, const Expression *item) {
    if (item && item->height >= expression->height) expression->height = item->height + 1;
}

static void list_finish(Expression *expression, const ExpressionList *list) {
    for (size_t i = 0; i < list->count; i++) stand_above(expression, list->items[i]);
    expression->items = list->items;
    expression->item_count = list->count;
    expression->keywords = list->keywords;
    expression->keyword_places = list->keyword_places;
}

/* ---- primaries ---- */

/* list := [ expression { "," expression } [ "," ] ], up to the closing bracket; `items` may hold the
 * first of them, whose comma is the current token. */
static Expression *parse_list(Parser *p, size_t start, char closing, ExpressionList items) {
    if (items.count > 0) advance(p);
    while (!p->failed && !is_at(p, closing)) {
        Expression *item = parse_expression(p);
        if (!item) return NULL;
        list_add(p, &items, item);
        if (is_at(p, ',')) {
            advance(p);
        } else if (!is_at(p, closing)) {
            return fail(p, &p->token,
                        closing == ']' ? "a list goes on with `,` or ends with `]`"
                                       : "a tuple goes on with `,` or ends with `)`");
        }
    }
    if (p->failed) return NULL;
    Expression *result = make(p, EXPRESSION_LIST, start, p->token.end);
    list_finish(result, &items);
    advance(p);
    return result;
}

/* group := "(" expression ")", or a tuple, which is a list. The brackets belong to its stretch, and a
 * chain in brackets is not continued. */
static Expression *parse_group(Parser *p) {
    size_t start = p->token.start;
    ExpressionList list = {0};
    advance(p);
    if (is_at(p, ')')) return parse_list(p, start, ')', list);
    Expression *inner = parse_expression(p);
    if (!inner) return NULL;
    if (is_at(p, ',')) {
        list_add(p, &list, inner);
        return parse_list(p, start, ')', list);
    }
    if (!is_at(p, ')')) return fail(p, &p->token, "a `)` is missing");
    Expression *group = arena_copy(p->arena, inner, sizeof *inner);
    group->place = lexer_place(&p->lexer, start, p->token.end);
    group->is_bracketed = true;
    advance(p);
    return group;
}

/* list in [ ] */
static Expression *parse_brackets(Parser *p) {
    size_t start = p->token.start;
    advance(p);
    return parse_list(p, start, ']', (ExpressionList){0});
}

/* primary := number | string | name | `name` | "(" expression ")" | "[" list "]" */
static Expression *parse_primary(Parser *p) {
    Token token = p->token;
    Expression *result;
    switch (token.kind) {
    case TOKEN_NUMBER:
        if (token.number.kind == NUMBER_TOO_LARGE)
            return fail(p, &token, "the number does not fit in 64 bits");
        result = make(p, EXPRESSION_NUMBER, token.start, token.end);
        result->number = token.number;
        advance(p);
        return result;
    case TOKEN_STRING:
    case TOKEN_NAME:
        if (is_word(p, "lambda") || is_word(p, "not") || is_word(p, "and") || is_word(p, "or"))
            return fail(p, &token,
                        "`and`, `or`, `not` and `lambda` are not part of expressions; use & | ~");
        result = make(p, token.kind == TOKEN_NAME ? EXPRESSION_NAME : EXPRESSION_STRING,
                      token.start, token.end);
        result->text = arena_copy_text(p->arena, token.text, token.length);
        result->is_backquoted = token.is_backquoted;
        advance(p);
        return result;
    case TOKEN_PUNCTUATION:
        if (token.punctuation == '[' || token.punctuation == '(') {
            if (!enter(p)) return NULL;
            result = token.punctuation == '[' ? parse_brackets(p) : parse_group(p);
            p->depth--;
            return result;
        }
        break;
    default: break;
    }
    if (token.kind == TOKEN_END) return fail(p, &token, "the expression ends too early");
    return fail(p, &token, "a name, a number, `(` or `[` is expected here");
}

/* ---- calls and subscripts ---- */

/* argument := [ identifier "=" ] expression */
static bool parse_argument(Parser *p, ExpressionList *list) {
    const char *keyword = NULL;
    Place place = {0};
    if (p->token.kind == TOKEN_NAME && !p->token.is_backquoted && lexer_at_assignment(&p->lexer)) {
        keyword = arena_copy_text(p->arena, p->token.text, p->token.length);
        place = lexer_place(&p->lexer, p->token.start, p->token.end);
        advance(p); /* the name */
        advance(p); /* = */
    } else if (list->keyword_count > 0 && list->keywords[list->keyword_count - 1]) {
        return fail(p, &p->token, "an argument by position stands behind one by keyword");
    }
    Expression *value = parse_expression(p);
    if (!value) return false;
    list_add(p, list, value);
    *ARENA_PUSH(p->arena, list->keywords, list->keyword_count, list->keyword_capacity) = keyword;
    *ARENA_PUSH(p->arena, list->keyword_places, list->place_count, list->place_capacity) = place;
    return true;
}

/* call := name "(" [ argument { "," argument } [ "," ] ] ")" */
static Expression *parse_call(Parser *p, const Expression *function) {
    if (function->kind != EXPRESSION_NAME || function->is_bracketed)
        return fail(p, &p->token, "only an op's name can be called");
    ExpressionList list = {0};
    advance(p);
    while (!p->failed && !is_at(p, ')')) {
        if (!parse_argument(p, &list)) return NULL;
        if (is_at(p, ','))
            advance(p);
        else if (!is_at(p, ')'))
            return fail(p, &p->token, "the arguments go on with `,` or end with `)`");
    }
    advance(p);
    if (p->failed) return NULL;
    Expression *call = make_from(p, EXPRESSION_CALL, &function->place);
    call->text = function->text;
    call->name_place = function->place;
    list_finish(call, &list);
    return call;
}

static bool ends_subscript(const Parser *p) {
    return p->failed || is_at(p, ',') || is_at(p, ']') || is_at(p, ':');
}

/* subscript := "..." | expression | [ expression ] ":" [ expression ] [ ":" [ expression ] ] */
static Expression *parse_subscript(Parser *p) {
    Token first = p->token;
    if (first.kind == TOKEN_ELLIPSIS) {
        advance(p);
        return make(p, EXPRESSION_ELLIPSIS, first.start, first.end);
    }
    Expression *parts[3] = {NULL, NULL, NULL};
    size_t part = 0;
    bool is_slice = false;
    while (!p->failed) {
        if (!ends_subscript(p)) {
            if (!(parts[part] = parse_expression(p))) return NULL;
        }
        if (!is_at(p, ':') || part == 2) break;
        is_slice = true;
        part++;
        advance(p);
    }
    if (p->failed) return NULL;
    if (!is_slice) {
        if (!parts[0]) return fail(p, &p->token, "an index is missing");
        return parts[0];
    }
    Expression *slice = make(p, EXPRESSION_SLICE, first.start, p->lexer.last_end);
    slice->items = arena_copy(p->arena, parts, sizeof parts);
    slice->item_count = 3;
    for (int i = 0; i < 3; i++) stand_above(slice, parts[i]);
    return slice;
}

/* index := value "[" subscript { "," subscript } [ "," ] "]" */
static Expression *parse_index(Parser *p, Expression *value) {
    ExpressionList list = {0};
    list_add(p, &list, value);
    advance(p);
    if (is_at(p, ']')) return fail(p, &p->token, "an index is missing");
    while (!p->failed && !is_at(p, ']')) {
        Expression *subscript = parse_subscript(p);
        if (!subscript) return NULL;
        list_add(p, &list, subscript);
        if (is_at(p, ','))
            advance(p);
        else if (!is_at(p, ']'))
            return fail(p, &p->token, "the indices go on with `,` or end with `]`");
    }
    advance(p);
    if (p->failed) return NULL;
    Expression *index = make_from(p, EXPRESSION_INDEX, &value->place);
    list_finish(index, &list);
    return index;
}

/* postfix := primary { call | index } */
static Expression *parse_postfix(Parser *p) {
    Expression *result = parse_primary(p);
    while (result && (is_at(p, '(') || is_at(p, '['))) {
        if (p->depth + result->height >= EXPRESSION_MAX_DEPTH && !too_deep(p)) return NULL;
        if (!enter(p)) return NULL;
        result = is_at(p, '(') ? parse_call(p, result) : parse_index(p, result);
        p->depth--;
    }
    return p->failed ? NULL : result;
}

/* ---- operators ---- */

static Expression *make_chain(Parser *p, Expression *left, Operator op, Expression *right) {
    Expression *chain = left;
    bool continues = left->kind == EXPRESSION_CHAIN && !left->is_bracketed &&
                     op != OPERATOR_POWER && left->operators[0] != OPERATOR_POWER &&
                     precedence_of(&(Token){.kind = TOKEN_OPERATOR, .op = op}) ==
                         precedence_of(&(Token){.kind = TOKEN_OPERATOR, .op = left->operators[0]});
    if (!continues) {
        chain = make_from(p, EXPRESSION_CHAIN, &left->place);
        *ARENA_PUSH(p->arena, chain->items, chain->item_count, chain->item_capacity) = left;
        stand_above(chain, left);
    }
    stand_above(chain, right);
    size_t operator_count = chain->item_count - 1;
    *ARENA_PUSH(p->arena, chain->operators, operator_count, chain->operator_capacity) = op;
    *ARENA_PUSH(p->arena, chain->items, chain->item_count, chain->item_capacity) = right;
    size_t end = lexer_origin(&p->lexer, p->lexer.last_end);
    chain->place.length = end > chain->place.offset ? end - chain->place.offset : 0;
    return chain;
}

/* power := postfix [ "**" unary ] */
static Expression *parse_power(Parser *p) {
    Expression *base = parse_postfix(p);
    if (!base || p->token.kind != TOKEN_OPERATOR || p->token.op != OPERATOR_POWER) return base;
    advance(p);
    if (!enter(p)) return NULL;
    Expression *exponent = parse_unary(p);
    p->depth--;
    return exponent ? make_chain(p, base, OPERATOR_POWER, exponent) : NULL;
}

/* unary := ( "-" | "+" | "~" ) unary | power */
static Expression *parse_unary(Parser *p) {
    Expression *result;
    Token token = p->token;
    bool is_sign =
        token.kind == TOKEN_OPERATOR &&
        (token.op == OPERATOR_SUBTRACT || token.op == OPERATOR_ADD || token.op == OPERATOR_INVERT);
    if (is_sign) {
        advance(p);
        if (!enter(p)) return NULL;
        Expression *operand = parse_unary(p);
        p->depth--;
        if (!operand) return NULL;
        result = make(p, EXPRESSION_UNARY, token.start, p->lexer.last_end);
        result->items = arena_copy(p->arena, &operand, sizeof operand);
        result->item_count = 1;
        stand_above(result, operand);
        result->operators = arena_alloc(p->arena, sizeof *result->operators);
        result->operators[0] = token.op == OPERATOR_SUBTRACT ? OPERATOR_NEGATE
                               : token.op == OPERATOR_ADD    ? OPERATOR_PLUS
                                                             : OPERATOR_INVERT;
    } else {
        result = parse_power(p);
    }
    return result;
}

/* binary(level) := operand { operator-of-at-least-level operand }, where an operand binds tighter
 * than its operator */
static Expression *parse_binary(Parser *p, int level) {
    Expression *left = parse_unary(p);
    while (left && !p->failed) {
        int precedence = precedence_of(&p->token);
        if (precedence < level || precedence == 0) break;
        Token token = p->token;
        bool is_second = precedence == LOOSEST && left->kind == EXPRESSION_CHAIN &&
                         !left->is_bracketed && left->operators[0] <= OPERATOR_GREATER_EQUAL;
        if (is_second)
            return fail(p, &token,
                        "comparisons do not chain; write `(a < b) & (b < c)`, with the brackets");
        advance(p);
        Expression *right =
            precedence == TIGHTEST ? parse_unary(p) : parse_binary(p, precedence + 1);
        if (!right) return NULL;
        left = make_chain(p, left, token.op, right);
    }
    return p->failed ? NULL : left;
}

/* expression := comparison */
static Expression *parse_expression(Parser *p) {
    return parse_binary(p, LOOSEST);
}

static void report_trailing(Parser *p) {
    if (is_word(p, "and") || is_word(p, "or") || is_word(p, "not") || is_word(p, "in") ||
        is_word(p, "is"))
        fail(p, &p->token,
             "Python's `and`, `or`, `not`, `in` and `is` are not part of expressions; use & | ~ "
             "==, with brackets "
             "around comparisons");
    else if (is_word(p, "if"))
        fail(p, &p->token, "`a if p else b` is written where(p, a, b), or as a node of op cond");
    else if (is_at(p, ':'))
        fail(p, &p->token,
             "an output `name:k` inside an expression stands in backquotes: `name:1`");
    else if (is_at(p, ','))
        fail(p, &p->token, "a list is written with [ ]: [a, b]");
    else if (is_at(p, ')') || is_at(p, ']'))
        fail(p, &p->token, "this bracket was never opened");
    else
        fail(p, &p->token, "the expression should end here, or go on with an operator");
}

Expression *expression_parse(Arena *arena, Diagnostics *diagnostics, const Tree *tree,
                             const TreeNode *scalar) {
    Parser *p = arena_alloc(arena, sizeof *p);
    p->arena = arena;
    p->diagnostics = diagnostics;
    p->is_flow_scalar = scalar->is_flow && !scalar->is_quoted;
    lexer_start(&p->lexer, arena, tree, scalar);
    advance(p);
    if (!p->failed && p->token.kind == TOKEN_END) {
        fail(p, &p->token, "an expression is missing here");
        return NULL;
    }
    Expression *result = parse_expression(p);
    if (result && !p->failed && p->token.kind != TOKEN_END) report_trailing(p);
    return p->failed ? NULL : result;
}
