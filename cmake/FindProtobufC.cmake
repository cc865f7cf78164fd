# FindProtobufC: gives the target ProtobufC::ProtobufC and the program PROTOBUFC_COMPILER (protoc-c).
find_path(PROTOBUFC_INCLUDE_DIR protobuf-c/protobuf-c.h)
find_library(PROTOBUFC_LIBRARY NAMES protobuf-c)
find_program(PROTOBUFC_COMPILER NAMES protoc-c protoc-gen-c)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ProtobufC
  REQUIRED_VARS PROTOBUFC_LIBRARY PROTOBUFC_INCLUDE_DIR PROTOBUFC_COMPILER
  REASON_FAILURE_MESSAGE "install libprotobuf-c-dev and protobuf-c-compiler")

if(ProtobufC_FOUND AND NOT TARGET ProtobufC::ProtobufC)
  add_library(ProtobufC::ProtobufC UNKNOWN IMPORTED)
  set_target_properties(ProtobufC::ProtobufC PROPERTIES
    IMPORTED_LOCATION "${PROTOBUFC_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${PROTOBUFC_INCLUDE_DIR}")
endif()
mark_as_advanced(PROTOBUFC_INCLUDE_DIR PROTOBUFC_LIBRARY PROTOBUFC_COMPILER)
