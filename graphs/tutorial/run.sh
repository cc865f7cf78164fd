#!/usr/bin/env bash
# run.sh BUILD WORK: compiles the tutorial's graphs to objects in WORK with the tfcc of the build folder BUILD, links them with
# main.c and runs the program; also shows what `tfcc run` says. CC and CFLAGS are heeded.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1 work=$2
tfcc=$build/bin/tfcc
mkdir -p "$work"

show() {
    printf '\n$ %s\n' "$*"
    "$@"
}

objects=()
for model in graphs/tutorial/[0-9]*.yaml; do
    name=$(basename "$model" .yaml)
    if [ "$name" = 02_constants_stay ]; then
        echo "2. assigning to a constant is refused when the graph is compiled"
        if show "$tfcc" "$model" -o "$work/$name.o"; then
            echo "$name should have been refused" >&2
            exit 1
        fi
        continue
    fi
    "$tfcc" "$model" -o "$work/$name.o"
    objects+=("$work/$name.o")
done

read -ra flags <<<"${CFLAGS-}"
show "${CC:-cc}" -std=c17 "${flags[@]}" -Iruntime/include -I"$work" graphs/tutorial/main.c "${objects[@]}" \
    "$build/lib/libtfcc_runtime.a" -lm -pthread -o "$work/tutorial"
show "$work/tutorial" "$work"
echo
show cat graphs/tutorial/03_variables.yaml
show "$tfcc" run graphs/tutorial/03_variables.yaml --repeat 2
show "$tfcc" run graphs/tutorial/04_placeholder.yaml --feed 'a=[[1, 2], [3, 4]]'
