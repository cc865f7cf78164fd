#!/usr/bin/env bash
# Installs what is missing (Debian 12; as root or through sudo), builds tfcc, compiles the tutorial's graphs to objects, links
# them with tutorial/main.c and shows the tutorial's values, each next to what produced it.
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/setup.sh
tfcc_install "${TFCC_BUILD_PACKAGES[@]}"

build=${BUILD:-build}
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build "$build" --parallel "$(nproc)" >/dev/null
tfcc=$build/bin/tfcc
work=$build/tutorial
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
        echo
        continue
    fi
    "$tfcc" "$model" -o "$work/$name.o"
    objects+=("$work/$name.o")
done

show cc -std=c17 -Iruntime/include -I"$work" graphs/tutorial/main.c "${objects[@]}" \
    "$build/lib/libtfcc_runtime.a" -lm -pthread -o "$work/tutorial"
show "$work/tutorial" "$work"
echo
show cat graphs/tutorial/03_variables.yaml
show "$tfcc" run graphs/tutorial/03_variables.yaml --repeat 2
show "$tfcc" run graphs/tutorial/04_placeholder.yaml --feed 'a=[[1, 2], [3, 4]]'
show ls -l "$work/tutorial" "$build/lib/libtfcc_runtime.a"
