/* slicing.h: what strided_slice and pad mean, for inference and lowering alike. */
#ifndef TFCC_GRAPH_SLICING_H
#define TFCC_GRAPH_SLICING_H

#include "graph/rules.h"

/* Output dimension `output_axis` runs over input dimension `input_axis`: input index = begin +
 * stride * output index. Without an output dimension (-1) it is the single index `begin`; without
 * an input dimension (-1) it is a new one of size 1. */
typedef struct SliceAxis {
    int input_axis, output_axis;
    Dim begin, stride;
    Dim size; /* of the output dimension */
} SliceAxis;

typedef struct SlicePlan {
    SliceAxis axes[2 * MAX_RANK];
    int count;
    Shape shape;
} SlicePlan;

/* The plan of a STRIDED_SLICE node (or a SLICE, in the same terms); false after an error. Adds
 * requirements to the node the first time. */
bool plan_strided_slice(InferContext *c, SlicePlan *plan);
bool plan_slice(InferContext *c, SlicePlan *plan);

typedef enum PadMode {
    PAD_CONSTANT,
    PAD_REFLECT,   /* mirrors without the border element */
    PAD_SYMMETRIC, /* mirrors with it */
    PAD_EDGE,      /* repeats the border element */
    PAD_WRAP,      /* begins again at the other end */
} PadMode;

/* How many elements a PAD node adds on each side of each dimension. */
typedef struct PadPlan {
    PadMode mode;
    Dim before[MAX_RANK], after[MAX_RANK];
} PadPlan;

bool plan_pad(InferContext *c, PadPlan *plan);

#endif
