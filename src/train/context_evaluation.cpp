#include "mabert/train/context_evaluation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>
#include <c10/core/GradMode.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(std::max<std::size_t>(values.size(), 1));
}

std::vector<double> to_host(const at::Tensor& values) {
  const at::Tensor host = values.cpu();
  const auto* data = host.const_data_ptr<double>();
  return {data, data + host.numel()};
}

/// Loss and hit of each row with a label. logits (P, V or more), labels (P).
struct RowScores {
  at::Tensor loss;  // (P) fp32 (fp64)
  at::Tensor hit;   // (P) bool
};

RowScores score_rows(const at::Tensor& logits, const at::Tensor& labels, std::int64_t vocabulary) {
  const at::Tensor used = logits.narrow(1, 0, vocabulary), label = labels.to(at::kLong);
  const auto precision = logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor log_p = at::log_softmax(used, 1, precision);  // (P, V)
  return {log_p.gather(1, label.unsqueeze(1)).squeeze(1).neg(), used.argmax(1).eq(label)};
}

ContextResult evaluate_length(nn::MaskedLanguageModel& model, const data::ContextWindows& windows,
                              std::size_t length, c10::Device device, const std::function<void()>& begun) {
  const auto on_device = at::TensorOptions().dtype(at::kDouble).device(device);
  const at::Tensor losses = at::empty({windows.size()}, on_device),
                   accuracies = at::empty({windows.size()}, on_device);
  const std::int64_t vocabulary = model->options().vocabulary_size;
  std::int64_t first = 0;
  for (std::int64_t i = 0; i < windows.batches(length); ++i) {
    begun();
    const data::Batch batch = windows.batch(length, i).to(device);
    const at::Tensor hidden = model->hidden(batch.token_ids, batch.segment_ids, batch.layout, {});  // (T, D)
    const RowScores scores =
        score_rows(model->logits(hidden, batch.predicted_rows), batch.labels, vocabulary);
    const auto count = static_cast<std::int64_t>(batch.samples.size());
    const auto by_window = [&](const at::Tensor& rows) {
      return rows.view({count, windows.predicted()}).to(at::kDouble).mean(1);  // (windows of the batch)
    };
    losses.narrow(0, first, count).copy_(by_window(scores.loss));
    accuracies.narrow(0, first, count).copy_(by_window(scores.hit));
    first += count;
  }
  return {windows.options().lengths[length], to_host(losses), to_host(accuracies),
          windows.window_documents()};
}

void require_finite(const ContextResult& result) {
  const auto bad = std::count_if(result.losses.begin(), result.losses.end(),
                                 [](double loss) { return !std::isfinite(loss); });
  if (bad == 0) return;
  throw NonFiniteError("[context] loss under " + std::to_string(result.length) +
                       " visible tokens: not a number in " + std::to_string(bad) + " of " +
                       std::to_string(result.losses.size()) +
                       " windows; the weights are damaged, or their precision is too low");
}

}  // namespace

double ContextResult::loss() const { return mean(losses); }
double ContextResult::accuracy() const { return mean(accuracies); }

std::vector<ContextResult> evaluate_context(
    nn::MaskedLanguageModel& model, const data::ContextWindows& windows, c10::Device device,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress) {
  const c10::NoGradGuard no_grad;
  const std::size_t lengths = windows.options().lengths.size();
  std::int64_t done = 0, total = 0;
  for (std::size_t length = 0; length < lengths; ++length) total += windows.batches(length);
  std::vector<ContextResult> results;
  for (std::size_t length = 0; length < lengths; ++length) {
    results.push_back(evaluate_length(model, windows, length, device, [&] {
      if (progress) progress(done, total);
      ++done;
    }));
    require_finite(results.back());
  }
  return results;
}

}  // namespace mabert::train
