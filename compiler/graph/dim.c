/* dim.c: the table of expressions, and sums and products in canonical form. */
#include "graph/dim.h"

#include "graph/dim_table.h"
#include "support/checked.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- Ranges ---- */

__extension__ typedef __int128 Wide;

static int64_t clamp(Wide number) {
    if (number >= INT64_MAX) return INT64_MAX;
    if (number <= INT64_MIN) return INT64_MIN;
    return (int64_t)number;
}

static bool is_unbounded(int64_t bound) {
    return bound == INT64_MIN || bound == INT64_MAX;
}

int64_t dim_low(Dim dim) {
    return dim->kind == DIM_SYMBOL ? dim->symbol->minimum : dim->low;
}

int64_t dim_high(Dim dim) {
    if (dim->kind == DIM_SYMBOL)
        return dim->symbol->upper ? dim_high(dim->symbol->upper) : INT64_MAX;
    if (dim->kind == DIM_AXIS) {
        int64_t high = dim_high(dim->size);
        return is_unbounded(high) ? INT64_MAX : high > 0 ? high - 1 : 0;
    }
    return dim->high;
}

/* One end of coefficient * [low, high], keeping "no bound". */
static int64_t scale_bound(int64_t coefficient, int64_t bound) {
    if (is_unbounded(bound)) return (coefficient > 0) == (bound > 0) ? INT64_MAX : INT64_MIN;
    return clamp((Wide)coefficient * bound);
}

static void range_of_sum(struct DimNode *node) {
    Wide low = node->constant, high = node->constant;
    bool has_low = true, has_high = true;
    for (size_t i = 0; i < node->term_count; i++) {
        int64_t c = node->terms[i].coefficient;
        Dim p = node->terms[i].product;
        int64_t least = scale_bound(c, c > 0 ? dim_low(p) : dim_high(p));
        int64_t most = scale_bound(c, c > 0 ? dim_high(p) : dim_low(p));
        has_low &= !is_unbounded(least);
        has_high &= !is_unbounded(most);
        low += least;
        high += most;
    }
    node->low = has_low ? clamp(low) : INT64_MIN;
    node->high = has_high ? clamp(high) : INT64_MAX;
}

static void range_of_product(struct DimNode *node) {
    Wide low = 1, high = 1;
    for (size_t i = 0; i < node->operand_count; i++) {
        int64_t least = dim_low(node->operands[i]), most = dim_high(node->operands[i]);
        if (least < 0) return; /* signs are not followed through products */
        low = clamp(low * least);
        high = is_unbounded(most) || is_unbounded((int64_t)high) ? INT64_MAX : clamp(high * most);
    }
    node->low = (int64_t)low;
    node->high = (int64_t)high;
}

static int64_t floor_divide(int64_t a, int64_t b) {
    if (b == 0) return 0;
    if (b == -1) return a == INT64_MIN ? INT64_MAX : -a;
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a % b < 0) != (b < 0));
}

