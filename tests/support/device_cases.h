#pragma once

#include <ostream>
#include <string>
#include <vector>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

namespace mabert::testing {

/// One body of an operator to test: where, in which type, and how far (relative L2) it may be from the
/// float64 reference.
struct DeviceCase {
  std::string name;
  c10::Device device;
  at::ScalarType dtype;
  double tolerance;

  bool is_missing() const { return device.is_cuda() && !at::globalContext().hasCUDA(); }
  at::Tensor place(const at::Tensor& x) const { return x.to(device, dtype); }
  /// For parameters and states: float64 only with float64.
  at::Tensor place_sums(const at::Tensor& x) const {
    return x.to(device, dtype == at::kDouble ? at::kDouble : at::kFloat);
  }
};

inline void PrintTo(const DeviceCase& device_case, std::ostream* out) { *out << device_case.name; }

inline std::vector<DeviceCase> device_cases() {
  const c10::Device cpu(c10::kCPU), cuda(c10::kCUDA, 0);
  return {{"CpuFloat", cpu, at::kFloat, 4e-6},         {"CpuDouble", cpu, at::kDouble, 1e-12},
          {"CudaFloat", cuda, at::kFloat, 4e-6},       {"CudaDouble", cuda, at::kDouble, 1e-12},
          {"CudaBFloat16", cuda, at::kBFloat16, 1e-2}, {"CudaHalf", cuda, at::kHalf, 2e-3}};
}

inline std::string case_name(const ::testing::TestParamInfo<DeviceCase>& info) { return info.param.name; }

/// A suite with one instance per device and type; those without their device are skipped.
class DeviceTest : public ::testing::TestWithParam<DeviceCase> {
 protected:
  void SetUp() override {
    if (GetParam().is_missing()) GTEST_SKIP() << "no CUDA device";
    // References are thousands of tiny operations, which threads only slow down; tests of threading set their
    // number.
    at::set_num_threads(1);
  }
};

}  // namespace mabert::testing
