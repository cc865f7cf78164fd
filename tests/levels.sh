#!/usr/bin/env bash
# levels.sh TFCC: fusion, loops and native code know kernels and loops, never ops.
#
# Fails where one of their files mentions an op's enumerator, the table of ops, or an op's name as a text.
set -euo pipefail
tfcc=$1
cd "$(dirname "$0")/.."
files=(compiler/kernels/fuse*.[ch] compiler/kernels/math*.[ch] compiler/loops/*.[ch] compiler/native/*.[ch])
failed=0
passed=0

# Words that happen to be op names too: an instruction of loops, an entry point, names of values, a macro of C.
words='LOOP_GATHER|"tfcc_shape"|"multiply", "divide", "modulo"|"asm", +"assert"'

check() { # check PATTERN WHAT
    if grep -nE "$1" "${files[@]}" | grep -vE "$words"; then
        echo "the lines above name $2"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

check '\bOP_[A-Z0-9_]+\b' "an op's enumerator"
check 'graph/ops\.(h|def)|\bop_(find|row|table)\b' "the table of ops"
names=$("$tfcc" ops | grep -oE '^ *[a-z_0-9]+' | tr -d ' ' | sort -u | paste -sd'|')
check "\"($names)\"" "an op"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
