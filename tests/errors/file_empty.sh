# errors/file_empty.sh: an empty file.
:
