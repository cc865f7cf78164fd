#!/usr/bin/env bash
# import.sh: `tfcc import`: from a model to numbers, its files, what it says of files that are no models.
set -euo pipefail
source "$(dirname "$0")/support.sh"
cases=$source/tests/conformance/cases
flags=${3-}

# Messages of protobuf's wire format, as files: field NUMBER holds a number, a text, or what a file holds.
varint() { # VALUE
    local value=$1
    while [ "$value" -ge 128 ]; do
        printf "\\x$(printf %02x $((value % 128 + 128)))"
        value=$((value / 128))
    done
    printf "\\x$(printf %02x "$value")"
}
number() { varint $(($1 * 8)); varint "$2"; }
text() { varint $(($1 * 8 + 2)); varint "$(printf %s "$2" | wc -c)"; printf %s "$2"; }
inside() { varint $(($1 * 8 + 2)); varint "$(stat -c %s "$2")"; cat "$2"; }

# float_tensor NAME ROWS COLUMNS DATA: a TensorProto with the bytes of a file.
float_tensor() { number 1 "$2"; number 1 "$3"; number 2 1; text 8 "$1"; inside 9 "$4"; }
# value_info NAME: a ValueInfoProto of a float32 matrix of any size.
value_info() {
    printf '\n\0\n\0' >.shape
    number 1 1 >.tensor_type
    inside 2 .shape >>.tensor_type
    inside 1 .tensor_type >.type
    text 1 "$1"
    inside 2 .type
}
# model GRAPH: a ModelProto for op set 17.
model() {
    number 2 17 >.opset
    number 1 8
    inside 8 .opset
    inside 7 "$1"
}

# x @ w, where w is 3 x 2 and is written in place; and 6 x 4, where it is in the file of weights.
matmul_model() { # ROWS COLUMNS DATA
    value_info x >.input
    value_info y >.output
    float_tensor 'w/1' "$1" "$2" "$3" >.tensor
    { text 1 x; text 1 w/1; text 2 y; text 4 MatMul; } >.node
    { inside 1 .node; inside 5 .tensor; inside 11 .input; inside 12 .output; } >.graph
    model .graph
}
for k in 1 2 3 4 5 6; do printf '\0\0\200\77\0\0\0\100'; done >twelve # 1.0, 2.0, …
head -c 24 twelve >six
matmul_model 3 2 six >small.onnx
expect_output '' "$tfcc" import small.onnx -o small.yaml
expect_output $'# From small.onnx, op set 17 of ONNX.
nodes:
  x: {op: placeholder, dtype: float32, shape: [null, null]}
  w/1: {op: constant, value: [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], dtype: float32}
  y: x @ `w/1`

fetches: [y]' cat small.yaml
absent small.safetensors
expect_output 'y: [[6.0, 12.0]]' "$tfcc" run small.yaml --feed 'x=[[1, 2, 3]]'

cat twelve twelve >data
matmul_model 6 4 data >large.onnx
mkdir -p folder
expect_output '' "$tfcc" import large.onnx -o folder/large.yaml
contains "$(cat folder/large.yaml)" 'w/1: {op: constant, value: {file: large.safetensors, tensor: w/1}}'
expect_output 'y: [[6.0, 12.0, 6.0, 12.0]]' "$tfcc" run folder/large.yaml --feed 'x=[[1, 1, 1, 1, 1, 1]]'
expect_status 0 "$tfcc" folder/large.yaml -o large.o -MD
contains "$(cat large.d)" folder/large.safetensors

# Real files: one with a branch, one with a constant.
expect_status 0 "$tfcc" import "$cases/node/test_if/model.onnx" -o if.yaml
expect_output 'res: [1.0, 2.0, 3.0, 4.0, 5.0]' "$tfcc" run if.yaml --feed cond=true
expect_output 'res: [5.0, 4.0, 3.0, 2.0, 1.0]' "$tfcc" run if.yaml --feed cond=false

# The command line.
expect_error 2 '-o MODEL.yaml' "$tfcc" import small.onnx
expect_error 2 'one model' "$tfcc" import -o out.yaml
expect_error 2 'one model' "$tfcc" import small.onnx large.onnx -o out.yaml
expect_error 2 'three files' "$tfcc" import small.onnx -o small.onnx
expect_error 2 'three files' "$tfcc" import small.onnx -o out.safetensors
expect_error 2 'two files' "$tfcc" import small.onnx -o -
expect_error 2 'unknown option' "$tfcc" import small.onnx -o out.yaml --report
absent out.yaml out.safetensors

# Files that are no models.
expect_error 1 'none.onnx: error: cannot read the file: No such file or directory' "$tfcc" import none.onnx -o out.yaml
expect_error 1 'it is a folder' "$tfcc" import folder -o out.yaml
expect_error 1 'no regular file' "$tfcc" import /dev/zero -o out.yaml
expect_error 1 'or is damaged: at byte' "$tfcc" import small.yaml -o out.yaml
: >empty.onnx
expect_error 1 'it holds no graph' "$tfcc" import empty.onnx -o out.yaml
for size in 1 10 100 150; do
    head -c $size large.onnx >cut.onnx
    expect_error 1 'cut.onnx: error: ' "$tfcc" import cut.onnx -o out.yaml
done
absent out.yaml out.safetensors

# What cannot be written leaves nothing, and what was there before.
expect_error 1 'No such file' "$tfcc" import large.onnx -o nowhere/out.yaml
mkdir taken.safetensors
expect_error 1 'taken.safetensors' "$tfcc" import large.onnx -o taken.yaml
absent out.yaml taken.yaml nowhere

# A deep stack of nested messages, and one long chain of nodes, under a small stack.
: >.nested
for k in $(seq 100); do
    inside 1 .nested >.outer
    mv .outer .nested
done
model .nested >nested.onnx
expect_error 1 'error: ' "$tfcc" import nested.onnx -o out.yaml
value_info x >.input
value_info n20000 >.output
awk 'BEGIN {
    for (k = 1; k <= 20000; k++) {
        from = k == 1 ? "x" : "n" (k - 1); to = "n" k
        printf "\n%c\n%c%s\022%c%s\"\004Relu", length(from) + length(to) + 10, length(from), from, length(to), to
    }
}' >.graph
{ inside 11 .input; inside 12 .output; } >>.graph
model .graph >chain.onnx
expect_status 0 bash -c 'ulimit -s 512; exec "$@"' - "$tfcc" import chain.onnx -o chain.yaml
contains "$(tail -n 3 chain.yaml)" 'n20000: relu(n19999)'

# 100 MB of weights.
truncate -s 100000000 zeros
matmul_model 5000 5000 zeros >weights.onnx
SECONDS=0
expect_status 0 "$tfcc" import weights.onnx -o weights.yaml
[ -n "$flags" ] || [ "$SECONDS" -le 2 ] || failed "importing 100 MB took $SECONDS s"
[ "$(stat -c %s weights.safetensors)" -gt 100000000 ] || failed 'the weights are not whole'
echo before >kept.yaml
expect_error 1 'File too large' bash -c 'ulimit -f 1000; exec "$@"' - "$tfcc" import weights.onnx -o kept.yaml
[ "$(cat kept.yaml)" = before ] || failed 'a failed import changed a file'
absent kept.safetensors
finish
