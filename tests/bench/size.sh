#!/usr/bin/env bash
# size.sh LIBRARY: the text of the runtime stays below 32 KiB.
set -euo pipefail
text=$(size -t "$1" | awk 'END {print $1}')
verdict=pass
[ "$text" -lt 32768 ] || verdict=FAIL
printf '%-52s %12d %-6s  below   %9d  %s\n' "libtfcc_runtime.a, text" "$text" bytes 32768 $verdict
[ $verdict = pass ]
