# The host's fmt headers for a cross build, reached by a link so that no other header of the host is seen.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/host-include)
file(CREATE_LINK /usr/include/fmt ${CMAKE_BINARY_DIR}/host-include/fmt SYMBOLIC)
add_library(fmt::fmt-header-only INTERFACE IMPORTED GLOBAL)
target_include_directories(fmt::fmt-header-only INTERFACE ${CMAKE_BINARY_DIR}/host-include)
target_compile_definitions(fmt::fmt-header-only INTERFACE FMT_HEADER_ONLY=1)
