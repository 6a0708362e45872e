# Packaging: `cmake --install` gives headers, the library, the CLI, a CMake package and a pkg-config file that
# work from wherever the tree is moved to. What garam uses inside (fmt, nlohmann-json) is compiled in, so that an
# installed garam needs nothing but a C++20 compiler and threads. tests/install consumes all of it.
include(CMakePackageConfigHelpers)
set(garam_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/garam)

install(TARGETS garam EXPORT garam_targets)
if(TARGET garam_train)
  install(TARGETS garam_train EXPORT garam_targets)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/garam DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING
        PATTERN "*.h")
install(EXPORT garam_targets NAMESPACE garam:: DESTINATION ${garam_package_dir} FILE garamTargets.cmake)
if(TARGET garam-cli)
  # examples/ installs the program; here it is told where a shared library lies, seen from itself.
  file(RELATIVE_PATH to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(garam-cli PROPERTIES INSTALL_RPATH "$ORIGIN/${to_lib}")
endif()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/garamConfig.cmake.in ${PROJECT_BINARY_DIR}/garamConfig.cmake
                              INSTALL_DESTINATION ${garam_package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/garamConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/garamConfig.cmake ${PROJECT_BINARY_DIR}/garamConfigVersion.cmake
        DESTINATION ${garam_package_dir})

# pkg-config puts the folder of garam.pc in front; an absolute library folder stays absolute.
set(garam_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH garam_pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" garam_pc_to_prefix "${garam_pc_to_prefix}")
cmake_path(APPEND garam_pc_libdir "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
cmake_path(APPEND garam_pc_includedir "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/garam.pc.in ${PROJECT_BINARY_DIR}/garam.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/garam.pc DESTINATION ${garam_pc_dir})
