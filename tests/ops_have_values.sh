#!/usr/bin/env bash
# ops_have_values.sh TFCC: every op has a file of values, tests/values/GROUP/OP.yaml, that names it.
set -euo pipefail
tfcc=$1
cd "$(dirname "$0")/values"
failed=0
count=0
for op in $("$tfcc" ops | awk '/^[a-z]/ {print $1}'); do
    count=$((count + 1))
    file=$(find . -name "$op.yaml")
    if [ -z "$file" ]; then
        echo "op $op has no file of values"
        failed=1
    elif ! grep -q "^- name:" "$file"; then
        echo "$file holds no case"
        failed=1
    fi
done
echo "$count ops"
[ "$count" -gt 100 ] && [ "$failed" -eq 0 ]
