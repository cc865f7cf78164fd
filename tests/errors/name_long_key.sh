# errors/name_long_key.sh: a name that is short enough, but longer than what YAML takes as a key without `?`.
printf 'nodes:\n  %s: {op: constant, value: 1}\n' "$(printf 'n%.0s' {1..2000})"
