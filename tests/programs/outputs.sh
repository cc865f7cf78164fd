#!/usr/bin/env bash
# outputs.sh: files appear whole or not at all: full disks, limits, signals, exhausted memory, closed streams, odd paths.
set -euo pipefail
source "$(dirname "$0")/support.sh"
flags=${3-}
counter=$here/models/counter.yaml

# A model whose object is larger than what stdio buffers.
awk 'BEGIN {printf "graph: large\nnodes:\n  a: {op: constant, value: [0.5"; for (k = 1; k < 200000; k++) printf ", %d.5", k
    print "]}\n  y: a + 1\nfetches: [y, a]"}' >large.yaml

nothing_new() { # that no file but the models has appeared
    local found
    found=$(find . -type f ! -name '*.yaml' ! -name '.out' ! -name '.err')
    [ -z "$found" ] || failed "$1 left $found"
}

# The limit of a file's size: for the header, and for the object after the header was written.
limited() {
    (
        ulimit -f "$1"
        shift
        exec "$@"
    )
}
for limit in 1 8 100; do
    expect_status 1 limited $limit "$tfcc" large.yaml -o out.o -MD
    contains "$err" 'File too large'
    contains "$err" 'out.'
    nothing_new "a limit of $limit blocks"
done
expect_error 1 'File too large' limited 8 "$tfcc" run large.yaml --output folder
nothing_new 'run --output'

# One output of several fails: none of them appears.
expect_error 1 /dev/full "$tfcc" "$counter" -o out.o -H /dev/full
expect_error 1 /dev/full "$tfcc" "$counter" -o out.o -MF /dev/full
expect_error 1 'No space left' "$tfcc" "$counter" -o out.o -MF /dev/full
expect_error 1 'Is a directory' "$tfcc" "$counter" -o out.o -H nope/
expect_error 1 'No such file' "$tfcc" "$counter" -o '' -H out.h
long=$(printf 'n%.0s' {1..300})
expect_error 1 'too long' "$tfcc" "$counter" -o "$long" -H out.h
expect_error 1 'too long' "$tfcc" "$counter" -o out.o -H "$long"
nothing_new 'an output that cannot be written'
name=$(printf 'n%.0s' {1..255}) # as long as a name may be: what stands beside it meanwhile is shorter
expect_output '' "$tfcc" "$counter" -o "$name" --no-header
[ -s "$name" ] || failed 'a name of 255 bytes is not written'
rm "$name"

# Nothing that was read is written over, and no two outputs share a path.
cp "$counter" model.yaml
ln -s model.yaml link.yaml
for path in model.yaml ./model.yaml link.yaml; do
    expect_error 1 'is read by this compilation' "$tfcc" model.yaml -o $path
    expect_error 1 'is read by this compilation' "$tfcc" model.yaml --emit=graph -o $path
    expect_error 1 'is read by this compilation' "$tfcc" model.yaml -o out.o -MF $path
done
cmp -s "$counter" model.yaml || failed 'the model was written over'
expect_error 1 'two outputs' "$tfcc" model.yaml -o out.h
expect_error 1 'two outputs' "$tfcc" model.yaml -o out.o -MF out.o
nothing_new 'a path used twice'

# A link is replaced, what it points to stays.
echo kept >target.txt
ln -s target.txt linked.o
expect_output '' "$tfcc" model.yaml -o linked.o --no-header
[ "$(cat target.txt)" = kept ] && [ ! -L linked.o ] || failed 'what a link points to was written'
rm target.txt linked.o

# Names are bytes: blanks, globs, a leading dash, no UTF-8.
for path in 'with blank.o' 'a*?[b].o' ./-o.o $'\xff\xfe.o' ../"${work##*/}"/up.o "$work/absolute.o"; do
    expect_output '' "$tfcc" model.yaml -o "$path"
    [ -s "$path" ] && [ -s "${path%.o}.h" ] || failed "nothing was written to '$path'"
    rm -f -- "$path" "${path%.o}.h"
done
nothing_new 'an odd name'

# Standard streams that are full, closed, or a pipe nobody reads.
for command in 'run model.yaml' 'model.yaml --emit=graph' 'model.yaml --report' 'ops' '--help'; do
    expect_error 1 'standard output' bash -c "exec '$tfcc' $command >/dev/full"
    expect_error 1 'standard output' bash -c "exec '$tfcc' $command >&-"
done
expect_status 0 bash -c "exec '$tfcc' model.yaml -o closed.o <&- >&- 2>&-"
expect_output '' "$tfcc" model.yaml -o open.o
cmp -s closed.o open.o || failed 'closed streams change the object'
rm closed.* open.*
expect_status 1 bash -c "exec '$tfcc' nope.yaml -o out.o <&- >&- 2>&-"
nothing_new 'closed streams'
expect_status 1 bash -c "{ sleep 0.2; exec '$tfcc' run model.yaml; } | true; exit \${PIPESTATUS[0]}"

# A signal at any moment.
for moment in 0.02 0.05 0.08 0.11 0.14 0.17 0.2 0.25 0.3; do
    timeout -s INT $moment "$tfcc" large.yaml -o out.o -MD 2>/dev/null || true
    absent # temporary files
    case "$(find . -name 'out.*' | wc -l)" in 0 | 3) ;; *) failed "a signal after $moment s left $(echo out.*)" ;; esac
    rm -f out.*
done

# LLVM aborts where it cannot go on: the process ends with a sentence and status 1, and leaves nothing.
for moment in 0.02 0.06 0.1 0.15; do
    "$tfcc" large.yaml -o out.o >.out 2>.err &
    sleep $moment
    status=0
    kill -ABRT $! 2>/dev/null || true
    wait $! || status=$?
    absent # temporary files
    [ "$status" -eq 0 ] || { [ "$status" -eq 1 ] && grep -q 'nothing was written' .err; } ||
        [ "$status" -eq 134 ] || failed "an abort ended with status $status: $(cat .err)"
    rm -f out.*
done

# Exhausted memory, in every stage; the sanitizers reserve more than any limit.
if [ -z "$flags" ]; then
    awk 'BEGIN {print "nodes:\n  x: {op: placeholder, dtype: float32, shape: [4]}\n  n0: identity(x)"
        for (k = 1; k < 1000; k++) print "  n" k ": " (k % 2 ? "relu(n" : "x * relu(n") k - 1 ")"; print "fetches: [n999]"}' >chain.yaml
    least=100000
    until (ulimit -v $least && "$tfcc" --version) >/dev/null 2>&1; do least=$((least + 4000)); done
    ended=0 exhausted=0
    for ((limit = least; limit < least + 120000 && ended < 2; limit += 2000)); do
        status=0
        (ulimit -c 0 -v $limit && exec "$tfcc" chain.yaml -o out.o) >.out 2>.err || status=$?
        case $status in
            0) ended=$((ended + 1)) ;;
            1)
                exhausted=$((exhausted + 1))
                grep -q memory .err || failed "$limit KiB of memory: $(cat .err)"
                absent out.o out.h
                ;;
            *) failed "status $status with $limit KiB of memory: $(cat .err)" ;;
        esac
        rm -f out.o out.h
    done
    [ $exhausted -gt 3 ] || failed "memory was exhausted only $exhausted times"
fi
finish
