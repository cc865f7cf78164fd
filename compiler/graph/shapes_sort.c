/* shapes_sort.c: rules of ops that order what they are given. */
#include "graph/ops.h"
#include "graph/rules.h"
#include <string.h>

static bool need_direction(InferContext *c) {
    const char *direction = node_attribute_word(c->node, "direction");
    if (strcmp(direction, "ASCENDING") == 0 || strcmp(direction, "DESCENDING") == 0) return true;
    return infer_error_text(c, "direction is '%s'; it has to be ASCENDING or DESCENDING",
                            direction);
}

bool shape_sort(InferContext *c) {
    const Shape *values = input_shape(c, "values");
    int axis;
    if (!need_rank(c, "values", 1) || !need_axis(c, "axis", values->rank, -1, &axis) ||
        !need_direction(c))
        return false;
    set_shape(c, 0, *values);
    return true;
}
