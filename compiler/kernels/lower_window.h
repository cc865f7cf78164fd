/* lower_window.h: what lowerings of sliding windows share. Private to lower_window*.c. */
#ifndef TFCC_KERNELS_LOWER_WINDOW_H
#define TFCC_KERNELS_LOWER_WINDOW_H

#include "graph/window.h"
#include "kernels/lower.h"

/* The element of the input that tap k of output element o sees: o * stride + k * dilation - before.
 */
Dim window_position(DimTable *t, const WindowAxis *axis, Dim output, Dim tap);
/* Whether it is inside the input, together with `sofar` (NULL: true); NULL where all are. */
Scalar *window_inside(Kernel *k, const WindowAxis *axis, Dim position, Scalar *sofar);
/* The other way round: the output element o of which the input's element `position` is tap k, and
 * whether there is one. */
Dim window_origin(DimTable *t, const WindowAxis *axis, Dim position, Dim tap, Dim *distance);
Scalar *window_has_origin(Kernel *k, const WindowAxis *axis, Dim distance, Scalar *sofar);

/* One kernel over the output of a convolution. The axis of channels is cut into groups and the
 * channels of a group where there are several of both; `by_phase`, a spatial axis with a stride is
 * cut into i = quotient * stride + phase, so that all points of one phase see the same taps. */
typedef struct ConvolutionKernel {
    Kernel *kernel;
    Buffer *output;
    Dim index[MAX_RANK]; /* of the output, over the kernel's axes */
    Dim group, member;   /* which group, which channel of it */
    Scalar *exists;      /* of points: the others lie behind the output; NULL: all do */
    bool is_cut;
} ConvolutionKernel;
ConvolutionKernel convolution_begin(LowerContext *c, const ConvolutionPlan *plan, bool by_phase);
void convolution_end(ConvolutionKernel *convolution, Scalar *value);
/* The plan's context, as for the shape rule. */
InferContext window_context(LowerContext *c);
/* product where `inside` (NULL: always), and 0 elsewhere: points that a sum may leave out. */
Scalar *window_term(Kernel *k, Scalar *inside, Scalar *product);

#endif
