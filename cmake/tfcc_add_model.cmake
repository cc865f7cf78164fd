# tfcc_add_model(TARGET model.yaml [options])
#
# Compiles the model with tfcc when it, or a file it reads, has changed, and adds the object and the folder of its header
# to TARGET, which is linked with the runtime. TARGET may be a program or a library; where it does not exist yet, it becomes
# a static library of the model alone. Options are handed to tfcc as they are, e.g. -O3 --mcpu=native --prefix=net; tfcc is run in
# the build folder, so give -L absolute paths.
function(tfcc_add_model target model)
  get_filename_component(stem "${model}" NAME_WE)
  get_filename_component(source "${model}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}.tfcc")
  set(object "${folder}/${stem}.o")
  file(MAKE_DIRECTORY "${folder}")

  add_custom_command(
    OUTPUT "${object}" "${folder}/${stem}.h"
    COMMAND tfcc::tfcc "${source}" -o "${object}" -MD -MF "${object}.d" ${ARGN}
    DEPENDS "${source}" tfcc::tfcc
    DEPFILE "${object}.d"
    COMMENT "Compiling model ${model}"
    VERBATIM)
  set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)

  if(NOT TARGET ${target})
    add_library(${target} STATIC)
    get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
    list(FILTER languages INCLUDE REGEX "^(C|CXX)$")
    list(GET languages 0 language)
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE ${language})
  endif()
  target_sources(${target} PRIVATE "${object}" "${folder}/${stem}.h")
  target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${folder}>")
  target_link_libraries(${target} PUBLIC tfcc::runtime)
endfunction()
