#!/usr/bin/env bash
# Installs what is missing (Debian 12; as root or through sudo), builds with gcc and with clang, warnings being errors, and
# runs every test. ctest's last lines count the tests.
#
#     tests/run.sh                 builds in build-tests/ and build-tests-clang/
#     BUILD=folder tests/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/setup.sh
tfcc_install "${TFCC_BUILD_PACKAGES[@]}" g++ clang libcriterion-dev

build=${BUILD:-build-tests}
tfcc_build "$build" -DTFCC_WARNINGS_AS_ERRORS=ON
tfcc_build "$build-clang" -DTFCC_WARNINGS_AS_ERRORS=ON -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
ctest --test-dir "$build" --parallel "$(nproc)" --output-on-failure
