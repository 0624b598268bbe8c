#include "mabert/train/labelled_evaluation.h"

#include "labelled_fixture.h"

#include <cmath>

#include <ATen/ops/softmax.h>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

class LabelledEvaluationTest : public testing::LabelledTest {
 protected:
  static data::LabelledSet made_set(TaskKind kind, const std::vector<data::LabelledText>& rows,
                                    std::int64_t max_length = 16) {
    return {kind, rows, testing::NumberTokenizer(), max_length};
  }
};

TEST_F(LabelledEvaluationTest, PredictionsDoNotDependOnTheBatch) {
  for (const TaskKind kind : kKinds) {
    const data::TaskSpec task = spec(kind);
    const auto set = make_set(kind, 0, 23);
    LabelledModel model = make_model(task);
    data::BatchOptions by_tokens;
    by_tokens.tokens = 40;
    const Predictions alone = predict(model, task, *set, batch(1), c10::kCPU);
    EXPECT_EQ(alone.columns, kind == TaskKind::regression ? 1 : 3);
    for (const data::BatchOptions& options : {batch(7), batch(7, 1, data::BatchLayout::padded),
                                              batch(23, 1, data::BatchLayout::padded), by_tokens}) {
      const Predictions got = predict(model, task, *set, options, c10::kCPU);
      ASSERT_EQ(got.values.size(), alone.values.size());
      EXPECT_EQ(got.begin, alone.begin);
      EXPECT_EQ(got.tokens, alone.tokens);
      for (std::size_t i = 0; i < got.values.size(); ++i) EXPECT_NEAR(got.values[i], alone.values[i], 2e-6);
    }
  }
}

TEST_F(LabelledEvaluationTest, PredictionsStandInTheSetsOrder) {
  for (const TaskKind kind : kKinds) {
    const data::TaskSpec task = spec(kind);
    const auto set = make_set(kind, 0, 9);
    LabelledModel model = make_model(task);
    const Predictions all = predict(model, task, *set, batch(4), c10::kCPU);
    std::size_t next = 0;
    std::int64_t tokens = 0;
    for (std::uint64_t i = 0; i < set->size(); ++i) {
      const std::vector<std::uint64_t> one{i};
      const data::LabelledBatch single = data::make_labelled_batch(*set, one, data::BatchLayout::ragged);
      tokens += single.layout.num_valid();
      at::Tensor scores = model.scores(single, {}).detach();
      scores = kind == TaskKind::regression ? scores.mul(4).add(1).clamp(1, 5) : at::softmax(scores, 1);
      if (kind == TaskKind::tokens) {
        EXPECT_EQ(all.begin[i] * 3, next);
      }
      const at::Tensor flat = scores.contiguous().view({-1});
      for (std::int64_t j = 0; j < flat.numel(); ++j, ++next) {
        ASSERT_LT(next, all.values.size());
        EXPECT_NEAR(all.values[next], flat[j].item<float>(), 1e-5);
      }
    }
    EXPECT_EQ(next, all.values.size());
    EXPECT_EQ(all.tokens, tokens);
    EXPECT_EQ(all.begin.empty(), kind != TaskKind::tokens);
  }
}

TEST_F(LabelledEvaluationTest, RegressionStaysWithinItsRange) {
  const data::TaskSpec task = spec(TaskKind::regression);
  const auto set = make_set(TaskKind::regression, 0, 4);
  LabelledModel model = make_model(task);
  for (const auto& [bias, expected] : std::vector<std::pair<double, float>>{{100, 5.0f}, {-100, 1.0f}}) {
    const c10::NoGradGuard no_grad;
    model.module().named_parameters()["classifier.bias"].fill_(bias);
    for (const float value : predict(model, task, *set, batch(4), c10::kCPU).values)
      EXPECT_EQ(value, expected);
  }
}

TEST_F(LabelledEvaluationTest, ClassesByHand) {
  const data::TaskSpec task = spec(TaskKind::classification);
  const auto set = made_set(task.kind, {{.first = "5", .label = 0},
                                        {.first = "6", .label = 2},
                                        {.first = "7", .label = 1},
                                        {.first = "8", .label = 1}});
  const Predictions predictions{
      .columns = 3,
      .values = {0.5f, 0.25f, 0.25f, 0.5f, 0.25f, 0.25f, 0.0f, 1.0f, 0.0f, 1.0f, 0.0f, 0.0f},
      .tokens = 12};
  EXPECT_EQ(predictions.best(0), 0);
  EXPECT_EQ(predictions.best(2), 1);
  const Evaluation got = evaluate(task, set, predictions);
  // The last label got probability 0, which counts as the smallest float.
  EXPECT_NEAR(got.loss, (std::log(2.0) + std::log(4.0) + 0 + 126 * std::log(2.0)) / 4, 1e-9);
  EXPECT_DOUBLE_EQ(got.find("accuracy").value(), 0.5);
  const metrics::ConfusionMatrix matrix = confusion(task, set, predictions);
  EXPECT_EQ(matrix.count(0, 0), 1);
  EXPECT_EQ(matrix.count(2, 0), 1);
  EXPECT_EQ(matrix.count(1, 1), 1);
  EXPECT_EQ(matrix.count(1, 0), 1);
  EXPECT_EQ(matrix.total(), 4);
  EXPECT_DOUBLE_EQ(got.find("matthews").value(), matrix.matthews());
  EXPECT_DOUBLE_EQ(got.selecting_value(), (0.5 + matrix.matthews()) / 2);
  EXPECT_EQ(got.selects, "score");
  EXPECT_TRUE(got.higher_is_better);
  EXPECT_EQ(got.predicted, 4);
  EXPECT_EQ(got.tokens, 12);
}

