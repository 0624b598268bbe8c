# Imported targets for what tools/install_dependencies.sh provides: mabert_torch (CPU libraries), mabert_torch_cuda,
# mabert_sentencepiece, mabert_yaml, mabert_spdlog, mabert_json, mabert_highway, mabert_lzma, GTest::gtest.

set(MABERT_TORCH_ROOT "" CACHE PATH "LibTorch (include/ and lib/); empty: the one in MABERT_DEPS_DIR")
if(DEFINED ENV{MABERT_TORCH_ROOT})
  set_property(CACHE MABERT_TORCH_ROOT PROPERTY VALUE "$ENV{MABERT_TORCH_ROOT}")
endif()
set(torch_root ${MABERT_TORCH_ROOT})
if(NOT torch_root)
  set(torch_root ${MABERT_DEPS_DIR}/site/torch)
endif()
if(NOT EXISTS ${torch_root}/include/ATen/ATen.h OR NOT EXISTS ${torch_root}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "No LibTorch in '${torch_root}': run tools/install_dependencies.sh, or set MABERT_TORCH_ROOT")
endif()

# find_package(Torch) insists on a CUDA toolkit; these targets do not. -idirafter: torch ships its own fmt, which must
# not win over the system's.
add_library(mabert_torch INTERFACE)
target_compile_options(mabert_torch INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${torch_root}/include -idirafter ${torch_root}/include/torch/csrc/api/include>")
target_link_libraries(mabert_torch INTERFACE ${torch_root}/lib/libtorch_cpu.so ${torch_root}/lib/libc10.so)
target_link_options(mabert_torch INTERFACE
  "LINKER:-rpath,${torch_root}/lib" "LINKER:--allow-shlib-undefined" "LINKER:--disable-new-dtags")

if(MABERT_CUDA OR MABERT_CUDA_COMPILE_ONLY)
  if(NOT EXISTS ${torch_root}/lib/libtorch_cuda.so)
    message(FATAL_ERROR "The LibTorch in '${torch_root}' lacks its CUDA libraries: run "
      "MABERT_WITH_CUDA=1 tools/install_dependencies.sh, or set MABERT_TORCH_ROOT")
  endif()
  add_library(mabert_torch_cuda INTERFACE)
  # Debian's gcc passes --as-needed, which would drop libtorch_cuda without a word: it only registers itself.
  target_link_options(mabert_torch_cuda INTERFACE "LINKER:--no-as-needed"
    ${torch_root}/lib/libtorch_cuda.so ${torch_root}/lib/libc10_cuda.so "LINKER:--as-needed")
  target_link_libraries(mabert_torch_cuda INTERFACE mabert_torch mabert_cuda_runtime)
endif()

find_package(Threads REQUIRED)
find_library(YAML_CPP_STATIC NAMES libyaml-cpp.a REQUIRED)
find_path(YAML_CPP_INCLUDE yaml-cpp/yaml.h REQUIRED)
add_library(mabert_yaml INTERFACE)
target_link_libraries(mabert_yaml INTERFACE ${YAML_CPP_STATIC})
target_include_directories(mabert_yaml SYSTEM INTERFACE ${YAML_CPP_INCLUDE})

find_path(SPDLOG_INCLUDE spdlog/spdlog.h REQUIRED)
add_library(mabert_spdlog INTERFACE)
# Header-only: the shared library's name differs between releases, and programs may be built on one and run on another.
target_compile_definitions(mabert_spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)
target_link_libraries(mabert_spdlog INTERFACE Threads::Threads)

find_path(NLOHMANN_JSON_INCLUDE nlohmann/json.hpp REQUIRED)
find_path(CLI11_INCLUDE CLI/CLI.hpp REQUIRED)
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)

find_library(LZMA_STATIC NAMES liblzma.a REQUIRED)
add_library(mabert_lzma INTERFACE)
target_link_libraries(mabert_lzma INTERFACE ${LZMA_STATIC} Threads::Threads)

find_library(HIGHWAY_LIBRARY NAMES hwy REQUIRED)
add_library(mabert_highway INTERFACE)
target_link_libraries(mabert_highway INTERFACE ${HIGHWAY_LIBRARY})

set(sentencepiece_root ${MABERT_DEPS_DIR}/sentencepiece)
if(NOT EXISTS ${sentencepiece_root}/lib/libsentencepiece.a)
  message(FATAL_ERROR "No sentencepiece in '${sentencepiece_root}': run tools/install_dependencies.sh")
endif()
add_library(mabert_sentencepiece INTERFACE)
target_include_directories(mabert_sentencepiece SYSTEM INTERFACE ${sentencepiece_root}/include)
target_link_libraries(mabert_sentencepiece INTERFACE
  ${sentencepiece_root}/lib/libsentencepiece_train.a ${sentencepiece_root}/lib/libsentencepiece.a Threads::Threads)

if(MABERT_TESTS)
  find_package(GTest REQUIRED)
endif()
