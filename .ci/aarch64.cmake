# Toolchain: AArch64 Linux from Debian's cross compiler, tests under qemu's user emulation. GoogleTest is built
# from Debian's source package and fmt and nlohmann-json are header-only, so no foreign packages are needed.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE NEVER)

set(CMAKE_BUILD_TYPE Release CACHE STRING "")
set(GARAM_WERROR ON CACHE BOOL "")
set(GARAM_BUILD_CLI OFF CACHE BOOL "")
set(GARAM_BUILD_EXAMPLES OFF CACHE BOOL "")
set(GARAM_BUILD_BENCH OFF CACHE BOOL "")
set(CMAKE_DISABLE_FIND_PACKAGE_GTest ON CACHE BOOL "")
set(CMAKE_DISABLE_FIND_PACKAGE_fmt ON CACHE BOOL "")
set(FETCHCONTENT_SOURCE_DIR_GTEST /usr/src/googletest CACHE PATH "")
set(CMAKE_PROJECT_garam_INCLUDE ${CMAKE_CURRENT_LIST_DIR}/aarch64-headers.cmake CACHE FILEPATH "")
