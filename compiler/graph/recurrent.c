/* recurrent.c: the words in the attributes of recurrent ops. */
#include "graph/recurrent.h"

#include <ctype.h>
#include <string.h>

const ActivationRow activation_rows[ACTIVATION_COUNT] = {
    [ACTIVATION_LINEAR] = {"linear", false, false, 0, 0},
    [ACTIVATION_TANH] = {"tanh", false, false, 0, 0},
    [ACTIVATION_SIGMOID] = {"sigmoid", false, false, 0, 0},
    [ACTIVATION_RELU] = {"relu", false, false, 0, 0},
    [ACTIVATION_SOFTSIGN] = {"softsign", false, false, 0, 0},
    [ACTIVATION_SOFTPLUS] = {"softplus", false, false, 0, 0},
    [ACTIVATION_AFFINE] = {"affine", true, true, 1.0, 0.0},
    [ACTIVATION_LEAKY_RELU] = {"leaky_relu", true, false, 0.01, 0},
    [ACTIVATION_THRESHOLDED_RELU] = {"thresholded_relu", true, false, 1.0, 0},
    [ACTIVATION_SCALED_TANH] = {"scaled_tanh", true, true, 1.0, 1.0},
    [ACTIVATION_HARD_SIGMOID] = {"hard_sigmoid", true, true, 0.2, 0.5},
    [ACTIVATION_ELU] = {"elu", true, false, 1.0, 0},
};

static bool same_name(const char *text, size_t length, const char *name) {
    size_t at = 0;
    for (; *name; name++) {
        if (*name == '_') continue;
        while (at < length && text[at] == '_') at++;
        if (at == length || tolower((unsigned char)text[at]) != *name) return false;
        at++;
    }
    return at == length;
}

int activations_parse(const char *text, ActivationKind *kinds, int limit, const char **unknown,
                      size_t *length) {
    static const char separators[] = ", \t\n";
    int count = 0;
    *unknown = NULL;
    for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
        *length = strcspn(text, separators);
        int kind = 0;
        while (kind < ACTIVATION_COUNT && !same_name(text, *length, activation_rows[kind].name))
            kind++;
        if (kind == ACTIVATION_COUNT) {
            *unknown = text;
            return -1;
        }
        if (count == limit) return -1;
        kinds[count++] = (ActivationKind)kind;
        text += *length;
    }
    return count;
}

bool gates_parse(const char *gates, const char *wanted, int *places) {
    if (strlen(gates) != strlen(wanted)) return false;
    for (int k = 0; wanted[k]; k++) {
        const char *found = strchr(gates, wanted[k]);
        if (!found) return false;
        places[k] = (int)(found - gates);
    }
    return true;
}
