/* fuse_internal.h: what the files of fusion share. */
#ifndef TFCC_KERNELS_FUSE_INTERNAL_H
#define TFCC_KERNELS_FUSE_INTERNAL_H

#include "kernels/kernel.h"

/* Limits of what one fused kernel may hold; LLVM is quadratic in straight-line code, and registers
 * are few. */
enum {
    FUSE_COST_LIMIT = 300, /* of a fused kernel, as KernelFacts.cost counts */
    FUSE_REPEAT_LIMIT =
        6, /* of a producer that several kernels repeat, or one repeats along an axis */
    FUSE_EPILOGUE_LIMIT = 16,     /* of what follows such sums, which hold most registers */
    FUSE_OPTIONAL_OUTPUTS = 4,    /* values a fused kernel offers beside its own */
    FUSE_MAX_AXES = 2 * MAX_RANK, /* of a producer: those of its result and of its groups */
};

/* What fusion knows of a kernel; computed once per state of the kernel. */
typedef struct KernelFacts {
    int cost; /* arithmetic at one point: 1 for a simple operation, more for divisions and functions
               */
    bool has_scan;
    bool has_reduce;
    bool has_product;   /* a sum of products, many of which are added up side by side */
    bool reads_current; /* a variable after writes of this run: tied to its place in the order */
    Scalar **loads;     /* every load that is reached */
    size_t load_count;
    Scalar **reduces; /* every REDUCE that is reached */
    size_t reduce_count;
} KernelFacts;

/* What fusion knows of a root buffer. */
typedef struct BufferFacts {
    Kernel *producer;  /* the kernel that stores all of it; NULL where there is none, or several
                          share it */
    int user_count;    /* kernels that load it and are not taken in everywhere themselves */
    uint32_t use_mark; /* of the last count that met it */
    bool is_pinned;    /* needed in memory for another reason than loads and fetches */
    const char *pin;   /* that reason */
    bool is_fetchable; /* itself or a view of it */
} BufferFacts;

typedef struct Fusion {
    Program *program;
    Arena *scratch;
    DimTable *dims;
    Kernel **list; /* all kernels, members of groups too, in their order; by number */
    size_t kernel_count, kernel_capacity;
    KernelFacts *kernels; /* by kernel number; of a group none: its members have theirs */
    BufferFacts *buffers; /* by buffer number */
    Kernel *
        *originals;    /* by kernel number: the kernel before anything was fused into it, or NULL */
    bool *is_inlined;  /* by kernel number: some consumer has taken it in */
    uint32_t use_mark; /* of the count that goes on */
} Fusion;

/* fuse_decide.c: NULL where `producer` may be taken into `consumer`, else why not, for
 * --emit=kernels. */
const char *fuse_refusal(const Fusion *fusion, const Kernel *producer, const Kernel *consumer);

/* The point at which `producer` computes what the load reads, one Dim per axis of the producer (a
 * view is read through its row-major offset). False where it depends on data. */
bool fuse_point(const Fusion *fusion, const Kernel *producer, const Kernel *kernel,
                const Scalar *load, Dim *point);

/* fuse_rewrite.c: takes the producers (by root buffer number; NULL: none) into the kernel, in
 * place. */
void fuse_rewrite(Fusion *fusion, Kernel *kernel, Kernel *const *producers);

#endif
