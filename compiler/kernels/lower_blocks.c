/* lower_blocks.c: square blocks of pixels as channels, and back.
 *
 * A pixel (h * s + i, w * s + j) of a picture is pixel (h, w) of one that is smaller by s, where its
 * channel c stands in block (i, j): channel (i * s + j) * C + c in the order DCR, c * s * s + i * s
 * + j in the order CRD.
 */
#include "kernels/lower.h"
#include <string.h>

/* The axes of a kernel over all pixels, in the order of the output. */
typedef struct Blocks {
    Kernel *kernel;
    Dim batch, row, row_in_block, column, column_in_block, channel;
    Dim side, channels; /* s and C */
    bool channels_first;
} Blocks;

/* `small` is the side with more channels. Axes of the output's last dimensions come last. */
static Blocks blocks_begin(LowerContext *c, const Shape *small, bool gives_blocks) {
    Blocks b = {.kernel = lower_kernel(c)};
    const char *format = node_attribute_word(c->node, "data_format");
    b.channels_first = strcmp(format, "NCHW") == 0;
    b.side = dim_constant(c->dims, node_attribute_integer(c->node, "block_size"));
    Dim height = small->dims[b.channels_first ? 2 : 1],
        width = small->dims[b.channels_first ? 3 : 2];
    b.channels = dim_floor_divide(c->dims, small->dims[b.channels_first ? 1 : 3],
                                  dim_multiply(c->dims, b.side, b.side));
    struct {
        Dim *axis, size;
    } order[] = {{&b.row, height},
                 {&b.row_in_block, b.side},
                 {&b.column, width},
                 {&b.column_in_block, b.side},
                 {&b.channel, b.channels}};
    /* Of a larger picture: rows, then columns; of blocks: the pixels, then what is in a block. */
    const int pixels_last[] = {4, 0, 1, 2, 3}, channels_last[] = {0, 1, 2, 3, 4},
              blocks_first[] = {1, 3, 4, 0, 2}, blocks_last[] = {0, 2, 1, 3, 4};
    const int *chosen = gives_blocks ? (b.channels_first ? blocks_first : blocks_last)
                                     : (b.channels_first ? pixels_last : channels_last);
    b.batch = kernel_add_axis(b.kernel, small->dims[0]);
    for (int k = 0; k < 5; k++)
        *order[chosen[k]].axis = kernel_add_axis(b.kernel, order[chosen[k]].size);
    return b;
}

static void set_index(const Blocks *b, Dim channel, Dim row, Dim column, Scalar **index) {
    index[0] = scalar_index(b->kernel, b->batch);
    index[b->channels_first ? 1 : 3] = scalar_index(b->kernel, channel);
    index[b->channels_first ? 2 : 1] = scalar_index(b->kernel, row);
    index[b->channels_first ? 3 : 2] = scalar_index(b->kernel, column);
}

/* Where the pixel stands in the larger picture, and in the smaller one. */
static void find_pixel(LowerContext *c, const Blocks *b, bool channel_major, Scalar **large,
                       Scalar **small) {
    DimTable *dims = c->dims;
    Dim in_block = dim_add(dims, dim_multiply(dims, b->row_in_block, b->side), b->column_in_block);
    Dim channel =
        channel_major
            ? dim_add(dims, dim_multiply(dims, b->channel, dim_multiply(dims, b->side, b->side)),
                      in_block)
            : dim_add(dims, dim_multiply(dims, in_block, b->channels), b->channel);
    set_index(b, b->channel, dim_add(dims, dim_multiply(dims, b->row, b->side), b->row_in_block),
              dim_add(dims, dim_multiply(dims, b->column, b->side), b->column_in_block), large);
    set_index(b, channel, b->row, b->column, small);
}

void lower_space_to_depth(LowerContext *c);
void lower_space_to_depth(LowerContext *c) {
    Buffer *input = lower_input(c, "input"), *output = lower_output(c, 0);
    Blocks b = blocks_begin(c, &output->type.shape, true);
    Scalar *large[MAX_RANK], *small[MAX_RANK];
    find_pixel(c, &b, false, large, small);
    kernel_store_at(b.kernel, output, small, scalar_load_at(b.kernel, input, large));
}

void lower_depth_to_space(LowerContext *c);
void lower_depth_to_space(LowerContext *c) {
    Buffer *input = lower_input(c, "input"), *output = lower_output(c, 0);
    Blocks b = blocks_begin(c, &input->type.shape, false);
    Scalar *large[MAX_RANK], *small[MAX_RANK];
    find_pixel(c, &b, strcmp(node_attribute_word(c->node, "mode"), "CRD") == 0, large, small);
    kernel_store_at(b.kernel, output, large, scalar_load_at(b.kernel, input, small));
}
