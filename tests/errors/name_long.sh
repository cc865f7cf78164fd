# errors/name_long.sh: a name of more than 4,096 bytes.
printf 'nodes:\n  ? %s\n  : 1\n' "$(printf 'n%.0s' {1..4097})"
