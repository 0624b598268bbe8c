# The CUDA compiler: the one named by CMAKE_CUDA_COMPILER or CUDACXX, else the one that tools/install_dependencies.sh
# fetched because it found no usable toolkit, else the toolkit of the system.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(MABERT_NVCC nvcc HINTS ${MABERT_DEPS_DIR}/cuda/bin PATHS /usr/local/cuda/bin)
  if(NOT MABERT_NVCC)
    message(FATAL_ERROR "No CUDA compiler: run MABERT_WITH_CUDA=1 tools/install_dependencies.sh, or set CUDACXX")
  endif()
  set(CMAKE_CUDA_COMPILER ${MABERT_NVCC} CACHE FILEPATH "CUDA compiler")
endif()
enable_language(CUDA)
# LibTorch brings the shared runtime anyway; two runtimes in one process would be one too many.
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR "CUDA 13 is needed, '${CMAKE_CUDA_COMPILER}' is ${CMAKE_CUDA_COMPILER_VERSION}: set CUDACXX, or unset it "
    "and run MABERT_WITH_CUDA=1 tools/install_dependencies.sh; then configure anew")
endif()

# CMake 3.25.1's find_package(CUDAToolkit) stops with an error where the toolkit has no nvToolsExt, as CUDA 13 has not.
find_path(CUDA_RUNTIME_INCLUDE cuda_runtime_api.h
  HINTS ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES} ${CMAKE_CUDA_COMPILER_TOOLKIT_ROOT}/include REQUIRED)
find_library(CUDA_RUNTIME_LIBRARY cudart
  HINTS ${CUDA_RUNTIME_INCLUDE}/../lib64 ${CUDA_RUNTIME_INCLUDE}/../lib ${CMAKE_CUDA_HOST_IMPLICIT_LINK_DIRECTORIES} REQUIRED)
add_library(mabert_cuda_runtime INTERFACE)
target_include_directories(mabert_cuda_runtime SYSTEM INTERFACE ${CUDA_RUNTIME_INCLUDE})
target_link_libraries(mabert_cuda_runtime INTERFACE ${CUDA_RUNTIME_LIBRARY})

if(MABERT_PTXAS_INFO)
  add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:-Xptxas=-v>")
  list(PREPEND CMAKE_CUDA_COMPILER_LAUNCHER ${PROJECT_SOURCE_DIR}/cmake/keep_ptxas_info.sh)
endif()
