#!/usr/bin/env bash
# expect.sh TFCC CASE [--write]: one case of errors/ or dumps/: what tfcc says to a graph, compared word by word.
#
# CASE is NAME.yaml, or NAME.sh, a bash script that prints the graph (for what cannot stand in a file: deep nesting, odd bytes,
# sizes). tfcc runs in the folder of the case, and what it prints on both streams has to equal NAME.expect; --write stores it there.
# The comments at the head of the case may hold
#
#     # tfcc: ARGUMENTS       instead of `-o OUTPUT`; OUTPUT stands for a path, MODEL for that of the graph, which otherwise comes first
#     # status: N             the exit status, instead of 1 in errors/ and 0 in dumps/
#
# A refused graph leaves no file behind, takes at most 10 seconds, and 1 GB of memory.
set -euo pipefail
tfcc=$(realpath "$1") case=$(realpath "$2") write=${3-}
cd "$(dirname "$case")"
name=$(basename "$case")
stem=${name%.*}
case $case in */dumps/*) kind=dumps ;; *) kind=errors ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

setting() { sed -n "/^#/!q;s/^# $1: //p" "$name"; }

model=$name
if [ "${name##*.}" = sh ]; then
    model=$work/$stem.yaml
    bash "$name" >"$model"
fi
arguments=$(setting tfcc)
wanted=$(setting status)
case $kind in
    dumps) arguments=${arguments:---emit=graph} wanted=${wanted:-0} ;;
    *) arguments=${arguments:--o OUTPUT} wanted=${wanted:-1} ;;
esac
case $arguments in
    *MODEL*) ;;
    *) arguments="MODEL $arguments" ;;
esac
words=()
eval "set -- $arguments"
for word in "$@"; do
    word=${word//MODEL/$model}
    words+=("${word//OUTPUT/$work/out.o}")
done

status=0
(
    # The sanitizers reserve more than any limit.
    [ -n "${TFCC_SANITIZED-}" ] || ulimit -v 1048576
    exec timeout 10 "$tfcc" "${words[@]}"
) >"$work/said" 2>&1 || status=$?
sed -i "s|$work/||g" "$work/said"

failed=0
if [ "$status" -ne "$wanted" ]; then
    echo "exit status $status, not $wanted"
    failed=1
fi
if [ "$wanted" -ne 0 ] && [ -e "$work/out.o" ]; then
    echo "an object was written"
    failed=1
fi
if [ "$write" = --write ]; then
    cp "$work/said" "$stem.expect"
elif ! diff -u "$stem.expect" "$work/said"; then
    failed=1
fi
exit $failed
