/* print.c: loops as text, for --emit=loops, and for telling whether two functions are the same. */
#include "kernels/scalar_evaluate.h"
#include "loops/loops.h"
#include "support/dtype.h"
#include <inttypes.h>

static const char *const scalar_names[] = {
#define SCALAR(code, spelling, arity, meaning) spelling,
#include "kernels/scalar_ops.def"
#undef SCALAR
};

static void indent(Text *text, int depth) {
    for (int k = 0; k < depth; k++) text_add(text, "    ");
}

static void print_type(Text *text, LoopType type) {
    text_add(text, dtype_name(type.dtype));
    if (type.lanes > 1) text_add_format(text, "x%d", type.lanes);
}

static void print_value(Text *text, const LoopInstruction *value) {
    if (value)
        text_add_format(text, "v%" PRIu32, value->id);
    else
        text_add(text, "-");
}

static void print_values(Text *text, LoopInstruction *const *values, size_t count) {
    for (size_t k = 0; k < count; k++) {
        if (k > 0) text_add(text, ", ");
        print_value(text, values[k]);
    }
}

static void print_constant(Text *text, const LoopInstruction *constant) {
    tfcc_dtype dtype = constant->type.dtype;
    if (dtype == TFCC_FLOAT32 || dtype == TFCC_FLOAT64)
        text_add_double(text, bits_to_double(dtype, constant->bits), dtype == TFCC_FLOAT32);
    else if (dtype_is_float(dtype))
        text_add_format(text, "0x%" PRIx64, constant->bits);
    else if (dtype == TFCC_UINT64)
        text_add_format(text, "%" PRIu64, constant->bits);
    else
        text_add_format(text, "%" PRId64, bits_to_integer(dtype, constant->bits));
}

static void print_block(Text *text, const LoopBlock *block, int depth);

static void print_carried(Text *text, const LoopInstruction *loop) {
    for (size_t k = 0; k < loop->carried_count; k++) {
        text_add(text, k == 0 ? " carry " : ", ");
        print_value(text, loop->carried[k]);
        text_add(text, " = ");
        print_value(text, loop->initial[k]);
    }
}

static void print_for(Text *text, const LoopInstruction *loop, int depth) {
    text_add(text, "for ");
    print_value(text, loop->index);
    text_add(text, " = ");
    print_values(text, loop->operands, 2);
    text_add_format(text, " step %" PRId64, loop->step);
    print_carried(text, loop);
    text_add(text, " {\n");
    print_block(text, loop->blocks[0], depth + 1);
    indent(text, depth);
    text_add(text, "}");
}

static void print_while(Text *text, const LoopInstruction *loop, int depth) {
    text_add(text, "while");
    print_carried(text, loop);
    text_add(text, " {\n");
    print_block(text, loop->blocks[0], depth + 1);
    indent(text, depth);
    text_add(text, "} do {\n");
    print_block(text, loop->blocks[1], depth + 1);
    indent(text, depth);
    text_add(text, "}");
}

static void print_if(Text *text, const LoopInstruction *branch, int depth) {
    text_add(text, "if ");
    print_value(text, branch->operands[0]);
    text_add(text, " {\n");
    print_block(text, branch->blocks[0], depth + 1);
    indent(text, depth);
    text_add(text, "}");
    if (!branch->blocks[1]) return;
    text_add(text, " else {\n");
    print_block(text, branch->blocks[1], depth + 1);
    indent(text, depth);
    text_add(text, "}");
}

static void print_memory(Text *text, const LoopInstruction *i) {
    bool is_store = i->op == LOOP_STORE || i->op == LOOP_SCATTER;
    text_add_format(text, "%s b%" PRIu32 "[",
                    i->op == LOOP_LOAD     ? "load"
                    : i->op == LOOP_GATHER ? "gather"
                    : i->op == LOOP_STORE  ? "store"
                                           : "scatter",
                    i->number);
    print_value(text, i->operands[0]);
    text_add(text, "]");
    const LoopInstruction *mask = is_store ? i->operands[2] : i->operands[1];
    if (is_store) {
        text_add(text, " = ");
        print_value(text, i->operands[1]);
    }
    if (mask) {
        text_add(text, " where ");
        print_value(text, mask);
        if (!is_store && i->operands[2]) {
            text_add(text, " else ");
            print_value(text, i->operands[2]);
        }
    }
}

static void print_operation(Text *text, const LoopInstruction *i, int depth) {
    switch (i->op) {
    case LOOP_ARITHMETIC: text_add_format(text, "%s ", scalar_names[i->scalar_op]); break;
    case LOOP_CONSTANT: print_constant(text, i); return;
    case LOOP_SLOT: text_add_format(text, "slot %" PRIu32, i->number); return;
    case LOOP_GIVEN: text_add_format(text, "given b%" PRIu32, i->number); return;
    case LOOP_SPLAT: text_add(text, "splat "); break;
    case LOOP_RAMP: text_add(text, "ramp "); break;
    case LOOP_LOAD:
    case LOOP_GATHER:
    case LOOP_STORE:
    case LOOP_SCATTER: print_memory(text, i); return;
    case LOOP_REDUCE_LANES: text_add_format(text, "lanes %s ", scalar_names[i->scalar_op]); break;
    case LOOP_EXTRACT: text_add_format(text, "lane %" PRIu32 " of ", i->number); break;
    case LOOP_ZIP: text_add(text, i->number ? "zip last " : "zip first "); break;
    case LOOP_FUSED: text_add(text, "fused multiply add "); break;
    case LOOP_UNZIP: text_add(text, "unzip "); break;
    case LOOP_FOR: print_for(text, i, depth); return;
    case LOOP_WHILE: print_while(text, i, depth); return;
    case LOOP_IF: print_if(text, i, depth); return;
    case LOOP_ARGUMENT: return;
    case LOOP_FAIL: text_add_format(text, "fail %" PRIu32 " ", i->number); break;
    }
    print_values(text, i->operands, i->operand_count);
}

