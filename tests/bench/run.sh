#!/usr/bin/env bash
# Measures what tfcc promises about time and size, and compares it with the limits. For a machine that is otherwise idle.
#
#     tests/bench/run.sh            a release build in build-tests/, as tests/run.sh makes it
#     BUILD=folder tests/bench/run.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build-tests}
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build" --parallel "$(nproc)" --target tfcc bench_runs bench_compile >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
"$build/bin/bench_runs" || status=1
"$build/bin/bench_compile" "$build/bin/tfcc" graphs/tutorial "$work" || status=1
tests/bench/size.sh "$build/lib/libtfcc_runtime.a" || status=1
exit $status
