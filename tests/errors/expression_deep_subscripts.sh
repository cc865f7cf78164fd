# errors/expression_deep_subscripts.sh: 2,000 subscripts one behind the other; each level of brackets with as many as are allowed.
subscripts=$(printf '[0:]%.0s' {1..2000})
printf 'nodes:\n  x: {op: placeholder, dtype: int32, shape: [4]}\n  y: "x%s"\n' "$subscripts"
printf '  z: "%s"\n' "$(printf '(%.0s' {1..60})x$(printf "${subscripts:0:240})%.0s" {1..60})"
