# errors/yaml_key_twice_many.sh: the same among many keys, where they are looked up by hash.
echo nodes:
for i in {1..100}; do echo "  n$i: $i"; done
echo '  n50: 7'
