/* import_template.c: the braces and statements of a row's expression. */
#include "import/import_internal.h"
#include "support/dtype.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_letter(char c) {
    return isalpha((unsigned char)c) || c == '_';
}

static size_t word_length(const char *at) {
    size_t length = 0;
    while (is_letter(at[length]) || (length > 0 && isdigit((unsigned char)at[length]))) length++;
    return length;
}

/* Behind a text in quotes, a name in backquotes or a number that begins here; `at` where none does.
 */
static const char *skip_quoted(const char *at) {
    if (*at == '\'' || *at == '"' || *at == '`') {
        char quote = *at++;
        while (*at && *at != quote) at += *at == '\\' && quote != '`' && at[1] ? 2 : 1;
        return *at ? at + 1 : at;
    }
    if (isdigit((unsigned char)*at))
        while (isalnum((unsigned char)*at) || *at == '.' || *at == '_') at++;
    return at;
}

/* The next place, outside of brackets and quotes, of one of these characters, or the end. */
static const char *find_outside(const char *at, const char *end, const char *wanted) {
    int depth = 0;
    while (at < end) {
        const char *behind = skip_quoted(at);
        if (behind > at) {
            at = behind;
            continue;
        }
        size_t word = word_length(at);
        if (word) {
            at += word;
            continue;
        }
        if (depth == 0 && strchr(wanted, *at)) return at;
        if (strchr("([{", *at)) depth++;
        if (strchr(")]}", *at)) depth--;
        at++;
    }
    return end;
}

/* ---- Conditions ---- */

typedef struct Condition {
    ImportNode *n;
    const char *at, *end;
} Condition;

static const char *condition_word(Condition *c) {
    while (c->at < c->end && *c->at == ' ') c->at++;
    size_t length = word_length(c->at);
    const char *word = arena_copy_text(c->n->scratch, c->at, length);
    c->at += length;
    while (c->at < c->end && *c->at == ' ') c->at++;
    return word;
}

static bool is_true(const ImportNode *n, const char *name) {
    const ImportBinding *binding = import_binding(n, name);
    if (!binding || binding->kind == BOUND_ABSENT) return false;
    return binding->kind != BOUND_TEXT || !binding->text || strcmp(binding->text, "false") != 0;
}

/* `op literal` behind a left side that is `text`, or the number where text is NULL. */
static bool compare(Condition *c, const char *text, double number) {
    const char *operators[] = {"==", "!=", "<=", ">=", "<", ">"};
    int op = 0;
    while (op < 6 && strncmp(c->at, operators[op], strlen(operators[op])) != 0) op++;
    if (op == 6) return text ? strcmp(text, "false") != 0 : number != 0;
    c->at += strlen(operators[op]);
    while (*c->at == ' ') c->at++;
    const char *start = c->at;
    c->at = skip_quoted(*start == '-' ? start + 1 : start);
    if (c->at == start) c->at += word_length(start);
    const char *literal = arena_copy_text(c->n->scratch, start, (size_t)(c->at - start));
    while (c->at < c->end && *c->at == ' ') c->at++;
    if (text && (*literal == '\'' || is_letter(*literal)))
        return (strcmp(text, literal) == 0) == (op == 0);
    double left = text ? strtod(text, NULL) : number, right = strtod(literal, NULL);
    bool results[] = {left == right, left != right, left <= right, left >= right,
                      left<right, left> right};
    return results[op];
}

static bool ask(Condition *c, const char *function, const char *name) {
    const ImportNode *n = c->n;
    tfcc_dtype dtype = import_dtype(n, name);
    const Value *value = import_value(n, name);
    Value **values;
    if (strcmp(function, "rank") == 0) return compare(c, NULL, import_rank(n, name));
    if (strcmp(function, "count") == 0)
        return compare(c, NULL, (double)import_list(n, name, &values));
    if (strcmp(function, "integer") == 0) return dtype_is_integer(dtype);
    if (strcmp(function, "unsigned") == 0) return dtype_is_unsigned(dtype);
    if (strcmp(function, "float") == 0) return dtype_is_float(dtype);
    if (strcmp(function, "bool") == 0) return dtype_is_bool(dtype);
    const int64_t *numbers;
    size_t count;
    if (strcmp(function, "known") == 0) return value && import_integers(n, name, &numbers, &count);
    c->n->reason =
        arena_format(n->importer->arena, "its row asks for `%s`, which does not exist", function);
    return false;
}

