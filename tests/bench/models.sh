#!/bin/sh
# Measures what importing and compiling whole models costs: `models.sh BUILD [ENVIRONMENT]`, where BUILD is a folder in
# which tfcc has been built for release, after tests/conformance/models.sh has run there; ENVIRONMENT is a Python environment
# with numpy, onnx and onnxruntime, by default that script's.
set -eu
[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: models.sh BUILD [ENVIRONMENT]" >&2; exit 2; }
exec "${2:-$1/models/environment}/bin/python3" "$(dirname "$0")/models.py" "$1"
