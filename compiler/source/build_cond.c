/* build_cond.c: `y: {op: cond, inputs: p, then: …, else: …}`.
 *
 * A branch is {nodes: …, fetches: [names], targets: [names]}, or just an expression, or a list of
 * them. Its nodes become nodes of the graph that are carried out under a guard; the cond node
 * chooses between what the branches fetch. Names of a branch are seen in it and in branches inside
 * it. What a branch does besides its values (writes to variables, asserts, its targets) is done
 * whenever the cond is carried out and the branch is the one taken: the cond node is `after` these
 * nodes, which their guard skips otherwise.
 */
#include "source/build_internal.h"
#include <string.h>

typedef struct Branch {
    Value **values;
    size_t count, capacity;
    GraphNode **targets;
    size_t target_count, target_capacity;
    Place place;
    bool is_broken;
} Branch;

static void add_value(Builder *b, Branch *branch, Value *value, Place place) {
    branch->is_broken |= value == NULL;
    if (value && value->node->row->code == OP_VARIABLE) {
        /* The branch reads the variable, not the cond, which stands behind the branch's writes. */
        GraphNode *read =
            graph_add_node(b->graph, op_row(OP_IDENTITY), NULL, b->scope->cond, place);
        graph_add_input(b->graph, read, 0, value, place);
        value = read->outputs[0];
    }
    *ARENA_PUSH(b->arena, branch->values, branch->count, branch->capacity) = value;
}

static void add_target(Builder *b, Branch *branch, GraphNode *target) {
    *ARENA_PUSH(b->arena, branch->targets, branch->target_count, branch->target_capacity) = target;
}

static void build_graph_branch(Builder *b, const TreeNode *yaml, Branch *branch) {
    static const char *const keys[] = {"nodes", "fetches", "targets", NULL};
    TreeNode nodes = tree_get(yaml, "nodes"), fetches = tree_get(yaml, "fetches"),
             targets = tree_get(yaml, "targets");
    NameItem *names;
    size_t count;
    if (!check_keys(b, yaml, "a branch", keys)) branch->is_broken = true;
    if (nodes.kind == TREE_MAPPING) {
        build_nodes(b, &nodes);
    } else if (nodes.kind != TREE_ABSENT) {
        diagnose_error(b->diagnostics, tree_place(b->tree, &nodes),
                       "`nodes` is a mapping from names to nodes");
        branch->is_broken = true;
    }
    if (!read_names(b, &fetches, "fetches", &names, &count)) branch->is_broken = true;
    for (size_t i = 0; i < count; i++)
        add_value(b, branch, require_value(b, names[i].text, names[i].place, "cond"),
                  names[i].place);
    if (!read_names(b, &targets, "targets", &names, &count)) branch->is_broken = true;
    for (size_t i = 0; i < count; i++) {
        GraphNode *target = require_node(b, names[i].text, names[i].place);
        if (target) add_target(b, branch, target);
    }
}

static void build_expression_branch(Builder *b, const TreeNode *yaml, Branch *branch) {
    size_t count = yaml->kind == TREE_SEQUENCE ? yaml->length : 1;
    for (size_t i = 0; i < count; i++) {
        TreeNode item = yaml->kind == TREE_SEQUENCE ? tree_item(b->tree, yaml, i) : *yaml;
        Operand operand = evaluate(b, expression_of_yaml(b, &item), NULL);
        if (operand.kind == OPERAND_NODE)
            add_target(b, branch, operand.node);
        else
            add_value(b, branch, operand_value(b, operand, NULL), tree_place(b->tree, &item));
    }
}

static bool is_effect(const GraphNode *node) {
    return (node->row->effects & WRITES) ||
           (node->row->output_count == 0 && node->row->code != OP_COND);
}

/* Everything the branches do that nobody may be waiting for; `first` is the number of the first
 * node made for them. Only now, since parts of the cond that are made later would come to stand
 * behind it. */
