#include "mabert/core/device.h"

#include <cstdlib>
#include <string>

#include <ATen/Context.h>

#include "mabert/core/error.h"

namespace mabert {

c10::Device parse_device(std::string_view name) {
  const bool has_cuda = at::globalContext().hasCUDA();
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name == "auto") return has_cuda ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  std::string_view index = "0";
  if (name.starts_with("cuda:")) {
    index = name.substr(5);
  } else if (name != "cuda") {
    throw UsageError("device: expected auto, cpu, cuda or cuda:N, got '" + std::string(name) + "'");
  }
  if (index.empty() || index.size() > 3 || index.find_first_not_of("0123456789") != std::string_view::npos) {
    throw UsageError("device: expected a number after 'cuda:', got '" + std::string(name) + "'");
  }
  const int number = std::stoi(std::string(index));
  const int count = has_cuda ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
  if (number >= count) {
    throw DeviceError("device '" + std::string(name) + "': this program sees " + std::to_string(count) +
                      " CUDA device(s); use device=cpu, or a CUDA build on a machine with a GPU");
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(number));
}

void set_deterministic(bool on) {
  // cuBLAS is only repeatable with a fixed workspace, and reads this once, at its first call.
  if (on) setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::globalContext().setDeterministicAlgorithms(on, /*warn_only=*/false);
  // Filling fresh memory is meant to reveal use of uninitialised rows; it costs a write per allocation.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
}

}  // namespace mabert
