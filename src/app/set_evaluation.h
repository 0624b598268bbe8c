#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "mabert/data/labelled_set.h"
#include "mabert/metrics/confusion_matrix.h"
#include "mabert/train/labelled_evaluation.h"

namespace mabert::app {

/// What a fine-tuned model says of a labelled set, and how good that is.
struct SetEvaluation {
  train::Predictions predictions;
  train::Evaluation evaluation;
  std::optional<metrics::ConfusionMatrix> confusion;  ///< absent for a regression
};

SetEvaluation evaluate_set(train::LabelledModel& model, const data::TaskSpec& task,
                           const data::LabelledSet& set, const data::BatchOptions& batch, c10::Device device);

/// Number of examples, loss, every metric by name, and the confusion matrix (rows: labels).
nlohmann::ordered_json to_json(const SetEvaluation& result, const data::LabelledSet& set);

/// The class that every example is predicted; nothing where there are several.
std::optional<std::size_t> only_prediction(const SetEvaluation& result);

/// "  accuracy 0.9000  score 0.9000  loss 0.3000"
std::string describe(const train::Evaluation& evaluation);

}  // namespace mabert::app
