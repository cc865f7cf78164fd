/* type.c: shapes and types: questions and texts. */
#include "graph/graph.h"
#include "support/dtype.h"
#include <string.h>

Shape shape_scalar(void) {
    return (Shape){0};
}

bool shape_has_rank(const Shape *shape) {
    return shape->runtime_rank == NULL;
}

bool shape_is_known(const Shape *shape) {
    if (!shape_has_rank(shape)) return false;
    for (int i = 0; i < shape->rank; i++)
        if (!dim_is_constant(shape->dims[i], NULL)) return false;
    return true;
}

Dim shape_element_count(DimTable *dims, const Shape *shape) {
    /* A size of zero makes the product zero even where the other sizes alone would not fit. */
    for (int i = 0; i < shape->rank; i++)
        if (dim_is(shape->dims[i], 0)) return shape->dims[i];
    Dim count = dim_constant(dims, 1);
    for (int i = 0; i < shape->rank; i++) count = dim_multiply(dims, count, shape->dims[i]);
    return count;
}

bool value_known_integers(Arena *arena, const Value *value, const int64_t **numbers,
                          size_t *count) {
    int64_t elements = 1;
    if (!value->elements || !shape_is_known(&value->type.shape)) return false;
    for (int i = 0; i < value->type.shape.rank; i++) {
        int64_t size = 0;
        dim_is_constant(value->type.shape.dims[i], &size);
        if (__builtin_mul_overflow(elements, size, &elements)) return false;
    }
    int64_t *copy = arena_alloc_array(arena, (size_t)elements, sizeof *copy);
    for (int64_t i = 0; i < elements; i++)
        if (!dim_is_constant(value->elements[i], &copy[i])) return false;
    *numbers = copy;
    *count = (size_t)elements;
    return true;
}

static void print_shape(Text *text, const Shape *shape) {
    if (!shape_has_rank(shape)) {
        text_add(text, "[...]");
        return;
    }
    text_add_char(text, '[');
    for (int i = 0; i < shape->rank; i++) {
        if (i) text_add(text, ", ");
        dim_print(text, shape->dims[i]);
    }
    text_add_char(text, ']');
}

const char *shape_text(Arena *arena, const Shape *shape) {
    Text text = {.arena = arena};
    print_shape(&text, shape);
    return text.bytes;
}

const char *type_text(Arena *arena, const Type *type) {
    Text text = {.arena = arena};
    text_add_format(&text, "%s ", dtype_name(type->dtype));
    print_shape(&text, &type->shape);
    return text.bytes;
}
