# How a folder of tests becomes a program, and how ctest runs it.

find_package(GTest REQUIRED)
find_package(rapidcheck CONFIG QUIET)

set(WEIR_TEST_RESULTS "${PROJECT_BINARY_DIR}/test_results")

# What every test sees: all of Weir, its private headers as "<room>/src/...", the repository's folder.
function(weir_test_settings target)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(
    ${target} PRIVATE WEIR_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                      WEIR_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  # Compiling tests takes longer than running them.
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # lets ccache see through the header
  endif()
  # Clang counts an operator that only a macro of GoogleTest would use as never used.
  target_compile_options(
    ${target} PRIVATE $<$<CXX_COMPILER_ID:Clang>:-Wno-unneeded-internal-declaration>)
  target_link_libraries(${target} PRIVATE weir::weir GTest::gtest)
  if(TARGET rapidcheck)
    target_link_libraries(${target} PRIVATE rapidcheck)
  endif()
endfunction()

# The precompiled header that all test programs share.
file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/precompiled.cc.new" "// Carries the precompiled header.\n")
file(COPY_FILE "${CMAKE_CURRENT_BINARY_DIR}/precompiled.cc.new"
     "${CMAKE_CURRENT_BINARY_DIR}/precompiled.cc" ONLY_IF_DIFFERENT)
add_library(weir_test_headers OBJECT "${CMAKE_CURRENT_BINARY_DIR}/precompiled.cc")
weir_compile_options(weir_test_headers)
weir_test_settings(weir_test_headers)
# Where all is compiled at once, it holds Weir's headers, too: whoever changes one compiles all tests anew.
target_precompile_headers(
  weir_test_headers PRIVATE $<$<BOOL:${CMAKE_UNITY_BUILD}>:<weir/weir.h$<ANGLE-R>>
  <gtest/gtest.h> <algorithm> <chrono> <cstdint> <functional> <map> <memory>
  <optional> <random> <sstream> <string> <string_view> <unordered_map> <utility> <vector>)

# weir_test_program(<folder> SHARDS <n> [APART <name>...]): tests/<folder>/**.cc as bin/test_<folder>, run in n
# shards so that short and long cases spread over the cores. A folder without sources is passed over.
# APART: files that give a name to something which means something else in another file, so that the
# two cannot be compiled as one.
function(weir_test_program folder)
  cmake_parse_arguments(PARSE_ARGV 1 test "" "SHARDS" "APART")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cc")
  if(NOT sources)
    return()
  endif()
  set(target test_${folder})
  add_executable(${target} ${sources})
  weir_compile_options(${target})
  weir_test_settings(${target})
  list(TRANSFORM test_APART PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/")
  set_source_files_properties(${test_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  target_link_libraries(${target} PRIVATE GTest::gtest_main weir_test_support)
  if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}/src")
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/${folder}/src")
    target_include_directories(${target} SYSTEM PRIVATE "${PROJECT_BINARY_DIR}/${folder}/generated")
  endif()
  target_precompile_headers(${target} REUSE_FROM weir_test_headers)

  math(EXPR last "${test_SHARDS} - 1")
  foreach(shard RANGE ${last})
    add_test(NAME ${folder}.${shard} COMMAND ${target})
    set_tests_properties(
      ${folder}.${shard}
      PROPERTIES
        LABELS "gtest;${folder}"
        ENVIRONMENT
        "GTEST_TOTAL_SHARDS=${test_SHARDS};GTEST_SHARD_INDEX=${shard};GTEST_OUTPUT=json:${WEIR_TEST_RESULTS}/${folder}.${shard}.json;${WEIR_SANITIZER_ENVIRONMENT}"
    )
  endforeach()
endfunction()

# A report of a sanitizer fails the test; suppressions stay in two short files.
set(WEIR_SANITIZER_ENVIRONMENT
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${PROJECT_SOURCE_DIR}/tests/tsan_suppressions.txt"
)