static void range_of_division(struct DimNode *node) {
    Dim a = node->operands[0], b = node->operands[1];
    int64_t least_divisor = dim_low(b), most_divisor = dim_high(b);
    if (least_divisor < 0) return;
    bool may_be_zero = least_divisor == 0;
    if (may_be_zero) least_divisor = 1;
    if (most_divisor < least_divisor) most_divisor = least_divisor;
    int64_t low = dim_low(a), high = dim_high(a);
    node->low = is_unbounded(low) ? INT64_MIN
                : low >= 0        ? (is_unbounded(most_divisor) ? 0 : low / most_divisor)
                                  : floor_divide(low, least_divisor);
    node->high = is_unbounded(high) ? INT64_MAX
                 : high >= 0        ? high / least_divisor
                             : (is_unbounded(most_divisor) ? -1 : floor_divide(high, most_divisor));
    if (may_be_zero && node->low > 0) node->low = 0;
    if (may_be_zero && node->high < 0) node->high = 0;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void find_range(struct DimNode *node) {
    Dim *o = node->operands;
    node->low = INT64_MIN;
    node->high = INT64_MAX;
    switch (node->kind) {
    case DIM_CONSTANT: node->low = node->high = node->constant; break;
    case DIM_AXIS: node->low = 0; break;
    case DIM_SUM: range_of_sum(node); break;
    case DIM_PRODUCT: range_of_product(node); break;
    case DIM_FLOOR_DIVIDE: range_of_division(node); break;
    case DIM_MODULO:
        if (dim_low(o[1]) < 0) break;
        node->low = 0;
        node->high = is_unbounded(dim_high(o[1])) ? INT64_MAX : larger(dim_high(o[1]) - 1, 0);
        if (dim_low(o[0]) >= 0) node->high = smaller(node->high, dim_high(o[0]));
        break;
    case DIM_MAXIMUM:
        node->low = larger(dim_low(o[0]), dim_low(o[1]));
        node->high = larger(dim_high(o[0]), dim_high(o[1]));
        break;
    case DIM_MINIMUM:
        node->low = smaller(dim_low(o[0]), dim_low(o[1]));
        node->high = smaller(dim_high(o[0]), dim_high(o[1]));
        break;
    case DIM_EQUAL:
    case DIM_LESS:
        node->low = 0;
        node->high = 1;
        break;
    case DIM_SELECT:
        node->low = smaller(dim_low(o[1]), dim_low(o[2]));
        node->high = larger(dim_high(o[1]), dim_high(o[2]));
        break;
    case DIM_SYMBOL:
    case DIM_OVERFLOW: break;
    }
}

/* ---- Every expression once ---- */

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 29);
}

static uint64_t hash_node(const struct DimNode *node) {
    uint64_t hash = mix((uint64_t)node->kind + 1, (uint64_t)node->constant);
    if (node->symbol) hash = mix(hash, node->symbol->number + 1);
    if (node->size) hash = mix(mix(hash, (uint64_t)node->axis), node->size->id);
    for (size_t i = 0; i < node->term_count; i++)
        hash = mix(mix(hash, (uint64_t)node->terms[i].coefficient), node->terms[i].product->id);
    for (size_t i = 0; i < node->operand_count; i++) hash = mix(hash, node->operands[i]->id);
    return hash;
}

static bool same_node(const struct DimNode *a, const struct DimNode *b) {
    if (a->kind != b->kind || a->constant != b->constant || a->symbol != b->symbol ||
        a->axis != b->axis || a->size != b->size || a->term_count != b->term_count ||
        a->operand_count != b->operand_count)
        return false;
    for (size_t i = 0; i < a->term_count; i++)
        if (a->terms[i].coefficient != b->terms[i].coefficient ||
            a->terms[i].product != b->terms[i].product)
            return false;
    for (size_t i = 0; i < a->operand_count; i++)
        if (a->operands[i] != b->operands[i]) return false;
    return true;
}

static void grow_slots(DimTable *table) {
    size_t old_count = table->slot_count;
    Dim *old = table->slots;
    table->slot_count = old_count ? old_count * 2 : 256;
    table->slots = arena_alloc_array(table->arena, table->slot_count, sizeof *table->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (!old[i]) continue;
        size_t slot = hash_node(old[i]) & (table->slot_count - 1);
        while (table->slots[slot]) slot = (slot + 1) & (table->slot_count - 1);
        table->slots[slot] = old[i];
    }
}

static void count_weight(struct DimNode *node) {
    uint64_t weight = 1;
    for (size_t i = 0; i < node->term_count + node->operand_count; i++) {
        Dim part =
            i < node->term_count ? node->terms[i].product : node->operands[i - node->term_count];
        weight += part->weight;
        if (part->depth >= node->depth) node->depth = part->depth + 1;
        node->has_axis |= part->has_axis;
    }
    node->has_axis |= node->kind == DIM_AXIS;
    node->weight = weight > UINT32_MAX ? UINT32_MAX : (uint32_t)weight;
}

