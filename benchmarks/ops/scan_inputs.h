#pragma once

#include "benchmarks/ops/checks.h"

#include <cstdint>
#include <vector>

#include "mabert/ops/selective_scan.h"

namespace mabert::bench {

constexpr std::int64_t kScanStates = 16;

struct ScanSpec {
  std::int64_t channels = 0;
  std::vector<bool> reverse{false};
  bool gate = true;
  at::ScalarType dtype = at::kFloat;
  c10::Device device{c10::kCPU};
  ops::SavedStates saved;

  ops::ScanOptions options() const { return {.reverse = reverse, .saved = saved, .last_state = false}; }
};

/// What the request says about saved states, as the operator takes it.
ops::SavedStates saved_states(const OpsRequest& request);

/// Random inputs as a Mamba layer gives them: z is half of one product's result, B and C are slices of
/// another's; A = -(1 ... N), delta bias as it is initialised.
ops::ScanInputs random_scan(std::int64_t rows, const ScanSpec& spec, bool with_gradients);

/// The same numbers in float64, as leaves that collect gradients.
ops::ScanInputs widened_scan(const ops::ScanInputs& in, c10::Device device);

/// `out` and the gradients of Σ out · weight: du, ddelta, da, db, dc, dd, ddelta_bias, dz.
std::vector<NamedTensor> scan_results(const at::Tensor& out, const at::Tensor& weight,
                                      const ops::ScanInputs& in);

}  // namespace mabert::bench
