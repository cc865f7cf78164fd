#!/usr/bin/env bash
# run_command.sh: `tfcc run`: the tutorial's values, what is printed how, feeds, outputs, checkpoints.
set -euo pipefail
source "$(dirname "$0")/support.sh"
run() { "$tfcc" run "$@"; }

# The tutorial.
expect_output $'a: 1\nb: 1\nc: 2' run "$tutorial/01_define_then_run.yaml"
expect_output 'c: 2' run "$tutorial/01_define_then_run.yaml" --fetch c
expect_error 1 'a constant' run "$tutorial/02_constants_stay.yaml"
expect_output $'c: 2\na: 2\n---\nc: 3\na: 3' run "$tutorial/03_variables.yaml" --repeat 2
expect_output 'c: 2' run "$tutorial/04_placeholder.yaml" --feed a=1
expect_output 'c:0: 4' run "$tutorial/04_placeholder.yaml" --feed a:0=3 --fetch c:0
expect_output 'c: [2, 3, 4]' run "$tutorial/04_placeholder.yaml" --feed 'a=[1, 2, 3]'
expect_output 'c: [[2, 3], [4, 5]]' run "$tutorial/04_placeholder.yaml" --feed 'a=[[1, 2], [3, 4]]'
expect_output 'c: []' run "$tutorial/04_placeholder.yaml" --feed 'a=[]'
expect_output 'y: [[1, 2]]' run "$tutorial/05_placeholder_shape.yaml" --feed 'x=[[1, 2]]'
expect_output 'y: [[1, 2], [3, 4]]' run "$tutorial/05_placeholder_shape.yaml" --feed 'x=[[1, 2], [3, 4]]'
expect_output $'sum: 5\nproduct: 6' run "$tutorial/06_arithmetic.yaml"
expect_output $'sum: [5, 7, 9]\nproduct: [4, 10, 18]' run "$tutorial/07_vectors.yaml"
expect_output $'product: [[5], [11]]\nshape_of_a: [2, 2]\nshape_of_b: [2, 1]\nshape_of_product: [2, 1]' \
    run "$tutorial/08_matrices.yaml"
expect_output $'next: 2\n---\nnext: 3' run "$tutorial/09_sessions.yaml" --repeat 2
expect_output $'next: 2\n---\nnext: 3' run "$tutorial/09_sessions.yaml" --repeat 2
expect_output $'next: 2\n---\nnext: 3' run "$tutorial/10_saver.yaml" --repeat 2 --save model/model.ckpt
expect_output $'next: 4\n---\nnext: 5' run "$tutorial/10_saver.yaml" --repeat 2 --restore model/model.ckpt
[ -f model/checkpoint ] && [ -f model/model.ckpt.index ] || failed "no checkpoint was written"
points='x=[0, 1, 2]' labels='y=[2, 5, 8]'
expect_status 0 run "$tutorial/11_line.yaml" --signature train --feed "$points" --feed "$labels" --repeat 400 --save line
expect_status 0 run "$tutorial/11_line.yaml" --restore line --signature predict --feed "$points"
learned=$(tr -d '[],' <<<"$out" | awk '{for (k = 2; k <= NF; k++) printf " %.4f", $k}')
[ "$learned" = ' 2.0000 5.0000 8.0000' ] || failed "the line that was learned: $out"

# How values are printed: every dtype reads back exactly.
cat >types.yaml <<'END'
nodes:
  f32: {op: constant, value: [0.1, 1.0, -0.0, 1.0e-45, 3.4028235e+38, .inf, -.inf, .nan, 16777216.0]}
  f64: {op: constant, dtype: float64, value: [0.1, 5.0e-324, 123456789.125]}
  f16: {op: constant, dtype: float16, value: [0.1, 65504.0]}
  bf16: {op: constant, dtype: bfloat16, value: 1.5}
  u64: {op: constant, dtype: uint64, value: 18446744073709551615}
  i64: {op: constant, dtype: int64, value: -9223372036854775808}
  i8: {op: constant, dtype: int8, value: [-128, 127]}
  truth: {op: constant, value: [true, false]}
  empty: {op: constant, dtype: int32, value: [], shape: [2, 0]}
  "yes": {op: constant, value: 1}
  a b: {op: constant, value: 2}
  scope/w: {op: constant, value: 3}
