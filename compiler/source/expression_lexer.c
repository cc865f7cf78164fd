/* expression_lexer.c: text to tokens. Blanks and line breaks separate tokens and mean nothing else.
 */
#include "source/expression_lexer.h"

#include <string.h>

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

void lexer_start(Lexer *lexer, Arena *arena, const Tree *tree, const TreeNode *scalar) {
    *lexer = (Lexer){
        .arena = arena,
        .tree = tree,
        .text = scalar->as.text,
        .length = scalar->length,
        .base = scalar->offset,
        .origins = tree_text_origins(arena, tree, scalar),
    };
}

size_t lexer_origin(const Lexer *lexer, size_t at) {
    if (!lexer->origins) return lexer->base + at;
    /* The end of a stretch is behind its last byte, not at the next, which may stand on another
     * line. */
    return at == 0 ? lexer->origins[0] : (size_t)lexer->origins[at - 1] + 1;
}

Place lexer_place(const Lexer *lexer, size_t start, size_t end) {
    size_t from = lexer->origins ? lexer->origins[start] : lexer->base + start;
    size_t to = end > start ? lexer_origin(lexer, end) : from;
    return tree_place_at(lexer->tree, from, to > from ? to - from : 0);
}

static char peek(const Lexer *lexer, size_t ahead) {
    return lexer->next + ahead < lexer->length ? lexer->text[lexer->next + ahead] : '\0';
}

static Token finish(Lexer *lexer, Token token, size_t length) {
    token.end = token.start + length;
    lexer->next = lexer->current_end = token.end;
    return token;
}

static Token wrong(Lexer *lexer, Token token, size_t length, const char *message) {
    token.kind = TOKEN_ERROR;
    token.message = message;
    return finish(lexer, token, length);
}

/* 12, 1.5, .5, 1., 1e-5 */
static Token read_number(Lexer *lexer, Token token) {
    size_t length = 0;
    while (is_digit(peek(lexer, length))) length++;
    if (peek(lexer, length) == '.' && !(peek(lexer, length + 1) == '.')) {
        length++;
        while (is_digit(peek(lexer, length))) length++;
    }
    char e = peek(lexer, length);
    if (e == 'e' || e == 'E') {
        size_t sign = peek(lexer, length + 1) == '-' || peek(lexer, length + 1) == '+';
        if (is_digit(peek(lexer, length + 1 + sign))) {
            length += 1 + sign;
            while (is_digit(peek(lexer, length))) length++;
        }
    }
    if (is_letter(peek(lexer, length))) {
        while (is_letter(peek(lexer, length)) || is_digit(peek(lexer, length))) length++;
        return wrong(
            lexer, token, length,
            "this is neither a number nor a name; a name that begins with a digit stands in "
            "backquotes, numbers are decimal");
    }
    token.kind = TOKEN_NUMBER;
    token.number = number_from_text(lexer->text + token.start, length);
    return finish(lexer, token, length);
}

static Token read_name(Lexer *lexer, Token token) {
    size_t length = 0;
    while (is_letter(peek(lexer, length)) || is_digit(peek(lexer, length))) length++;
    token.kind = TOKEN_NAME;
    token.text = lexer->text + token.start;
    token.length = length;
    return finish(lexer, token, length);
}

/* `any name`, where a backquote of the name is written twice */
static Token read_backquoted(Lexer *lexer, Token token) {
    size_t end = 1; /* of the closing one */
    while (token.start + end < lexer->length) {
        bool is_quote = peek(lexer, end) == '`',
             is_double = is_quote && peek(lexer, end + 1) == '`';
        if (is_quote && !is_double) break;
        end += is_double ? 2 : 1;
    }
    if (token.start + end >= lexer->length)
        return wrong(lexer, token, end, "the closing backquote is missing");
    char *name = arena_alloc(lexer->arena, end);
    size_t i = 1;
    for (; i < end; i++) {
        if (peek(lexer, i) == '`') i++;
        name[token.length++] = peek(lexer, i);
    }
    if (token.length == 0)
        return wrong(lexer, token, i + 1, "a name is missing between the backquotes");
    token.kind = TOKEN_NAME;
    token.text = name;
    token.is_backquoted = true;
    return finish(lexer, token, i + 1);
}

