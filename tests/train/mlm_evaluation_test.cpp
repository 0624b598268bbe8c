#include "mabert/train/mlm_evaluation.h"

#include "mlm_fixture.h"

#include <cmath>

#include <ATen/ops/log_softmax.h>
#include <c10/core/GradMode.h>

namespace mabert::train {
namespace {

class MlmEvaluationTest : public testing::MlmTest {};

TEST_F(MlmEvaluationTest, IsTheMeanOverPredictedTokens) {
  const c10::NoGradGuard no_grad;
  nn::MaskedLanguageModel model = make_model();
  double sum = 0;
  std::int64_t correct = 0, predicted = 0, tokens = 0;
  for (std::int64_t i = 0; i < evaluation_->size(); ++i) {
    const data::Batch batch = evaluation_->batch(i);
    const at::Tensor hidden = model->hidden(batch.token_ids, batch.segment_ids, batch.layout, {});
    const at::Tensor logits = model->logits(hidden, batch.predicted_rows)
                                  .narrow(1, 0, testing::NumberTokenizer::kVocabulary)
                                  .to(at::kDouble);
    const at::Tensor log_p = at::log_softmax(logits, 1), best = logits.argmax(1);
    for (std::int64_t row = 0; row < batch.num_predicted; ++row) {
      const auto label = batch.labels[row].item<std::int64_t>();
      sum -= log_p[row][label].item<double>();
      correct += best[row].item<std::int64_t>() == label ? 1 : 0;
    }
    predicted += batch.num_predicted;
    tokens += batch.layout.num_valid();
  }
  const Evaluation got = evaluate_mlm(model, *evaluation_, c10::kCPU);
  EXPECT_NEAR(got.loss, sum / static_cast<double>(predicted), 1e-5);
  EXPECT_NEAR(got.find("perplexity").value(), std::exp(got.loss), 1e-9);
  EXPECT_DOUBLE_EQ(got.find("masked_accuracy").value(),
                   static_cast<double>(correct) / static_cast<double>(predicted));
  EXPECT_EQ(got.predicted, predicted);
  EXPECT_EQ(got.predicted, evaluation_->predicted());
  EXPECT_EQ(got.tokens, tokens);
}

TEST_F(MlmEvaluationTest, LimitsBatchesAndAblates) {
  nn::MaskedLanguageModel model = make_model();
  const Evaluation all = evaluate_mlm(model, *evaluation_, c10::kCPU);
  const Evaluation two = evaluate_mlm(model, *evaluation_, c10::kCPU, {.max_batches = 2});
  EXPECT_LT(two.tokens, all.tokens);
  EXPECT_GT(two.tokens, 0);
  EXPECT_EQ(evaluate_mlm(model, *evaluation_, c10::kCPU, {.max_batches = 1000}).loss, all.loss);
  MlmEvaluationOptions ablated;
  ablated.ablation.reset_scan_state = true;
  EXPECT_NE(evaluate_mlm(model, *evaluation_, c10::kCPU, ablated).loss, all.loss);
}

TEST_F(MlmEvaluationTest, UnigramBaselineCounts) {
  data::ShardSetWriter writer(directory_ / "counted", testing::NumberTokenizer(), 1 << 20);
  const std::vector<std::int32_t> tokens{7, 7, 7, 7, 7, 7, 8, 8};
  writer.append(tokens);
  writer.finish();
  const auto counted = std::make_shared<const data::ShardSet>(directory_ / "counted");
  data::MlmOptions options = data_options(1, 1);
  options.masking.rate = 1.0;
  const data::MlmEvaluation data(counted, options, {});
  const Evaluation got = unigram_baseline(*counted, data);
  EXPECT_EQ(got.predicted, 8);
  EXPECT_DOUBLE_EQ(got.find("masked_accuracy").value(), 6.0 / 8.0);
  const double total = 8 + testing::NumberTokenizer::kVocabulary;
  EXPECT_NEAR(got.loss, -(6 * std::log(7 / total) + 2 * std::log(3 / total)) / 8, 1e-12);
}

}  // namespace
}  // namespace mabert::train
