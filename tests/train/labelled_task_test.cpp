#include "mabert/train/labelled_task.h"

#include "labelled_fixture.h"

#include <cmath>

#include <ATen/ops/softmax.h>

#include "mabert/core/error.h"
#include "mabert/train/module_state.h"

namespace mabert::train {
namespace {

class LabelledTaskTest : public testing::LabelledTest {
 protected:
  /// The gradient of a step's loss by parameter name, and the loss.
  struct Step {
    double loss = 0.0;
    std::map<std::string, at::Tensor> gradients;
  };
  static Step step_of(Task& task, const Position& position) {
    const StepPlan plan = task.load(position);
    Step step;
    for (std::int64_t i = 0; i < plan.micro_batches; ++i) {
      const at::Tensor part = task.forward(i, testing::pass(i)).sum.div(static_cast<double>(plan.predicted));
      part.backward();
      step.loss += part.item<double>();
    }
    for (const NamedTensor& item : task.parameters()) step.gradients[item.name] = item.tensor.grad();
    return step;
  }
};

TEST_F(LabelledTaskTest, AccumulationGivesTheSameLossAndGradients) {
  for (const TaskKind kind : kKinds) {
    const data::TaskSpec task = spec(kind);
    const auto set = make_set(kind, 0, 29);  // the last step is smaller
    for (const std::int64_t position : {0, 3}) {
      std::vector<Step> steps;
      for (const std::int64_t accumulation : {1, 2, 4}) {
        LabelledModel model = make_model(task);
        LabelledTask made(model, task, set, nullptr, task_options(batch(8 / accumulation, accumulation)));
        ASSERT_EQ(made.steps_in_epoch(0), 4);
        steps.push_back(step_of(made, {0, position}));
      }
      for (const std::size_t i : {1, 2}) {
        EXPECT_NEAR(steps[i].loss, steps[0].loss, 1e-5);
        for (const auto& [name, expected] : steps[0].gradients) {
          const double scale = expected.abs().max().item<double>();
          EXPECT_LE(steps[i].gradients[name].sub(expected).abs().max().item<double>(), 1e-4 * scale + 1e-8)
              << name;
        }
      }
    }
  }
}

TEST_F(LabelledTaskTest, GradientOfTheScoresIsThatOfTheEquation) {
  for (const TaskKind kind : kKinds) {
    const data::TaskSpec task = spec(kind);
    const auto set = make_set(kind, 0, 6);
    for (const auto layout : {data::BatchLayout::ragged, data::BatchLayout::padded}) {
      LabelledModel model = make_model(task);
      LabelledTask made(model, task, set, nullptr, task_options(batch(6, 1, layout)));
      const Step step = step_of(made, {});
      // With respect to the classifier's bias: the mean over all rows of the loss's gradient by the scores.
      std::vector<std::uint64_t> all{0, 1, 2, 3, 4, 5};
      const data::LabelledBatch whole = data::make_labelled_batch(*set, all, layout);
      const at::Tensor scores = model.scores(whole, {}).detach().to(at::kDouble);
      const bool is_number = kind == TaskKind::regression;
      const at::Tensor p = is_number ? scores : at::softmax(scores, 1);
      std::vector<double> expected(static_cast<std::size_t>(scores.size(1)), 0.0);
      double loss = 0.0;
      for (std::int64_t row = 0; row < whole.predicted; ++row) {
        if (is_number) {
          const double error = p[row][0].item<double>() - (whole.scores[row].item<double>() - 1) / 4;
          expected[0] += 2 * error;
          loss += error * error;
          continue;
        }
        const auto label = static_cast<std::size_t>(whole.labels[row].item<std::int64_t>());
        loss -= std::log(p[row][static_cast<std::int64_t>(label)].item<double>());
        for (std::size_t c = 0; c < expected.size(); ++c) {
          expected[c] += p[row][static_cast<std::int64_t>(c)].item<double>() - (c == label ? 1 : 0);
        }
      }
      const auto rows = static_cast<double>(whole.predicted);
      EXPECT_NEAR(step.loss, loss / rows, 1e-5);
      for (std::size_t c = 0; c < expected.size(); ++c) {
        EXPECT_NEAR(step.gradients.at("classifier.bias")[static_cast<std::int64_t>(c)].item<double>(),
                    expected[c] / rows, 1e-5);
      }
    }
  }
}

TEST_F(LabelledTaskTest, GradientThroughTheModelIsThatOfFiniteDifferences) {
  for (const TaskKind kind : kKinds) {
    const data::TaskSpec task = spec(kind);
    LabelledModel model = make_model(task);
    model.module().to(at::kDouble);
    LabelledTask made(model, task, make_set(kind, 0, 5), nullptr, task_options(batch(5)));
    const auto loss = [&] { return made.forward(0, testing::pass(0)).sum.item<double>(); };
    made.load({});
    made.forward(0, testing::pass(0)).sum.backward();
    const c10::NoGradGuard no_grad;
    for (const NamedTensor& item : made.parameters()) {
      if (!item.tensor.grad().defined()) continue;
      // The entry with the largest gradient: a wrong sign, scale or mask shows there.
      const at::Tensor values = item.tensor.view({-1}), gradient = item.tensor.grad().view({-1});
      const auto at = gradient.abs().argmax().item<std::int64_t>();
      const double before = values[at].item<double>();
      constexpr double kStep = 1e-5;
      values[at] = before + kStep;
      const double above = loss();
      values[at] = before - kStep;
      const double below = loss();
      values[at] = before;
      const double expected = (above - below) / (2 * kStep);
      EXPECT_NEAR(gradient[at].item<double>(), expected, 1e-6 + 1e-4 * std::abs(expected)) << item.name;
    }
  }
}

TEST_F(LabelledTaskTest, LearnsWhatOneTokenDecides) {
  options_.train.steps = 220;
  options_.train.log_every = 50;
  options_.train.validate_every = 0;
  options_.train.checkpoint_every = 0;
  options_.optimizer.learning_rate = 1e-2;
  for (const TaskKind kind : kKinds) {
    const std::string name = "run" + std::to_string(static_cast<int>(kind));
    const data::TaskSpec task = spec(kind);
    LabelledModel model = make_model(task);
    LabelledTask made(model, task, make_set(kind, 0, 600), make_set(kind, 600, 80), task_options(batch(16)));
    const TrainResult result = run(made, name);
    ASSERT_TRUE(result.validation && result.best);
    EXPECT_GT(result.validation->find("score").value(), 0.95) << name << to_json(result);
    EXPECT_EQ(result.best, (NamedValue{"score", result.validation->find("score").value()}));
    const bool has_accuracy = lines(name).find("\"accuracy\":1.0") != std::string::npos;
    EXPECT_EQ(has_accuracy, kind != TaskKind::regression) << lines(name);
    EXPECT_EQ(lines(name).find("masked_accuracy"), std::string::npos);
  }
}

TEST_F(LabelledTaskTest, ResumedAnywhereGivesTheSameBits) {
  options_.train.checkpoint_every = 0;
  options_.train.keep_best = false;
  for (const TaskKind kind : kKinds) {
    for (const double dropout : {0.0, 0.1}) {
      const data::TaskSpec task = spec(kind);
      const auto train = make_set(kind, 0, 50), valid = make_set(kind, 50, 10);
      const std::string prefix = std::to_string(static_cast<int>(kind)) + "-" + std::to_string(dropout);
      const auto train_run = [&](const std::string& name, std::int64_t stop) {
        LabelledModel model = make_model(task, dropout);
        LabelledTask made(model, task, train, valid, task_options(batch(4, 2)));
        return stop > 0 ? run_until(made, name, stop) : run(made, name);
      };
      train_run(prefix + "straight", 0);
      EXPECT_EQ(train_run(prefix + "stopped", 17).outcome, Outcome::interrupted);
      EXPECT_EQ(train_run(prefix + "stopped", 0).outcome, Outcome::finished);
      EXPECT_EQ(difference(prefix + "straight", prefix + "stopped"), "");
    }
  }
}

TEST_F(LabelledTaskTest, DropoutFollowsTheSampleAndThePass) {
  const data::TaskSpec task = spec(TaskKind::classification);
  const auto set = make_set(TaskKind::classification, 0, 8);
  LabelledModel model = make_model(task, 0.3);
  LabelledTask whole(model, task, set, nullptr, task_options(batch(8)));
  LabelledTask split(model, task, set, nullptr, task_options(batch(4, 2)));
  whole.load({});
  split.load({});
  const double first = whole.forward(0, testing::pass(5)).sum.item<double>();
  EXPECT_NEAR(first,
              split.forward(0, testing::pass(5)).sum.item<double>() +
                  split.forward(1, testing::pass(5)).sum.item<double>(),
              1e-4);
  EXPECT_NE(first, whole.forward(0, testing::pass(6)).sum.item<double>());

  const std::vector<data::LabelledText> twins(2, {.first = "5 13 7 8", .label = 1});
  const auto same =
      std::make_shared<const data::LabelledSet>(task.kind, twins, testing::NumberTokenizer(), 16);
  LabelledTask one_by_one(model, task, same, nullptr, task_options(batch(1, 2)));
  one_by_one.load({});
  EXPECT_NE(one_by_one.forward(0, testing::pass(5)).sum.item<double>(),
            one_by_one.forward(1, testing::pass(5)).sum.item<double>());
}

TEST_F(LabelledTaskTest, FingerprintTellsSetsFromOthers) {
  const auto kind = TaskKind::classification;
  const data::TaskSpec task = spec(kind);
  LabelledModel model = make_model(task);
  const auto of = [&](std::shared_ptr<const data::LabelledSet> train,
                      std::shared_ptr<const data::LabelledSet> valid) {
    return LabelledTask(model, task, std::move(train), std::move(valid), task_options(batch(4)))
        .data_fingerprint();
  };
  const std::string known = of(make_set(kind, 0, 20), make_set(kind, 20, 5));
  EXPECT_EQ(of(make_set(kind, 0, 20), make_set(kind, 20, 5)), known);
  EXPECT_NE(of(make_set(kind, 1, 20), make_set(kind, 20, 5)), known);
  EXPECT_NE(of(make_set(kind, 0, 20), make_set(kind, 21, 5)), known);
  EXPECT_NE(of(make_set(kind, 0, 20), nullptr), known);
}

TEST_F(LabelledTaskTest, WantsLabelsAndSetsOfItsKind) {
  const data::TaskSpec task = spec(TaskKind::classification);
  LabelledModel model = make_model(task);
  const auto good = make_set(TaskKind::classification, 0, 8), other = make_set(TaskKind::regression, 0, 8);
  const std::vector<data::LabelledText> rows{{.first = "5 6"}};
  const auto unlabelled =
      std::make_shared<const data::LabelledSet>(task.kind, rows, testing::NumberTokenizer(), 16);
  const auto make = [&](const auto& train, const auto& valid) {
    LabelledTask made(model, task, train, valid, task_options(batch(4)));
  };
  EXPECT_NO_THROW(make(good, good));
  EXPECT_THROW(make(other, good), UsageError);
  EXPECT_THROW(make(good, other), UsageError);
  EXPECT_THROW(make(unlabelled, good), UsageError);
  EXPECT_THROW(make(good, unlabelled), UsageError);
  LabelledModel number = make_model(spec(TaskKind::regression));
  EXPECT_THROW(LabelledTask(number, task, good, nullptr, task_options(batch(4))), UsageError);
}

}  // namespace
}  // namespace mabert::train
