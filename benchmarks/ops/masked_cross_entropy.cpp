#include "mabert/ops/masked_cross_entropy.h"

#include "benchmarks/ops/backward_call.h"
#include "benchmarks/ops/checks.h"
#include "benchmarks/ops/workload.h"

#include <algorithm>
#include <set>

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

namespace mabert::bench {
namespace {

// Rows to predict and vocabulary of a pretraining step: 15 % of the tokens, 30,522 padded to a multiple
// of 64.
constexpr double kPredicted = 0.15;
constexpr std::int64_t kPadded = 30528;

struct LossInputs {
  at::Tensor logits, labels;
};

LossInputs random_inputs(std::int64_t rows, std::int64_t vocabulary, std::int64_t padded,
                         const OpsRequest& request, bool with_gradients) {
  const auto options = at::TensorOptions().device(request.device);
  return {at::randn({rows, padded}, options.dtype(request.dtype)).mul_(3).requires_grad_(with_gradients),
          at::randint(vocabulary, {rows}, options.dtype(at::kInt))};
}

std::vector<Check> check_small(const OpsRequest& request) {
  const std::int64_t rows = 37, vocabulary = 1000, padded = 1024;
  const LossInputs in = random_inputs(rows, vocabulary, padded, request, true);
  in.labels.narrow(0, 5, 3).fill_(-1);  // slack
  const at::Tensor wide = in.logits.detach().to(at::kCPU, at::kDouble).requires_grad_(true);
  const at::Tensor labels = in.labels.to(at::kCPU, at::kLong), kept = labels.ge(0);
  const at::Tensor picked = at::log_softmax(wide.narrow(1, 0, vocabulary), 1)
                                .gather(1, labels.clamp_min(0).unsqueeze(1))
                                .squeeze(1);
  const at::Tensor expected = -(picked * kept.to(at::kDouble)).sum();
  const at::Tensor loss = ops::masked_cross_entropy(in.logits, in.labels, vocabulary).loss_sum;
  const auto results = [](const at::Tensor& out, const at::Tensor& leaf) {
    std::vector<NamedTensor> all = gradients(out, at::ones_like(out.detach()), {{"logits", leaf}});
    all.push_back({"loss", out.detach()});
    return all;
  };
  return compare("small", results(loss, in.logits), results(expected, wide), tolerance(request.dtype));
}

Workload workload(const Batch& batch, const OpsRequest& request) {
  const auto rows =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(kPredicted * static_cast<double>(batch.rows())));
  Workload result;
  result.op = "masked_cross_entropy";
  result.layout = "predicted rows";
  result.shape = {1, rows, kVocabulary};
  result.rows = result.valid_rows = rows;
  result.dtype = request.dtype;
  const double values = static_cast<double>(rows * kVocabulary);
  const double bytes = values * static_cast<double>(c10::elementSize(request.dtype));
  const Cost forward{.bytes = bytes, .exps = values, .instructions = 0, .flops = 0};
  const Cost backward{.bytes = 2 * bytes, .exps = values, .instructions = 0, .flops = 0};
  const auto prepare_forward = [=](std::int64_t sets) -> Call {
    std::vector<LossInputs> inputs;
    for (std::int64_t i = 0; i < sets; ++i) {
      inputs.push_back(random_inputs(rows, kVocabulary, kPadded, request, false));
    }
    return [=](std::int64_t set) -> Outputs {
      const LossInputs& in = inputs[static_cast<std::size_t>(set)];
      return {ops::masked_cross_entropy(in.logits, in.labels, kVocabulary).loss_sum};
    };
  };
  const auto prepare_backward = [=](std::int64_t sets) -> Call {
    std::vector<BackwardCall> calls;
    at::Tensor grad;
    for (std::int64_t i = 0; i < sets; ++i) {
      const LossInputs in = random_inputs(rows, kVocabulary, kPadded, request, true);
      const at::Tensor loss = ops::masked_cross_entropy(in.logits, in.labels, kVocabulary).loss_sum;
      calls.emplace_back(loss);
      grad = at::ones_like(loss.detach());
    }
    return [=](std::int64_t set) { return calls[static_cast<std::size_t>(set)](grad); };
  };
  result.passes = {{"forward", forward, static_cast<std::int64_t>(forward.bytes), prepare_forward},
                   {"backward", backward, static_cast<std::int64_t>(backward.bytes), prepare_backward}};
  return result;
}

std::vector<Workload> workloads(const OpsRequest& request) {
  std::vector<Workload> all;
  std::set<std::int64_t> seen;  // several shapes have equally many rows
  for (const Batch& batch : make_batches(request)) {
    if (batch.name == "dense" && seen.insert(batch.rows()).second) all.push_back(workload(batch, request));
  }
  return all;
}

}  // namespace

OperatorBench masked_cross_entropy_bench() { return {"masked_cross_entropy", check_small, workloads}; }

}  // namespace mabert::bench
