#!/bin/sh
# Runs all of the ONNX backend tests: `run.sh BUILD [DATA] [options of conformance]`, where BUILD is a
# folder in which tfcc has been built, and DATA the folder onnx/backend/test/data of an installation
# of the package onnx 1.17.0. Without DATA the package is fetched from PyPI into a virtual
# environment in BUILD.
set -eu
version=1.17.0
[ $# -ge 1 ] || { echo "usage: run.sh BUILD [DATA] [options]" >&2; exit 2; }
build=$1
shift
data=
case "${1:-}" in
"" | -*) ;;
*) data=$1; shift ;;
esac
if [ -z "$data" ]; then
    environment=$build/onnx-$version
    [ -x "$environment/bin/python3" ] || python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "onnx==$version"
    data=$("$environment/bin/python3" -c 'import onnx.backend.test as t; print(t.__path__[0])')/data
fi
for group in node simple pytorch-operator pytorch-converted light; do
    set -- "$@" "$data/$group"
done
here=$(cd "$(dirname "$0")" && pwd)
exec "$build/bin/conformance" "-j$(nproc)" "--left-out=$here/left_out.txt" "$@"
