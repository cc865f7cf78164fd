# errors/yaml_utf16.sh: a file in UTF-16.
printf '\xff\xfen\x00'
