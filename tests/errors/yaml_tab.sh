# errors/yaml_tab.sh: a tab as indentation.
printf 'nodes:\n\ta: 1\n'
