#include "benchmarks/ops/checks.h"
#include "benchmarks/ops/workload.h"

#include <algorithm>
#include <memory>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/autograd/autograd.h>

#include "mabert/nn/initialize.h"
#include "mabert/nn/mamba_mixer.h"

namespace mabert::bench {
namespace {

using Mixer = std::shared_ptr<nn::MambaMixer>;

// A mixer as it is initialised in a model of width `width`, so that values have the size they have there.
Mixer make_mixer(std::int64_t width, nn::MambaDirection direction, const OpsRequest& request,
                 c10::Device device, at::ScalarType dtype) {
  nn::MambaOptions options;
  options.direction = direction;
  options.saved_states = request.saved_states;
  options.wide_states = request.wide_states;
  nn::MixerSettings settings;
  settings.width = width;
  auto mixer = std::make_shared<nn::MambaMixer>(options, settings);
  nn::ModelOptions model;
  model.width = width;
  nn::initialize_parameters(*mixer, model, 1);
  mixer->to(device);
  nn::set_compute_dtype(*mixer, dtype);
  return mixer;
}

std::vector<NamedTensor> leaves(const Mixer& mixer, const at::Tensor& x) {
  std::vector<NamedTensor> all{{"x", x}};
  for (const auto& item : mixer->named_parameters()) all.push_back({item.key(), item.value()});
  return all;
}

std::vector<NamedTensor> results(const Mixer& mixer, const at::Tensor& x, const SequenceLayout& layout,
                                 const at::Tensor& weight) {
  const at::Tensor out = mixer->forward(x, layout, {});
  std::vector<NamedTensor> all = gradients(out, weight, leaves(mixer, x));
  all.insert(all.begin(), {"out", out.detach()});
  return all;
}

// The module in float64 on the CPU with the same parameters. Its weights are rounded to the compute dtype and
// so is every step between them, which allows about 3 times the error of one operator.
std::vector<Check> check_small(const OpsRequest& request) {
  const std::int64_t width = 128;
  const SequenceLayout layout = SequenceLayout::ragged(std::vector<std::int64_t>{40, 1, 77});
  std::vector<Check> checks;
  for (const auto direction : {nn::MambaDirection::forward, nn::MambaDirection::bidirectional}) {
    const Mixer mixer = make_mixer(width, direction, request, request.device, request.dtype);
    const Mixer wide = make_mixer(width, direction, request, c10::Device(c10::kCPU), at::kFloat);
    wide->to(at::kDouble);
    const auto options = at::TensorOptions().device(request.device).dtype(request.dtype);
    const at::Tensor x = at::randn({layout.rows(), width}, options).requires_grad_(true);
    const at::Tensor weight = at::randn({layout.rows(), width}, options);
    const at::Tensor wide_x = x.detach().to(at::kCPU, at::kDouble).requires_grad_(true);
    const std::vector<Check> more = compare(
        direction == nn::MambaDirection::forward ? "small" : "small, both directions",
        results(mixer, x, layout.to(request.device), weight),
        results(wide, wide_x, layout, weight.to(at::kCPU, at::kDouble)), 3 * tolerance(request.dtype));
    checks.insert(checks.end(), more.begin(), more.end());
  }
  return checks;
}

Cost layer_cost(std::int64_t rows, std::int64_t channels, double groups, at::ScalarType dtype,
                bool backward) {
  const double t = static_cast<double>(rows), e = static_cast<double>(channels), d = e / 2, states = 16;
  const double rank = static_cast<double>((channels / 2 + 15) / 16);
  const double products = 2 * t * (d * 2 * e + groups * (e * (rank + 2 * states) + rank * e) + e * d);
  // Bytes: only the layer's input and output, what a wholly fused layer would move.
  const double bytes = t * d * 2 * static_cast<double>(c10::elementSize(dtype));
  const double exps = t * e * groups * (states + 6);
  return {.bytes = bytes * (backward ? 3 : 1),
          .exps = exps * (backward ? 2 : 1),
          .instructions = 0,
          .flops = products * (backward ? 3 : 1)};
}

Workload workload(const Batch& batch, const OpsRequest& request, nn::MambaDirection direction) {
  const std::int64_t width = batch.shape.channels / 2;
  const SequenceLayout layout = batch.layout;
  Workload result;
  result.op = "mamba_layer";
  result.layout = direction == nn::MambaDirection::bidirectional ? "both directions" : batch.name;
  result.shape = batch.shape;
  result.rows = batch.rows();
  result.valid_rows = layout.num_valid();
  result.groups = direction == nn::MambaDirection::bidirectional ? 2 : 1;
  result.dtype = request.dtype;
  const Mixer mixer = make_mixer(width, direction, request, request.device, request.dtype);
  const auto options = at::TensorOptions().device(request.device).dtype(request.dtype);
  const auto inputs = [=](std::int64_t sets, bool with_gradients) {
    std::vector<at::Tensor> all;
    for (std::int64_t i = 0; i < sets; ++i) {
      all.push_back(at::randn({layout.rows(), width}, options).requires_grad_(with_gradients));
    }
    return all;
  };
  const auto prepare_forward = [=](std::int64_t sets) -> Call {
    const std::vector<at::Tensor> rows = inputs(sets, false);
    return [=](std::int64_t set) -> Outputs {
      const at::NoGradGuard no_grad;
      return {mixer->forward(rows[static_cast<std::size_t>(set)], layout, {})};
    };
  };
  const auto prepare_both = [=](std::int64_t sets) -> Call {
    const std::vector<at::Tensor> rows = inputs(sets, true);
    const at::Tensor grad = at::randn({layout.rows(), width}, options);
    std::vector<at::Tensor> parameters = mixer->parameters();
    return [=](std::int64_t set) -> Outputs {
      std::vector<at::Tensor> wanted = parameters;
      wanted.push_back(rows[static_cast<std::size_t>(set)]);
      return torch::autograd::grad({mixer->forward(wanted.back(), layout, {})}, wanted, {grad});
    };
  };
  // The layer's own intermediate tensors are larger than any cache; two sets of its input are enough.
  const std::int64_t bytes = layout.rows() * width * c10::elementSize(request.dtype) * 8;
  const auto cost = [&](bool backward) {
    return layer_cost(result.valid_rows, batch.shape.channels, static_cast<double>(result.groups),
                      request.dtype, backward);
  };
  result.passes = {{"forward", cost(false), bytes, prepare_forward},
                   {"forward + backward", cost(true), bytes, prepare_both}};
  return result;
}

std::vector<Workload> workloads(const OpsRequest& request) {
  const bool both =
      std::find(request.layouts.begin(), request.layouts.end(), "bidirectional") != request.layouts.end();
  std::vector<Workload> all;
  for (const Batch& batch : make_batches(request)) {
    all.push_back(workload(batch, request, nn::MambaDirection::forward));
    all.back().baseline = batch.baseline;
    if (both && batch.name == "dense" && batch.shape.sequences == 32) {
      const std::string baseline = all.back().key();
      all.push_back(workload(batch, request, nn::MambaDirection::bidirectional));
      all.back().baseline = baseline;
    }
  }
  return all;
}

}  // namespace

OperatorBench mamba_layer_bench() { return {"mamba_layer", check_small, workloads}; }

}  // namespace mabert::bench
