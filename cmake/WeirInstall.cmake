# Installs libraries and public headers, and the package that find_package(weir CONFIG) finds.
include(CMakePackageConfigHelpers)

set(weir_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/weir")

install(TARGETS weir_runtime weir_state weir_operators weir_coordinator weir_weir EXPORT weirTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
foreach(room runtime state operators coordinator)
  if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/${room}/include")
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/${room}/include/" TYPE INCLUDE FILES_MATCHING
            PATTERN "*.h")
  endif()
endforeach()
install(EXPORT weirTargets NAMESPACE weir:: DESTINATION "${weir_package_dir}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/weirConfig.cmake.in" weirConfig.cmake
                              INSTALL_DESTINATION "${weir_package_dir}")
write_basic_package_version_file(weirConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/weirConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/weirConfigVersion.cmake"
        DESTINATION "${weir_package_dir}")
