/* expression_lexer.h: the words of an expression. Private to the expression parser. */
#ifndef TFCC_SOURCE_EXPRESSION_LEXER_H
#define TFCC_SOURCE_EXPRESSION_LEXER_H

#include "source/expression.h"

typedef enum TokenKind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_OPERATOR,
    TOKEN_PUNCTUATION, /* ( ) [ ] , : = */
    TOKEN_ELLIPSIS,
    TOKEN_ERROR,
} TokenKind;

typedef struct Token {
    TokenKind kind;
    size_t start, end; /* in the scalar's text */
    const char *text;  /* NAME, STRING: without the quotes, escapes resolved */
    size_t length;
    bool is_backquoted;
    Number number;
    Operator op;
    char punctuation;
    const char *message; /* ERROR */
} Token;

typedef struct Lexer {
    Arena *arena;
    const Tree *tree;
    const char *text;
    size_t length, next;
    size_t last_end; /* the end of the token before the one that was read last */
    size_t current_end;
    size_t base;             /* where the text begins in the file, when it stands there as it is */
    const uint32_t *origins; /* else where each byte comes from */
} Lexer;

void lexer_start(Lexer *lexer, Arena *arena, const Tree *tree, const TreeNode *scalar);
Token lexer_next(Lexer *lexer);
/* Whether the token behind the one read last is `=` (and not `==`). */
bool lexer_at_assignment(const Lexer *lexer);

/* Offset in the file of the text's byte `at`; the place of text[start, end). */
size_t lexer_origin(const Lexer *lexer, size_t at);
Place lexer_place(const Lexer *lexer, size_t start, size_t end);

#endif