TEST_F(LabelledEvaluationTest, NumbersByHand) {
  data::TaskSpec task = spec(TaskKind::regression);
  const auto set =
      made_set(task.kind,
               {{.first = "5", .score = 1.0f}, {.first = "6", .score = 3.0f}, {.first = "7", .score = 5.0f}});
  const Predictions predictions{.kind = task.kind, .values = {2.0f, 3.0f, 5.0f}};
  const Evaluation got = evaluate(task, set, predictions);
  EXPECT_DOUBLE_EQ(got.loss, 1.0 / 16 / 3);
  EXPECT_DOUBLE_EQ(got.find("spearman").value(), 1.0);
  EXPECT_NEAR(got.find("pearson").value(), 6 / std::sqrt(8.0 * 14 / 3), 1e-12);
  EXPECT_EQ(got.predicted, 3);
  EXPECT_THROW(confusion(task, set, predictions), UsageError);
}

TEST_F(LabelledEvaluationTest, WordsCutOffCountAsWrong) {
  const data::TaskSpec task = spec(TaskKind::tokens);
  const auto set = made_set(task.kind,
                            {{.words = {"5", "6"}, .word_labels = {1, 2}},
                             {.words = {"7", "8", "9", "10", "11"}, .word_labels = {0, 1, 0, 1, 0}}},
                            5);  // room for three words
  LabelledModel model = make_model(task);
  Predictions predictions = predict(model, task, set, batch(2), c10::kCPU);
  ASSERT_EQ(predictions.begin, (std::vector<std::uint64_t>{0, 2, 5}));
  predictions.values = {0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0};  // all right
  const metrics::ConfusionMatrix matrix = confusion(task, set, predictions);
  EXPECT_EQ(matrix.total(), 7);
  EXPECT_EQ(matrix.count(1, 0), 1);
  EXPECT_EQ(matrix.count(0, 1), 1);
  EXPECT_EQ(matrix.count(0, 0), 2);
  const Evaluation got = evaluate(task, set, predictions);
  EXPECT_EQ(got.predicted, 5);
  EXPECT_EQ(got.loss, 0.0);
  EXPECT_DOUBLE_EQ(got.find("entity_f1").value(), 2.0 * 2 / (3 + 2));  // three entities, two of them found
  EXPECT_EQ(got.selecting_value(), got.find("entity_f1"));
}

TEST_F(LabelledEvaluationTest, AModelThatDivergedHasNoScore) {
  const data::TaskSpec task = spec(TaskKind::classification);
  const auto set = made_set(task.kind, {{.first = "5", .label = 0}, {.first = "6", .label = 0}});
  Predictions predictions{.columns = 3, .values = {1, 0, 0, 1, 0, 0}};
  EXPECT_EQ(evaluate(task, set, predictions).find("accuracy"), 1.0);
  predictions.values = {1, 0, 0, NAN, NAN, NAN};
  EXPECT_FALSE(predictions.are_finite());
  EXPECT_TRUE(std::isnan(evaluate(task, set, predictions).find("accuracy").value()));
  EXPECT_TRUE(std::isnan(evaluate(task, set, predictions).selecting_value()));
}

TEST_F(LabelledEvaluationTest, WantsLabelsMatchingPredictionsAndMetrics) {
  data::TaskSpec task = spec(TaskKind::classification);
  const auto labelled = made_set(task.kind, {{.first = "5", .label = 0}}),
             bare = made_set(task.kind, {{.first = "5"}});
  const Predictions one{.columns = 3, .values = {1, 0, 0}}, two{.columns = 3, .values = {1, 0, 0, 1, 0, 0}};
  EXPECT_NO_THROW(evaluate(task, labelled, one));
  EXPECT_THROW(evaluate(task, bare, one), UsageError);
  EXPECT_THROW(confusion(task, bare, one), UsageError);
  EXPECT_THROW(evaluate(task, labelled, two), UsageError);
  EXPECT_THROW(evaluate(spec(TaskKind::regression), labelled, one), UsageError);
  for (const auto metric : {metrics::Metric::pearson, metrics::Metric::entity_f1}) {
    task.metrics = {metric};
    EXPECT_THROW(evaluate(task, labelled, one), UsageError);
  }
  task.metrics.clear();
  EXPECT_THROW(evaluate(task, labelled, one), UsageError);
  LabelledModel model = make_model(spec(TaskKind::regression));
  EXPECT_THROW(predict(model, spec(TaskKind::regression), labelled, batch(1), c10::kCPU), UsageError);
}

}  // namespace
}  // namespace mabert::train
