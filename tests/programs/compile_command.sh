#!/usr/bin/env bash
# compile_command.sh: the command line of the compiler: exit statuses, what is written where, and when nothing is.
set -euo pipefail
source "$(dirname "$0")/support.sh"
counter=$here/models/counter.yaml

# The command line itself.
expect_status 0 "$tfcc" --help
contains "$out" 'tfcc run'
for option in -o -H --no-header --emit -O -g --mcpu --target --prefix --dim --weights -L -MD -MF --report --signature \
    --feed --fetch --repeat --restore --save --output --threads --json; do
    contains "$out" "$option"
done
expect_status 0 "$tfcc" --version
[[ $out =~ ^tfcc\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || failed "--version: $out"
expect_error 2 'no model' "$tfcc"
expect_error 2 'no model' "$tfcc" run
expect_error 2 'one model' "$tfcc" "$counter" "$counter" -o x.o
expect_error 2 MODEL.o "$tfcc" "$counter"
expect_error 2 "'--nope'" "$tfcc" "$counter" -o x.o --nope
expect_error 2 'nope' "$tfcc" "$counter" --emit=nope
expect_error 2 'infer' "$tfcc" "$counter" -o x.o --dump-after=nope
expect_error 2 'NAME=SIZE' "$tfcc" "$counter" -o x.o --dim n
expect_error 2 '0 to 3' "$tfcc" "$counter" -o x.o -O7
expect_error 2 'value' "$tfcc" "$counter" -o
expect_error 2 '--repeat' "$tfcc" run "$counter" --repeat 0
expect_error 2 '--json' "$tfcc" run "$counter" --json
absent x.o x.h

# Outputs. The header is the -o path ending in .h, or where -H says, or nowhere.
expect_output '' "$tfcc" "$counter" -o counter.o
[ -f counter.o ] && [ -f counter.h ] || failed "counter.o or counter.h is missing"
mkdir a.b
expect_output '' "$tfcc" "$counter" -o a.b/object
[ -f a.b/object ] && [ -f a.b/object.h ] || failed "a.b/object.h is missing"
expect_output '' "$tfcc" "$counter" -o plain.o --no-header
[ -f plain.o ] || failed "plain.o is missing"
absent plain.h
expect_output '' "$tfcc" -H include.h -o named.o -- "$counter"
absent named.h
cmp -s include.h counter.h || failed "-H writes another header"
cmp -s named.o counter.o || failed "the header's place changes the object"
expect_output '' "$tfcc" "$counter" --emit=obj -o emitted.o
cmp -s emitted.o counter.o || failed "--emit=obj is another object"

# Nothing is written where anything goes wrong, and what was there stays.
cp counter.o kept.o
echo 'graph: {}' >broken.yaml
expect_error 1 broken.yaml:1 "$tfcc" broken.yaml -o kept.o -MD
cmp -s counter.o kept.o || failed "an error replaced the object"
absent kept.d kept.h
expect_error 1 nope/x "$tfcc" "$counter" -o nope/x.o
expect_error 1 /dev/full "$tfcc" "$counter" -o /dev/full --no-header
expect_error 1 'standard output' bash -c '"$@" >/dev/full' - "$tfcc" "$counter" --emit=graph
expect_error 1 'a.b' "$tfcc" "$counter" -o a.b
expect_error 1 'nope.h' "$tfcc" "$counter" -o new.o -H nope/nope.h
absent new.o
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked
    chmod a-w locked
    expect_error 1 'locked' "$tfcc" "$counter" -o locked/x.o
fi
expect_error 1 'nope.yaml' "$tfcc" nope.yaml -o x.o
expect_error 1 'a.b' "$tfcc" a.b -o x.o
expect_error 1 '' "$tfcc" /dev/null -o x.o
absent x.o x.h
(
    ulimit -f 1
    trap '' XFSZ
    "$tfcc" "$counter" -o limited.o 2>limited.err && exit 1
    exit 0
) || failed "a limit on file sizes is not noticed"
absent limited.o limited.h

# The same input gives the same bytes, from any folder.
mkdir -p deep/er
cp "$counter" here.yaml
expect_output '' "$tfcc" here.yaml -o here.o
(cd deep/er && "$tfcc" ../../here.yaml -o ../there.o)
cmp -s here.o deep/there.o || failed "the folder changes the object"
cmp -s here.h deep/there.h || failed "the folder changes the header"
cmp -s here.o counter.o || failed "the file's name changes the object"
expect_output '' "$tfcc" "$here/models/network.yaml" -o n1.o
expect_output '' "$tfcc" "$here/models/network.yaml" -o n2.o
cmp -s n1.o n2.o || failed "two compilations differ"

# Depfiles: every file that was read, readable by make.
expect_output '' "$tfcc" run "$tutorial/07_vectors.yaml" --output weights --fetch sum
cat >'with weights.yaml' <<'END'
graph: weights
nodes:
  w: {op: variable, value: {file: sum.npy}}
  y: w * 2
END
expect_error 1 sum.npy "$tfcc" 'with weights.yaml' -o w.o -MD
absent w.o w.d
expect_output '' "$tfcc" 'with weights.yaml' -L nope -L weights -o w.o -MD
contains "$(cat w.d)" 'w.o:'
contains "$(cat w.d)" 'with\ weights.yaml'
contains "$(cat w.d)" 'weights/sum.npy'
expect_output '' "$tfcc" 'with weights.yaml' -Lweights -o w2.o -MF named.d
contains "$(cat named.d)" 'w2.o:'
absent w2.d
cat >restored.yaml <<'END'
nodes:
  a: {op: constant, value: {checkpoint: saved/counter, tensor: a}}
END
expect_output '' "$tfcc" run "$tutorial/10_saver.yaml" --target next --save saved/counter
expect_output '' "$tfcc" restored.yaml -o r.o -MD
contains "$(cat r.d)" 'saved/counter.index'
contains "$(cat r.d)" 'saved/counter.data-00000-of-00001'
expect_output $'w: [5, 7, 9]\ny: [10, 14, 18]' "$tfcc" run 'with weights.yaml' -L weights

# Stages.
for stage in graph kernels loops llvm asm; do
    expect_status 0 "$tfcc" "$here/models/network.yaml" --emit=$stage --verify
    [ ${#out} -gt 200 ] && [ -z "$err" ] || failed "--emit=$stage: $out $err"
    cp .out printed
    expect_output '' "$tfcc" "$here/models/network.yaml" --emit=$stage -o stage
    cmp -s printed stage || failed "--emit=$stage differs in a file"
done
# A dump of the graph is a graph again: the same text, the same object, for every model.
for model in "$here"/models/*.yaml "$tutorial"/*.yaml; do
    name=$(basename "$model" .yaml)
    [ "$name" = 02_constants_stay ] && continue
    expect_status 0 "$tfcc" "$model" --emit=graph -o once.yaml
    expect_status 0 "$tfcc" once.yaml --emit=graph -o twice.yaml
    cmp -s once.yaml twice.yaml || failed "$name: the dump does not read back: $(diff once.yaml twice.yaml | head -5)"
    "$tfcc" "$model" -o m1.o && "$tfcc" once.yaml -o m2.o || failed "$name: does not compile"
    cmp -s m1.h m2.h || failed "$name: the dump has another interface: $(diff m1.h m2.h | head -5)"
    for level in 0 1 2 3; do
        expect_status 0 "$tfcc" "$model" -O$level --verify -o level.o
    done
    cmp -s m1.h level.h || failed "$name: -O changes the interface"
done
expect_status 0 "$tfcc" "$counter" --dump-after=infer -o dump.o
contains "$err" assign
expect_status 0 "$tfcc" "$here/models/network.yaml" --report
contains "$out" FLOPs
contains "$out" 'signature train'

# Prefixes, dimensions, processors, debug lines.
expect_output '' "$tfcc" "$counter" -o p.o --prefix=other_
contains "$(cat p.h)" other__run
expect_status 0 "$tfcc" "$here/models/network.yaml" -o d.o --dim batch=7
contains "$(cat d.h)" 'network_x_DIM_0 INT64_C(7)'
contains "$(cat d.h)" 'const float *x'
expect_status 0 "$tfcc" "$counter" -o c.o --mcpu=native
expect_status 0 "$tfcc" run "$counter" --mcpu=native # the runtime knows every word of its requirements
expect_status 0 "$tfcc" "$counter" -o c.o --mcpu=x86-64-v3
# LLVM halves 512-bit vectors unless every function asks for them.
wide=$("$tfcc" "$here/models/network.yaml" --emit=llvm --mcpu=x86-64-v4)
contains "$wide" '"prefer-vector-width"="512"'
contains "$wide" '"min-legal-vector-width"="512"'
contains "$("$tfcc" "$here/models/network.yaml" --emit=asm --mcpu=x86-64-v4)" '%zmm'
expect_error 1 nope "$tfcc" "$counter" -o x.o --mcpu=nope
expect_error 1 nope "$tfcc" "$counter" -o x.o --target=nope-unknown-linux
expect_output '' "$tfcc" "$counter" -o a.o --target=aarch64-linux-gnu
absent x.o
expect_status 0 "$tfcc" "$counter" -o g.o -g
if command -v readelf >/dev/null; then
    readelf --debug-dump=decodedline g.o 2>/dev/null | grep -q counter.yaml || failed "-g: no lines of the YAML file"
    readelf --debug-dump=decodedline c.o 2>/dev/null | grep -q counter.yaml && failed "lines without -g"
fi

# Input from standard input's device, in odd places, and a limit.
expect_error 1 'larger than' "$tfcc" "$counter" -o x.o --max-input 10
finish
