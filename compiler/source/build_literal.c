/* build_literal.c: numbers in YAML lists and in expressions to the bytes of a constant.
 *
 * A literal is walked twice, first for its shape and what kinds of numbers it has, then to write
 * them; both in time linear in its length and without memory of their own, so that a list of many
 * megabytes costs little more than reading it.
 */
#include "source/build_internal.h"
#include "support/checked.h"
#include "support/dtype.h"
#include "support/half.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

#define MOST_BYTES (INT64_C(1) << 30)

/* A number or list, in YAML or (expression set) in an expression. */
typedef struct Item {
    TreeNode yaml;
    Expression *expression;
} Item;

typedef struct Scan {
    Builder *b;
    int rank; /* of the part seen so far; -1 before the first number or empty list */
    int64_t dims[MAX_RANK];
    bool has_bool, has_integer, has_float;
    WideInteger smallest, largest;
} Scan;

static bool is_list(const Item *item) {
    return item->expression ? item->expression->kind == EXPRESSION_LIST
                            : item->yaml.kind == TREE_SEQUENCE;
}

static size_t item_count(const Item *item) {
    return item->expression ? item->expression->item_count : item->yaml.length;
}

static Item item_at(Builder *b, const Item *list, size_t i) {
    if (!list->expression) return (Item){.yaml = tree_item(b->tree, &list->yaml, i)};
    resolve_yaml(b, list->expression->items[i]); /* as is_literal has done */
    return (Item){.expression = list->expression->items[i]};
}

static Place item_place(Builder *b, const Item *item) {
    return item->expression ? item->expression->place : tree_place(b->tree, &item->yaml);
}

static bool item_number(Builder *b, const Item *item, Number *number) {
    if (item->expression) {
        Operand operand = evaluate(b, item->expression, NULL);
        if (operand.kind != OPERAND_NUMBER) return false;
        *number = operand.number;
    } else {
        *number = tree_resolve(&item->yaml);
    }
    if (number->kind == NUMBER_BOOL || number->kind == NUMBER_INTEGER ||
        number->kind == NUMBER_FLOAT)
        return true;
    Place place = item_place(b, item);
    const char *text = source_text(b, place);
    if (number->kind == NUMBER_TOO_LARGE)
        return diagnose_error(b->diagnostics, place, "%s fits neither in 64 bits nor in a float64",
                              text);
    if (number->kind == NUMBER_NULL)
        return diagnose_error(b->diagnostics, place, "null is no number");
    return diagnose_error(b->diagnostics, place, "`%s` is no number", text);
}

/* ---- first walk ---- */

static bool report_ragged(Scan *scan, const Item *item, const char *what) {
    return diagnose_error(scan->b->diagnostics, item_place(scan->b, item),
                          "the lists of a value are equally long and equally deep; %s", what);
}

static bool scan_number(Scan *scan, const Item *item, int level) {
    if (scan->rank < 0) scan->rank = level;
    if (scan->rank != level)
        return report_ragged(scan, item, "here stands a number where the first has a list");
    Number number;
    if (!item_number(scan->b, item, &number)) return false;
    if (number.kind == NUMBER_BOOL) {
        scan->has_bool = true;
    } else if (number.kind == NUMBER_FLOAT) {
        scan->has_float = true;
    } else {
        if (!scan->has_integer || number.integer < scan->smallest) scan->smallest = number.integer;
        if (!scan->has_integer || number.integer > scan->largest) scan->largest = number.integer;
        scan->has_integer = true;
    }
    if (scan->has_bool && (scan->has_integer || scan->has_float))
        return diagnose_error(scan->b->diagnostics, item_place(scan->b, item),
                              "bools and numbers do not mix in one value");
    return true;
}

static bool scan_item(Scan *scan, const Item *item, int level) {
    if (!item->expression && item->yaml.kind == TREE_MAPPING)
        return diagnose_error(scan->b->diagnostics, item_place(scan->b, item),
                              "a mapping is no number");
    if (!is_list(item)) return scan_number(scan, item, level);
    if (level == MAX_RANK)
        return diagnose_error(scan->b->diagnostics, item_place(scan->b, item),
                              "the value has lists in %d levels; ranks go to %d", level + 1,
                              MAX_RANK);
    if (scan->rank == level)
        return report_ragged(scan, item, "here stands a list where the first has a number");
    size_t count = item_count(item);
    if (scan->dims[level] < 0) scan->dims[level] = (int64_t)count;
    if (scan->dims[level] != (int64_t)count)
        return report_ragged(scan, item,
                             arena_format(scan->b->arena, "this one has %zu, the first %lld", count,
                                          (long long)scan->dims[level]));
    if (count == 0 && scan->rank < 0) scan->rank = level + 1;
    for (size_t i = 0; i < count; i++) {
        Item child = item_at(scan->b, item, i);
        if (!scan_item(scan, &child, level + 1)) return false;
    }
    return true;
}

