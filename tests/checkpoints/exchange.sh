#!/bin/sh
# exchange.sh [TFCC]: TensorFlow itself reads what tfcc saved, and tfcc what TensorFlow saved. Not part of run.sh, since it needs
# TensorFlow: PYTHON names an interpreter that has it (python3 by default). TFCC is the compiler, build/bin/tfcc by default.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec "${PYTHON:-python3}" "$here/exchange.py" "${1:-$here/../../build/bin/tfcc}"
