# errors/expression_deep.sh: 100,000 open brackets.
printf 'nodes:\n  y: %s\n' "$(printf '(%.0s' {1..100000})" | cut -c1-100100
