# tfcc_warnings(TARGET): the project's warnings, for every target of its own.
function(tfcc_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
  if(TFCC_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    target_compile_options(${target} PRIVATE -Wno-sign-conversion -Wno-implicit-int-float-conversion
      -Wno-string-conversion) # assert(!"what is wrong")
  endif()
  # The compiler folds constants and the interpreter is an oracle: what C computes must be what is written.
  target_compile_options(${target} PRIVATE -ffp-contract=off)
endfunction()