static void print_block(Text *text, const LoopBlock *block, int depth) {
    for (size_t k = 0; k < block->count; k++) {
        const LoopInstruction *i = block->instructions[k];
        indent(text, depth);
        if (i->carried_count > 0) {
            print_values(text, i->results, i->carried_count);
            text_add(text, " = ");
        } else if (i->type.dtype != TFCC_NONE) {
            text_add_format(text, "v%" PRIu32 ": ", i->id);
            print_type(text, i->type);
            text_add(text, " = ");
        }
        print_operation(text, i, depth);
        text_add_char(text, '\n');
    }
    if (block->yield_count == 0) return;
    indent(text, depth);
    text_add(text, "give ");
    print_values(text, block->yields, block->yield_count);
    text_add_char(text, '\n');
}

static void print_parameter(Text *text, const LoopParameter *parameter, size_t number) {
    text_add_format(text, "b%zu: %s%s%s%s", number, parameter->is_optional ? "optional " : "",
                    parameter->is_local    ? "local "
                    : parameter->is_output ? "out "
                                           : "",
                    parameter->is_exclusive ? "" : "shared ", dtype_name(parameter->dtype));
    if (parameter->is_local) text_add_format(text, "[%" PRId64 "]", parameter->local_count);
}

void loop_function_print(Text *text, const LoopFunction *function) {
    text_add_char(text, '(');
    for (size_t k = 0; k < function->buffer_count; k++) {
        if (k > 0) text_add(text, ", ");
        print_parameter(text, &function->buffers[k], k);
    }
    text_add_format(text, "; %zu slots) {\n", function->slot_count);
    print_block(text, function->body, 1);
    text_add(text, "}\n");
}

/* ---- the program: slots, buffers in the workspace, functions, steps ---- */

static void print_slots(Text *text, const LoopProgram *loops) {
    for (size_t k = 0; k < loops->slot_count; k++) {
        int64_t number;
        if (dim_is_constant(loops->slots[k].dim, &number)) continue;
        text_add_format(text, "slot %zu = ", k);
        dim_print(text, loops->slots[k].dim);
        if (loops->slots[k].level > 0)
            text_add_format(text, " from level %" PRIu32, loops->slots[k].level);
        text_add_char(text, '\n');
    }
}

static void print_slot(Text *text, const LoopProgram *loops, uint32_t slot) {
    dim_print(text, loops->slots[slot].dim);
}

static void print_places(Text *text, const LoopProgram *loops) {
    for (uint32_t level = 0; level < loops->level_count; level++) {
        text_add_format(text, "workspace %" PRIu32 ": ", level);
        print_slot(text, loops, loops->workspace_slots[level]);
        text_add(text, " bytes\n");
    }
    for (size_t k = 0; k < loops->program->buffer_count; k++) {
        const LoopBufferPlan *plan = &loops->buffers[k];
        if (plan->offset_slot == UINT32_MAX) continue;
        text_add_format(text, "    %s: ", loops->program->buffers[k]->name);
        print_slot(text, loops, plan->bytes_slot);
        text_add_format(text, " bytes at %" PRIu32 ":", plan->level);
        print_slot(text, loops, plan->offset_slot);
        text_add_char(text, '\n');
    }
}

static void print_step(Text *text, const LoopProgram *loops, size_t number) {
    const LoopStep *step = &loops->steps[number];
    text_add_format(text, "step %zu %s: ", number, step->kernel->name);
    if (step->function)
        text_add(text, step->function->name);
    else
        text_add_format(text, "bind level %" PRIu32, step->level);
    text_add_char(text, '(');
    for (size_t k = 0; k < step->argument_count; k++)
        text_add_format(text, "%s%s", k > 0 ? ", " : "", step->arguments[k].buffer->name);
    for (size_t k = 0; k < step->slot_count; k++) {
        text_add(text, k > 0 ? ", " : "; ");
        if (step->slots[k] == UINT32_MAX)
            text_add_char(text, '-');
        else
            print_slot(text, loops, step->slots[k]);
    }
    text_add(text, ")\n");
}

void loop_program_print(Text *text, const LoopProgram *loops) {
    print_slots(text, loops);
    print_places(text, loops);
    for (size_t k = 0; k < loops->step_count; k++) print_step(text, loops, k);
    for (size_t k = 0; k < loops->function_count; k++) {
        text_add_format(text, "\nfunction %s", loops->functions[k]->name);
        loop_function_print(text, loops->functions[k]);
    }
}
