# errors/shape_deep.sh: each size is a formula over the one before, 300 times over.
printf 'nodes:\n  x: {op: placeholder, dtype: float32, shape: [null]}\n  n0: x\n'
for i in {1..300}; do printf '  n%d: "concat([n%d[::2], x], axis=0)"\n' "$i" $((i - 1)); done
