#include "mabert/train/labelled_evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>

#include <ATen/ops/softmax.h>
#include <c10/core/GradMode.h>

#include "mabert/core/error.h"
#include "mabert/metrics/correlation.h"
#include "mabert/metrics/entities.h"

namespace mabert::train {
namespace {

using data::TaskKind;
using metrics::Metric;

[[noreturn]] void reject(const data::TaskSpec& task, const std::string& what) {
  throw UsageError("[task " + task.name + "] " + what);
}

/// First row of each example, and the number of rows.
std::vector<std::uint64_t> rows_of(const data::LabelledSet& set) {
  std::vector<std::uint64_t> begin{0};
  for (std::uint64_t i = 0; i < set.size(); ++i) {
    begin.push_back(begin.back() + (set.kind() == TaskKind::tokens ? set[i].word_rows.size() : 1));
  }
  return begin;
}

/// Scores of a model as what Predictions hold, on the CPU.
at::Tensor outputs(const data::TaskSpec& task, const at::Tensor& scores) {
  const at::Tensor wide = scores.to(at::kFloat);
  if (task.kind != TaskKind::regression) return at::softmax(wide, 1).to(at::kCPU).contiguous();
  return wide.mul(task.maximum - task.minimum)
      .add(task.minimum)
      .clamp(task.minimum, task.maximum)
      .to(at::kCPU)
      .contiguous();
}

void check(const data::TaskSpec& task, const data::LabelledSet& set, const Predictions& predictions) {
  if (set.kind() != task.kind || predictions.kind != task.kind) {
    reject(task, "set, predictions: expected both of the task's kind, got another");
  }
  if (!set.is_labelled() || set.size() == 0) {
    reject(task, "set: expected a label for every example, got examples without; only predict works on it");
  }
  const std::uint64_t rows = rows_of(set).back();
  if (predictions.columns < 1 ||
      predictions.values.size() != rows * static_cast<std::uint64_t>(predictions.columns)) {
    reject(task, "predictions: expected " + std::to_string(rows) + " rows as in the set, got " +
                     std::to_string(predictions.values.size()) + " values");
  }
}

/// Calls use(label, row) for every label, without a row for a word that truncation cut off.
template <class Use>
void for_each_label(const data::LabelledSet& set, const Predictions& predictions, const Use& use) {
  for (std::uint64_t i = 0; i < set.size(); ++i) {
    const data::Example example = set[i];
    if (set.kind() == TaskKind::classification) {
      use(*example.label, std::optional(i));
      continue;
    }
    for (std::size_t word = 0; word < example.word_labels.size(); ++word) {
      const bool has_row = word < example.word_rows.size();
      use(example.word_labels[word], has_row ? std::optional(predictions.begin[i] + word) : std::nullopt);
    }
  }
}

/// Micro-averaged over all types.
double entity_f1(const data::TaskSpec& task, const data::LabelledSet& set, const Predictions& predictions) {
  metrics::EntityCounter counter;
  for (std::uint64_t i = 0; i < set.size(); ++i) {
    const data::Example example = set[i];
    std::vector<std::string> expected, predicted;
    for (std::size_t word = 0; word < example.word_labels.size(); ++word) {
      const bool has_row = word < example.word_rows.size();
      const std::int32_t best = has_row ? predictions.best(predictions.begin[i] + word) : 0;
      expected.push_back(task.labels.at(static_cast<std::size_t>(example.word_labels[word])));
      predicted.push_back(task.labels.at(static_cast<std::size_t>(best)));
    }
    counter.add(expected, predicted);
  }
  return counter.total().f1;
}

/// A task's metrics of classes.
class ClassMetrics {
 public:
  ClassMetrics(const data::TaskSpec& task, const data::LabelledSet& set, const Predictions& predictions)
      : task_(task), set_(set), predictions_(predictions), matrix_(confusion(task, set, predictions)) {}

  double operator()(Metric metric) const {
    switch (metric) {
      case Metric::accuracy:
        return matrix_.accuracy();
      case Metric::f1:
        return matrix_.f1(task_.positive);
      case Metric::macro_f1:
        return matrix_.macro_f1();
      case Metric::matthews:
        return matrix_.matthews();
      case Metric::entity_f1:
        if (task_.kind == TaskKind::tokens) return entity_f1(task_, set_, predictions_);
        break;
      case Metric::pearson:
      case Metric::spearman:
        break;
    }
    reject(task_, "metrics: " + std::string(metrics::metric_name(metric)) + " does not suit the task's kind");
  }