/* The table's node that equals `wanted`, made (with copies of its arrays) where it is new. */
static Dim intern(DimTable *table, const struct DimNode *wanted) {
    if (table->node_count * 2 >= table->slot_count) grow_slots(table);
    size_t slot = hash_node(wanted) & (table->slot_count - 1);
    for (; table->slots[slot]; slot = (slot + 1) & (table->slot_count - 1))
        if (same_node(table->slots[slot], wanted)) return table->slots[slot];
    struct DimNode *node = arena_copy(table->arena, wanted, sizeof *wanted);
    if (node->term_count)
        node->terms =
            arena_copy(table->arena, wanted->terms, wanted->term_count * sizeof *wanted->terms);
    if (node->operand_count)
        node->operands = arena_copy(table->arena, (const void *)wanted->operands,
                                    wanted->operand_count * sizeof *wanted->operands);
    count_weight(node);
    if (node->depth > DIM_MAXIMUM_DEPTH) return table->overflow;
    node->id = (uint32_t)table->node_count++;
    find_range(node);
    table->slots[slot] = node;
    return node;
}

DimTable *dim_table_create(Arena *arena) {
    DimTable *table = arena_alloc(arena, sizeof *table);
    table->arena = arena;
    table->named = map_create(arena);
    table->names = map_create(arena);
    table->overflow = intern(table, &(struct DimNode){.kind = DIM_OVERFLOW});
    table->zero = dim_constant(table, 0);
    table->one = dim_constant(table, 1);
    return table;
}

Arena *dim_table_arena(const DimTable *table) {
    return table->arena;
}

Dim dim_constant(DimTable *table, int64_t number) {
    return intern(table, &(struct DimNode){.kind = DIM_CONSTANT, .constant = number});
}

Dim dim_overflow(DimTable *table) {
    return table->overflow;
}

Dim dim_symbol(DimTable *table, DimSymbolKind kind, const char *name) {
    const char *unique = name;
    for (int suffix = 2; map_get(&table->names, unique); suffix++)
        unique = arena_format(table->arena, "%s_%d", name, suffix);
    DimSymbol *symbol = arena_alloc(table->arena, sizeof *symbol);
    symbol->kind = kind;
    symbol->number = (uint32_t)table->symbol_count;
    symbol->name = arena_copy_text(table->arena, unique, strlen(unique));
    symbol->minimum = kind == DIM_OF_VALUE ? INT64_MIN : 0;
    Dim dim = intern(table, &(struct DimNode){.kind = DIM_SYMBOL, .symbol = symbol});
    map_set(&table->names, unique, symbol);
    *ARENA_PUSH(table->arena, table->symbols, table->symbol_count, table->symbol_capacity) = dim;
    return dim;
}

Dim dim_named(DimTable *table, const char *name) {
    MapEntry *entry = map_insert(&table->named, name, strlen(name), NULL);
    if (!entry->value) entry->value = (void *)dim_symbol(table, DIM_NAMED, name);
    return entry->value;
}

Dim dim_axis(DimTable *table, int number, Dim size) {
    return intern(table, &(struct DimNode){.kind = DIM_AXIS, .axis = number, .size = size});
}

size_t dim_symbol_count(const DimTable *table) {
    return table->symbol_count;
}
Dim dim_symbol_at(const DimTable *table, size_t number) {
    return table->symbols[number];
}

Dim dim_operation(DimTable *table, DimKind kind, const Dim *operands, size_t count) {
    return intern(table, &(struct DimNode){
                             .kind = kind, .operands = (Dim *)operands, .operand_count = count});
}

bool dim_is_constant(Dim dim, int64_t *number) {
    if (dim->kind != DIM_CONSTANT) return false;
    if (number) *number = dim->constant;
    return true;
}

bool dim_is(Dim dim, int64_t number) {
    return dim->kind == DIM_CONSTANT && dim->constant == number;
}

/* ---- Sums ---- */

void dim_view(Dim dim, DimTerms *view) {
    *view = (DimTerms){0};
    if (dim->kind == DIM_CONSTANT) {
        view->constant = dim->constant;
    } else if (dim->kind == DIM_SUM && dim->term_count <= DIM_MAXIMUM_TERMS) {
        view->constant = dim->constant;
        view->terms = dim->terms;
        view->count = dim->term_count;
    } else {
        view->single = (DimTerm){1, dim};
        view->count = 1;
    }
}

static const DimTerm *terms_of(const DimTerms *view) {
    return view->terms ? view->terms : &view->single;
}

