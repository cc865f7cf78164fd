/* The tree of a YAML file: shapes, places, origins of text, numbers, limits. */
#include "source_support.h"
#include <criterion/criterion.h>
#include <math.h>

static Tree *parse(Source *s) {
    return tree_parse(s->arena, s->diagnostics, &s->file);
}

static TreeNode path(const Tree *tree, const char *key) {
    return tree_get(&tree->root, key);
}

Test(tree, scalars_sequences_and_mappings) {
    Source *s = source_open("a: x\nb: [1, 2, {c: 'd'}]\ne:\n  - f\n  - g\n");
    Tree *tree = parse(s);
    cr_assert(tree);
    TreeNode b = path(tree, "b"), e = path(tree, "e"), a = path(tree, "a");
    cr_assert(tree_is(&a, "x"));
    cr_assert_eq(b.kind, TREE_SEQUENCE);
    cr_assert_eq(b.length, 3);
    TreeNode first = tree_item(tree, &b, 0), last = tree_item(tree, &b, 2);
    cr_assert(tree_is(&first, "1") && first.is_flow && !first.is_quoted);
    cr_assert_eq(last.kind, TREE_MAPPING);
    TreeNode d = tree_get(&last, "c");
    cr_assert(tree_is(&d, "d") && d.is_quoted);
    cr_assert_eq(e.length, 2);
    cr_assert(e.is_verbatim, "a sequence of plain words is kept as leaves");
    cr_assert_eq(path(tree, "nothing").kind, TREE_ABSENT);
    arena_destroy(s->arena);
}

Test(tree, places_count_characters) {
    Source *s = source_open(
        "\xef\xbb\xbf\xc3\xa9\xc3\xa9: \xe2\x82\xac\r\nb: c # \xc3\xa9\n\"d\": [\xc3\xa9, x]\n");
    Tree *tree = parse(s);
    cr_assert(tree);
    TreeNode euro = tree->root.as.pairs[0].value, d = path(tree, "d"), x = tree_item(tree, &d, 1);
    Place place = tree_place(tree, &euro);
    cr_assert_eq(place.line, 1);
    cr_assert_eq(place.column, 5);
    cr_assert_eq(place.length, 3);
    place = tree_place(tree, &x);
    cr_assert_eq(place.line, 3);
    cr_assert_eq(place.column, 10);
    cr_assert_eq(place.length, 1);
    arena_destroy(s->arena);
}

/* Each letter of the text has to lead back to the same letter of the source. */
static void check_origins(const char *yaml, const char *text) {
    Source *s = source_open(yaml);
    Tree *tree = parse(s);
    cr_assert(tree);
    TreeNode scalar = path(tree, "k");
    cr_assert_str_eq(tree_text(s->arena, &scalar), text);
    const uint32_t *origins = tree_text_origins(s->arena, tree, &scalar);
    for (size_t i = 0; i < scalar.length; i++) {
        char c = text[i];
        size_t origin = origins ? origins[i] : scalar.offset + i;
        if ((c >= 'a' && c <= 'z') || c == '\'')
            cr_assert_eq(yaml[origin], c, "%s: byte %zu is %c, not %c", yaml, i, yaml[origin], c);
    }
    arena_destroy(s->arena);
}

Test(tree, origins_through_every_style) {
    check_origins("k: abc def", "abc def");
    check_origins("k: abc\n   def\n\n   ghi", "abc def\nghi");
    check_origins("k: 'it''s here'", "it's here");
    check_origins("k: 'one\n   two'", "one two");
    check_origins("k: \"a\\tb\\u00e9c\\x41d\"", "a\tb\xc3\xa9"
                                                "cAd");
    check_origins("k: \"ab \\\n   cd\n   ef\"", "ab cd ef");
    check_origins("k: |\n  ab\n   cd\n", "ab\n cd\n");
    check_origins("k: >-\n  ab\n  cd\n\n  ef", "ab cd\nef");
    check_origins("k: &anchor !!str abc", "abc");
}

Test(tree, aliases_and_merge_keys) {
    Source *s = source_open(
        "base: &b {x: 1, y: 2}\nother: &o {y: 7, z: 8}\nk: {<<: [*b, *o], x: 3}\nl: *b\n");
    Tree *tree = parse(s);
    cr_assert(tree);
    TreeNode k = path(tree, "k"), l = path(tree, "l");
    cr_assert_eq(k.length, 3);
    TreeNode x = tree_get(&k, "x"), y = tree_get(&k, "y"), z = tree_get(&k, "z");
    cr_assert(tree_is(&x, "3") && tree_is(&y, "2") && tree_is(&z, "8"));
    cr_assert_eq(l.as.pairs, path(tree, "base").as.pairs, "an alias shares");
    arena_destroy(s->arena);
}

Test(tree, an_alias_does_not_deepen_without_limit) {
    char text[4096] = "a: &a [x]\n", line[64];
    for (int i = 0; i < 70; i++) {
        snprintf(line, sizeof line, "k%d: &k%d [*%s%d]\n", i, i, i ? "k" : "a", i ? i - 1 : 0);
        if (i == 0) snprintf(line, sizeof line, "k0: &k0 [*a]\n");
        strcat(text, line);
    }
    Source *s = source_open(text);
    cr_assert_null(parse(s));
    cr_assert(strstr(source_said(s), "nested deeper than 64 levels"));
    arena_destroy(s->arena);
}

