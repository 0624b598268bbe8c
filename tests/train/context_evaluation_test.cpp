#include "mabert/train/context_evaluation.h"

#include "mlm_fixture.h"

#include <ATen/ops/log_softmax.h>
#include <c10/core/GradMode.h>

#include "mabert/core/error.h"
#include "mabert/train/mlm_evaluation.h"

namespace mabert::train {
namespace {

constexpr std::int64_t kVocabulary = testing::NumberTokenizer::kVocabulary;

class ContextEvaluationTest : public testing::MlmTest {
 protected:
  static data::ContextWindowOptions options() {
    data::ContextWindowOptions options;
    options.lengths = {8, 16};
    options.window = 6;
    options.batch_tokens = 60;
    options.masking.rate = 0.4;
    options.seed = 3;
    return options;
  }
};

TEST_F(ContextEvaluationTest, IsTheMeanOverEachWindowsPredictedTokens) {
  const c10::NoGradGuard no_grad;
  nn::MaskedLanguageModel model = make_model();
  const data::ContextWindows windows(valid_, options());
  const auto got = evaluate_context(model, windows, c10::kCPU);
  ASSERT_EQ(got.size(), 2u);
  for (std::size_t length = 0; length < 2; ++length) {
    EXPECT_EQ(got[length].length, options().lengths[length]);
    ASSERT_EQ(std::ssize(got[length].losses), windows.size());
    EXPECT_EQ(got[length].documents, windows.window_documents());
    double total = 0;
    for (std::int64_t i = 0; i < windows.batches(length); ++i) {
      const data::Batch batch = windows.batch(length, i);
      const at::Tensor hidden = model->hidden(batch.token_ids, batch.segment_ids, batch.layout, {});
      const at::Tensor logits =
          model->logits(hidden, batch.predicted_rows).narrow(1, 0, kVocabulary).to(at::kDouble);
      const at::Tensor log_p = at::log_softmax(logits, 1), best = logits.argmax(1);
      for (std::size_t s = 0; s < batch.samples.size(); ++s) {
        double sum = 0, correct = 0;
        for (std::int64_t p = 0; p < windows.predicted(); ++p) {
          const std::int64_t row = static_cast<std::int64_t>(s) * windows.predicted() + p;
          const auto label = batch.labels[row].item<std::int64_t>();
          sum -= log_p[row][label].item<double>();
          correct += best[row].item<std::int64_t>() == label ? 1 : 0;
        }
        const auto count = static_cast<double>(windows.predicted());
        EXPECT_NEAR(got[length].losses.at(batch.samples[s]), sum / count, 1e-5);
        EXPECT_DOUBLE_EQ(got[length].accuracies.at(batch.samples[s]), correct / count);
        total += sum / count;
      }
    }
    EXPECT_NEAR(got[length].loss(), total / static_cast<double>(windows.size()), 1e-6);
  }
  EXPECT_NE(got[0].loss(), got[1].loss());
}

// Documents as long as a window, all of it to be predicted: the same batches as those of validation.
TEST_F(ContextEvaluationTest, AgreesWithEvaluateMlm) {
  data::ShardSetWriter writer(directory_ / "even", testing::NumberTokenizer(), 1 << 20);
  for (std::int32_t i = 0; i < 11; ++i) {
    std::vector<std::int32_t> tokens;
    for (std::int32_t j = 0; j < 14; ++j) tokens.push_back(5 + (i * 5 + j * j) % 16);
    writer.append(tokens);
  }
  writer.finish();
  const auto shards = std::make_shared<const data::ShardSet>(directory_ / "even");
  data::MlmOptions mlm = data_options(4, 1);
  mlm.masking = {.rate = 1, .mask_fraction = 1, .random_fraction = 0};
  data::ContextWindowOptions windows = options();
  windows.lengths = {16};
  windows.window = 14;
  windows.masking = mlm.masking;
  nn::MaskedLanguageModel model = make_model();
  const auto expected =
      evaluate_mlm(model, data::MlmEvaluation(shards, mlm, data::LoaderContext{}), c10::kCPU);
  const auto got = evaluate_context(model, data::ContextWindows(shards, windows), c10::kCPU);
  EXPECT_EQ(expected.predicted, 11 * 14);
  EXPECT_NEAR(got.at(0).loss(), expected.loss, 1e-6);
  EXPECT_NEAR(got.at(0).accuracy(), expected.find("masked_accuracy").value(), 1e-12);
}

TEST_F(ContextEvaluationTest, DoesNotDependOnTheBatches) {
  nn::MaskedLanguageModel model = make_model();
  data::ContextWindowOptions small = options();
  small.batch_tokens = 1;
  std::vector<std::int64_t> seen;
  const auto one = evaluate_context(model, data::ContextWindows(valid_, small), c10::kCPU,
                                    [&](std::int64_t done, std::int64_t total) {
                                      EXPECT_LT(done, total);
                                      seen.push_back(done);
                                    });
  const auto many = evaluate_context(model, data::ContextWindows(valid_, options()), c10::kCPU);
  EXPECT_EQ(std::ssize(seen), 2 * data::ContextWindows(valid_, small).size());
  EXPECT_EQ(seen.back() + 1, std::ssize(seen));
  for (std::size_t length = 0; length < 2; ++length) {
    for (std::size_t window = 0; window < one[length].losses.size(); ++window)
      EXPECT_NEAR(one[length].losses[window], many[length].losses[window], 1e-5);
  }
  EXPECT_EQ(evaluate_context(model, data::ContextWindows(valid_, options()), c10::kCPU)[1].losses,
            many[1].losses);
}

TEST_F(ContextEvaluationTest, RefusesLossesThatAreNotNumbers) {
  const c10::NoGradGuard no_grad;
  nn::MaskedLanguageModel model = make_model();
  model->head->named_parameters()["bias"].fill_(std::numeric_limits<float>::quiet_NaN());
  try {
    evaluate_context(model, data::ContextWindows(valid_, options()), c10::kCPU);
    FAIL() << "nothing was thrown";
  } catch (const NonFiniteError& error) {
    EXPECT_NE(std::string(error.what()).find("under 8 visible tokens"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace mabert::train
