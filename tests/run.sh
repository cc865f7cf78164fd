#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. The last lines count the tests.
#
#     tests/run.sh             a release build in build-tests/
#     BUILD=folder tests/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/setup.sh
tfcc_install "${TFCC_BUILD_PACKAGES[@]}" clang libcriterion-dev

build=${BUILD:-build-tests}
jobs=$(nproc)
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DTFCC_WARNINGS_AS_ERRORS=ON >/dev/null
cmake --build "$build" --parallel "$jobs"
ctest --test-dir "$build" --parallel "$jobs" --output-on-failure
