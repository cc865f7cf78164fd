/* recurrent.h: what the attributes of recurrent ops say, for shape rules, lowerings and expansions. */
#ifndef TFCC_GRAPH_RECURRENT_H
#define TFCC_GRAPH_RECURRENT_H

#include <stdbool.h>
#include <stddef.h>

/* The functions of ONNX's recurrent ops, and the identity. Names are read without regard to case
 * and underscores: `HardSigmoid` is `hard_sigmoid`. */
typedef enum ActivationKind {
    ACTIVATION_LINEAR,
    ACTIVATION_TANH,
    ACTIVATION_SIGMOID,
    ACTIVATION_RELU,
    ACTIVATION_SOFTSIGN,
    ACTIVATION_SOFTPLUS,
    ACTIVATION_AFFINE,
    ACTIVATION_LEAKY_RELU,
    ACTIVATION_THRESHOLDED_RELU,
    ACTIVATION_SCALED_TANH,
    ACTIVATION_HARD_SIGMOID,
    ACTIVATION_ELU,
    ACTIVATION_COUNT
} ActivationKind;

typedef struct ActivationRow {
    const char *name;
    bool has_alpha, has_beta;
    double alpha, beta; /* where none is given */
} ActivationRow;
extern const ActivationRow activation_rows[ACTIVATION_COUNT];

/* Names separated by commas or blanks; gives how many there are, or -1 where one is unknown or there
 * are more than `limit`. *unknown and *length tell which name it was; NULL: too many. */
enum { ACTIVATIONS_MAX = 6 };
int activations_parse(const char *text, ActivationKind *kinds, int limit, const char **unknown,
                      size_t *length);

/* Where each of `wanted`'s letters stands in `gates`; false unless that is a permutation of them. */
bool gates_parse(const char *gates, const char *wanted, int *places);

#endif
