/* The grammar of expressions: precedence, calls, indices, places. Every tree is printed with all
 * its brackets. */
#include "source_support.h"
#include "support/text.h"
#include <criterion/criterion.h>

static void show(Text *text, const Expression *e);

static void show_items(Text *text, const Expression *e, size_t first) {
    for (size_t i = first; i < e->item_count; i++) {
        if (i > first) text_add(text, ", ");
        if (e->keywords && e->keywords[i]) text_add_format(text, "%s=", e->keywords[i]);
        show(text, e->items[i]);
    }
}

static void show(Text *text, const Expression *e) {
    switch (e ? e->kind : EXPRESSION_YAML) {
    case EXPRESSION_NUMBER:
        if (e->number.kind == NUMBER_FLOAT)
            text_add_format(text, "%g", e->number.real);
        else
            text_add_format(text, "%lld", (long long)e->number.integer);
        break;
    case EXPRESSION_STRING: text_add_format(text, "'%s'", e->text); break;
    case EXPRESSION_NAME: text_add_format(text, e->is_backquoted ? "`%s`" : "%s", e->text); break;
    case EXPRESSION_LIST: text_add(text, "["), show_items(text, e, 0), text_add(text, "]"); break;
    case EXPRESSION_CALL:
        text_add_format(text, "%s(", e->text), show_items(text, e, 0), text_add(text, ")");
        break;
    case EXPRESSION_UNARY:
        text_add_format(text, "(%s", operator_text(e->operators[0]));
        show(text, e->items[0]);
        text_add(text, ")");
        break;
    case EXPRESSION_CHAIN:
        text_add(text, "(");
        for (size_t i = 0; i < e->item_count; i++) {
            if (i) text_add_format(text, " %s ", operator_text(e->operators[i - 1]));
            show(text, e->items[i]);
        }
        text_add(text, ")");
        break;
    case EXPRESSION_INDEX:
        show(text, e->items[0]);
        text_add(text, "[");
        show_items(text, e, 1);
        text_add(text, "]");
        break;
    case EXPRESSION_SLICE:
        for (int i = 0; i < 3; i++) {
            if (i) text_add(text, ":");
            if (e->items[i]) show(text, e->items[i]);
        }
        break;
    case EXPRESSION_ELLIPSIS: text_add(text, "..."); break;
    default: text_add(text, "nothing"); break;
    }
}

static Expression *parse(Source *s) {
    Tree *tree = arena_alloc(s->arena, sizeof *tree),
         *parsed = tree_parse(s->arena, s->diagnostics, &s->file);
    cr_assert(parsed);
    *tree = *parsed;
    TreeNode k = tree_get(&tree->root, "k");
    return expression_parse(s->arena, s->diagnostics, tree, &k);
}

static void check(const char *expression, const char *expected) {
    Source *s = source_open("");
    const char *yaml = arena_format(s->arena, "k: |-\n  %s\n", expression);
    s->file.bytes = yaml;
    s->file.length = strlen(yaml);
    Text text = {.arena = s->arena};
    const Expression *parsed = parse(s);
    cr_assert(parsed, "%s: %s", expression, source_said(s));
    show(&text, parsed);
    cr_assert_str_eq(text.bytes, expected, "%s is %s, not %s", expression, text.bytes, expected);
    arena_destroy(s->arena);
}

Test(expression, precedence_is_pythons) {
    check("a + b * c", "(a + (b * c))");
    check("a - b - c + d", "(a - b - c + d)");
    check("a - (b - c)", "(a - (b - c))");
    check("(a - b) - c", "((a - b) - c)");
    check("a @ b * c // d % e / f", "(a @ b * c // d % e / f)");
    check("-a ** 2", "(-(a ** 2))");
    check("2 ** -a", "(2 ** (-a))");
    check("a ** b ** c", "(a ** (b ** c))");
    check("-a * b", "((-a) * b)");
    check("~a & b", "((~a) & b)");
    check("a | b ^ c & d << e + f", "(a | (b ^ (c & (d << (e + f)))))");
    check("a < b | c", "(a < (b | c))");
    check("(a < b) & (b < c)", "((a < b) & (b < c))");
    check("a == b + 1", "(a == (b + 1))");
    check("a != -b", "(a != (-b))");
    check("+a >> 1 << 2", "((+a) >> 1 << 2)");
    check("a * b + c * d", "((a * b) + (c * d))");
}

Test(expression, calls_lists_and_strings) {
    check("f()", "f()");
    check("f(a, b=c, d=[1, 2.5, 'x'],)", "f(a, b=c, d=[1, 2.5, 'x'])");
    check("f(a == b)", "f((a == b))");
    check("concat([x, y], axis=-1)", "concat([x, y], axis=(-1))");
    check("einsum(\"ij,jk->ik\", a, b)", "einsum('ij,jk->ik', a, b)");
    check("f([[1, 2], [3, 4]])", "f([[1, 2], [3, 4]])");
    check("`dense/kernel:0` + `a``b`", "(`dense/kernel:0` + `a`b`)");
    check("1e-5 + .5 + 1.", "(1e-05 + 0.5 + 1)");
    check("'it\\'s'", "'it's'");
}

Test(expression, indices) {
    check("x[1:, ..., -1]", "x[1::, ..., (-1)]");
    check("x[:, None]", "x[::, None]");
    check("x[::2]", "x[::2]");
    check("x[a:b:c][0]", "x[a:b:c][0]");
    check("f(x)[n + 1:2 * n]", "f(x)[(n + 1):(2 * n):]");
    check("x[0] ** 2", "(x[0] ** 2)");
}

Test(expression, places_span_what_they_mean) {
    Source *s = source_open("k: a + foo(b)\n");
    const Expression *sum = parse(s);
    cr_assert_eq(sum->place.column, 4);
    cr_assert_eq(sum->place.length, strlen("a + foo(b)"));
    cr_assert_eq(sum->items[1]->place.column, 8);
    cr_assert_eq(sum->items[1]->place.length, strlen("foo(b)"));
    cr_assert_eq(sum->items[1]->items[0]->place.column, 12);
    arena_destroy(s->arena);
}

Test(expression, a_long_chain_is_flat) {
    size_t terms = 50000;
    char *text = malloc(terms * 4 + 16), *end = text + sprintf(text, "k: x");
    for (size_t i = 1; i < terms; i++) end += sprintf(end, " + x");
    strcpy(end, "\n");
    Source *s = source_open(text);
    const Expression *sum = parse(s);
    cr_assert(sum);
    cr_assert_eq(sum->item_count, terms);
    arena_destroy(s->arena);
    free(text);
}

Test(expression, depth_is_limited) {
    char text[2048] = "k: ";
    for (int i = 0; i < 500; i++) strcat(text, "-(");
    Source *s = source_open(text);
    cr_assert_null(parse(s));
    cr_assert(strstr(source_said(s), "nested too deeply"));
    arena_destroy(s->arena);
}
