/* dim_walk.c: questions to whole expressions: bounds, substitution, evaluation, text. */
#include "graph/dim.h"
#include "graph/dim_table.h"
#include <stdlib.h>

__extension__ typedef __int128 Wide;

/* ---- Bounds without axes ---- */

/* The larger (upper) or smaller end of `dim` over all axes, or NULL. */
static Dim bound(DimTable *table, Dim dim, bool upper);

/* A product of atoms, each at least 0: every factor at its end. */
static Dim bound_of_product(DimTable *table, Dim product, bool upper) {
    const Dim *factors;
    size_t count = dim_factors(&product, &factors);
    Dim result = table->one;
    for (size_t i = 0; i < count; i++) {
        if (count > 1 && dim_low(factors[i]) < 0) return NULL;
        Dim end = factors[i]->kind == DIM_PRODUCT ? NULL : bound(table, factors[i], upper);
        if (!end) return NULL;
        result = dim_multiply(table, result, end);
    }
    return result;
}

static Dim bound_of_sum(DimTable *table, Dim dim, bool upper) {
    Dim result = dim_constant(table, dim->constant);
    for (size_t i = 0; i < dim->term_count; i++) {
        DimTerm term = dim->terms[i];
        bool wants_upper = upper == (term.coefficient > 0);
        Dim end = term.product->has_axis ? bound_of_product(table, term.product, wants_upper)
                                         : term.product;
        if (!end) return NULL;
        result =
            dim_add(table, result, dim_multiply(table, dim_constant(table, term.coefficient), end));
    }
    return result;
}

static Dim bound_of_operands(DimTable *table, Dim dim, int first, bool upper, DimKind kind) {
    Dim a = bound(table, dim->operands[first], upper),
        b = bound(table, dim->operands[first + 1], upper);
    if (!a || !b) return NULL;
    return kind == DIM_MAXIMUM ? dim_maximum(table, a, b) : dim_minimum(table, a, b);
}

static Dim bound(DimTable *table, Dim dim, bool upper) {
    if (!dim->has_axis) return dim;
    switch (dim->kind) {
    case DIM_AXIS: {
        if (!upper) return table->zero;
        Dim size = bound(table, dim->size, true);
        return size ? dim_subtract(table, size, table->one) : NULL;
    }
    case DIM_SUM: return bound_of_sum(table, dim, upper);
    case DIM_PRODUCT: return bound_of_product(table, dim, upper);
    case DIM_FLOOR_DIVIDE: {
        if (dim->operands[1]->has_axis || dim_low(dim->operands[1]) < 1) break;
        Dim a = bound(table, dim->operands[0], upper);
        return a ? dim_floor_divide(table, a, dim->operands[1]) : NULL;
    }
    case DIM_MODULO:
        if (!upper && dim_low(dim->operands[1]) >= 0) return table->zero;
        if (!upper || dim->operands[1]->has_axis || dim_low(dim->operands[1]) < 1) break;
        return dim_subtract(table, dim->operands[1], table->one);
    case DIM_MAXIMUM:
    case DIM_MINIMUM: return bound_of_operands(table, dim, 0, upper, dim->kind);
    case DIM_EQUAL:
    case DIM_LESS: return upper ? table->one : table->zero;
    case DIM_SELECT:
        return bound_of_operands(table, dim, 1, upper, upper ? DIM_MAXIMUM : DIM_MINIMUM);
    case DIM_CONSTANT:
    case DIM_SYMBOL:
    case DIM_OVERFLOW: return dim;
    }
    int64_t end = upper ? dim_high(dim) : dim_low(dim);
    return end == INT64_MAX || end == INT64_MIN ? NULL : dim_constant(table, end);
}

Dim dim_upper_bound(DimTable *table, Dim dim) {
    return bound(table, dim, true);
}
Dim dim_lower_bound(DimTable *table, Dim dim) {
    return bound(table, dim, false);
}

bool dim_is_nonnegative(DimTable *table, Dim dim) {
    if (dim->kind == DIM_OVERFLOW) return false;
    if (dim_low(dim) >= 0) return true;
    if (!dim->has_axis) return false;
    Dim least = dim_lower_bound(table, dim);
    return least && least->kind != DIM_OVERFLOW && dim_low(least) >= 0;
}

