/* emit_stage.c: what is computed for a whole tile, into an array, before it is read there.
 *
 * Two things gain by it, since both then touch each line of memory once:
 *
 *   sums over rows  y[j] = sum over k of x[k, j]: k outside, the tile of j inside, its sums in the
 *                   array, which stays in the cache
 *   transposes      y[u, v] = x[v, u]: a tile of x is read along its rows, transposed in registers
 *                   and read along its columns
 *
 * The order in which points are combined stays what it was.
 */
#include "loops/nest.h"

static LoopInstruction *from_begin(Emission *e, Dim axis) {
    return index_operation(e, SCALAR_SUBTRACT, e->counters[axis->axis], e->begins[axis->axis]);
}

/* The last point of the tile that a step of `lanes`, counted from its begin, reaches. */
static LoopInstruction *last_full(Emission *e, Dim axis, int lanes) {
    LoopInstruction *begin = e->begins[axis->axis];
    LoopInstruction *length = index_operation(e, SCALAR_SUBTRACT, e->ends[axis->axis], begin);
    LoopInstruction *full =
        index_operation(e, SCALAR_AND, length, emission_integer(e, -(int64_t)lanes));
    return index_operation(e, SCALAR_ADD, begin, full);
}

typedef struct TileLoop {
    Dim axis;
    LoopBlock *outer;
    size_t scope;
    LoopInstruction *loop;
} TileLoop;

static TileLoop tile_loop_begin(Emission *e, Dim axis, LoopInstruction *begin, LoopInstruction *end,
                                int64_t step) {
    TileLoop t = {.axis = axis, .outer = e->b.block, .scope = scope_begin(e)};
    t.loop = loop_for_begin(&e->b, begin, end, step, NULL, 0);
    emission_bind(e, axis, t.loop->index);
    return t;
}

static void tile_loop_end(Emission *e, const TileLoop *t) {
    emission_unbind(e, t->axis);
    scope_end(e, t->scope);
    loop_for_end(&e->b, t->loop, NULL, t->outer);
}

static int lanes_here(const Emission *e) {
    return e->lanes.axis ? e->lanes.count : 1;
}

/* ---- reductions ---- */

typedef void TileFunction(Emission *e, const Scalar *scalar, uint32_t local);

/* For the lane axis through the tile, in lanes and then one by one: point(). */
static void through_tile(Emission *e, TileFunction *point, const Scalar *scalar, uint32_t local) {
    Dim axis = e->nest->stage_axis;
    int lanes = e->nest->stage_lanes;
    LoopInstruction *middle = last_full(e, axis, lanes);
    TileLoop main = tile_loop_begin(e, axis, e->begins[axis->axis], middle, lanes);
    e->lanes = (Lanes){.axis = axis, .count = lanes};
    point(e, scalar, local);
    e->lanes = (Lanes){0};
    tile_loop_end(e, &main);
    TileLoop tail = tile_loop_begin(e, axis, middle, e->ends[axis->axis], 1);
    point(e, scalar, local);
    tile_loop_end(e, &tail);
}

static void clear_point(Emission *e, const Scalar *scalar, uint32_t local) {
    uint64_t identity = combiner_identity(scalar->as.reduce.combiner, scalar->dtype);
    LoopInstruction *value = emission_constant(e, scalar->dtype, lanes_here(e), identity);
    loop_store(&e->b, local, from_begin(e, e->nest->stage_axis), value, NULL);
}

/* `rows` points of the innermost reduce axis, one after the other. */
static void reduce_rows(Emission *e, const Scalar *scalar, uint32_t local, int rows) {
    const ScalarFacts *facts = &e->nest->facts[scalar->id];
    Dim axis = facts->reduce_axes[facts->reduce_axis_count - 1];
    LoopInstruction *first = e->counters[axis->axis], *offset = from_begin(e, e->nest->stage_axis);
    LoopInstruction *sofar = loop_load(&e->b, local, offset, lanes_here(e), NULL, NULL);
    for (int row = 0; row < rows; row++) {
        size_t scope = scope_begin(e);
        emission_hide(e, axis);
        emission_bind(e, axis, index_operation(e, SCALAR_ADD, first, emission_integer(e, row)));
        emit_available(e, facts->body, facts->body_count, true);
        LoopInstruction *value = emission_value(e, scalar->as.reduce.body, 0, lanes_here(e));
        sofar = emit_combine_reduced(e, scalar, sofar, value);
        scope_end(e, scope);
    }
    emission_bind(e, axis, first);
    loop_store(&e->b, local, offset, sofar, NULL);
}

static void reduce_one_row(Emission *e, const Scalar *scalar, uint32_t local) {
    reduce_rows(e, scalar, local, 1);
}

static void reduce_some_rows(Emission *e, const Scalar *scalar, uint32_t local) {
    reduce_rows(e, scalar, local, NEST_ROWS);
}

static void reduce_level(Emission *e, const Scalar *scalar, uint32_t local, int depth) {
    const ScalarFacts *facts = &e->nest->facts[scalar->id];
    emit_available(e, facts->body, facts->body_count, false);
    Dim axis = facts->reduce_axes[depth];
    LoopInstruction *zero = emission_integer(e, 0), *size = emission_size(e, axis->size);
    if (depth + 1 < facts->reduce_axis_count) {
        TileLoop loop = tile_loop_begin(e, axis, zero, size, 1);
        reduce_level(e, scalar, local, depth + 1);
        tile_loop_end(e, &loop);
        return;
    }
    LoopInstruction *middle =
        index_operation(e, SCALAR_AND, size, emission_integer(e, -(int64_t)NEST_ROWS));
    TileLoop main = tile_loop_begin(e, axis, zero, middle, NEST_ROWS);
    through_tile(e, reduce_some_rows, scalar, local);
    tile_loop_end(e, &main);
    TileLoop tail = tile_loop_begin(e, axis, middle, size, 1);
    through_tile(e, reduce_one_row, scalar, local);
    tile_loop_end(e, &tail);
}