static int compare_terms(const void *a, const void *b) {
    uint32_t x = ((const DimTerm *)a)->product->id, y = ((const DimTerm *)b)->product->id;
    return (x > y) - (x < y);
}

/* The canonical form of terms that are sorted already, each product once. */
static Dim from_sorted(DimTable *table, int64_t constant, const DimTerm *terms, size_t count) {
    if (count == 0) return dim_constant(table, constant);
    if (count == 1 && constant == 0 && terms[0].coefficient == 1) return terms[0].product;
    return intern(table,
                  &(struct DimNode){
                      .kind = DIM_SUM, .constant = constant, .terms = terms, .term_count = count});
}

Dim dim_from_terms(DimTable *table, int64_t constant, const DimTerm *terms, size_t count) {
    if (count == 0) return dim_constant(table, constant);
    DimTerm *sorted = malloc(count * sizeof *sorted);
    if (!sorted) return table->overflow;
    memcpy(sorted, terms, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_terms);
    size_t kept = 0;
    bool fits = true;
    for (size_t i = 0; i < count;) {
        DimTerm merged = {0, sorted[i].product};
        for (; i < count && sorted[i].product == merged.product; i++)
            fits &= checked_add(merged.coefficient, sorted[i].coefficient, &merged.coefficient);
        if (merged.coefficient) sorted[kept++] = merged;
    }
    Dim sum = fits ? from_sorted(table, constant, sorted, kept) : table->overflow;
    free(sorted);
    return sum;
}

/* a + factor * b */
static Dim add_scaled(DimTable *table, Dim a, Dim b, int64_t factor) {
    if (a->kind == DIM_OVERFLOW || b->kind == DIM_OVERFLOW) return table->overflow;
    DimTerms x, y;
    dim_view(a, &x);
    dim_view(b, &y);
    int64_t constant;
    if (!checked_multiply(y.constant, factor, &constant) ||
        !checked_add(x.constant, constant, &constant))
        return table->overflow;
    DimTerm local[64];
    size_t room = x.count + y.count;
    DimTerm *merged = room <= 64 ? local : malloc(room * sizeof *merged);
    if (!merged) return table->overflow;
    const DimTerm *p = terms_of(&x), *q = terms_of(&y);
    size_t i = 0, j = 0, count = 0;
    bool fits = true;
    while (i < x.count || j < y.count) {
        DimTerm term = {0, NULL};
        bool left = j == y.count || (i < x.count && p[i].product->id <= q[j].product->id);
        bool right = i == x.count || (j < y.count && q[j].product->id <= p[i].product->id);
        int64_t scaled = 0;
        if (right) fits &= checked_multiply(q[j].coefficient, factor, &scaled);
        if (left) term = p[i++];
        if (right) {
            term.product = q[j++].product;
            fits &= checked_add(term.coefficient, scaled, &term.coefficient);
        }
        if (term.coefficient) merged[count++] = term;
    }
    Dim sum = fits ? from_sorted(table, constant, merged, count) : table->overflow;
    if (merged != local) free(merged);
    return sum;
}

Dim dim_add(DimTable *table, Dim a, Dim b) {
    return add_scaled(table, a, b, 1);
}
Dim dim_subtract(DimTable *table, Dim a, Dim b) {
    return add_scaled(table, a, b, -1);
}

/* ---- Products ---- */

size_t dim_factors(const Dim *product, const Dim **factors) {
    if ((*product)->kind == DIM_PRODUCT) {
        *factors = (*product)->operands;
        return (*product)->operand_count;
    }
    *factors = product;
    return 1;
}

Dim dim_join_factors(DimTable *table, Dim a, Dim b) {
    if (dim_is(a, 1)) return b;
    if (dim_is(b, 1)) return a;
    const Dim *x, *y;
    size_t x_count = dim_factors(&a, &x), y_count = dim_factors(&b, &y);
    if (x_count + y_count > DIM_MAXIMUM_TERMS) return table->overflow;
    Dim joined[DIM_MAXIMUM_TERMS];
    size_t count = 0;
    for (size_t i = 0, j = 0; i < x_count || j < y_count;)
        joined[count++] = j == y_count || (i < x_count && x[i]->id <= y[j]->id) ? x[i++] : y[j++];
    return dim_operation(table, DIM_PRODUCT, joined, count);
}

