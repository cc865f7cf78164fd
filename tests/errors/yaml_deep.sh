# errors/yaml_deep.sh: 80,000 open brackets are refused at once, by depth.
printf '%.0s[' {1..80000}