fetches: [f32, f64, f16, bf16, u64, i64, i8, truth, empty, "yes", a b, scope/w]
END
expect_status 0 run types.yaml
first=$out
contains "$first" 'u64: 18446744073709551615'
contains "$first" 'i64: -9223372036854775808'
contains "$first" 'i8: [-128, 127]'
contains "$first" 'truth: [true, false]'
contains "$first" 'empty: [[], []]'
contains "$first" '"yes": 1'
contains "$first" 'scope/w: 3'
# What was printed is a value for a graph and gives the same print.
cat >back.yaml <<'END'
nodes:
  f32: {op: placeholder, dtype: float32, shape: [9]}
  f64: {op: placeholder, dtype: float64, shape: [3]}
  f16: {op: placeholder, dtype: float16, shape: [2]}
  y: identity(f32)
  z: identity(f64)
  h: identity(f16)
fetches: [y, z, h]
END
value() { sed -n "s/^$1: //p" <<<"$first"; }
expect_output "y: $(value f32)"$'\n'"z: $(value f64)"$'\n'"h: $(value f16)" \
    run back.yaml --feed "f32=$(value f32)" --feed "f64=$(value f64)" --feed "f16=$(value f16)"

# Files: --output writes .npy, and they can be fed.
expect_output '' run types.yaml --output out
for name in f32 f64 f16 bf16 u64 i64 i8 truth empty yes 'a b' scope/w; do
    [ -f "out/$name.npy" ] || failed "out/$name.npy was not written"
done
[ "$(head -c 6 out/f32.npy | tail -c 5)" = NUMPY ] || failed "out/f32.npy is no .npy file"
[ $(($(stat -c %s out/f32.npy) % 4)) -eq 0 ] || failed "out/f32.npy has an odd size"
expect_output "y: $(value f32)" run back.yaml --fetch y --feed f32=@out/f32.npy
expect_output "h: $(value f16)" run back.yaml --fetch h --feed f16=@out/f16.npy
expect_error 1 'i8.npy' run back.yaml --fetch y --feed f32=@out/i8.npy
expect_error 1 'nope.npy' run back.yaml --fetch y --feed f32=@nope.npy
head -c 40 out/f32.npy >short.npy
expect_error 1 'short.npy' run back.yaml --fetch y --feed f32=@short.npy
# Narrow dtypes travel as their bits, or one byte an element, and variables keep them.
while read -r dtype values; do
    printf 'nodes:\n  v: {op: variable, dtype: %s, value: %s}\n  x: {op: placeholder, dtype: %s, shape: [n]}\n  y: identity(x)\n' \
        "$dtype" "$values" "$dtype" >narrow.yaml
    printf 'fetches: [v, y]\n' >>narrow.yaml
    expect_output "v: $values" run narrow.yaml --fetch v
    expect_output "y: $values" run narrow.yaml --fetch y --feed "x=$values"
    expect_output '' run narrow.yaml --fetch v --output narrow --save narrow/$dtype
    expect_output "y: $values" run narrow.yaml --fetch y --feed x=@narrow/v.npy
    sed -i 's/value: .*]}/value: {op: zeros, shape: [2]}}/' narrow.yaml
    expect_output "v: $values" run narrow.yaml --fetch v --restore narrow/$dtype
    rm narrow/v.npy
done <<'END'
float8_e5m2 [57344.0, -.inf]
float8_e4m3fn [-448.0, .nan]
float8_e5m2fnuz [7.6293945e-06, .nan]
float8_e4m3fnuz [240.0, -0.0009765625]
int4 [-8, 7]
uint4 [0, 15]
END
expect_error 1 '16 does not fit into uint4' run narrow.yaml --fetch y --feed x='[16]'
printf 'nodes: {"/up/../x": {op: constant, value: 1}}\nfetches: ["/up/../x"]\n' >dots.yaml
expect_output '' run dots.yaml --output dots
[ -f dots/up/%2E%2E/x.npy ] || failed "names with dots: $(find dots)"

