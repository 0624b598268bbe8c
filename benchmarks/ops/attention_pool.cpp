#include "mabert/ops/attention_pool.h"

#include "benchmarks/ops/backward_call.h"
#include "benchmarks/ops/checks.h"
#include "benchmarks/ops/workload.h"
#include "support/references.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>

namespace mabert::bench {
namespace {

struct PoolInputs {
  at::Tensor x, scores;
};

PoolInputs random_inputs(std::int64_t rows, std::int64_t width, const OpsRequest& request,
                         bool with_gradients) {
  const auto sums = at::TensorOptions().device(request.device).dtype(at::kFloat);
  return {at::randn({rows, width}, sums.dtype(request.dtype)).requires_grad_(with_gradients),
          at::randn({rows}, sums).requires_grad_(with_gradients)};
}

std::vector<NamedTensor> results(const at::Tensor& out, const at::Tensor& weight, const PoolInputs& in) {
  std::vector<NamedTensor> all = gradients(out, weight, {{"x", in.x}, {"scores", in.scores}});
  all.insert(all.begin(), {"out", out.detach()});
  return all;
}

std::vector<Check> check_small(const OpsRequest& request) {
  const SequenceLayout layout = SequenceLayout::ragged(std::vector<std::int64_t>{1, 70, 0, 131, 33});
  const PoolInputs in = random_inputs(layout.rows(), 96, request, true);
  const PoolInputs wide{in.x.detach().to(at::kCPU, at::kDouble).requires_grad_(true),
                        in.scores.detach().to(at::kCPU, at::kDouble).requires_grad_(true)};
  const at::Tensor out = ops::attention_pool(in.x, in.scores, layout.to(request.device));
  const at::Tensor weight = at::randn_like(out.detach());
  return compare(
      "small", results(out, weight, in),
      results(testing::reference_pool(wide.x, wide.scores, layout), weight.to(at::kCPU, at::kDouble), wide),
      tolerance(request.dtype));
}

Workload workload(const Batch& batch, const OpsRequest& request) {
  const SequenceLayout layout = batch.layout;
  const std::int64_t width = batch.shape.channels / 2;
  Workload result;
  result.op = "attention_pool";
  result.layout = batch.name;
  result.shape = batch.shape;
  result.rows = batch.rows();
  result.valid_rows = layout.num_valid();
  result.dtype = request.dtype;
  const double values = static_cast<double>(result.valid_rows * width * c10::elementSize(request.dtype));
  const Cost forward{.bytes = values, .exps = 0, .instructions = 0, .flops = 0};
  const Cost backward{.bytes = 2 * values, .exps = 0, .instructions = 0, .flops = 0};
  const auto prepare_forward = [=](std::int64_t sets) -> Call {
    std::vector<PoolInputs> inputs;
    for (std::int64_t i = 0; i < sets; ++i)
      inputs.push_back(random_inputs(layout.rows(), width, request, false));
    return [=](std::int64_t set) -> Outputs {
      const PoolInputs& in = inputs[static_cast<std::size_t>(set)];
      return {ops::attention_pool(in.x, in.scores, layout)};
    };
  };
  const auto prepare_backward = [=](std::int64_t sets) -> Call {
    std::vector<BackwardCall> calls;
    std::vector<at::Tensor> grads;
    for (std::int64_t i = 0; i < sets; ++i) {
      const PoolInputs in = random_inputs(layout.rows(), width, request, true);
      const at::Tensor out = ops::attention_pool(in.x, in.scores, layout);
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

OperatorBench attention_pool_bench() { return {"attention_pool", check_small, workloads}; }

}  // namespace mabert::bench
