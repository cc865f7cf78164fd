# errors/yaml_invalid_utf8.sh: bytes that are not UTF-8.
printf 'nodes:\n  a: 1 # \xff\n'
