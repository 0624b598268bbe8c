#include "mabert/train/mlm_evaluation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "mabert/ops/masked_cross_entropy.h"

namespace mabert::train {
namespace {

Evaluation make_evaluation(double loss_sum, std::int64_t correct, std::int64_t predicted,
                           std::int64_t tokens) {
  const auto count = static_cast<double>(std::max<std::int64_t>(predicted, 1));
  return {.loss = loss_sum / count,
          .values = {{"masked_accuracy", static_cast<double>(correct) / count},
                     {"perplexity", std::exp(loss_sum / count)}},
          .predicted = predicted,
          .tokens = tokens};
}

}  // namespace

Evaluation evaluate_mlm(nn::MaskedLanguageModel& model, const data::MlmEvaluation& data, c10::Device device,
                        const MlmEvaluationOptions& options) {
  const c10::NoGradGuard no_grad;
  nn::ForwardContext context;
  context.ablation = options.ablation;
  const std::int64_t vocabulary = model->options().vocabulary_size;
  const at::Tensor loss_sum = at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(device));
  const at::Tensor correct = at::zeros({}, at::TensorOptions().dtype(at::kLong).device(device));
  const std::int64_t size = data.size();
  const std::int64_t used = options.max_batches == 0 ? size : std::min(options.max_batches, size);
  std::int64_t predicted = 0, tokens = 0;
  for (std::int64_t i = 0; i < used; ++i) {
    const data::Batch batch = data.batch(i * size / used).to(device);
    const at::Tensor hidden = model->hidden(batch.token_ids, batch.segment_ids, batch.layout, context);
    const auto loss =
        ops::masked_cross_entropy(model->logits(hidden, batch.predicted_rows), batch.labels, vocabulary);
    loss_sum.add_(loss.loss_sum);
    correct.add_(loss.correct);
    predicted += batch.num_predicted;
    tokens += batch.layout.num_valid();
  }
  return make_evaluation(loss_sum.item<double>(), correct.item<std::int64_t>(), predicted, tokens);
}

Evaluation unigram_baseline(const data::ShardSet& train, const data::MlmEvaluation& data) {
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(train.vocabulary_size()), 1);
  std::vector<std::int32_t> ids;
  for (std::uint64_t document = 0; document < train.documents(); ++document) {
    ids.resize(train.length(document));
    train.document(document).copy(0, ids);
    for (const std::int32_t id : ids) ++counts.at(static_cast<std::size_t>(id));
  }
  const auto likeliest =
      static_cast<std::int32_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());
  const double log_total = std::log(static_cast<double>(train.tokens() + counts.size()));
  double loss_sum = 0.0;
  std::int64_t correct = 0, predicted = 0, tokens = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const data::Batch batch = data.batch(i);
    const auto* labels = batch.labels.const_data_ptr<std::int32_t>();
    for (std::int64_t row = 0; row < batch.num_predicted; ++row) {
      loss_sum += log_total - std::log(static_cast<double>(counts.at(static_cast<std::size_t>(labels[row]))));
      correct += labels[row] == likeliest ? 1 : 0;
    }
    predicted += batch.num_predicted;
    tokens += batch.layout.num_valid();
  }
  return make_evaluation(loss_sum, correct, predicted, tokens);
}

}  // namespace mabert::train
