/* The table of ops: every signature parses, spellings are unique, what the columns promise holds.
 */
#include "graph/ops.h"
#include "graph/print.h"
#include <criterion/criterion.h>
#include <string.h>

Test(graph_ops, every_row_is_sound) {
    const OpRow *rows = op_table();
    for (size_t i = 0; i < OP_COUNT; i++) {
        const OpRow *row = &rows[i];
        cr_assert_eq(row->code, i);
        cr_assert_eq(op_find(row->spelling), row, "%s is spelled twice", row->spelling);
        cr_assert_gt(strlen(row->meaning), 0);
        size_t lists = 0;
        bool optional = false;
        for (size_t p = 0; p < row->parameter_count; p++) {
            const Parameter *parameter = &row->parameters[p];
            lists += parameter->kind == PARAMETER_TENSOR_LIST;
            if (parameter->kind == PARAMETER_ATTRIBUTE)
                cr_assert_neq(parameter->attribute, ARGUMENT_ABSENT, "%s of %s", parameter->name,
                              row->spelling);
            else if (parameter->kind != PARAMETER_VALUE)
                cr_assert_neq(parameter->dtypes, 0, "%s of %s", parameter->name, row->spelling);
            cr_assert_eq(op_parameter(row, parameter->name), (int)p, "%s of %s is there twice",
                         parameter->name, row->spelling);
            bool is_left_out = parameter->is_optional || parameter->text;
            if (parameter->kind == PARAMETER_TENSOR && !parameter->is_optional &&
                row->code != OP_RANGE)
                cr_assert(!optional || row->code == OP_LINSPACE,
                          "%s of %s comes behind one that may be absent", parameter->name,
                          row->spelling);
            /* gather has TensorFlow's order, with validate_indices in the middle, and an ensemble
             * of trees ONNX's */
            optional |= is_left_out && row->code != OP_GATHER && row->code != OP_TREE_ENSEMBLE;
        }
        cr_assert_leq(lists, 1, "%s", row->spelling);
        if (row->effects & WRITES)
            cr_assert_eq(row->parameters[0].kind, PARAMETER_VARIABLE, "%s", row->spelling);
    }
}

Test(graph_ops, classes_and_aliases) {
    cr_assert_eq(op_find("sub"), op_row(OP_SUBTRACT));
    cr_assert_eq(op_find("neg"), op_row(OP_NEGATIVE));
    cr_assert_null(op_find("convolve"));
    cr_assert_eq(op_dtype_class("index", 5), dtype_bit(TFCC_INT32) | dtype_bit(TFCC_INT64));
    cr_assert_eq(op_dtype_class("float32", 7), dtype_bit(TFCC_FLOAT32));
    cr_assert_eq(__builtin_popcountll(op_dtype_class("any", 3)), 19);
    cr_assert_eq(__builtin_popcountll(op_dtype_class("number", 6)), 12);
    cr_assert_eq(__builtin_popcountll(op_dtype_class("float8", 6)), 4);
    cr_assert_eq(op_dtype_class("nonsense", 8), 0);
}

Test(graph_ops, descriptions) {
    Arena *arena = arena_create();
    Text text = {.arena = arena};
    ops_print_row(&text, op_row(OP_MATMUL));
    cr_assert_not_null(strstr(text.bytes, "matmul(a, b, transpose_a=false, transpose_b=false)"));
    cr_assert_not_null(strstr(text.bytes, "Also spelled batch_matmul."));
    text.length = 0;
    ops_print_list(&text);
    size_t lines = 0;
    for (const char *at = text.bytes; *at; at++) lines += *at == '\n';
    cr_assert_eq(lines, OP_COUNT);
    arena_destroy(arena);
}