static void carry_out_effects(Builder *b, GraphNode *cond, const Branch *branch, size_t first) {
    for (size_t i = first; i < b->graph->node_count; i++)
        if (is_effect(b->graph->nodes[i])) graph_add_after(b->graph, cond, b->graph->nodes[i]);
    for (size_t i = 0; i < branch->target_count; i++)
        graph_add_after(b->graph, cond, branch->targets[i]);
}

static Branch build_branch(Builder *b, const TreeNode *mapping, GraphNode *cond, Value *predicate,
                           bool wanted) {
    Branch branch = {0};
    const char *key = wanted ? "then" : "else";
    TreeNode yaml = tree_get(mapping, key);
    branch.place = tree_place(b->tree, yaml.kind == TREE_ABSENT ? mapping : &yaml);
    if (yaml.kind == TREE_ABSENT) return branch;
    Scope *outer = b->scope;
    GraphNode *owner = b->owner;
    Guard *outer_guard = cond->guard;
    b->scope = scope_create(b, outer);
    b->scope->cond = cond;
    b->scope->branch = key;
    b->scope->guard = graph_add_guard(b->graph, outer_guard, predicate, wanted);
    b->scope->guard->cond = cond;
    b->owner = cond;
    /* Parts of the branch that have no name take the guard from their owner. */
    cond->guard = b->scope->guard;
    if (yaml.kind == TREE_MAPPING && tree_get(&yaml, "op").kind == TREE_ABSENT)
        build_graph_branch(b, &yaml, &branch);
    else
        build_expression_branch(b, &yaml, &branch);
    cond->guard = outer_guard;
    b->scope = outer;
    b->owner = owner;
    return branch;
}

static Expression *predicate_of(Builder *b, const TreeNode *mapping) {
    TreeNode inputs = tree_get(mapping, "inputs"), pred = tree_get(mapping, "pred");
    const TreeNode *given = inputs.kind != TREE_ABSENT ? &inputs : &pred;
    TreeNode first = *given;
    if (given->kind == TREE_SEQUENCE && given->length == 1) first = tree_item(b->tree, given, 0);
    if (first.kind == TREE_SCALAR) return expression_of_yaml(b, &first);
    diagnose_error(b->diagnostics,
                   tree_place(b->tree, given->kind == TREE_ABSENT ? mapping : given),
                   "cond has one input, the condition");
    return NULL;
}

void build_cond(Builder *b, const TreeNode *mapping, GraphNode *cond) {
    static const char *const keys[] = {"op",   "inputs",  "pred",  "then",
                                       "else", "outputs", "after", NULL};
    check_keys(b, mapping, "cond", keys);
    Expression *condition = predicate_of(b, mapping);
    Value *predicate = condition ? evaluate_value(b, condition) : NULL;
    if (!predicate) return;
    graph_add_input(b->graph, cond, 0, predicate, condition->place);
    size_t first = b->graph->node_count;
    Branch then = build_branch(b, mapping, cond, predicate, true);
    Branch other = build_branch(b, mapping, cond, predicate, false);
    carry_out_effects(b, cond, &then, first);
    carry_out_effects(b, cond, &other, first);
    if (then.is_broken || other.is_broken) return;
    if (then.count != other.count) {
        diagnose_error(b->diagnostics, other.place,
                       "cond: `then` gives %zu value%s and `else` %zu; they give equally many",
                       then.count, then.count == 1 ? "" : "s", other.count);
        return;
    }
    graph_empty_list(cond, 1);
    for (size_t i = 0; i < then.count; i++)
        graph_add_input(b->graph, cond, 1, then.values[i], then.place);
    for (size_t i = 0; i < other.count; i++)
        graph_add_input(b->graph, cond, 1, other.values[i], other.place);
    for (size_t i = 0; i < then.count; i++) graph_output(b->graph, cond, i);
    if (cond->name && cond->output_count > 0 && !cond->outputs[0]->name)
        cond->outputs[0]->name = cond->name;
}
