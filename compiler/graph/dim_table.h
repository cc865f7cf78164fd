/* dim_table.h: what the files dim*.c share. */
#ifndef TFCC_GRAPH_DIM_TABLE_H
#define TFCC_GRAPH_DIM_TABLE_H

#include "graph/dim.h"
#include "support/map.h"

/* Sums of more terms than this stay unexpanded inside larger expressions: time and memory remain
 * linear. */
#define DIM_MAXIMUM_TERMS 256

struct DimTable {
    Arena *arena;
    Dim *slots; /* open addressing, a power of two */
    size_t slot_count, node_count;
    Dim overflow;
    Dim *symbols;
    size_t symbol_count, symbol_capacity;
    Map named; /* name -> Dim of a DIM_NAMED symbol */
    Map names; /* all names of symbols */
    Dim zero, one;
};

/* A Dim as constant + sum of terms, without allocation for atoms: `single` is the place for their
 * one term. */
typedef struct DimTerms {
    int64_t constant;
    const DimTerm *terms;
    size_t count;
    DimTerm single;
} DimTerms;

void dim_view(Dim dim, DimTerms *view);
/* The sum of these terms (in any order, equal products merged), in canonical form. */
Dim dim_from_terms(DimTable *table, int64_t constant, const DimTerm *terms, size_t count);
/* The one node of this kind and these operands, unsimplified. */
Dim dim_operation(DimTable *table, DimKind kind, const Dim *operands, size_t count);
/* The product of two products of atoms (or 1), in canonical form. */
Dim dim_join_factors(DimTable *table, Dim a, Dim b);
/* The atoms of a term's product. */
size_t dim_factors(const Dim *product, const Dim **factors);
/* product / by where every factor of `by` occurs in product (dim `one` when nothing is left); else
 * NULL. */
Dim dim_remove_factors(DimTable *table, Dim product, Dim by);

/* Numbers already computed in a walk over an expression with shared parts. A light expression needs
 * no such memory. */
typedef struct DimMemo {
    struct DimMemoSlot {
        Dim dim;
        int64_t number;
        Dim result;
    } * slots;
    size_t slot_count, count;
} DimMemo;
#define DIM_LIGHT 128 /* weight up to which a walk goes without memory */
struct DimMemoSlot *dim_memo_find(DimMemo *memo,
                                  Dim dim); /* slot->dim is NULL when it was added now */
void dim_memo_release(DimMemo *memo);

#endif
