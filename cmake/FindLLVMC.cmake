# FindLLVMC: the C API of LLVM 19.
#
# Gives the target LLVMC::LLVMC. Looks where Debian's llvm-19-dev puts it; LLVMC_ROOT names another place.
find_path(LLVMC_INCLUDE_DIR llvm-c/Core.h HINTS /usr/lib/llvm-19/include PATH_SUFFIXES include)
find_library(LLVMC_LIBRARY NAMES LLVM-19 LLVM HINTS /usr/lib/llvm-19/lib)

if(LLVMC_INCLUDE_DIR AND EXISTS "${LLVMC_INCLUDE_DIR}/llvm/Config/llvm-config.h")
  file(STRINGS "${LLVMC_INCLUDE_DIR}/llvm/Config/llvm-config.h" LLVMC_VERSION_LINE
    REGEX "#define LLVM_VERSION_STRING")
  string(REGEX REPLACE ".*\"([^\"]*)\".*" "\\1" LLVMC_VERSION "${LLVMC_VERSION_LINE}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LLVMC
  REQUIRED_VARS LLVMC_LIBRARY LLVMC_INCLUDE_DIR
  VERSION_VAR LLVMC_VERSION
  REASON_FAILURE_MESSAGE "install llvm-19-dev")

if(LLVMC_FOUND AND NOT TARGET LLVMC::LLVMC)
  add_library(LLVMC::LLVMC UNKNOWN IMPORTED)
  set_target_properties(LLVMC::LLVMC PROPERTIES
    IMPORTED_LOCATION "${LLVMC_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LLVMC_INCLUDE_DIR}")
endif()
mark_as_advanced(LLVMC_INCLUDE_DIR LLVMC_LIBRARY)