 private:
  const data::TaskSpec& task_;
  const data::LabelledSet& set_;
  const Predictions& predictions_;
  metrics::ConfusionMatrix matrix_;
};

struct Loss {
  double sum = 0.0;
  std::int64_t terms = 0;
};

Loss cross_entropy(const data::LabelledSet& set, const Predictions& predictions) {
  Loss loss;
  for_each_label(set, predictions, [&](std::int32_t label, std::optional<std::uint64_t> row) {
    if (!row) return;
    const auto at =
        *row * static_cast<std::uint64_t>(predictions.columns) + static_cast<std::uint64_t>(label);
    // A probability below the smallest float is 0 there; its logarithm is bounded by that float's.
    const float probability = std::max(predictions.values.at(at), std::numeric_limits<float>::min());
    loss.sum -= std::log(static_cast<double>(probability));
    ++loss.terms;
  });
  return loss;
}

Evaluation evaluate_numbers(const data::TaskSpec& task, const data::LabelledSet& set,
                            const Predictions& predictions) {
  std::vector<double> expected, predicted(predictions.values.begin(), predictions.values.end());
  double sum = 0.0;
  for (std::uint64_t i = 0; i < set.size(); ++i) {
    expected.push_back(static_cast<double>(*set[i].score));
    const double error = (predicted[i] - expected[i]) / (task.maximum - task.minimum);
    sum += error * error;
  }
  Evaluation evaluation{.loss = sum / static_cast<double>(expected.size())};
  evaluation.predicted = static_cast<std::int64_t>(expected.size());
  for (const Metric metric : task.metrics) {
    if (!metrics::is_for_regression(metric)) {
      reject(task, "metrics: " + std::string(metrics::metric_name(metric)) + " does not suit a regression");
    }
    evaluation.values.push_back({std::string(metrics::metric_name(metric)),
                                 metric == Metric::pearson ? metrics::pearson(predicted, expected)
                                                           : metrics::spearman(predicted, expected)});
  }
  return evaluation;
}

Evaluation evaluate_classes(const data::TaskSpec& task, const data::LabelledSet& set,
                            const Predictions& predictions) {
  const ClassMetrics value_of(task, set, predictions);
  const Loss loss = cross_entropy(set, predictions);
  Evaluation evaluation{.loss = loss.sum / static_cast<double>(std::max<std::int64_t>(loss.terms, 1))};
  evaluation.predicted = loss.terms;
  for (const Metric metric : task.metrics) {
    evaluation.values.push_back({std::string(metrics::metric_name(metric)), value_of(metric)});
  }
  return evaluation;
}

}  // namespace

std::int32_t Predictions::best(std::uint64_t row) const {
  const auto width = static_cast<std::uint64_t>(columns);
  const std::span<const float> scores = std::span(values).subspan(row * width, width);
  return static_cast<std::int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

bool Predictions::are_finite() const {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

Predictions predict(LabelledModel& model, const data::TaskSpec& task, const data::LabelledSet& set,
                    const data::BatchOptions& batch, c10::Device device) {
  const c10::NoGradGuard no_grad;
  if (set.kind() != task.kind || model.kind() != task.kind) {
    reject(task, "set, model: expected both of the task's kind, got another");
  }
  Predictions predictions;
  predictions.kind = task.kind;
  if (task.kind != TaskKind::regression) predictions.columns = static_cast<std::int64_t>(task.labels.size());
  const auto columns = static_cast<std::uint64_t>(predictions.columns);
  std::vector<std::uint64_t> begin = rows_of(set);
  predictions.values.resize(begin.back() * columns);
  const data::BatchPlan plan = data::plan_by_length(set, batch);
  for (std::uint64_t i = 0; i < plan.size(); ++i) {
    const auto examples = plan.micro_batch(i);
    const data::LabelledBatch made = data::make_labelled_batch(set, examples, batch.layout);
    const at::Tensor rows = outputs(task, model.scores(made.to(device), {}));
    const float* next = rows.const_data_ptr<float>();
    for (const std::uint64_t example : examples) {
      const std::uint64_t count = (begin[example + 1] - begin[example]) * columns;
      std::copy_n(next, count, predictions.values.data() + begin[example] * columns);
      next += count;
    }
    predictions.tokens += made.layout.num_valid();
  }
  if (task.kind == TaskKind::tokens) predictions.begin = std::move(begin);
  return predictions;
}

metrics::ConfusionMatrix confusion(const data::TaskSpec& task, const data::LabelledSet& set,
                                   const Predictions& predictions) {
  check(task, set, predictions);
  if (task.kind == TaskKind::regression) reject(task, "confusion: expected classes, got a regression");
  metrics::ConfusionMatrix matrix(predictions.columns);
  for_each_label(set, predictions, [&](std::int32_t label, std::optional<std::uint64_t> row) {
    // A word that truncation cut off was not answered, which is wrong whatever its label.
    matrix.add(label, row ? predictions.best(*row) : (label == 0 ? 1 : 0));
  });
  return matrix;
}

Evaluation evaluate(const data::TaskSpec& task, const data::LabelledSet& set,
                    const Predictions& predictions) {
  check(task, set, predictions);
  if (task.metrics.empty()) reject(task, "metrics: expected at least one, got none");
  Evaluation evaluation = task.kind == TaskKind::regression ? evaluate_numbers(task, set, predictions)
                                                            : evaluate_classes(task, set, predictions);
  if (!predictions.are_finite()) {
    // The largest of nothing but NaN is no answer, and a diverged model must not look like one that guesses.
    for (NamedValue& item : evaluation.values) item.value = std::numeric_limits<double>::quiet_NaN();
  }
  double sum = 0.0;
  for (const NamedValue& item : evaluation.values) sum += item.value;
  evaluation.values.push_back({"score", sum / static_cast<double>(task.metrics.size())});
  evaluation.selects = "score";
  evaluation.higher_is_better = true;
  evaluation.tokens = predictions.tokens;
  return evaluation;
}

}  // namespace mabert::train
