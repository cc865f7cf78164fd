/* ops.c: the table of ops and the parser of its signatures. */
#include "graph/ops.h"

#include "support/dtype.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OP(code, spelling, effects, shape, lowering, gradient, signature, meaning)                 \
    bool shape_##shape(struct InferContext *context);                                              \
    void lower_##lowering(struct LowerContext *context);
#define ALIAS(spelling, code)
#define EXPANSION(code, name)
#define LAYER(code, name, variables)
#include "graph/ops.def"
#undef OP
#undef ALIAS
#undef EXPANSION
#undef LAYER

static OpRow rows[OP_COUNT] = {
#define OP(row_code, row_spelling, row_effects, shape, lowering, row_gradient, row_signature,      \
           row_meaning)                                                                            \
    {.code = OP_##row_code,                                                                        \
     .spelling = row_spelling,                                                                     \
     .effects = (row_effects),                                                                     \
     .infer = shape_##shape,                                                                       \
     .lower = lower_##lowering,                                                                    \
     .gradient = #row_gradient,                                                                    \
     .signature = row_signature,                                                                   \
     .meaning = row_meaning},
#define ALIAS(spelling, code)
#define EXPANSION(code, name)
#define LAYER(code, name, variables)
#include "graph/ops.def"
#undef OP
#undef ALIAS
#undef EXPANSION
#undef LAYER
};

typedef struct AliasRow {
    const char *spelling;
    OpCode code;
} AliasRow;

static const AliasRow aliases[] = {
#define OP(code, spelling, effects, shape, lowering, gradient, signature, meaning)
#define ALIAS(spelling, code) {spelling, OP_##code},
#define EXPANSION(code, name)
#define LAYER(code, name, variables)
#include "graph/ops.def"
#undef OP
#undef ALIAS
#undef EXPANSION
#undef LAYER
};

/* The parsed signatures live as long as the process. */
static Arena *table_arena;
static Map spellings;

/* ---- dtypes ---- */

/* 8-bit floats and 4-bit integers are only stored, moved and converted: they are in `any` and in
 * classes of their own, not among the numbers. */
static bool is_storage(tfcc_dtype dtype) {
    return dtype_is_float8(dtype) || dtype_is_4_bit(dtype);
}

static uint64_t dtypes_of_kind(DtypeKind kind) {
    size_t count;
    const DtypeInfo *table = dtype_table(&count);
    uint64_t set = 0;
    for (size_t i = 0; i < count; i++)
        if (table[i].kind == kind && !is_storage(table[i].dtype)) set |= dtype_bit(table[i].dtype);
    return set;
}

static uint64_t float8_dtypes(void) {
    return dtype_bit(TFCC_FLOAT8_E5M2) | dtype_bit(TFCC_FLOAT8_E4M3FN) |
           dtype_bit(TFCC_FLOAT8_E5M2FNUZ) | dtype_bit(TFCC_FLOAT8_E4M3FNUZ);
}

uint64_t op_dtype_class(const char *name, size_t length) {
    uint64_t booleans = dtypes_of_kind(DTYPE_KIND_BOOL), floats = dtypes_of_kind(DTYPE_KIND_FLOAT);
    uint64_t integers = dtypes_of_kind(DTYPE_KIND_SIGNED) | dtypes_of_kind(DTYPE_KIND_UNSIGNED);
    uint64_t int4 = dtype_bit(TFCC_INT4) | dtype_bit(TFCC_UINT4);
    const struct {
        const char *name;
        uint64_t set;
    } classes[] = {
        {"any", booleans | integers | floats | float8_dtypes() | int4},
        {"number", integers | floats},
        {"integer", integers},
        {"signed", dtypes_of_kind(DTYPE_KIND_SIGNED)},
        {"unsigned", dtypes_of_kind(DTYPE_KIND_UNSIGNED)},
        {"float", floats},
        {"float8", float8_dtypes()},
        {"index", dtype_bit(TFCC_INT32) | dtype_bit(TFCC_INT64)},
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strlen(classes[i].name) == length && memcmp(classes[i].name, name, length) == 0)
            return classes[i].set;
    char text[32];
    if (length >= sizeof text) return 0;
    memcpy(text, name, length);
    text[length] = 0;
    tfcc_dtype dtype = dtype_from_name(text);
    return dtype == TFCC_NONE ? 0 : dtype_bit(dtype);
}

