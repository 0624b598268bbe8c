#include "mabert/train/mlm_task.h"

#include "mlm_fixture.h"

#include <ATen/ops/equal.h>

#include "mabert/train/mlm_evaluation.h"
#include "mabert/train/module_state.h"

namespace mabert::train {
namespace {

class MlmTaskTest : public testing::MlmTest {
 protected:
  MlmTaskTest() {
    options_.train.steps = 12;
    options_.train.log_every = 4;
    options_.train.validate_every = 5;
    options_.train.checkpoint_every = 0;
    options_.train.keep_last = 2;
    options_.optimizer.learning_rate = 3e-3;
    options_.schedule = {};
  }
  std::unique_ptr<MlmTask> task(nn::MaskedLanguageModel model, std::int64_t sequences = 8,
                                std::int64_t accumulation = 1) {
    return std::make_unique<MlmTask>(model, loader(sequences, accumulation), evaluation_,
                                     MlmTaskOptions{.seed = 1});
  }
};

TEST_F(MlmTaskTest, AccumulationGivesTheSameLossAndGradients) {
  std::vector<double> losses;
  std::vector<std::vector<at::Tensor>> gradients;
  for (const std::int64_t accumulation : {1, 2, 4}) {
    nn::MaskedLanguageModel model = make_model();
    const auto made = task(model, 8 / accumulation, accumulation);
    const StepPlan plan = made->load({});
    ASSERT_EQ(plan.micro_batches, accumulation);
    double loss = 0;
    for (std::int64_t i = 0; i < accumulation; ++i) {
      const at::Tensor part = made->forward(i, testing::pass(i)).sum.div(static_cast<double>(plan.predicted));
      part.backward();
      loss += part.item<double>();
    }
    losses.push_back(loss);
    gradients.emplace_back();
    for (const NamedTensor& item : made->parameters()) gradients.back().push_back(item.tensor.grad());
  }
  for (const std::size_t i : {1, 2}) {
    EXPECT_NEAR(losses[i], losses[0], 1e-5);
    for (std::size_t p = 0; p < gradients[0].size(); ++p) {
      const at::Tensor& expected = gradients[0][p];
      const double scale = expected.abs().max().item<double>();
      EXPECT_LE(gradients[i][p].sub(expected).abs().max().item<double>(), 1e-4 * scale + 1e-8)
          << "parameter " << p;
    }
  }
}

TEST_F(MlmTaskTest, ResumedAnywhereGivesTheSameBits) {
  for (const double dropout : {0.0, 0.1}) {
    const std::string prefix = "dropout" + std::to_string(dropout);
    nn::MaskedLanguageModel straight = make_model(dropout), resumed = make_model(dropout);
    run(*task(straight, 4, 2), prefix + "a");
    EXPECT_EQ(run_until(*task(make_model(dropout), 4, 2), prefix + "b", 7).outcome, Outcome::interrupted);
    EXPECT_EQ(run(*task(resumed, 4, 2), prefix + "b").outcome, Outcome::finished);
    const NamedTensors a = module_parameters(*straight), b = module_parameters(*resumed);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i].tensor, b[i].tensor)) << a[i].name;
    EXPECT_EQ(lines(prefix + "a"), lines(prefix + "b"));
  }
}

TEST_F(MlmTaskTest, FingerprintTellsTrainAndValidationShardsFromOthers) {
  const auto of = [&](std::shared_ptr<const data::ShardSet> train,
                      std::shared_ptr<const data::ShardSet> valid) {
    const auto loader = std::make_shared<data::MlmLoader>(std::move(train), data_options(8, 1),
                                                          data::LoaderContext{.seed = 1});
    const auto held_out = valid ? std::make_shared<const data::MlmEvaluation>(
                                      std::move(valid), data_options(4, 1), data::LoaderContext{.seed = 1})
                                : nullptr;
    return MlmTask(make_model(), loader, held_out, MlmTaskOptions{}).data_fingerprint();
  };
  const std::string known = of(train_, valid_);
  EXPECT_EQ(of(shards("copy", 100, 0), valid_), known);
  EXPECT_NE(of(shards("other", 100, 1), valid_), known);
  EXPECT_NE(of(train_, shards("other_valid", 21, 100)), known);
  EXPECT_NE(of(train_, nullptr), known);
}

TEST_F(MlmTaskTest, LearnsMoreThanWithoutContextAndACheckpointHoldsIt) {
  options_.train.steps = 150;
  options_.optimizer.learning_rate = 1e-2;
  options_.train.validate_every = 0;
  nn::MaskedLanguageModel model = make_model();
  const TrainResult result = run(*task(model, 16), "run");
  const Evaluation baseline = unigram_baseline(*train_, *evaluation_);
  ASSERT_TRUE(result.validation);
  EXPECT_LT(result.validation->loss, baseline.loss - 0.3);
  EXPECT_GT(result.validation->find("masked_accuracy").value(),
            baseline.find("masked_accuracy").value() + 0.1);
  EXPECT_NE(lines("run").find("\"masked_accuracy\""), std::string::npos);

  nn::MaskedLanguageModel loaded = make_model();
  load_weights(Checkpoint(resolve_checkpoint(directory_ / "run")), *loaded);
  EXPECT_EQ(evaluate_mlm(loaded, *evaluation_, c10::kCPU).loss, result.validation->loss);
}

}  // namespace
}  // namespace mabert::train
