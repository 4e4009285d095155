# weir_room(<name> PUBLIC <targets> PRIVATE <targets> HEADER_ONLY <targets>)
#
# One folder of the repository as one static library: target weir_<name>, alias weir::<name>.
# Sources are src/**.cc, public headers include/weir/<name>/, private headers stay in src/.
# A schema src/**/<schema>.fbs becomes the private header <schema>_generated.h.
# HEADER_ONLY targets are used inside the room only and vanish from the installed package.
function(weir_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "PUBLIC;PRIVATE;HEADER_ONLY")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/src/*.cc")
  weir_generate_schemas(schemas "${CMAKE_CURRENT_SOURCE_DIR}/src")
  if(NOT sources)
    set(sources "${CMAKE_CURRENT_BINARY_DIR}/no_sources_yet.cc")
    file(WRITE "${sources}.new" "// This room holds headers only.\n")
    file(COPY_FILE "${sources}.new" "${sources}" ONLY_IF_DIFFERENT)
  endif()

  set(target weir_${name})
  add_library(${target} STATIC ${sources} ${schemas})
  add_library(weir::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${target} PUBLIC cxx_std_20)
  weir_compile_options(${target})
  target_include_directories(
    ${target}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/src")
  target_include_directories(${target} SYSTEM PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/generated")
  target_link_libraries(${target} PUBLIC ${room_PUBLIC} PRIVATE ${room_PRIVATE})
  foreach(dependency IN LISTS room_HEADER_ONLY)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:${dependency}>)
  endforeach()
endfunction()

# Sets `out` to the headers made from the FlatBuffers schemas under the folders behind it.
function(weir_generate_schemas out)
  list(TRANSFORM ARGN APPEND "/*.fbs")
  file(GLOB_RECURSE schemas CONFIGURE_DEPENDS ${ARGN})
  set(headers "")
  foreach(schema IN LISTS schemas)
    cmake_path(GET schema STEM name)
    set(header "${CMAKE_CURRENT_BINARY_DIR}/generated/${name}_generated.h")
    add_custom_command(
      OUTPUT "${header}"
      COMMAND "${WEIR_FLATC}" --cpp --gen-object-api --cpp-std c++17 --scoped-enums -o
              "${CMAKE_CURRENT_BINARY_DIR}/generated" "${schema}"
      DEPENDS "${schema}"
      COMMENT "Generating ${name}_generated.h")
    list(APPEND headers "${header}")
  endforeach()
  set(${out} "${headers}" PARENT_SCOPE)
endfunction()
