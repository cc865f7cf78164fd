#!/usr/bin/env bash
# size.sh LIBRARY [LIMIT]: the text of the runtime, against what it should be, or against LIMIT.
set -euo pipefail
limit=${2:-32768}
text=$(size -t "$1" | awk 'END {print $1}')
verdict=ok
[ "$text" -lt "$limit" ] || verdict=FAIL
printf '%-52s %12d %-6s  below   %9d  %s\n' "libtfcc_runtime.a, text" "$text" bytes "$limit" $verdict
[ $verdict = ok ]