static Number number(const char *text) {
    return number_from_text(text, strlen(text));
}

Test(tree, numbers_by_our_own_rules) {
    cr_assert_eq(number("12").kind, NUMBER_INTEGER);
    cr_assert_eq((int64_t)number("-9223372036854775808").integer, INT64_MIN);
    cr_assert_eq((uint64_t)number("18446744073709551615").integer, UINT64_MAX);
    cr_assert_eq(number("18446744073709551616").kind, NUMBER_TOO_LARGE);
    cr_assert_eq(number("-9223372036854775809").kind, NUMBER_TOO_LARGE);
    cr_assert_eq((int64_t)number("010").integer, 10, "no octal");
    cr_assert_eq(number("0x10").kind, NUMBER_NONE);
    cr_assert_eq(number("1_000").kind, NUMBER_NONE);
    cr_assert_eq(number("190:20:30").kind, NUMBER_NONE);
    cr_assert_eq(number("yes").kind, NUMBER_NONE);
    cr_assert_eq(number("on").kind, NUMBER_NONE);
    cr_assert_eq(number("True").kind, NUMBER_BOOL);
    cr_assert_eq(number("~").kind, NUMBER_NULL);
    cr_assert_eq(number("None").kind, NUMBER_NULL);
    cr_assert_eq(number("1e400").kind, NUMBER_TOO_LARGE);
    cr_assert_eq(number("1e").kind, NUMBER_NONE);
    cr_assert_eq(number(".").kind, NUMBER_NONE);
    cr_assert_eq(number("-").kind, NUMBER_NONE);
    cr_assert(isinf(number("-.inf").real) && number("-.inf").real < 0);
    cr_assert(isnan(number(".nan").real));
    cr_assert_eq(number("5e-324").real, 5e-324, "denormals are kept");
    cr_assert(signbit(number("-0.0").real), "and the sign of zero");
    cr_assert_eq(number("0.1").real, 0.1);
    cr_assert_eq(number("-123.456").real, -123.456);
    cr_assert_eq(number("1.").real, 1.0);
    cr_assert_eq(number(".5").real, 0.5);
    cr_assert_eq(number("0.12345678901234567890").real, 0.12345678901234567890);
}

static Number fold(Source *s, Operator op, const char *a, const char *b) {
    Number result = {0};
    cr_assert(number_fold_binary(s->diagnostics, (Place){0}, op, number(a), number(b), &result));
    return result;
}

Test(tree, arithmetic_of_numbers_is_pythons) {
    Source *s = source_open("");
    Place none = {0};
    Number r;
    cr_assert_eq((int64_t)fold(s, OPERATOR_POWER, "2", "10").integer, 1024);
    cr_assert_eq((int64_t)fold(s, OPERATOR_FLOOR_DIVIDE, "-7", "2").integer, -4);
    cr_assert_eq((int64_t)fold(s, OPERATOR_MODULO, "-7", "3").integer, 2);
    cr_assert_eq((int64_t)fold(s, OPERATOR_MODULO, "7", "-3").integer, -2);
    cr_assert_eq(fold(s, OPERATOR_DIVIDE, "1", "2").real, 0.5);
    cr_assert_eq(fold(s, OPERATOR_POWER, "2", "-1").real, 0.5);
    cr_assert_eq(fold(s, OPERATOR_MODULO, "-7.5", "2").real, 0.5);
    cr_assert_eq(fold(s, OPERATOR_FLOOR_DIVIDE, "-7.5", "2").real, -4.0);
    cr_assert_eq((int64_t)fold(s, OPERATOR_ADD, "true", "1").integer, 2);
    cr_assert_eq(fold(s, OPERATOR_AND, "true", "false").kind, NUMBER_BOOL);
    cr_assert_eq((int64_t)fold(s, OPERATOR_RIGHT_SHIFT, "-8", "200").integer, -1);
    cr_assert(fold(s, OPERATOR_LESS, "18446744073709551614", "18446744073709551615").boolean,
              "compared exactly");
    cr_assert_not(number_fold_binary(s->diagnostics, none, OPERATOR_MULTIPLY,
                                     number("9223372036854775807"), number("9223372036854775807"),
                                     &r));
    cr_assert_not(
        number_fold_binary(s->diagnostics, none, OPERATOR_POWER, number("-8"), number("0.5"), &r));
    arena_destroy(s->arena);
}

Test(tree, many_open_brackets_take_no_time) {
    size_t count = 400000;
    char *text = malloc(count + 1);
    memset(text, '[', count);
    text[count] = '\0';
    Source *s = source_open(text);
    cr_assert_null(parse(s));
    arena_destroy(s->arena);
    free(text);
}

Test(tree, a_long_literal_costs_little_memory) {
    size_t count = 200000;
    char *text = malloc(count * 5 + 16), *end = text;
    end += sprintf(end, "v: [0.25");
    for (size_t i = 1; i < count; i++) end += sprintf(end, ",%zu.5", i % 10);
    sprintf(end, "]\n");
    Source *s = source_open(text);
    cr_assert(parse(s));
    cr_assert_lt(arena_used(s->arena), 16 * count);
    arena_destroy(s->arena);
    free(text);
}