/* ---- Walks ---- */

static size_t part_count(Dim dim) {
    return dim->term_count + dim->operand_count;
}

static Dim part_at(Dim dim, size_t index) {
    return index < dim->term_count ? dim->terms[index].product
                                   : dim->operands[index - dim->term_count];
}

/* Calls visit for every atom (leaves) until it gives true; parts that occur twice are walked once
 * where that matters. */
static bool visit_leaves(Dim dim, DimMemo *memo, bool (*visit)(void *context, Dim leaf),
                         void *context) {
    if (part_count(dim) == 0) return visit(context, dim);
    if (dim->weight > DIM_LIGHT) {
        struct DimMemoSlot *slot = dim_memo_find(memo, dim);
        if (slot->dim) return false;
        slot->dim = dim;
        memo->count++;
    }
    for (size_t i = 0; i < part_count(dim); i++)
        if (visit_leaves(part_at(dim, i), memo, visit, context)) return true;
    return false;
}

static bool is_same_leaf(void *context, Dim leaf) {
    return leaf == *(Dim *)context;
}

bool dim_contains(Dim dim, Dim atom) {
    DimMemo memo = {0};
    bool found = visit_leaves(dim, &memo, is_same_leaf, &atom);
    dim_memo_release(&memo);
    return found;
}

bool dim_has_axis(Dim dim) {
    return dim->has_axis;
}

typedef struct SymbolVisitor {
    void (*visit)(void *context, Dim symbol);
    void *context;
} SymbolVisitor;

static bool visit_symbol(void *context, Dim leaf) {
    SymbolVisitor *visitor = context;
    if (leaf->kind == DIM_SYMBOL) visitor->visit(visitor->context, leaf);
    return false;
}

void dim_each_symbol(Dim dim, void (*visit)(void *context, Dim symbol), void *context) {
    SymbolVisitor visitor = {visit, context};
    DimMemo memo = {0};
    visit_leaves(dim, &memo, visit_symbol, &visitor);
    dim_memo_release(&memo);
}

/* ---- Substitution ---- */

typedef struct Substitution {
    DimTable *table;
    const Dim *from, *to;
    size_t count;
    DimMemo memo;
} Substitution;

static Dim substitute(Substitution *s, Dim dim);

static Dim substitute_parts(Substitution *s, Dim dim) {
    DimTable *t = s->table;
    if (dim->kind == DIM_SUM) {
        Dim sum = dim_constant(t, dim->constant);
        for (size_t i = 0; i < dim->term_count; i++)
            sum = dim_add(t, sum,
                          dim_multiply(t, dim_constant(t, dim->terms[i].coefficient),
                                       substitute(s, dim->terms[i].product)));
        return sum;
    }
    if (dim->kind == DIM_PRODUCT) {
        Dim product = t->one;
        for (size_t i = 0; i < dim->operand_count; i++)
            product = dim_multiply(t, product, substitute(s, dim->operands[i]));
        return product;
    }
    Dim a = substitute(s, dim->operands[0]), b = substitute(s, dim->operands[1]);
    switch (dim->kind) {
    case DIM_FLOOR_DIVIDE: return dim_floor_divide(t, a, b);
    case DIM_MODULO: return dim_modulo(t, a, b);
    case DIM_MAXIMUM: return dim_maximum(t, a, b);
    case DIM_MINIMUM: return dim_minimum(t, a, b);
    case DIM_EQUAL: return dim_equal(t, a, b);
    case DIM_LESS: return dim_less(t, a, b);
    case DIM_SELECT: return dim_select(t, a, b, substitute(s, dim->operands[2]));
    default: return dim;
    }
}

static Dim substitute(Substitution *s, Dim dim) {
    for (size_t i = 0; i < s->count; i++)
        if (s->from[i] == dim) return s->to[i];
    if (part_count(dim) == 0) return dim;
    if (dim->weight <= DIM_LIGHT) return substitute_parts(s, dim);
    struct DimMemoSlot *slot = dim_memo_find(&s->memo, dim);
    if (slot->dim) return slot->result;
    Dim result = substitute_parts(s, dim);
    slot = dim_memo_find(&s->memo, dim);
    slot->dim = dim;
    slot->result = result;
    s->memo.count++;
    return result;
}

