#!/usr/bin/env bash
# symbols.sh: an object needs nothing but the runtime, libc and libm, shows nothing that does not carry its prefix, and is
# position independent. The graphs hold every op there is a values file for, in its first case.
set -euo pipefail
source "$(dirname "$0")/support.sh"

# What libc and libm export. Helpers of the compiler's own library (__divti3, __truncsfbf2, …) are in neither.
libraries=$({ PATH=$PATH:/sbin:/usr/sbin ldconfig -p || true; } 2>/dev/null | sed -n 's/.*x86-64.* => \(.*\/lib\(c\|m\)\.so\.6\)$/\1/p')
[ -n "$libraries" ] || libraries=$(ls /lib/x86_64-linux-gnu/lib{c,m}.so.6)
# shellcheck disable=SC2086
nm -D --defined-only $libraries | sed -n 's/.* [TWiV] \([^@]*\).*/\1/p' | sort -u >exported

check() {
    local object=$1 prefix=$2 name=$3
    nm -u "$object" | awk '{print $2}' | sed '/^tfcc_/d' | sort -u >undefined
    local foreign
    foreign=$(comm -23 undefined exported | grep -v '^_GLOBAL_OFFSET_TABLE_$' || true)
    [ -z "$foreign" ] || failed "$name needs $foreign"
    foreign=$(nm -g --defined-only "$object" | awk '{print $3}' | grep -v "^${prefix}_" || true)
    [ -z "$foreign" ] || failed "$name shows $foreign"
    if readelf -rW "$object" | grep -qE 'R_X86_64_(32|32S|16|8)\b'; then
        failed "$name is not position independent"
    fi
    if readelf -SW "$object" | grep -q '\.init_array\|\.ctors'; then failed "$name has constructors"; fi
    if readelf -SW "$object" | grep -q ' \.note\.GNU-stack .* X '; then failed "$name wants an executable stack"; fi
}

for model in "$here"/models/*.yaml "$tutorial"/*.yaml; do
    name=$(basename "$model" .yaml)
    [ "$name" = 02_constants_stay ] && continue
    for cpu in x86-64-v2 x86-64-v3 x86-64-v4; do
        "$tfcc" "$model" -o "$name.o" --prefix "p$name" --mcpu=$cpu
        check "$name.o" "p$name" "$name, $cpu"
    done
done

# One graph a values file: its first case, cut out by indentation.
count=0
for file in "$source"/tests/values/*/*.yaml; do
    name=$(basename "$(dirname "$file")")_$(basename "$file" .yaml)
    awk '/^- name:/ {if (++cases > 1) exit} cases == 1 && /^  [a-z_]+:/ {inside = /^  graph:/; next} inside {print substr($0, 5)}' \
        "$file" >"$name.yaml"
    [ -s "$name.yaml" ] || continue
    status=0
    "$tfcc" "$name.yaml" -o "$name.o" --prefix "p$name" --mcpu=x86-64-v2 2>/dev/null || status=$?
    [ "$status" -le 1 ] || failed "$name: tfcc ended with status $status"
    [ "$status" -eq 0 ] || continue
    check "$name.o" "p$name" "$name"
    count=$((count + 1))
done
[ "$count" -gt 80 ] || failed "only $count of the values files were tried"
finish
