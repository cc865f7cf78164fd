# support.sh: sourced by the scripts that try the tfcc program. Sets `tfcc`, `here`, `work` (a fresh folder, the current one).
build=$1 source=$2
tfcc=$build/bin/tfcc
here=$source/tests/programs
tutorial=$source/graphs/tutorial
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
failures=0

failed() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# expect_status N COMMAND...: runs it; what it printed is in `out` and `err`.
expect_status() {
    local wanted=$1 status=0
    shift
    "$@" >"$work/.out" 2>"$work/.err" || status=$?
    out=$(cat "$work/.out") err=$(cat "$work/.err")
    [ "$status" -eq "$wanted" ] || failed "status $status, not $wanted: $*"$'\n'"$out"$'\n'"$err"
}

# expect_output TEXT COMMAND...: it succeeds, prints exactly this and nothing on standard error.
expect_output() {
    local wanted=$1
    shift
    expect_status 0 "$@"
    [ "$out" = "$wanted" ] || failed "$*"$'\n'"--- printed"$'\n'"$out"$'\n'"--- not"$'\n'"$wanted"
    [ -z "$err" ] || failed "$* printed on standard error: $err"
}

# expect_error N TEXT COMMAND...: it ends with status N, says TEXT, and prints no result.
expect_error() {
    local wanted=$1 text=$2
    shift 2
    expect_status "$wanted" "$@"
    [[ $err == *"$text"* ]] || failed "$*: the message does not hold '$text': $err"
}

contains() {
    [[ $1 == *"$2"* ]] || failed "'$2' is missing in: $1"
}

absent() {
    local path
    for path in "$@"; do
        [ ! -e "$path" ] || failed "$path exists"
    done
    [ -z "$(find "$work" -name '.tfcc-*')" ] || failed "temporary files are left"
}

finish() {
    [ "$failures" -eq 0 ] || exit 1
}