Dim dim_substitute(DimTable *table, Dim dim, const Dim *from, const Dim *to, size_t count) {
    Substitution s = {.table = table, .from = from, .to = to, .count = count};
    Dim result = substitute(&s, dim);
    dim_memo_release(&s.memo);
    return result;
}

bool dim_split(DimTable *table, Dim dim, Dim axis, Dim *coefficient, Dim *rest) {
    DimTerms view;
    dim_view(dim, &view);
    Dim factor = table->zero, left = dim_constant(table, view.constant);
    for (size_t i = 0; i < view.count; i++) {
        DimTerm term = view.terms ? view.terms[i] : view.single;
        Dim number = dim_constant(table, term.coefficient);
        if (!dim_contains(term.product, axis)) {
            left = dim_add(table, left, dim_multiply(table, number, term.product));
            continue;
        }
        Dim others = dim_remove_factors(table, term.product, axis);
        if (!others || dim_contains(others, axis)) return false;
        factor = dim_add(table, factor, dim_multiply(table, number, others));
    }
    *coefficient = factor;
    *rest = left;
    return true;
}

/* ---- Evaluation ---- */

typedef struct Evaluation {
    const int64_t *symbols, *axes;
    DimMemo memo;
} Evaluation;

static int64_t saturate(Wide number) {
    return number > INT64_MAX ? INT64_MAX : number < INT64_MIN ? INT64_MIN : (int64_t)number;
}

static int64_t evaluate(Evaluation *e, Dim dim);

static int64_t evaluate_floor(int64_t a, int64_t b) {
    if (b == 0) return 0;
    if (b == -1) return saturate(-(Wide)a);
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a % b < 0) != (b < 0));
}

static int64_t evaluate_parts(Evaluation *e, Dim dim) {
    if (dim->kind == DIM_SUM) {
        Wide sum = dim->constant;
        for (size_t i = 0; i < dim->term_count; i++)
            sum += saturate((Wide)dim->terms[i].coefficient * evaluate(e, dim->terms[i].product));
        return saturate(sum);
    }
    if (dim->kind == DIM_PRODUCT) {
        Wide product = 1;
        for (size_t i = 0; i < dim->operand_count; i++)
            product = saturate(product * evaluate(e, dim->operands[i]));
        return (int64_t)product;
    }
    if (dim->kind == DIM_SELECT)
        return evaluate(e, dim->operands[evaluate(e, dim->operands[0]) ? 1 : 2]);
    int64_t a = evaluate(e, dim->operands[0]), b = evaluate(e, dim->operands[1]);
    switch (dim->kind) {
    case DIM_FLOOR_DIVIDE: return evaluate_floor(a, b);
    case DIM_MODULO:
        return b == 0 || b == -1 ? 0 : a % b + (a % b != 0 && (a % b < 0) != (b < 0) ? b : 0);
    case DIM_MAXIMUM: return a > b ? a : b;
    case DIM_MINIMUM: return a < b ? a : b;
    case DIM_EQUAL: return a == b;
    case DIM_LESS: return a < b;
    default: return 0;
    }
}

static int64_t evaluate(Evaluation *e, Dim dim) {
    switch (dim->kind) {
    case DIM_CONSTANT: return dim->constant;
    case DIM_SYMBOL: return e->symbols[dim->symbol->number];
    case DIM_AXIS: return e->axes[dim->axis];
    case DIM_OVERFLOW: return INT64_MAX;
    default: break;
    }
    if (dim->weight <= DIM_LIGHT) return evaluate_parts(e, dim);
    struct DimMemoSlot *slot = dim_memo_find(&e->memo, dim);
    if (slot->dim) return slot->number;
    int64_t number = evaluate_parts(e, dim);
    slot = dim_memo_find(&e->memo, dim);
    slot->dim = dim;
    slot->number = number;
    e->memo.count++;
    return number;
}

int64_t dim_evaluate(Dim dim, const int64_t *symbols, const int64_t *axes) {
    Evaluation e = {.symbols = symbols, .axes = axes};
    int64_t number = evaluate(&e, dim);
    dim_memo_release(&e.memo);
    return number;
}

/* ---- Text ---- */

#define PRINTED_WEIGHT 120