# Feeds and fetches.
model=$here/models/sizes.yaml
expect_output $'next: 2\ndoubled: [[2, 4, 6], [8, 10, 12]]' bash -c '"$@" | sed "s/\.0//g"' - \
    "$tfcc" run "$model" --fetch next --fetch doubled --feed any=1 --feed 'fixed=[[1, 2, 3], [4, 5, 6]]'
expect_error 1 "no feed 'nope'" run "$model" --fetch next --feed nope=1
expect_error 1 "no fetch 'nope'" run "$model" --fetch nope
expect_error 1 "no signature 'nope'" run "$model" --signature nope
expect_error 1 'NAME=VALUE' run "$model" --fetch next --feed any
expect_error 1 'any' run "$model" --fetch next
expect_error 1 'error: ' run "$model" --fetch next --feed any=1.5
expect_error 1 'error: ' run "$model" --fetch next --feed any=3000000000
expect_error 1 'error: ' run "$model" --fetch next --feed 'any=[1, [2]]'
expect_error 1 'error: ' run "$model" --fetch next --feed 'any=[1'
expect_error 1 'error: ' run "$model" --fetch next --feed 'any='
expect_error 1 'error: ' run "$model" --fetch next --feed 'any={a: 1}'
expect_error 1 '[2, 3]' run "$model" --fetch doubled --feed 'fixed=[[1, 2, 3]]'
expect_output 'positive: [[1, 1, 1]]' bash -c '"$@" | sed "s/\.0//g"' - \
    "$tfcc" run "$model" --fetch positive --feed 'rows=[[1, 1, 1], [-1, 0, 0]]'
expect_output 'made: [7, 7, 7]' run "$model" --fetch made --feed any_size=3
expect_error 1 '' run "$model" --fetch made --feed any_size=-3

# A failing run, and targets.
model=$here/models/failures.yaml
expect_error 1 'quotient' run "$model" --fetch quotient --feed divisor=0
expect_output 'v: 11' run "$model" --target write --fetch v
expect_output '' run "$model" --target positive --feed divisor=1
expect_error 1 'positive' run "$model" --target positive --feed divisor=-1

# Random numbers: the same in a new process, other ones in the next run.
expect_status 0 run "$here/models/random.yaml" --fetch r --repeat 2
numbers=$out
[ "$(sed -n 1p <<<"$numbers")" != "$(sed -n 3p <<<"$numbers")" ] || failed "two runs drew the same numbers"
for level in 0 1 2 3; do
    expect_output "$numbers" run "$here/models/random.yaml" --fetch r --repeat 2 -O$level
done

# Restoring what is not there or is damaged.
expect_error 1 'nowhere' run "$tutorial/10_saver.yaml" --restore nowhere
truncate -s 10 model/model.ckpt.index
expect_error 1 'model.ckpt' run "$tutorial/10_saver.yaml" --restore model/model.ckpt
mkdir locked
expect_error 1 'error: ' run "$tutorial/10_saver.yaml" --save ''
expect_error 1 'error: ' run "$tutorial/10_saver.yaml" --save /proc/nope/model

# bench and ops.
expect_status 0 "$tfcc" bench "$tutorial/03_variables.yaml" --json --repeat 50
[[ $out =~ ^\{.*\"min_us\":\ [0-9.]+.*\"median_us\":\ [0-9.]+.*\}$ ]] || failed "bench --json: $out"
expect_status 0 "$tfcc" bench "$tutorial/03_variables.yaml" --repeat 50 --profile
contains "$out" 'median'
expect_status 0 "$tfcc" ops
for op in matmul assign reduce_mean einsum random_normal; do contains "$out" "$op"; done
expect_status 0 "$tfcc" ops matmul
contains "$out" transpose_a
expect_error 1 matmul "$tfcc" ops matmull
finish
