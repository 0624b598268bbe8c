#include "mabert/ops/attention.h"

#include "benchmarks/ops/backward_call.h"
#include "benchmarks/ops/checks.h"
#include "benchmarks/ops/workload.h"
#include "support/references.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>

namespace mabert::bench {
namespace {

constexpr std::int64_t kHeadWidth = 64;

struct AttentionInputs {
  at::Tensor q, k, v;
};

// Three slices of one product's result, as the mixer gives them.
AttentionInputs random_inputs(std::int64_t rows, std::int64_t heads, const OpsRequest& request,
                              bool with_gradients) {
  const auto options = at::TensorOptions().device(request.device).dtype(request.dtype);
  const std::vector<at::Tensor> parts = at::randn({rows, 3, heads, kHeadWidth}, options).unbind(1);
  const auto leaf = [&](const at::Tensor& x) { return x.detach().requires_grad_(with_gradients); };
  return {leaf(parts[0]), leaf(parts[1]), leaf(parts[2])};
}

std::vector<NamedTensor> results(const at::Tensor& out, const at::Tensor& weight, const AttentionInputs& in) {
  std::vector<NamedTensor> all = gradients(out, weight, {{"q", in.q}, {"k", in.k}, {"v", in.v}});
  all.insert(all.begin(), {"out", out.detach()});
  return all;
}

std::vector<Check> check_small(const OpsRequest& request) {
  const SequenceLayout layout = SequenceLayout::ragged(std::vector<std::int64_t>{1, 70, 131, 33});
  const AttentionInputs in = random_inputs(layout.rows(), 2, request, true);
  const auto wide = [](const at::Tensor& x) {
    return x.detach().to(at::kCPU, at::kDouble).contiguous().requires_grad_(true);
  };
  const AttentionInputs reference{wide(in.q), wide(in.k), wide(in.v)};
  const at::Tensor weight = at::randn_like(in.q.detach());
  return compare("small", results(ops::attention(in.q, in.k, in.v, layout.to(request.device)), weight, in),
                 results(testing::reference_attention(reference.q, reference.k, reference.v, layout),
                         weight.to(at::kCPU, at::kDouble), reference),
                 tolerance(request.dtype));
}

// Pairs of rows that see one another.
double pairs(const SequenceLayout& layout) {
  double sum = 0;
  for (std::size_t s = 0; s < layout.host_begin().size(); ++s) {
    const double length = layout.host_end()[s] - layout.host_begin()[s];
    sum += length * length;
  }
  return sum;
}

Workload workload(const Batch& batch, const OpsRequest& request) {
  const SequenceLayout layout = batch.layout;
  const std::int64_t width = batch.shape.channels / 2, heads = width / kHeadWidth;
  Workload result;
  result.op = "attention";
  result.layout = batch.name;
  result.shape = batch.shape;
  result.rows = batch.rows();
  result.valid_rows = layout.num_valid();
  result.dtype = request.dtype;
  const double values = static_cast<double>(result.valid_rows * width * c10::elementSize(request.dtype));
  const double products = pairs(layout) * static_cast<double>(width);
  const Cost forward{.bytes = 4 * values,
                     .exps = pairs(layout) * static_cast<double>(heads),
                     .instructions = 0,
                     .flops = 4 * products};
  const Cost backward{.bytes = 8 * values, .exps = forward.exps, .instructions = 0, .flops = 10 * products};
  const auto prepare_forward = [=](std::int64_t sets) -> Call {
    std::vector<AttentionInputs> inputs;
    for (std::int64_t i = 0; i < sets; ++i)
      inputs.push_back(random_inputs(layout.rows(), heads, request, false));
    return [=](std::int64_t set) -> Outputs {
      const AttentionInputs& in = inputs[static_cast<std::size_t>(set)];
      return {ops::attention(in.q, in.k, in.v, layout)};
    };
  };
  const auto prepare_backward = [=](std::int64_t sets) -> Call {
    std::vector<BackwardCall> calls;
    std::vector<at::Tensor> grads;
    for (std::int64_t i = 0; i < sets; ++i) {
      const AttentionInputs in = random_inputs(layout.rows(), heads, request, true);
      const at::Tensor out = ops::attention(in.q, in.k, in.v, layout);
      calls.emplace_back(out);
      grads.push_back(at::randn_like(out.detach()));
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
    all.push_back(workload(batch, request));
    all.back().baseline = batch.baseline;
  }
  return all;
}

}  // namespace

OperatorBench attention_bench() { return {"attention", check_small, workloads}; }

}  // namespace mabert::bench