static bool term_holds(Condition *c) {
    const char *word = condition_word(c);
    if (strcmp(word, "not") == 0) return !term_holds(c);
    if (c->at < c->end && *c->at == '(') {
        c->at++;
        const char *name = condition_word(c);
        if (c->at < c->end && *c->at == ')') c->at++;
        while (c->at < c->end && *c->at == ' ') c->at++;
        return ask(c, word, name);
    }
    if (strcmp(word, "opset") == 0) return compare(c, NULL, (double)c->n->opset);
    const ImportBinding *binding = import_binding(c->n, word);
    if (c->at < c->end && strchr("=!<>", *c->at))
        return compare(
            c, binding && binding->kind == BOUND_TEXT ? import_binding_text(c->n, binding) : "''",
            0);
    return is_true(c->n, word);
}

static bool condition_holds(ImportNode *n, const char *at, const char *end) {
    Condition c = {n, at, end};
    bool holds = true;
    for (;;) {
        holds &= term_holds(&c);
        if (c.at == c.end) return holds;
        const char *before = c.at;
        if (strcmp(condition_word(&c), "and") != 0) {
            n->reason = arena_format(n->importer->arena,
                                     "its row has a condition that cannot be read at `%.*s`",
                                     (int)(end - before), before);
            return false;
        }
    }
}

/* ---- Braces ---- */

/* Whether no name in the piece is absent; what inner braces hold does not count. */
static bool names_are_there(const ImportNode *n, const char *at, const char *end) {
    while (at < end) {
        if (*at == '{') {
            at = find_outside(at + 1, end, "}") + 1;
            continue;
        }
        const char *behind = skip_quoted(at);
        if (behind > at) {
            at = behind;
            continue;
        }
        size_t length = word_length(at);
        if (length == 0) {
            at++;
            continue;
        }
        const char *next = at + length;
        bool is_keyword = (*next == '=' && next[1] != '=') || *next == '(';
        const ImportBinding *binding =
            is_keyword ? NULL : import_binding(n, arena_copy_text(n->scratch, at, length));
        if (binding && binding->kind == BOUND_ABSENT) return false;
        at = next;
    }
    return true;
}

static void expand(ImportNode *n, Text *out, const char *at, const char *end);

static void expand_braces(ImportNode *n, Text *out, const char *at, const char *end) {
    while (at < end) {
        const char *stop = find_outside(at, end, ":"), *question = find_outside(at, stop, "?");
        const char *text = question < stop ? question + 1 : at;
        bool is_chosen = question == stop || condition_holds(n, at, question);
        if (is_chosen && names_are_there(n, text, stop)) {
            /* A space belongs to the alternative only next to what is kept of it: `{ + C}`. */
            if (text > at)
                while (text < stop && *text == ' ' && text[1] != '+' && text[1] != '-') text++;
            const char *last = stop;
            if (stop < end)
                while (last > text && last[-1] == ' ') last--;
            expand(n, out, text, last);
            return;
        }
        at = stop < end ? stop + 1 : end;
        while (at < end && *at == ' ') at++;
    }
}

static void expand(ImportNode *n, Text *out, const char *at, const char *end) {
    while (at < end) {
        if (*at == '{') {
            const char *closing = find_outside(at + 1, end, "}");
            expand_braces(n, out, at + 1, closing);
            at = closing + 1;
            continue;
        }
        const char *behind = skip_quoted(at);
        if (behind == at) behind = at + 1;
        text_add_bytes(out, at, (size_t)(behind - at));
        at = behind;
    }
}

const char *template_expand(ImportNode *n, const char *text) {
    Text out = {.arena = n->scratch};
    text_add(&out, "");
    expand(n, &out, text, text + strlen(text));
    return n->reason ? NULL : out.bytes;
}

/* ---- Statements ---- */

/* `a, b = …`: where the expression begins, or NULL where there is no `=` outside of brackets. */
static const char *take_targets(ImportNode *n, const char *at, const char *end,
                                Statement *statement) {
    const char *equals = find_outside(at, end, "=<>!");
    if (equals == end || *equals != '=' || equals[1] == '=') return NULL;
    size_t capacity = 0;
    while (at < equals) {
        size_t length = word_length(at);
        if (length)
            *ARENA_PUSH(n->scratch, statement->targets, statement->target_count, capacity) =
                arena_copy_text(n->scratch, at, length);
        at += length ? length : 1;
    }
    return equals + 1;
}

static bool uses(const char *text, const char *name) {
    size_t wanted = strlen(name);
    while (*text) {
        if (*text == '`' && strncmp(text + 1, name, wanted) == 0 &&
            (text[1 + wanted] == ':' || text[1 + wanted] == '`'))
            return true;
        const char *behind = skip_quoted(text);
        size_t length = behind > text ? 0 : word_length(text);
        if (length == wanted && strncmp(text, name, wanted) == 0) return true;
        text = behind > text ? behind : text + (length ? length : 1);
    }
    return false;
}

static bool is_wanted(const ImportNode *n, const char *target) {
    for (size_t i = 0; i < n->row->output_count; i++)
        if (strcmp(n->row->outputs[i].name, target) == 0)
            return n->row->outputs[i].is_list || import_is_wanted(n, i);
    return false;
}

bool template_statements(ImportNode *n, const char *text, Statement **statements, size_t *count) {
    size_t capacity = 0;
    *statements = NULL;
    *count = 0;
    const char *end = text + strlen(text);
    for (const char *at = text; at < end;) {
        while (at < end && (*at == ' ' || *at == '\n')) at++;
        const char *stop = find_outside(at, end, ";");
        if (stop > at) {
            Statement *s = ARENA_PUSH(n->scratch, *statements, *count, capacity);
            const char *expression = take_targets(n, at, stop, s);
            if (!expression) {
                expression = at;
                s->targets = arena_alloc(n->scratch, sizeof *s->targets);
                s->targets[s->target_count++] = n->row->output_count ? n->row->outputs[0].name : "";
            }
            while (expression < stop && *expression == ' ') expression++;
            s->text = arena_copy_text(n->scratch, expression, (size_t)(stop - expression));
        }
        at = stop < end ? stop + 1 : end;
    }
    bool is_only_intermediate = true; /* a function may write nothing else at first */
    for (size_t i = *count; i-- > 0;) {
        Statement *s = &(*statements)[i];
        for (size_t t = 0; t < s->target_count; t++) {
            s->is_needed |= is_wanted(n, s->targets[t]);
            for (size_t k = i + 1; k < *count; k++)
                s->is_needed |=
                    (*statements)[k].is_needed && uses((*statements)[k].text, s->targets[t]);
        }
        for (size_t t = 0; t < s->target_count; t++)
            for (size_t o = 0; o < n->row->output_count; o++)
                is_only_intermediate &= strcmp(s->targets[t], n->row->outputs[o].name) != 0;
    }
    if (is_only_intermediate || n->row->function)
        for (size_t i = 0; i < *count; i++) {
            bool is_output = false;
            for (size_t t = 0; t < (*statements)[i].target_count; t++)
                for (size_t o = 0; o < n->row->output_count; o++)
                    is_output |= strcmp((*statements)[i].targets[t], n->row->outputs[o].name) == 0;
            (*statements)[i].is_needed |= !is_output;
        }
    return true;
}
