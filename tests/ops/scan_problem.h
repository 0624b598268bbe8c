#pragma once

#include "support/device_cases.h"
#include "support/references.h"

#include <vector>

namespace mabert::testing {

/// Random float64 inputs of a selective scan. Full: every optional input is present.
inline ops::ScanInputs random_scan(std::int64_t rows, std::int64_t sequences, std::int64_t channels,
                                   std::int64_t states, std::int64_t groups, bool full,
                                   std::uint64_t seed = 1) {
  ops::ScanInputs in;
  in.u = random_tensor({rows, channels}, seed);
  in.delta = random_tensor({rows, channels}, seed + 1) - 1.0;
  in.a = -random_tensor({channels, states}, seed + 2).exp();
  in.b = random_tensor({rows, groups, states}, seed + 3);
  in.c = random_tensor({rows, groups, states}, seed + 4);
  if (full) {
    in.d = random_tensor({channels}, seed + 5);
    in.z = random_tensor({rows, channels}, seed + 6);
    in.delta_bias = random_tensor({channels}, seed + 7, 0.3);
    in.initial_state = random_tensor({sequences, channels, states}, seed + 8);
  }
  return in;
}

/// Every tensor of the inputs, row tensors through `rows`, sums through `sums`; absent ones stay absent.
template <class Rows, class Sums>
ops::ScanInputs map_scan(const ops::ScanInputs& in, const Rows& rows, const Sums& sums) {
  ops::ScanInputs to{rows(in.u), rows(in.delta), sums(in.a), rows(in.b), rows(in.c), {}, {}, {}, {}};
  if (in.d) to.d = sums(*in.d);
  if (in.z) to.z = rows(*in.z);
  if (in.delta_bias) to.delta_bias = sums(*in.delta_bias);
  if (in.initial_state) to.initial_state = sums(*in.initial_state);
  return to;
}

/// Inputs in the case's type and place, as leaves that collect gradients.
inline ops::ScanInputs place_scan(const ops::ScanInputs& in, const DeviceCase& where, bool gradients) {
  return map_scan(
      in, [&](const at::Tensor& x) { return where.place(x).detach().clone().requires_grad_(gradients); },
      [&](const at::Tensor& x) { return where.place_sums(x).detach().clone().requires_grad_(gradients); });
}

/// The same numbers, rounded to the case's type, for the reference.
inline ops::ScanInputs widen_scan(const ops::ScanInputs& in, bool gradients) {
  const auto widen = [&](const at::Tensor& x) {
    return x.detach().to(at::Device(at::kCPU), at::kDouble).clone().requires_grad_(gradients);
  };
  return map_scan(in, widen, widen);
}

struct NamedTensor {
  const char* name;
  at::Tensor tensor;
};

inline std::vector<NamedTensor> named_tensors(const ops::ScanInputs& in) {
  std::vector<NamedTensor> all{{"u", in.u}, {"delta", in.delta}, {"a", in.a}, {"b", in.b}, {"c", in.c}};
  if (in.d) all.push_back({"d", *in.d});
  if (in.z) all.push_back({"z", *in.z});
  if (in.delta_bias) all.push_back({"delta_bias", *in.delta_bias});
  if (in.initial_state) all.push_back({"initial_state", *in.initial_state});
  return all;
}

}  // namespace mabert::testing
