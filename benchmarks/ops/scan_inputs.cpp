#include "benchmarks/ops/scan_inputs.h"

#include <numbers>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>

namespace mabert::bench {
namespace {

constexpr std::int64_t kRank = 48;

std::vector<NamedTensor> leaves(const ops::ScanInputs& in) {
  std::vector<NamedTensor> all{
      {"u", in.u},  {"delta", in.delta},           {"a", in.a}, {"b", in.b}, {"c", in.c},
      {"d", *in.d}, {"delta_bias", *in.delta_bias}};
  if (in.z) all.push_back({"z", *in.z});
  return all;
}

}  // namespace

ops::SavedStates saved_states(const OpsRequest& request) {
  return {.every = request.saved_states == nn::SavedScanStates::every_4 ? 4 : 8,
          .wide = request.wide_states,
          .recompute = request.saved_states == nn::SavedScanStates::recompute};
}

ops::ScanInputs random_scan(std::int64_t rows, const ScanSpec& spec, bool with_gradients) {
  const auto sums = at::TensorOptions().device(spec.device).dtype(at::kFloat);
  const auto values = sums.dtype(spec.dtype);
  const auto groups = static_cast<std::int64_t>(spec.reverse.size());
  const at::Tensor selected = at::randn({groups, rows, kRank + 2 * kScanStates}, values).transpose(0, 1);
  const at::Tensor step =
      (at::rand({spec.channels}, sums) * (std::numbers::ln10 * 2) - std::numbers::ln10 * 3).exp();
  ops::ScanInputs in;
  in.u = at::randn({rows, spec.channels}, values);
  in.delta = at::randn({rows, spec.channels}, values);
  in.a = -at::arange(1, kScanStates + 1, sums).repeat({spec.channels, 1});
  in.b = selected.narrow(2, kRank, kScanStates);
  in.c = selected.narrow(2, kRank + kScanStates, kScanStates);
  in.d = at::randn({spec.channels}, sums);
  in.delta_bias = step + (-(-step).expm1()).log();
  if (spec.gate) in.z = at::randn({rows, 2 * spec.channels}, values).narrow(1, spec.channels, spec.channels);
  if (with_gradients) {
    for (at::Tensor* tensor : {&in.u, &in.delta, &in.a, &in.b, &in.c, &*in.d, &*in.delta_bias}) {
      *tensor = tensor->detach().requires_grad_(true);
    }
    if (in.z) in.z = in.z->detach().requires_grad_(true);
  }
  return in;
}

ops::ScanInputs widened_scan(const ops::ScanInputs& in, c10::Device device) {
  const auto wide = [&](const at::Tensor& x) {
    return x.detach().to(device, at::kDouble).contiguous().requires_grad_(true);
  };
  ops::ScanInputs to{wide(in.u), wide(in.delta), wide(in.a), wide(in.b), wide(in.c), {}, {}, {}, {}};
  to.d = wide(*in.d);
  to.delta_bias = wide(*in.delta_bias);
  if (in.z) to.z = wide(*in.z);
  return to;
}

std::vector<NamedTensor> scan_results(const at::Tensor& out, const at::Tensor& weight,
                                      const ops::ScanInputs& in) {
  std::vector<NamedTensor> all = gradients(out, weight, leaves(in));
  all.insert(all.begin(), {"out", out.detach()});
  return all;
}

}  // namespace mabert::bench