/* ---- second walk ---- */

static bool report_misfit(Builder *b, const Item *item, const DtypeInfo *info, Number number) {
    Place place = item_place(b, item);
    const char *text = source_text(b, place);
    if (number.kind == NUMBER_BOOL || info->kind == DTYPE_KIND_BOOL)
        return diagnose_error(b->diagnostics, place, "%s is a %s, and the value's dtype is %s",
                              text, number.kind == NUMBER_BOOL ? "bool" : "number", info->name);
    if (info->kind == DTYPE_KIND_FLOAT && number.kind == NUMBER_FLOAT && isinf(number.real))
        return diagnose_error(b->diagnostics, place,
                              "%s has no infinities; its largest number is %g", info->name,
                              info->largest);
    if (info->kind == DTYPE_KIND_FLOAT)
        return diagnose_error(
            b->diagnostics, place,
            "%s does not fit in %s, whose largest number is %g; write inf where infinity is meant",
            text, info->name, info->largest);
    if (number.kind == NUMBER_FLOAT)
        return diagnose_error(b->diagnostics, place, "%s is a float, and %s takes whole numbers",
                              text, info->name);
    return diagnose_error(b->diagnostics, place, "%s does not fit in %s (%lld to %llu)", text,
                          info->name, (long long)info->minimum, (unsigned long long)info->maximum);
}

static bool write_number(Builder *b, const Item *item, const DtypeInfo *info, char *bytes) {
    Number number;
    if (!item_number(b, item, &number)) return false;
    if ((number.kind == NUMBER_BOOL) != (info->kind == DTYPE_KIND_BOOL))
        return report_misfit(b, item, info, number);
    if (info->kind == DTYPE_KIND_BOOL) {
        *bytes = number.boolean;
        return true;
    }
    if (info->kind == DTYPE_KIND_FLOAT) {
        double value = number.kind == NUMBER_FLOAT ? number.real : (double)number.integer;
        float_element_store(info->dtype, bytes, value);
        /* What rounds to infinity, or to no number, without being it does not fit. */
        bool fits = !isfinite(value) || isfinite(float_element_load(info->dtype, bytes));
        if (isinf(value)) fits = isinf(float_element_load(info->dtype, bytes));
        return fits || report_misfit(b, item, info, number);
    }
    if (number.kind == NUMBER_FLOAT || number.integer < (WideInteger)info->minimum ||
        number.integer > (WideInteger)info->maximum)
        return report_misfit(b, item, info, number);
    uint64_t low = (uint64_t)number.integer; /* two's complement, little-endian */
    memcpy(bytes, &low, info->size);
    return true;
}

static bool write_item(Builder *b, const Item *item, const DtypeInfo *info, char **bytes) {
    if (!is_list(item)) {
        bool fits = write_number(b, item, info, *bytes);
        *bytes += info->size;
        return fits;
    }
    size_t count = item_count(item);
    for (size_t i = 0; i < count; i++) {
        Item child = item_at(b, item, i);
        if (!write_item(b, &child, info, bytes)) return false;
    }
    return true;
}

/* ---- dtype and shape ---- */

static const char *dims_text(Builder *b, const int64_t *dims, int rank) {
    char *text = arena_format(b->arena, "[");
    for (int i = 0; i < rank; i++)
        text = arena_format(b->arena, "%s%s%lld", text, i ? ", " : "", (long long)dims[i]);
    return arena_format(b->arena, "%s]", text);
}

/* The dtype that TensorFlow infers; TFCC_NONE after a diagnostic. */
static tfcc_dtype infer_dtype(Builder *b, const Scan *scan, Place place) {
    if (scan->has_bool) return TFCC_BOOL;
    if (scan->has_float || !scan->has_integer) return TFCC_FLOAT32;
    if (scan->smallest >= INT32_MIN && scan->largest <= INT32_MAX) return TFCC_INT32;
    if (scan->largest <= INT64_MAX) return TFCC_INT64;
    diagnose_error(b->diagnostics, place, "the value does not fit in int64; say `dtype: uint64`");
    return TFCC_NONE;
}

/* Numbers that take the dtype of what they meet are kept as bool, int64 or float64. */
static tfcc_dtype weak_dtype(Builder *b, const Scan *scan, Place place, WeakKind *weak) {
    *weak = scan->has_bool ? WEAK_BOOL : scan->has_float ? WEAK_FLOAT : WEAK_INTEGER;
    if (scan->has_bool) return TFCC_BOOL;
    if (scan->has_float) return TFCC_FLOAT64;
    if (!scan->has_integer || scan->largest <= INT64_MAX) return TFCC_INT64;
    *weak = NOT_WEAK;
    if (scan->smallest >= 0) return TFCC_UINT64;
    diagnose_error(b->diagnostics, place, "the numbers fit neither in int64 nor in uint64");
    return TFCC_NONE;
}