/* 'text' or "text"; a backslash keeps the quote or backslash that follows */
static Token read_string(Lexer *lexer, Token token) {
    char quote = peek(lexer, 0);
    size_t end = 1; /* of the closing one */
    while (token.start + end < lexer->length && peek(lexer, end) != quote)
        end += peek(lexer, end) == '\\' ? 2 : 1;
    if (token.start + end >= lexer->length)
        return wrong(lexer, token, lexer->length - token.start, "the closing quote is missing");
    char *text = arena_alloc(lexer->arena, end);
    size_t i = 1;
    for (; i < end; i++) {
        char c = peek(lexer, i);
        if (c == '\\' && (peek(lexer, i + 1) == quote || peek(lexer, i + 1) == '\\'))
            c = peek(lexer, ++i);
        text[token.length++] = c;
    }
    token.kind = TOKEN_STRING;
    token.text = text;
    return finish(lexer, token, i + 1);
}

static Token read_operator(Lexer *lexer, Token token) {
    static const struct {
        const char *text;
        Operator op;
    } operators[] = {
        /* the longer ones first */
        {"**", OPERATOR_POWER},      {"//", OPERATOR_FLOOR_DIVIDE},
        {"<<", OPERATOR_LEFT_SHIFT}, {">>", OPERATOR_RIGHT_SHIFT},
        {"<=", OPERATOR_LESS_EQUAL}, {">=", OPERATOR_GREATER_EQUAL},
        {"==", OPERATOR_EQUAL},      {"!=", OPERATOR_NOT_EQUAL},
        {"<", OPERATOR_LESS},        {">", OPERATOR_GREATER},
        {"|", OPERATOR_OR},          {"^", OPERATOR_XOR},
        {"&", OPERATOR_AND},         {"+", OPERATOR_ADD},
        {"-", OPERATOR_SUBTRACT},    {"*", OPERATOR_MULTIPLY},
        {"/", OPERATOR_DIVIDE},      {"%", OPERATOR_MODULO},
        {"@", OPERATOR_MATMUL},      {"~", OPERATOR_INVERT},
    };
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const char *text = operators[i].text;
        if (peek(lexer, 0) != text[0] || (text[1] && peek(lexer, 1) != text[1])) continue;
        token.kind = TOKEN_OPERATOR;
        token.op = operators[i].op;
        return finish(lexer, token, strlen(text));
    }
    size_t length = 1;
    while (((unsigned char)peek(lexer, length) & 0xc0) == 0x80) length++;
    if ((unsigned char)peek(lexer, 0) >= 0x80)
        return wrong(lexer, token, length,
                     "a name that is no identifier (letters, digits, _) stands in backquotes");
    return wrong(
        lexer, token, 1,
        "this character has no meaning in an expression; a name that is no identifier stands in "
        "backquotes");
}

Token lexer_next(Lexer *lexer) {
    lexer->last_end = lexer->current_end;
    while (is_blank(peek(lexer, 0))) lexer->next++;
    Token token = {.start = lexer->next};
    if (lexer->next >= lexer->length) {
        token.start = lexer->length;
        return finish(lexer, token, 0);
    }
    char c = peek(lexer, 0);
    if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1)))) return read_number(lexer, token);
    if (is_letter(c)) return read_name(lexer, token);
    if (c == '`') return read_backquoted(lexer, token);
    if (c == '\'' || c == '"') return read_string(lexer, token);
    if (c == '.' && peek(lexer, 1) == '.' && peek(lexer, 2) == '.') {
        token.kind = TOKEN_ELLIPSIS;
        return finish(lexer, token, 3);
    }
    if (c == '=' && peek(lexer, 1) == '=') return read_operator(lexer, token);
    if (c != '\0' && strchr("()[],:=", c)) {
        token.kind = TOKEN_PUNCTUATION;
        token.punctuation = c;
        return finish(lexer, token, 1);
    }
    return read_operator(lexer, token);
}

bool lexer_at_assignment(const Lexer *lexer) {
    size_t i = 0;
    while (is_blank(peek(lexer, i))) i++;
    return peek(lexer, i) == '=' && peek(lexer, i + 1) != '=';
}
