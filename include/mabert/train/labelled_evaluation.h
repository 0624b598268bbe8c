#pragma once

#include <cstdint>
#include <vector>

#include <c10/core/Device.h>

#include "mabert/data/labelled_set.h"
#include "mabert/metrics/confusion_matrix.h"
#include "mabert/train/labelled_model.h"
#include "mabert/train/task.h"

namespace mabert::train {

/// What a model says of every example of a set, in the set's order.
struct Predictions {
  data::TaskKind kind = data::TaskKind::classification;
  std::int64_t columns = 1;   ///< classes; 1 for regression
  std::vector<float> values;  ///< row by row: probabilities by class, or the number within [minimum, maximum]
  std::vector<std::uint64_t> begin;  ///< token tasks: first row of each example, and the number of rows;
                                     ///< words that truncation cut off have no row
  std::int64_t tokens = 0;           ///< valid tokens read

  /// Class of the largest probability of a row.
  std::int32_t best(std::uint64_t row) const;
  bool are_finite() const;
};

/// What the model, which lies on the device, says of a set. What it says of one example does not depend on
/// which others share its batch, beyond rounding. Errors: UsageError for batch options; for a set of another
/// kind than the task's.
Predictions predict(LabelledModel& model, const data::TaskSpec& task, const data::LabelledSet& set,
                    const data::BatchOptions& batch, c10::Device device);

/// The task's metrics of predictions for a labelled set: loss (mean cross-entropy, or mean squared error on
/// the scale [0, 1] of minimum to maximum), every metric of the task by name, and "score", their mean, by
/// which checkpoints are selected. Words cut off by truncation count as wrong (for entities: as outside any),
/// and not in the loss. Every metric is NaN where a prediction is not finite. Errors: UsageError for a set
/// without labels, predictions of another set, or a task without metrics or with one of another kind.
Evaluation evaluate(const data::TaskSpec& task, const data::LabelledSet& set, const Predictions& predictions);

/// Classification and token tasks: labels (rows) against predictions. Errors: UsageError for a regression,
/// and as evaluate.
metrics::ConfusionMatrix confusion(const data::TaskSpec& task, const data::LabelledSet& set,
                                   const Predictions& predictions);

}  // namespace mabert::train