const char *op_dtypes_text(Arena *arena, uint64_t dtypes) {
    static const char *const names[] = {"any", "number", "integer", "signed", "unsigned", "float"};
    static const char *const texts[] = {"any dtype",           "a number",
                                        "an integer",          "a signed integer",
                                        "an unsigned integer", "a floating point dtype"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (op_dtype_class(names[i], strlen(names[i])) == dtypes) return texts[i];
    size_t count, left = (size_t)__builtin_popcountll(dtypes);
    const DtypeInfo *table = dtype_table(&count);
    Text text = {.arena = arena};
    for (size_t i = 0; i < count; i++) {
        if (!(dtypes & dtype_bit(table[i].dtype))) continue;
        left--;
        text_add_format(&text, "%s%s", table[i].name, left > 1 ? ", " : left == 1 ? " or " : "");
    }
    return text.bytes;
}

/* ---- The parser of signatures ----
 *
 * The table is ours, so what does not parse is a broken invariant. */

typedef struct SignatureReader {
    OpRow *row;
    const char *at;
} SignatureReader;

static void skip_spaces(SignatureReader *r) {
    while (*r->at == ' ') r->at++;
}

static bool take(SignatureReader *r, const char *text) {
    skip_spaces(r);
    size_t length = strlen(text);
    if (strncmp(r->at, text, length) != 0) return false;
    r->at += length;
    return true;
}

/* A name, a number or a quoted word. */
static char *take_word(SignatureReader *r) {
    skip_spaces(r);
    size_t length = *r->at == '\'' ? strcspn(r->at + 1, "'") + 2 : strcspn(r->at, " ,:=?*+@/|");
    char *word = arena_copy_text(table_arena, r->at, length);
    r->at += length;
    assert(length > 0);
    return word;
}

static bool is_letter(const char *word) {
    return word[0] >= 'A' && word[0] <= 'Z' && word[1] == 0;
}

static LetterRow *find_letter(OpRow *row, char letter) {
    for (size_t i = 0; i < row->letter_count; i++)
        if (row->letters[i].letter == letter) return &row->letters[i];
    return NULL;
}

/* `T`, `index`, `bool`: into a parameter or an output; letters get their dtypes when the
 * constraints have been read. */
static void read_tensor_type(SignatureReader *r, char *letter, uint64_t *dtypes) {
    const char *word = take_word(r);
    if (is_letter(word)) {
        *letter = word[0];
        return;
    }
    *dtypes = op_dtype_class(word, strlen(word));
    assert(*dtypes != 0);
}

static ArgumentKind attribute_kind(const char *word) {
    static const struct {
        const char *name;
        ArgumentKind kind;
    } kinds[] = {{"bool", ARGUMENT_BOOL},     {"int", ARGUMENT_INTEGER},
                 {"float", ARGUMENT_FLOAT},   {"word", ARGUMENT_WORD},
                 {"dtype", ARGUMENT_DTYPE},   {"shape", ARGUMENT_SHAPE},
                 {"ints", ARGUMENT_INTEGERS}, {"word_or_ints", ARGUMENT_WORD_OR_INTEGERS}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, word) == 0) return kinds[i].kind;
    assert(0 && "kind of an attribute");
    return ARGUMENT_ABSENT;
}

static void read_default(Parameter *parameter, char *word) {
    Argument *value = &parameter->value;
    parameter->text = word;
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        value->kind = ARGUMENT_BOOL;
        value->as.boolean = word[0] == 't';
    } else if (word[0] == '\'') {
        value->kind = ARGUMENT_WORD;
        value->as.word = arena_copy_text(table_arena, word + 1, strlen(word) - 2);
        parameter->text = value->as.word;
    } else if (dtype_from_name(word) != TFCC_NONE) {
        value->kind = ARGUMENT_DTYPE;
        value->as.dtype = dtype_from_name(word);
    } else if (strpbrk(word, ".e")) {
        value->kind = ARGUMENT_FLOAT;
        value->as.number = strtod(word, NULL);
    } else {
        value->kind = ARGUMENT_INTEGER;
        value->as.integer = strtoll(word, NULL, 10);
    }
    parameter->attribute = value->kind;
}

