# What an installation holds: bin/tfcc, the runtime with its headers, the CMake package and the pkg-config file. All of it may
# be moved as a whole.
include(CMakePackageConfigHelpers)

install(TARGETS tfcc RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS tfcc_runtime EXPORT tfccTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY runtime/include/tfcc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(TFCC_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/tfcc)
install(EXPORT tfccTargets NAMESPACE tfcc:: DESTINATION ${TFCC_CMAKE_DIR})
configure_package_config_file(cmake/tfccConfig.cmake.in "${CMAKE_BINARY_DIR}/tfccConfig.cmake"
  INSTALL_DESTINATION ${TFCC_CMAKE_DIR} PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/tfccConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/tfccConfig.cmake" "${CMAKE_BINARY_DIR}/tfccConfigVersion.cmake"
  cmake/tfcc_add_model.cmake DESTINATION ${TFCC_CMAKE_DIR})

# The prefix is found from where the file itself lies.
file(RELATIVE_PATH TFCC_PC_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" TFCC_PC_TO_PREFIX "${TFCC_PC_TO_PREFIX}")
configure_file(cmake/tfcc-runtime.pc.in "${CMAKE_BINARY_DIR}/tfcc-runtime.pc" @ONLY)
install(FILES "${CMAKE_BINARY_DIR}/tfcc-runtime.pc"
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