Dim dim_remove_factors(DimTable *table, Dim product, Dim by) {
    if (dim_is(by, 1)) return product;
    if (product == by) return table->one;
    const Dim *x, *y;
    size_t x_count = dim_factors(&product, &x), y_count = dim_factors(&by, &y), count = 0, j = 0;
    if (y_count > x_count || x_count > DIM_MAXIMUM_TERMS) return NULL;
    Dim left[DIM_MAXIMUM_TERMS];
    for (size_t i = 0; i < x_count; i++) {
        if (j < y_count && x[i] == y[j])
            j++;
        else
            left[count++] = x[i];
    }
    if (j < y_count) return NULL;
    return count == 0   ? table->one
           : count == 1 ? left[0]
                        : dim_operation(table, DIM_PRODUCT, left, count);
}

Dim dim_multiply(DimTable *table, Dim a, Dim b) {
    if (dim_is(a, 0) || dim_is(b, 1)) return a;
    if (dim_is(b, 0) || dim_is(a, 1)) return b;
    if (a->kind == DIM_OVERFLOW || b->kind == DIM_OVERFLOW) return table->overflow;
    if (b->kind == DIM_CONSTANT) return add_scaled(table, table->zero, a, b->constant);
    if (a->kind == DIM_CONSTANT) return add_scaled(table, table->zero, b, a->constant);
    DimTerms x, y;
    dim_view(a, &x);
    dim_view(b, &y);
    size_t x_count = x.count + (x.constant != 0), y_count = y.count + (y.constant != 0);
    if (x_count * y_count > DIM_MAXIMUM_TERMS)
        return dim_join_factors(table, a->id < b->id ? a : b, a->id < b->id ? b : a);
    /* (c + x1 + x2 + …) (d + y1 + …): every pair, the constants as the pair's last element */
    DimTerm terms[DIM_MAXIMUM_TERMS];
    size_t count = 0;
    int64_t constant = 0;
    for (size_t i = 0; i < x_count; i++) {
        for (size_t j = 0; j < y_count; j++) {
            DimTerm p = i < x.count ? terms_of(&x)[i] : (DimTerm){x.constant, table->one};
            DimTerm q = j < y.count ? terms_of(&y)[j] : (DimTerm){y.constant, table->one};
            DimTerm *term = &terms[count];
            if (!checked_multiply(p.coefficient, q.coefficient, &term->coefficient))
                return table->overflow;
            term->product = dim_join_factors(table, p.product, q.product);
            if (term->product->kind == DIM_OVERFLOW) return table->overflow;
            if (term->product->kind == DIM_CONSTANT)
                constant = term->coefficient; /* the last pair alone */
            else
                count++;
        }
    }
    return dim_from_terms(table, constant, terms, count);
}

/* ---- Memory of walks ---- */

struct DimMemoSlot *dim_memo_find(DimMemo *memo, Dim dim) {
    if (memo->count * 2 >= memo->slot_count) {
        size_t old_count = memo->slot_count;
        struct DimMemoSlot *old = memo->slots;
        memo->slot_count = old_count ? old_count * 2 : 256;
        memo->slots = calloc(memo->slot_count, sizeof *memo->slots);
        if (!memo->slots) abort();
        for (size_t i = 0; i < old_count; i++) {
            if (!old[i].dim) continue;
            size_t slot = mix(7, old[i].dim->id) & (memo->slot_count - 1);
            while (memo->slots[slot].dim) slot = (slot + 1) & (memo->slot_count - 1);
            memo->slots[slot] = old[i];
        }
        free(old);
    }
    size_t slot = mix(7, dim->id) & (memo->slot_count - 1);
    while (memo->slots[slot].dim && memo->slots[slot].dim != dim)
        slot = (slot + 1) & (memo->slot_count - 1);
    return &memo->slots[slot];
}

void dim_memo_release(DimMemo *memo) {
    free(memo->slots);
}
