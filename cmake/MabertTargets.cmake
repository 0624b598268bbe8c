# One OBJECT library per layer, one test program per layer. A layer names only the layers directly below that it
# uses; a program links the whole stack up to its layer, because operators register only from directly linked objects.

set(MABERT_LAYERS core config metrics ops kernels nn data train app)
# What a program of a layer links: everything below it, in order.
set(MABERT_STACK_core core)
set(MABERT_STACK_config core config)
set(MABERT_STACK_metrics core metrics)
set(MABERT_STACK_ops core ops kernels)
set(MABERT_STACK_kernels core ops kernels)
set(MABERT_STACK_nn core config ops kernels nn)
set(MABERT_STACK_data core config metrics data)
set(MABERT_STACK_train core config metrics ops kernels nn data train)
set(MABERT_STACK_app core config metrics ops kernels nn data train app)

# mabert_add_layer(NAME SOURCES a.cpp ... LINKS target ...)
function(mabert_add_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(mabert_${name} OBJECT ${ARG_SOURCES})
  target_include_directories(mabert_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(mabert_${name} PUBLIC ${ARG_LINKS} PRIVATE mabert_warnings)
  target_compile_features(mabert_${name} PUBLIC cxx_std_20)
endfunction()

# mabert_add_cuda_kernels(SOURCES a.cu register_cuda.cpp ... LINKS target ...): the CUDA part of the layer kernels.
# With MABERT_CUDA every program that links kernels links it too. With MABERT_CUDA_COMPILE_ONLY a program that is never
# run does, and the others stay CPU programs: libtorch_cuda.so can be linked against on its own, but does not load without
# gigabytes of cuBLAS, cuDNN, NCCL and others, which a machine without a GPU has no use for. So one build folder serves
# the tests on the CPU and compiles and links (but does not run) the same CUDA objects as a GPU build.
function(mabert_add_cuda_kernels)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  mabert_add_layer(kernels_cuda SOURCES ${ARG_SOURCES} LINKS ${ARG_LINKS} mabert_torch_cuda)
  set_target_properties(mabert_kernels_cuda PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON)
  if(MABERT_CUDA_COMPILE_ONLY)
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/empty_main.cpp CONTENT "int main() {}\n")
    mabert_add_program(mabert_cuda_link_check LAYER kernels
      SOURCES ${CMAKE_CURRENT_BINARY_DIR}/empty_main.cpp LINKS mabert_kernels_cuda)
  endif()
endfunction()

# mabert_add_program(NAME LAYER app SOURCES a.cpp ... LINKS target ...)
function(mabert_add_program name)
  cmake_parse_arguments(ARG "" "LAYER" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  foreach(layer IN LISTS MABERT_STACK_${ARG_LAYER})
    target_link_libraries(${name} PRIVATE mabert_${layer})
    if(MABERT_CUDA AND layer STREQUAL kernels)
      target_link_libraries(${name} PRIVATE mabert_kernels_cuda)
    endif()
  endforeach()
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} mabert_warnings)
endfunction()

# What GoogleTest prints last when every test of a run was skipped (none passed, none failed).
set(MABERT_ALL_SKIPPED "\\[  PASSED  \\] 0 tests\\.\n(\\[  SKIPPED \\] [^\n]*\n?)+$")

# mabert_test_filter(RESULT FILE): the --gtest_filter of exactly the suites of that file.
function(mabert_test_filter result file)
  file(READ ${file} text)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  string(REGEX MATCHALL "\n[ \t]*(TYPED_)?TEST(_[FP])?\\([ \t\r\n]*[A-Za-z0-9_]+" found "\n${text}")
  list(TRANSFORM found REPLACE "^.*[^A-Za-z0-9_]([A-Za-z0-9_]+)$" "\\1")
  list(REMOVE_DUPLICATES found)
  if(NOT found)
    message(FATAL_ERROR "${file}: no TEST, TEST_F, TEST_P or TYPED_TEST in it")
  endif()
  set(patterns "")
  foreach(suite IN LISTS found)
    # Plain; one of INSTANTIATE_TEST_SUITE_P; of a type; both.
    list(APPEND patterns ${suite}.* */${suite}.* ${suite}/*.* */${suite}/*.*)
  endforeach()
  list(JOIN patterns ":" filter)
  set(${result} ${filter} PARENT_SCOPE)
endfunction()

# mabert_add_tests(LAYER SOURCES a_test.cpp ... LINKS target ...)
# One program per layer and, for each file a_b_test.cpp, one ctest entry LAYER.a_b that runs the suites of that file.
function(mabert_add_tests layer)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  set(program mabert_${layer}_tests)
  mabert_add_program(${program} LAYER ${layer} SOURCES ${ARG_SOURCES} LINKS ${ARG_LINKS} mabert_test_support)
  foreach(file IN LISTS ARG_SOURCES)
    mabert_test_filter(filter ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    get_filename_component(stem ${file} NAME_WE)
    string(REGEX REPLACE "_test$" "" stem ${stem})
    add_test(NAME ${layer}.${stem} COMMAND ${program} "--gtest_filter=${filter}")
    set_tests_properties(${layer}.${stem} PROPERTIES
      FAIL_REGULAR_EXPRESSION "Running 0 tests" SKIP_REGULAR_EXPRESSION "${MABERT_ALL_SKIPPED}" LABELS fast TIMEOUT 600)
  endforeach()
endfunction()