/* Binding strengths: a choice 0, a sum 1, a product 2, an atom 3. What is weaker than asked for
 * stands in parentheses. */
static void print(Text *text, Dim dim, int strength);

static void print_infix(Text *text, Dim dim, const char *sign, int own, int strength) {
    if (own < strength) text_add_char(text, '(');
    print(text, dim->operands[0], own);
    text_add(text, sign);
    print(text, dim->operands[1], own + 1);
    if (own < strength) text_add_char(text, ')');
}

static void print_call(Text *text, const char *name, Dim a, Dim b) {
    text_add(text, name);
    text_add_char(text, '(');
    print(text, a, 0);
    text_add(text, ", ");
    print(text, b, 0);
    text_add_char(text, ')');
}

static void print_sum(Text *text, Dim dim, int strength) {
    bool one = dim->term_count == 1 && dim->constant == 0; /* 2*n */
    int own = one ? 2 : 1;
    if (own < strength) text_add_char(text, '(');
    /* Terms with a positive coefficient first, so that n - 1 does not read -1 + n. */
    bool first = true;
    for (int sign = 1; sign >= -1; sign -= 2) {
        for (size_t i = 0; i < dim->term_count; i++) {
            int64_t c = dim->terms[i].coefficient;
            if ((c > 0) != (sign > 0)) continue;
            uint64_t magnitude = c > 0 ? (uint64_t)c : 0 - (uint64_t)c;
            text_add(text, first ? (c > 0 ? "" : "-") : (c > 0 ? " + " : " - "));
            if (magnitude != 1) text_add_format(text, "%llu*", (unsigned long long)magnitude);
            print(text, dim->terms[i].product, magnitude != 1 || one ? 3 : 2);
            first = false;
        }
    }
    uint64_t rest = dim->constant < 0 ? 0 - (uint64_t)dim->constant : (uint64_t)dim->constant;
    if (rest)
        text_add_format(text, " %c %llu", dim->constant < 0 ? '-' : '+', (unsigned long long)rest);
    if (own < strength) text_add_char(text, ')');
}

static void print(Text *text, Dim dim, int strength) {
    if (dim->weight > PRINTED_WEIGHT) {
        text_add(text, "...");
        return;
    }
    Dim *o = dim->operands;
    switch (dim->kind) {
    case DIM_CONSTANT: text_add_format(text, "%lld", (long long)dim->constant); break;
    case DIM_SYMBOL: text_add(text, dim->symbol->name); break;
    case DIM_AXIS: text_add_format(text, "i%d", dim->axis); break;
    case DIM_SUM: print_sum(text, dim, strength); break;
    case DIM_PRODUCT:
        for (size_t i = 0; i < dim->operand_count; i++) {
            if (i) text_add_char(text, '*');
            print(text, o[i], 3);
        }
        break;
    case DIM_FLOOR_DIVIDE: print_infix(text, dim, " // ", 2, strength); break;
    case DIM_MODULO: print_infix(text, dim, " % ", 2, strength); break;
    case DIM_MAXIMUM: print_call(text, "max", o[0], o[1]); break;
    case DIM_MINIMUM: print_call(text, "min", o[0], o[1]); break;
    case DIM_EQUAL: print_infix(text, dim, " == ", 0, strength); break;
    case DIM_LESS: print_infix(text, dim, " < ", 0, strength); break;
    case DIM_SELECT:
        if (o[0]->kind == DIM_EQUAL && (o[0]->operands[0] == o[2] || o[0]->operands[1] == o[2]) &&
            (dim_is(o[0]->operands[0], 1) || dim_is(o[0]->operands[1], 1))) {
            print_call(text, "broadcast", o[2], o[1]);
            break;
        }
        if (strength > 0) text_add_char(text, '(');
        print(text, o[0], 1);
        text_add(text, " ? ");
        print(text, o[1], 1);
        text_add(text, " : ");
        print(text, o[2], 1);
        if (strength > 0) text_add_char(text, ')');
        break;
    case DIM_OVERFLOW: text_add(text, "too large"); break;
    }
}

void dim_print(Text *text, Dim dim) {
    if (dim->kind == DIM_SYMBOL && dim->symbol->kind == DIM_OF_FEED)
        text_add_char(text, '?');
    else
        print(text, dim, 0);
}