/* ---- loads: x[v, u] of the tile to local[u, v] ---- */

static LoopInstruction *place_in_tile(Emission *e) {
    LoopInstruction *row = from_begin(e, e->nest->stage_inner),
                    *column = from_begin(e, e->nest->stage_axis);
    row = index_operation(e, SCALAR_MULTIPLY, row, emission_integer(e, e->nest->stage_pitch));
    return index_operation(e, SCALAR_ADD, row, column);
}

static LoopInstruction *load_here(Emission *e, const Scalar *scalar) {
    emit_load_scalar(e, scalar, true);
    return emission_value(e, scalar, 0, lanes_here(e));
}

/* n rows of n lanes: after log2(n) rounds that zip row k with row k + n / 2, rows are columns. */
static void load_block(Emission *e, const Scalar *scalar, uint32_t local) {
    const Nest *nest = e->nest;
    int lanes = nest->stage_lanes;
    LoopInstruction *rows[NEST_MOST_BLOCK], *zipped[NEST_MOST_BLOCK],
        *first = e->counters[nest->stage_axis->axis];
    LoopInstruction *place = place_in_tile(e);
    e->lanes = (Lanes){.axis = nest->stage_inner, .count = lanes};
    for (int k = 0; k < lanes; k++) {
        size_t scope = scope_begin(e);
        emission_hide(e, nest->stage_axis);
        emission_hide(e, nest->stage_inner);
        emission_bind(e, nest->stage_axis,
                      index_operation(e, SCALAR_ADD, first, emission_integer(e, k)));
        rows[k] = load_here(e, scalar);
        scope_end(e, scope);
    }
    emission_bind(e, nest->stage_axis, first);
    e->lanes = (Lanes){0};
    for (int round = 1; round < lanes; round *= 2) {
        for (int k = 0; k < lanes / 2; k++) {
            zipped[2 * k] = loop_zip(&e->b, rows[k], rows[k + lanes / 2], false);
            zipped[2 * k + 1] = loop_zip(&e->b, rows[k], rows[k + lanes / 2], true);
        }
        for (int k = 0; k < lanes; k++) rows[k] = zipped[k];
    }
    for (int k = 0; k < lanes; k++) {
        LoopInstruction *offset =
            index_operation(e, SCALAR_ADD, place, emission_integer(e, k * nest->stage_pitch));
        loop_store(&e->b, local, offset, rows[k], NULL);
    }
}

/* One by one: v from `begin` to `end`, u from `from` on. */
static void load_singly(Emission *e, const Scalar *scalar, uint32_t local, LoopInstruction *begin,
                        LoopInstruction *end, LoopInstruction *from) {
    const Nest *nest = e->nest;
    TileLoop columns = tile_loop_begin(e, nest->stage_axis, begin, end, 1);
    TileLoop rows =
        tile_loop_begin(e, nest->stage_inner, from, e->ends[nest->stage_inner->axis], 1);
    loop_store(&e->b, local, place_in_tile(e), load_here(e, scalar), NULL);
    tile_loop_end(e, &rows);
    tile_loop_end(e, &columns);
}

static void load_tile(Emission *e, const Scalar *scalar, uint32_t local) {
    const Nest *nest = e->nest;
    Dim v = nest->stage_axis, u = nest->stage_inner;
    int lanes = nest->stage_lanes;
    LoopInstruction *full_v = last_full(e, v, lanes), *full_u = last_full(e, u, lanes);
    TileLoop columns = tile_loop_begin(e, v, e->begins[v->axis], full_v, lanes);
    TileLoop rows = tile_loop_begin(e, u, e->begins[u->axis], full_u, lanes);
    load_block(e, scalar, local);
    tile_loop_end(e, &rows);
    tile_loop_end(e, &columns);
    load_singly(e, scalar, local, e->begins[v->axis], full_v, full_u);
    load_singly(e, scalar, local, full_v, e->ends[v->axis], e->begins[u->axis]);
}

/* ---- the whole ---- */

void emit_stages(Emission *e) {
    const Nest *nest = e->nest;
    for (size_t id = 0; id < nest->kernel->scalar_count; id++) {
        const Scalar *scalar = nest->kernel->scalars[id];
        if (!e->is_needed[id] || !nest->facts[id].is_staged) continue;
        bool is_load = scalar->op == SCALAR_LOAD;
        uint32_t local = emission_local(e, scalar->dtype,
                                        nest->stage_length * (is_load ? nest->stage_pitch : 1));
        if (is_load) {
            load_tile(e, scalar, local);
        } else {
            through_tile(e, clear_point, scalar, local);
            reduce_level(e, scalar, local, 0);
        }
        e->staged[id] = local + 1;
    }
}

void emit_stages_end(Emission *e) {
    for (size_t id = 0; id < e->nest->kernel->scalar_count; id++) {
        if (e->staged[id]) emission_release_local(e, e->staged[id] - 1);
        e->staged[id] = 0;
    }
}

void emit_staged_scalar(Emission *e, const Scalar *scalar) {
    uint32_t local = e->staged[scalar->id] - 1;
    Values *values = values_create(e, 1);
    LoopInstruction *offset =
        scalar->op == SCALAR_LOAD ? place_in_tile(e) : from_begin(e, e->nest->stage_axis);
    values->of[0] = loop_load(&e->b, local, offset, lanes_here(e), NULL, NULL);
    emission_set(e, &e->values[scalar->id], values);
}
