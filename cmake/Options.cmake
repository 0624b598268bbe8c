option(MABERT_CUDA "Build the CUDA kernels and link LibTorch's CUDA libraries" OFF)
option(MABERT_CUDA_COMPILE_ONLY "Compile and link the CUDA kernels, but leave them out of the programs" OFF)
option(MABERT_PTXAS_INFO "Keep what ptxas says of every kernel, for tools/check_spills.sh" OFF)
option(MABERT_TESTS "Build the tests" ON)
option(MABERT_WERROR "Turn warnings into errors" OFF)
option(MABERT_SANITIZE "Build with address and undefined-behaviour sanitizers" OFF)

set(MABERT_DEPS_DIR ${PROJECT_SOURCE_DIR}/.deps CACHE PATH "Where tools/install_dependencies.sh put its downloads")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
find_program(LLD_PROGRAM ld.lld)

# Our own code's flags, on our own targets only.
add_library(mabert_warnings INTERFACE)
target_compile_options(mabert_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wno-missing-field-initializers;$<$<BOOL:${MABERT_WERROR}>:-Werror>>
  $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${MABERT_WERROR}>>:-Werror=all-warnings>)
if(MABERT_SANITIZE)
  target_compile_options(mabert_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=address,undefined;-fno-sanitize-recover=undefined;-fno-omit-frame-pointer>)
  target_link_options(mabert_warnings INTERFACE -fsanitize=address,undefined)
endif()
if(LLD_PROGRAM)
  target_link_options(mabert_warnings INTERFACE -fuse-ld=lld)
endif()
