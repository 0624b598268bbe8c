#include "mabert/ops/causal_conv1d.h"

#include "benchmarks/ops/backward_call.h"
#include "benchmarks/ops/checks.h"
#include "benchmarks/ops/workload.h"
#include "support/references.h"

#include <algorithm>

#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>

namespace mabert::bench {
namespace {

constexpr std::int64_t kWidth = 4;

struct ConvInputs {
  at::Tensor x, weight, bias;
};

// x is half of a product's result, as in a Mamba layer; weight and bias are float32.
ConvInputs random_inputs(std::int64_t rows, std::int64_t channels, const OpsRequest& request,
                         bool with_gradients) {
  const auto sums = at::TensorOptions().device(request.device).dtype(at::kFloat);
  ConvInputs in{at::randn({rows, 2 * channels}, sums.dtype(request.dtype)).narrow(1, 0, channels),
                at::randn({channels, kWidth}, sums) * 0.5, at::randn({channels}, sums) * 0.5};
  for (at::Tensor* tensor : {&in.x, &in.weight, &in.bias})
    *tensor = tensor->detach().requires_grad_(with_gradients);
  return in;
}

std::vector<NamedTensor> results(const at::Tensor& out, const at::Tensor& weight, const ConvInputs& in) {
  std::vector<NamedTensor> all =
      gradients(out, weight, {{"x", in.x}, {"weight", in.weight}, {"bias", in.bias}});
  all.insert(all.begin(), {"out", out.detach()});
  return all;
}

ConvInputs widened(const ConvInputs& in, c10::Device device) {
  const auto wide = [&](const at::Tensor& x) {
    return x.detach().to(device, at::kDouble).contiguous().requires_grad_(true);
  };
  return {wide(in.x), wide(in.weight), wide(in.bias)};
}

std::vector<Check> check_small(const OpsRequest& request) {
  const SequenceLayout layout = SequenceLayout::ragged(std::vector<std::int64_t>{1, 70, 0, 131, 33, 2});
  std::vector<Check> checks;
  for (const std::vector<bool>& reverse : {std::vector<bool>{false}, {false, true}}) {
    const ConvInputs in = random_inputs(layout.rows(), 96, request, true),
                     wide = widened(in, c10::Device(c10::kCPU));
    const at::Tensor weight = at::randn_like(in.x.detach());
    const std::vector<Check> more = compare(
        reverse.size() == 1 ? "small" : "small, both directions",
        results(ops::causal_conv1d(in.x, in.weight, in.bias, layout.to(request.device), reverse), weight, in),
        results(testing::reference_conv(wide.x, wide.weight, wide.bias, layout, reverse),
                weight.to(at::kCPU, at::kDouble), wide),
        tolerance(request.dtype));
    checks.insert(checks.end(), more.begin(), more.end());
  }
  return checks;
}

Workload workload(const Batch& batch, const OpsRequest& request, const std::vector<bool>& reverse) {
  const std::int64_t channels = batch.shape.channels * static_cast<std::int64_t>(reverse.size());
  const SequenceLayout layout = batch.layout;
  Workload result;
  result.op = "causal_conv1d";
  result.layout = batch.name;
  result.shape = {batch.shape.sequences, batch.shape.length, channels};
  result.rows = batch.rows();
  result.valid_rows = layout.num_valid();
  result.groups = static_cast<std::int64_t>(reverse.size());
  result.dtype = request.dtype;
  if (!request.quick_check) {
    result.check = [=] {
      const ConvInputs in = random_inputs(layout.rows(), channels, request, true),
                       wide = widened(in, request.device);
      const at::Tensor weight = at::randn_like(in.x.detach());
      return compare("timed size",
                     results(ops::causal_conv1d(in.x, in.weight, in.bias, layout, reverse), weight, in),
                     results(ops::causal_conv1d(wide.x, wide.weight, wide.bias, layout, reverse),
                             weight.to(at::kDouble), wide),
                     tolerance(request.dtype));
    };
  }
  const double elements = static_cast<double>(result.valid_rows * channels);
  const double item = static_cast<double>(c10::elementSize(request.dtype));
  // SiLU: an exponential and a reciprocal. Backward: read x and the gradient, write the gradient of x.
  const Cost forward{.bytes = elements * item * 2, .exps = elements * 2, .instructions = 0, .flops = 0};
  const Cost backward{.bytes = elements * item * 3, .exps = elements * 2, .instructions = 0, .flops = 0};
  const auto prepare_forward = [=](std::int64_t sets) -> Call {
    std::vector<ConvInputs> inputs;
    for (std::int64_t i = 0; i < sets; ++i)
      inputs.push_back(random_inputs(layout.rows(), channels, request, false));
    return [=](std::int64_t set) -> Outputs {
      const ConvInputs& in = inputs[static_cast<std::size_t>(set)];
      return {ops::causal_conv1d(in.x, in.weight, in.bias, layout, reverse)};
    };
  };
  const auto prepare_backward = [=](std::int64_t sets) -> Call {
    std::vector<BackwardCall> calls;
    std::vector<at::Tensor> grads;
    for (std::int64_t i = 0; i < sets; ++i) {
      const ConvInputs in = random_inputs(layout.rows(), channels, request, true);
      calls.emplace_back(ops::causal_conv1d(in.x, in.weight, in.bias, layout, reverse));
      grads.push_back(at::randn({layout.rows(), channels}, in.x.options().requires_grad(false)));
    }
    return [=](std::int64_t set) {
      return calls[static_cast<std::size_t>(set)](grads[static_cast<std::size_t>(set)]);
    };
  };
  result.passes = {{"forward", forward, static_cast<std::int64_t>(forward.bytes), prepare_forward},
                   {"backward", backward, static_cast<std::int64_t>(backward.bytes), prepare_backward}};
  return result;
}

std::vector<Workload> workloads(const OpsRequest& request) {
  std::vector<Workload> all;
  for (const Batch& batch : make_batches(request)) {
    all.push_back(workload(batch, request, {false}));
    all.back().baseline = batch.baseline;
    const bool both =
        std::find(request.layouts.begin(), request.layouts.end(), "bidirectional") != request.layouts.end();
    if (both && batch.name == "dense" && batch.shape.sequences == 32) {
      Batch renamed = batch;
      renamed.name = "both directions";
      const std::string baseline = all.back().key();
      all.push_back(workload(renamed, request, {false, true}));
      all.back().baseline = baseline;
    }
  }
  return all;
}

}  // namespace

OperatorBench causal_conv1d_bench() { return {"causal_conv1d", check_small, workloads}; }

}  // namespace mabert::bench
