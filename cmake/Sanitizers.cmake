# Everything is built with the sanitizers of TFCC_SANITIZE, so that libraries and tests agree.
if(TFCC_SANITIZE)
  string(REPLACE ";" "," list "${TFCC_SANITIZE}")
  add_compile_options(-fsanitize=${list} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${list})
endif()
