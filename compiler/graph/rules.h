/* rules.h: what shape rules are written with.
 *
 * A rule `bool shape_NAME(InferContext *)` is called when the dtypes of the inputs have been
 * settled and weak numbers have become constants. It sets the shape of every output (and the dtype,
 * where the row says `rule`) and gives true, or gives false after one error. What depends on the
 * run becomes a requirement.
 *
 * Sentences serve both: they are written once, and appear as a diagnostic where the condition is
 * known to be false, or as the message of a run where unknown sizes are printed as the numbers they
 * have.
 */
#ifndef TFCC_GRAPH_RULES_H
#define TFCC_GRAPH_RULES_H

#include "graph/infer.h"

/* Contents are followed through tensors of at most so many elements; through arithmetic, fewer. */
#define MAXIMUM_ELEMENTS          1024
#define MAXIMUM_COMPUTED_ELEMENTS 64

/* ---- Sentences (sentence.c) ---- */

typedef struct Sentence {
    Text now;   /* sizes as expressions */
    Text later; /* sizes as %0, %1, … */
    Dim values[16];
    size_t value_count;
} Sentence;

Sentence sentence_begin(InferContext *c);
void sentence_text(Sentence *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sentence_dim(Sentence *s, Dim dim);
void sentence_shape(Sentence *s, const Shape *shape);
/* `x is [batch, 784]`, for the input at that index */
void sentence_input(Sentence *s, const InferContext *c, size_t index);
/* What a message calls the input: its name, or `input 'b'` by its parameter. */
const char *input_text(const InferContext *c, size_t index);

/* The error at the node's place, `op: sentence`, with notes on where its named inputs are declared;
 * gives false. */
bool infer_error(InferContext *c, const Sentence *s);
bool infer_error_text(InferContext *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same at the place where that input was written. */
bool infer_error_at(InferContext *c, size_t input, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* True where the condition holds or may hold (then it becomes a requirement), else an error with
 * this sentence. */
bool infer_require(InferContext *c, Dim condition, const Sentence *s);
/* Whether a condition needs no sentence. */
bool infer_holds(Dim condition);

/* ---- Inputs and outputs (rules.c); axes (axes.c) ---- */

bool has_input(const InferContext *c, const char *parameter);
Value *input_value(const InferContext *c, const char *parameter);
size_t input_index(const InferContext *c, const char *parameter);
const Shape *input_shape(const InferContext *c, const char *parameter);
void set_shape(InferContext *c, size_t output, Shape shape);
void set_type(InferContext *c, size_t output, tfcc_dtype dtype, Shape shape);
/* Makes the row's list of outputs `count` long; an error where the graph uses one beyond. */
bool set_output_count(InferContext *c, size_t count);

Dim known(InferContext *c, int64_t number);
Shape shape_vector(Dim size);
/* An error, saying that the op needs it, where the rank of the input is not known (or is below
 * `least`). */
bool need_rank(InferContext *c, const char *parameter, int least);
/* An error unless the input has exactly that rank. */
bool need_exact_rank(InferContext *c, const char *parameter, int rank);
/* The contents of an index tensor as symbolic numbers: known ones, or fresh symbols of its value.
 * An error where their count is not known. */
bool need_contents(InferContext *c, const char *parameter, Dim **elements, size_t *count);
/* As numbers that are known now; `reason` completes `must be known when the graph is compiled: …`.
 */
bool need_constants(InferContext *c, const char *parameter, const char *reason,
                    const int64_t **numbers, size_t *count);
/* One such number of a scalar (or a vector of one). */
bool need_constant(InferContext *c, const char *parameter, const char *reason, int64_t *number);
bool need_scalar(InferContext *c, const char *parameter);
/* The symbols of a value's contents, made where they are missing. */
bool value_contents(Graph *graph, Value *value, Dim **elements, size_t *count);

/* The value cast to a dtype by a node of its own in front of the one that is inferred; NULL after an
 * error. */
Value *infer_cast(InferContext *c, Value *value, tfcc_dtype dtype);
/* How many elements of a tensor are true or not 0, as a symbol of a node that counts them (known ones
 * are counted now); NULL after an error. */
Dim infer_count_true(InferContext *c, Value *mask);

/* A size that the node itself finds out, at most `upper` (NULL: whatever it is): the symbol of an int64 scalar that becomes
 * one more output, behind those of the row, which no graph can name. The lowering computes it and
 * binds it (lower_bind) before it uses the size. */
Dim infer_own_size(InferContext *c, Dim upper);

/* -rank <= axis < rank, counted from the end where negative; an error otherwise. */
bool normalize_axis(InferContext *c, int64_t axis, int rank, const char *what, int *result);
/* Which of `rank` dimensions an optional index parameter names: flags, 0 or 1, constants where it is
 * known and formulas where the run gives it (then that each is named once becomes a requirement);
 * all where it is absent. *count: how many. */
bool need_axes(InferContext *c, const char *parameter, int rank, Dim *is_named, size_t *count);
/* Whether `axis`, which may count from the end, names dimension i of `rank`. */
Dim axis_is(DimTable *t, Dim axis, int i, int rank);
/* One of the axes that the run gives is in range: a requirement. */
bool need_axis_in_run(InferContext *c, const char *parameter, Dim axis, int rank);
/* Whether the one axis of an optional parameter is known when compiling (or absent). */
bool axis_is_known(const InferContext *c, const char *parameter);
/* The one axis of a parameter that only the run gives, as flags, and the size along it. */
bool need_axis_by_run(InferContext *c, const char *parameter, const Shape *shape, Dim *is_named,
                      Dim *size);
/* The shape without the `count` dimensions that are named. */
Shape axes_removed(DimTable *t, const Shape *from, const Dim *is_named, size_t count);
/* The shape of `rank` dimensions that are 1 where they are named, and those of `from` in order. */
Shape axes_inserted(DimTable *t, const Shape *from, const Dim *is_named, int rank);
/* A single axis of an optional index parameter. */
bool need_axis(InferContext *c, const char *parameter, int rank, int64_t otherwise, int *axis);

/* Requires: a size, computed from the run, that is not negative. */
bool require_size(InferContext *c, Dim size, const char *what);
/* Requires equality; the sentence is `what: x is […], y is […]` over the two inputs (indices). */
bool require_equal(InferContext *c, Dim a, Dim b, const char *what, size_t x, size_t y);
/* The shapes have to be the same, rank and sizes; *merged has what is known of either. */
bool require_same_shape(InferContext *c, const Shape *a, const Shape *b, size_t x, size_t y,
                        Shape *merged);

/* A shape of known rank in the form of an unknown one. */
Shape shape_widen(InferContext *c, const Shape *shape);
/* The broadcast of two shapes; x and y are the inputs named in an error. */
bool broadcast_shapes(InferContext *c, const Shape *a, const Shape *b, size_t x, size_t y,
                      Shape *result);
/* The shape that a vector of sizes stands for (`shape`, `dims`): its elements, each required not to
 * be negative. */
bool shape_from_sizes(InferContext *c, const char *parameter, Shape *shape);

/* ---- Contents (contents.c) ---- */

/* Fills in Value.elements of the outputs where they follow from those of the inputs. */
void infer_contents(InferContext *c);
/* Contents that depend on the run, in terms of the values they are computed from: makes symbols for
 * those, at most `depth` nodes away. */
bool trace_contents(Graph *graph, Value *value, int depth);

/* The most boxes that non_max_suppression selects of a class. */
Dim shape_suppression_limit(DimTable *dims, const GraphNode *node);

/* Element `at` of a float32 vector, where it is a constant, perhaps one of several behind each other.
 */
bool value_known_float(const Value *value, int64_t at, float *number);

/* Rules that other rules use. */
/* True division: integers of 8 and 16 bits give float32, larger ones float64. */
tfcc_dtype quotient_dtype(tfcc_dtype dtype);
bool shape_scalar_result(InferContext *c);
bool shape_matmul_integer(InferContext *c);

/* ---- Weak numbers (weak.c) ---- */

/* The constant in that dtype; NULL after an error at its place. */
const ConstantData *weak_data(InferContext *c, const GraphNode *constant, tfcc_dtype dtype);
Value *weak_convert(InferContext *c, size_t input, tfcc_dtype dtype);
/* What weak numbers of that kind are by themselves, among the allowed dtypes; TFCC_NONE where none
 * fits. */
tfcc_dtype weak_default(const GraphNode *constant, uint64_t allowed);

#endif
