/* onnx_pictures.c: rows of Resize as it was before coordinates had names. */
#include "import/import.h"

#include <string.h>

/* Scales as a list, those on one side of 1 replaced by 1; whether any other is left. */
static bool bind_scales(ImportNode *n, const char *name, const double *scales, size_t count,
                        bool above) {
    Text text = {.arena = import_arena(n)};
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        bool stays = above ? scales[i] > 1 : scales[i] < 1;
        any |= stays;
        text_add_format(&text, "%s%.9g", i ? ", " : "[", stays ? scales[i] : 1.0);
    }
    text_add_char(&text, ']');
    import_bind(n, name, "%s", text.bytes);
    return any;
}

/* Op set 10: elements at i / scale, linear, or the nearest: the one in front where the tensor grows,
 * and the one behind where it shrinks. */
bool import_resize_simple(ImportNode *n) {
    const double *scales;
    size_t count;
    bool is_nearest = strcmp(import_word(n, "mode"), "nearest") == 0;
    if (!is_nearest || !import_floats(n, "scales", &scales, &count))
        return import_write(n, "resize(X, scales=scales, mode=mode, "
                               "coordinate_transformation_mode=asymmetric, nearest_mode=floor)");
    bool grows = bind_scales(n, "up", scales, count, true);
    bool shrinks = bind_scales(n, "down", scales, count, false);
    if (!shrinks)
        return import_write(n, "resize(X, scales=scales, coordinate_transformation_mode=asymmetric,"
                               " nearest_mode=floor)");
    if (grows) {
        if (!import_write(n, "larger = resize(X, scales=up, "
                             "coordinate_transformation_mode=asymmetric, nearest_mode=floor)"))
            return false;
        import_alias(n, "X", "larger");
    }
    return import_write(n, "Y = resize(X, scales=down, coordinate_transformation_mode=asymmetric, "
                           "nearest_mode=ceil)");
}
