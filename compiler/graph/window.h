/* window.h: windows that slide over an input: what convolutions, pools and patches have in common.
 *
 * Output element o of a spatial dimension sees the input's elements o * stride + k * dilation -
 * before, for k = 0 … kernel - 1; those outside of 0 … input - 1 are padding. A plan is made by the
 * shape rule, and again by the lowering.
 *
 * The parameters are read by name where the op's row has them: strides and dilations (one number,
 * one a spatial dimension, or one for every dimension of the layout), padding (`valid`, `same` or
 * `same_upper`, `same_lower`, or pairs [before, after] for the spatial or for all dimensions) or
 * pads (all of before, then all of after), data_format, ceil_mode.
 */
#ifndef TFCC_GRAPH_WINDOW_H
#define TFCC_GRAPH_WINDOW_H

#include "graph/rules.h"

typedef struct WindowAxis {
    Dim input, kernel, output;
    int64_t stride, dilation;
    Dim before, after;    /* padding */
    bool is_cut_at_begin; /* some window may begin in front of the input, */
    bool is_cut_at_end;   /* or end behind it */
} WindowAxis;

typedef struct Window {
    int spatial; /* dimensions */
    int rank;    /* of the input: batch dimensions, spatial ones, channels */
    int channel; /* the input's dimension of channels */
    int first;   /* and the first of the spatial ones */
    WindowAxis axes[MAX_RANK];
} Window;

/* Where channels and spatial dimensions are: data_format, or else channels last. */
bool window_layout(InferContext *c, const Shape *input, int spatial, Window *window);
/* The numbers of a list for the spatial dimensions, each at least `least`; `otherwise` where it is
 * absent. */
bool window_numbers(InferContext *c, const Window *window, const char *parameter, int64_t least,
                    int64_t otherwise, int64_t *numbers);
/* Strides, dilations, padding and output sizes; `kernel` has the window's sizes. */
bool window_plan(InferContext *c, const Shape *input, const Dim *kernel, Window *window);
/* The transposed window: `input` is what a window of these strides would give, and `output` what it
 * would slide over. Sizes that `sizes` (NULL: none) has are those of the output. */
bool window_plan_transposed(InferContext *c, const Shape *input, const Dim *kernel,
                            const Dim *sizes, Window *window);
/* The input's shape with the window's outputs as spatial sizes and so many channels. */
Shape window_output(const Window *window, const Shape *input, Dim channels);

/* ---- plans of ops ---- */

/* In groups: the filter has the channels of one group only. */
typedef struct ConvolutionPlan {
    Window window;
    Dim groups;     /* input channels / the filter's */
    Dim per_group;  /* output channels of a group */
    Dim group_size; /* input channels of a group */
    Shape output;
} ConvolutionPlan;
bool plan_convolution(InferContext *c, ConvolutionPlan *plan);
bool plan_conv_transpose(InferContext *c, ConvolutionPlan *plan);
bool plan_deform_conv(InferContext *c, ConvolutionPlan *plan);

/* max_pool and its like; ksize. */
bool plan_pool(InferContext *c, Window *window, Shape *output);
bool plan_max_unpool(InferContext *c, Window *window, Shape *output);
bool plan_col2im(InferContext *c, Window *window, Shape *output);

#endif
