/* onnx_elementwise.c: casts, the arithmetic of the first op sets, softmax. */
#include "import/import.h"

#include "support/dtype.h"
#include <string.h>

bool import_cast(ImportNode *n) {
    return import_write(n, "cast(input, to)");
}

/* Before op set 7 the second input is stretched only where `broadcast` says so, from the axis given
 * on. */
static bool broadcast_old(ImportNode *n, const char *expression) {
    if (import_has(n, "axis") && import_bool(n, "broadcast")) {
        int rank = import_rank(n, "A"), part = import_rank(n, "B");
        if (rank < 0 || part < 0)
            return import_refuse(n, "it stretches an input whose rank is not known");
        int64_t axis = import_integer(n, "axis", 0);
        if (axis < 0) axis += rank;
        if (axis < 0 || axis + part > rank) return import_refuse(n, "its axis is out of range");
        Text text = {.arena = import_arena(n)};
        text_add(&text, "stretched = B[");
        for (int i = 0; i < part; i++) text_add(&text, i ? ", :" : ":");
        for (int64_t i = axis + part; i < rank; i++)
            text_add(&text, part || i > axis ? ", None" : "None");
        text_add_char(&text, ']');
        if (axis + part < rank) {
            if (!import_write(n, text.bytes)) return false;
            import_bind_absent(n, "B");
            return import_write(n, arena_format(import_arena(n), expression, "stretched"));
        }
    }
    return import_write(n, arena_format(import_arena(n), expression, "B"));
}

bool import_add(ImportNode *n) {
    return broadcast_old(n, "A + %s");
}
bool import_subtract(ImportNode *n) {
    return broadcast_old(n, "A - %s");
}
bool import_multiply(ImportNode *n) {
    return broadcast_old(n, "A * %s");
}
bool import_divide(ImportNode *n) {
    return broadcast_old(n,
                         dtype_is_integer(import_dtype(n, "A")) ? "truncatediv(A, %s)" : "A / %s");
}

/* Before op set 13 everything from the axis on counts as one dimension. */
bool import_softmax_flattened(ImportNode *n) {
    int rank = import_rank(n, "input");
    int64_t axis = import_integer(n, "axis", 1);
    if (rank < 0) return import_refuse(n, "before op set 13 it needs an input whose rank is known");
    if (axis < 0) axis += rank;
    if (axis == rank - 1) return import_write(n, "softmax(input)");
    import_bind(n, "from", "%lld", (long long)axis);
    return import_write(
        n, "sizes = shape(input); rows = reshape(input, concat([sizes[:from], [-1]], axis=0));"
           "output = reshape(softmax(rows), sizes)");
}