/* The shape that `shape:` asks for: a scalar is stretched to it, as many numbers as it has are put
 * into it row by row. */
static bool apply_shape(Builder *b, const Scan *scan, const Argument *shape, ConstantData *data) {
    data->rank = scan->rank;
    memcpy(data->dims, scan->dims, sizeof data->dims);
    if (!shape) return true;
    int64_t wanted[MAX_RANK] = {0};
    for (size_t i = 0; i < shape->count; i++) {
        const ShapeEntry *entry = &shape->as.sizes[i];
        const DimBinding *binding = entry->name ? map_get(&b->bound_dims, entry->name) : NULL;
        wanted[i] = binding ? binding->size : entry->size;
        if (wanted[i] < 0 || (entry->name && !binding))
            return diagnose_error(b->diagnostics, shape->place, "the sizes of a value are numbers");
    }
    int64_t given = 1, asked = 1;
    bool fits = true;
    for (int i = 0; i < scan->rank; i++)
        given *= scan->dims[i]; /* so many were written, so this fits */
    for (size_t i = 0; i < shape->count; i++) fits &= checked_multiply(asked, wanted[i], &asked);
    if (scan->rank > 0 && (!fits || given != asked))
        return diagnose_error(
            b->diagnostics, shape->place, "the value's shape is %s, which does not fill %s",
            dims_text(b, scan->dims, scan->rank), dims_text(b, wanted, (int)shape->count));
    data->rank = (int)shape->count;
    memcpy(data->dims, wanted, sizeof data->dims);
    return true;
}

static bool allocate(Builder *b, Place place, ConstantData *data) {
    int64_t count = 1, size = 0;
    bool is_empty = false, fits = true;
    for (int i = 0; i < data->rank; i++) is_empty |= data->dims[i] == 0;
    for (int i = 0; i < data->rank && !is_empty; i++)
        fits &= checked_multiply(count, data->dims[i], &count);
    data->element_count = is_empty ? 0 : count;
    fits = fits && checked_multiply(data->element_count, (int64_t)dtype_size(data->dtype), &size);
    if (!fits || size > MOST_BYTES)
        return diagnose_error(
            b->diagnostics, place,
            "the constant of shape %s is larger than %lld MiB; use the op fill, or a file",
            dims_text(b, data->dims, data->rank), (long long)(MOST_BYTES >> 20));
    data->size = (size_t)size;
    return true;
}

static ConstantData *build_literal(Builder *b, Item item, tfcc_dtype dtype, const Argument *shape,
                                   WeakKind *weak) {
    Scan scan = {.b = b, .rank = -1};
    Place place = item_place(b, &item);
    for (int i = 0; i < MAX_RANK; i++) scan.dims[i] = -1;
    if (!scan_item(&scan, &item, 0)) return NULL;
    for (int i = scan.rank; i < MAX_RANK; i++) scan.dims[i] = 0;
    ConstantData *data = arena_alloc(b->arena, sizeof *data);
    if (weak) *weak = NOT_WEAK;
    data->dtype = dtype != TFCC_NONE ? dtype
                  : weak             ? weak_dtype(b, &scan, place, weak)
                                     : infer_dtype(b, &scan, place);
    if (data->dtype == TFCC_NONE) return NULL;
    if (!apply_shape(b, &scan, shape, data) || !allocate(b, place, data)) return NULL;
    size_t element = dtype_size(data->dtype), written = data->size > element ? data->size : element;
    char *bytes = arena_alloc(b->arena, written), *end = bytes;
    if (!write_item(b, &item, dtype_info(data->dtype), &end)) return NULL;
    if (scan.rank == 0) /* stretched by doubling what is there */
        for (size_t have = element; have < data->size; have *= 2)
            memcpy(bytes + have, bytes, have < data->size - have ? have : data->size - have);
    data->bytes = bytes;
    return data;
}

ConstantData *literal_from_tree(Builder *b, const TreeNode *yaml, tfcc_dtype dtype,
                                const Argument *shape) {
    return build_literal(b, (Item){.yaml = *yaml}, dtype, shape, NULL);
}

ConstantData *literal_from_expression(Builder *b, Expression *expression, tfcc_dtype dtype,
                                      const Argument *shape, WeakKind *weak) {
    return build_literal(b, (Item){.expression = expression}, dtype, shape, weak);
}
