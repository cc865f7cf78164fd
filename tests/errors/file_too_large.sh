# errors/file_too_large.sh: a file above the limit.
echo '# a comment'
head -c 67108865 /dev/zero | tr '\0' ' '
