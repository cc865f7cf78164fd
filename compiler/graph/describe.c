/* describe.c: the table of ops for people, as `tfcc ops` prints it. */
#include "graph/print.h"
#include "support/dtype.h"
#include <string.h>

/* `matmul(a, b, transpose_a=false, transpose_b=false)` */
static void print_call(Text *text, const OpRow *row) {
    text_add_format(text, "%s(", row->spelling);
    for (size_t i = 0; i < row->parameter_count; i++) {
        const Parameter *p = &row->parameters[i];
        text_add_format(text, "%s%s", i ? ", " : "", p->name);
        if (p->kind == PARAMETER_TENSOR_LIST) text_add(text, "...");
        if (p->text)
            text_add_format(text, p->attribute == ARGUMENT_WORD ? "='%s'" : "=%s", p->text);
        else if (p->is_optional)
            text_add(text, "=None");
    }
    text_add_char(text, ')');
}

void ops_print_list(Text *text) {
    const OpRow *rows = op_table();
    for (size_t i = 0; i < OP_COUNT; i++) {
        size_t start = text->length;
        text_add(text, rows[i].spelling);
        text_add_char(text, ' ');
        while (text->length < start + 24) text_add_char(text, ' ');
        text_add_format(text, "%s\n", rows[i].meaning);
    }
}

static const char *attribute_text(const Parameter *p) {
    switch (p->attribute) {
    case ARGUMENT_BOOL: return "true or false";
    case ARGUMENT_INTEGER: return "an integer";
    case ARGUMENT_FLOAT: return "a number";
    case ARGUMENT_DTYPE: return "a dtype";
    case ARGUMENT_WORD: return "a word or text";
    case ARGUMENT_SHAPE: return "a shape, [null, 3, batch]";
    case ARGUMENT_WORD_OR_INTEGERS: return "a word, or a list of whole numbers";
    default: return "a list of numbers";
    }
}

static void print_parameter(Text *text, const Parameter *p) {
    size_t start = text->length;
    text_add_format(text, "  %s", p->name);
    do text_add_char(text, ' ');
    while (text->length < start + 22);
    switch (p->kind) {
    case PARAMETER_ATTRIBUTE: text_add(text, attribute_text(p)); break;
    case PARAMETER_VALUE:
        text_add(text,
                 "a literal, {file: ...}, {checkpoint: ...} or, for a variable, an initializer");
        break;
    case PARAMETER_VARIABLE: text_add(text, "a variable"); break;
    case PARAMETER_TENSOR: text_add(text, "a tensor"); break;
    case PARAMETER_TENSOR_LIST: text_add(text, "tensors"); break;
    }
    if (p->letter)
        text_add_format(text, " of dtype %c", p->letter);
    else if (p->dtypes)
        text_add_format(text, ", %s", op_dtypes_text(text->arena, p->dtypes));
    if (p->text)
        text_add_format(text, ", by default %s", p->text);
    else if (p->is_optional)
        text_add(text, ", may be left out");
    text_add_char(text, '\n');
}

static void print_outputs(Text *text, const OpRow *row) {
    text_add(text, "result\n");
    if (row->output_count == 0) text_add(text, "  none: it is a target\n");
    for (size_t i = 0; i < row->output_count; i++) {
        const OutputRow *o = &row->outputs[i];
        if (o->letter)
            text_add_format(text, "  %s of dtype %c\n", o->is_list ? "tensors" : "a tensor",
                            o->letter);
        else if (o->dtype)
            text_add_format(text, "  a tensor, %s\n", dtype_name(o->dtype));
        else
            text_add_format(text, "  %s\n",
                            o->is_list ? "tensors"
                                       : "a tensor, whose dtype follows from the arguments");
    }
}

static void print_letters(Text *text, const OpRow *row) {
    for (size_t i = 0; i < row->letter_count; i++) {
        const LetterRow *l = &row->letters[i];
        text_add_format(text, "  %c: %s", l->letter, op_dtypes_text(text->arena, l->dtypes));
        if (l->attribute >= 0)
            text_add_format(text, ", said by %s", row->parameters[l->attribute].name);
        if (l->other) text_add_format(text, ", else %c", l->other);
        text_add_char(text, '\n');
    }
}

static void print_effects(Text *text, const OpRow *row) {
    static const struct {
        unsigned effect;
        const char *sentence;
    } effects[] = {{READS, "It reads a variable."},
                   {WRITES, "It writes its first argument, a variable, and gives the new value."},
                   {DRAWS, "It draws random numbers; a missing seed comes from the node's name."},
                   {FAILS, "A run may fail in it."}};
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++)
        if (row->effects & effects[i].effect) text_add_format(text, "%s\n", effects[i].sentence);
}

void ops_print_row(Text *text, const OpRow *row) {
    print_call(text, row);
    text_add_format(text, "\n  %s\n\n", row->meaning);
    if (row->parameter_count) text_add(text, "arguments\n");
    for (size_t i = 0; i < row->parameter_count; i++) print_parameter(text, &row->parameters[i]);
    print_outputs(text, row);
    if (row->letter_count) text_add(text, "dtypes\n");
    print_letters(text, row);
    print_effects(text, row);
    const Map *spellings = op_spellings();
    for (size_t i = 0; i < spellings->count; i++)
        if (spellings->entries[i].value == row &&
            strcmp(spellings->entries[i].key, row->spelling) != 0)
            text_add_format(text, "Also spelled %s.\n", spellings->entries[i].key);
    text_add_format(text, "Gradient: %s.\n", row->gradient);
}
