#!/usr/bin/env bash
# Installs what is missing (Debian 12; as root or through sudo), builds tfcc, compiles the tutorial's graphs to objects, links
# them with tutorial/main.c and shows the tutorial's values, each next to what produced it.
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/setup.sh
tfcc_install "${TFCC_BUILD_PACKAGES[@]}"

build=${BUILD:-build}
tfcc_build "$build" -DBUILD_TESTING=OFF
graphs/tutorial/run.sh "$build" "$build/tutorial"
echo
ls -l "$build/tutorial/tutorial" "$build/lib/libtfcc_runtime.a"