static void read_parameter(SignatureReader *r, Parameter *parameter) {
    parameter->name = take_word(r);
    if (take(r, "=")) {
        parameter->kind = PARAMETER_ATTRIBUTE;
        read_default(parameter, take_word(r));
        return;
    }
    bool colon = take(r, ":");
    assert(colon);
    (void)colon;
    if (take(r, "@")) {
        const char *word = take_word(r);
        parameter->kind = strcmp(word, "value") == 0 ? PARAMETER_VALUE : PARAMETER_ATTRIBUTE;
        if (parameter->kind == PARAMETER_ATTRIBUTE) parameter->attribute = attribute_kind(word);
        if (take(r, "=")) {
            read_default(parameter, take_word(r));
            parameter->attribute = attribute_kind(word);
        }
    } else {
        parameter->kind = take(r, "var ") ? PARAMETER_VARIABLE : PARAMETER_TENSOR;
        read_tensor_type(r, &parameter->letter, &parameter->dtypes);
    }
    if (take(r, "*")) parameter->kind = PARAMETER_TENSOR_LIST;
    if (take(r, "?")) parameter->is_optional = true;
}

static void read_output(SignatureReader *r, OutputRow *output) {
    if (!take(r, "rule")) {
        uint64_t dtypes = 0;
        read_tensor_type(r, &output->letter, &dtypes);
        assert(output->letter || (dtypes & (dtypes - 1)) == 0);
        if (dtypes) output->dtype = (tfcc_dtype)__builtin_ctzll(dtypes);
    }
    if (take(r, "*")) output->is_list = true;
}

/* `T: @dtype/U float + int32` */
static void read_letter(SignatureReader *r, LetterRow *letter) {
    letter->letter = take_word(r)[0];
    letter->attribute = -1;
    bool colon = take(r, ":");
    assert(colon);
    (void)colon;
    if (take(r, "@")) {
        letter->attribute = op_parameter(r->row, take_word(r));
        assert(letter->attribute >= 0);
        if (take(r, "/")) letter->other = take_word(r)[0];
    }
    do {
        const char *word = take_word(r);
        letter->dtypes |= op_dtype_class(word, strlen(word));
    } while (take(r, "+"));
}

static void parse_signature(OpRow *row) {
    SignatureReader r = {row, row->signature};
    size_t parameters = 0, outputs = 0, letters = 0;
    skip_spaces(&r);
    if (*r.at && *r.at != '-') {
        do {
            row->parameters = arena_grow(table_arena, row->parameters, &parameters,
                                         row->parameter_count + 1, sizeof *row->parameters);
            memset(&row->parameters[row->parameter_count], 0, sizeof *row->parameters);
            read_parameter(&r, &row->parameters[row->parameter_count++]);
        } while (take(&r, ","));
    }
    if (take(&r, "->")) {
        do read_output(&r, ARENA_PUSH(table_arena, row->outputs, row->output_count, outputs));
        while (take(&r, ","));
    }
    if (take(&r, "|")) {
        do read_letter(&r, ARENA_PUSH(table_arena, row->letters, row->letter_count, letters));
        while (take(&r, ","));
    }
    assert(*r.at == 0);
    for (size_t i = 0; i < row->parameter_count; i++) {
        Parameter *parameter = &row->parameters[i];
        if (!parameter->letter) continue;
        assert(find_letter(row, parameter->letter));
        parameter->dtypes = find_letter(row, parameter->letter)->dtypes;
    }
}

/* ---- Exported ---- */

int op_parameter(const OpRow *row, const char *name) {
    for (size_t i = 0; i < row->parameter_count; i++)
        if (strcmp(row->parameters[i].name, name) == 0) return (int)i;
    return -1;
}

const OpRow *op_table(void) {
    if (table_arena) return rows;
    table_arena = arena_create();
    spellings = map_create(table_arena);
    for (size_t i = 0; i < OP_COUNT; i++) {
        parse_signature(&rows[i]);
        map_set(&spellings, rows[i].spelling, &rows[i]);
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        map_set(&spellings, aliases[i].spelling, &rows[aliases[i].code]);
    return rows;
}

const Map *op_spellings(void) {
    op_table();
    return &spellings;
}

const OpRow *op_find(const char *spelling) {
    return map_get(op_spellings(), spelling);
}

const OpRow *op_row(OpCode code) {
    return &op_table()[code];
}
