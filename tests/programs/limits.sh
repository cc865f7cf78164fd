#!/usr/bin/env bash
# limits.sh: large graphs compile in little stack and in time that grows with the graph alone.
set -euo pipefail
source "$(dirname "$0")/support.sh"
flags=${3-}

# limited COMMAND...: with a stack of 256 KiB; sanitizers need more.
limited() {
    (
        [ -n "$flags" ] || ulimit -s 256
        exec timeout 100 "$@"
    )
}

# chain COUNT: a chain of nodes that nothing can shorten.
chain() {
    awk -v count="$1" 'BEGIN {
        print "graph: chain\nnodes:\n  x: {op: placeholder, dtype: float32, shape: [4]}\n  n0: identity(x)"
        for (k = 1; k < count; k++) print "  n" k ": " (k % 2 ? "relu(n" : "x * relu(n") k - 1 ")"
    }'
}

chain 20000 >long.yaml
echo 'fetches: [n19999]' >>long.yaml
expect_output '' limited "$tfcc" long.yaml -o long.o
expect_output 'n19999: [1.0, 1.0, 0.0, 1.0]' limited "$tfcc" run long.yaml --feed 'x=[1, 1, -1, 1]'

# Nodes in reverse order, and every one a fetch.
{
    echo 'graph: reverse'
    echo 'nodes:'
    for ((k = 3000; k > 0; k--)); do echo "  n$k: n$((k - 1)) + 1"; done
    echo '  n0: {op: variable, value: 0}'
} >reverse.yaml
expect_status 0 limited "$tfcc" reverse.yaml -o reverse.o
expect_output 'n3000: 3000' limited "$tfcc" run reverse.yaml --fetch n3000

# A node with thousands of inputs, and a value with thousands of readers.
{
    echo 'graph: wide'
    echo 'nodes:'
    echo '  x: {op: placeholder, dtype: int32, shape: []}'
    for ((k = 0; k < 2000; k++)); do echo "  n$k: x + $k"; done
    printf '  all: {op: add_n, inputs: [n0'
    for ((k = 1; k < 2000; k++)); do printf ', n%d' $k; done
    echo ']}'
    echo 'fetches: [all]'
} >wide.yaml
expect_output 'all: 2001000' limited "$tfcc" run wide.yaml --feed x=1

# A long expression is fine, a deeply nested one is refused.
awk 'BEGIN {printf "nodes:\n  x: {op: placeholder, dtype: int32, shape: []}\n  y: x"; for (k = 1; k < 10000; k++) printf " + x"; print "\nfetches: [y]"}' >sum.yaml
expect_output 'y: 20000' limited "$tfcc" run sum.yaml --feed x=2
awk 'BEGIN {printf "nodes:\n  x: {op: placeholder, dtype: int32, shape: []}\n  y: "; for (k = 0; k < 30000; k++) printf "("; printf "x"; for (k = 0; k < 30000; k++) printf ")"; print ""}' >deep.yaml
expect_error 1 'nested too deeply' limited "$tfcc" deep.yaml -o deep.o
absent deep.o
calls=$(printf 'relu(%.0s' {1..98}) closed=$(printf ')%.0s' {1..98}) subscripts=$(printf '[0:]%.0s' {1..98})
printf 'nodes:\n  x: {op: placeholder, dtype: float32, shape: [1]}\n  y: %sx%s\n  z: "x%s"\nfetches: [y, z]\n' \
    "$calls" "$closed" "$subscripts" >most.yaml
expect_output $'y: [2.0]\nz: [2.0]' limited "$tfcc" run most.yaml --feed 'x=[2]'
printf 'nodes:\n  x: {op: placeholder, dtype: float32, shape: [1]}\n  y: %sx%s\n' "$(printf 'relu(%.0s' {1..30000})" \
    "$(printf ')%.0s' {1..30000})" >calls.yaml
expect_error 1 'nested too deeply' limited "$tfcc" calls.yaml -o deep.o
absent deep.o

# Orders and initial values that depend on each other in a long row.
awk 'BEGIN {print "nodes:\n  n0: {op: no_op}\n  v0: {op: variable, value: 7}"
    for (k = 1; k < 10000; k++) printf "  n%d: {op: no_op, after: n%d}\n  v%d: {op: variable, value: {initial_value_of: v%d}}\n", k, k - 1, k, k - 1
    print "fetches: [n9999, v9999]"}' >rows.yaml
expect_output 'v9999: 7' limited "$tfcc" run rows.yaml --fetch v9999 --target n9999
# The longest names: as a key they need YAML's `?`, and so does what is printed.
name=$(printf 'n%.0s' {1..4096})
printf 'graph: names\nnodes:\n  ? %s\n  : {op: constant, value: 1}\n' "$name" >names.yaml
expect_output "? $name"$'\n: 1' "$tfcc" run names.yaml
expect_output '' "$tfcc" names.yaml --emit=graph -o once.yaml
expect_output '' "$tfcc" once.yaml --emit=graph -o twice.yaml
cmp -s once.yaml twice.yaml || failed 'a dump with a long name does not read back'
expect_output '' "$tfcc" once.yaml -o names.o
# Weights do not pass through LLVM's constants: 64 MiB cost the file's bytes a few times, not tens of times, and no object
# tells the folder it was made in.
{
    printf "\x93NUMPY\x01\x00\x76\x00%-117s\n" "{'descr': '<f4', 'fortran_order': False, 'shape': (16777216,), }"
    head -c 67108864 /dev/zero
} >weights.npy
printf 'graph: weights\nnodes:\n  w: {op: constant, value: {file: weights.npy}}\n  i: {op: placeholder, dtype: int32, shape: []}
  y: w[i]\nfetches: [y]\n' >weights.yaml
if [ -z "$flags" ]; then
    (
        ulimit -v 700000
        exec timeout 10 "$tfcc" weights.yaml -o weights.o
    ) || failed '64 MiB of weights take too long, or more than 700 MB'
    [ "$(stat -c %s weights.o)" -gt 67108864 ] || failed 'the weights are not in the object'
    ! grep -q "$work" weights.o || failed 'the object names the folder'
fi
finish
