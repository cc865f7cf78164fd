#!/usr/bin/env bash
# tutorial.sh BUILD SOURCE [--write]: the tutorial as the demo runs it, compared word by word with tutorial.expect.
set -euo pipefail
build=$1 source=$2 write=${3-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$source"
graphs/tutorial/run.sh "$build" "$work/out" >"$work/said" 2>&1
sed -i "s|$work/out|WORK|g;s|$build|BUILD|g;s|^\$ ${CC:-cc} .*|\$ cc ...|" "$work/said"
expect=tests/programs/tutorial.expect
if [ "$write" = --write ]; then
    cp "$work/said" $expect
else
    diff -u $expect "$work/said"
fi
