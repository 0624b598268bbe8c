#pragma once

#include <filesystem>
#include <string>

#include "mabert/data/labelled_set.h"
#include "mabert/data/task_spec.h"
#include "mabert/train/labelled_evaluation.h"

namespace mabert::app {

/// A number by a pattern of printf, such as "%.3f".
std::string decimal(double value, const char* pattern);

/// Predictions as GLUE wants them: "index<TAB>prediction", a line for each example, labels by name, numbers
/// with three decimals. Source: the benchmark's submission instructions.
std::string submission_text(const data::TaskSpec& task, const data::LabelledSet& set,
                            const train::Predictions& predictions);

/// Everything about every example: id, label, prediction, and the probability of each label. Token tasks: a
/// line for each word, a blank line between sentences.
std::string prediction_table(const data::TaskSpec& task, const data::LabelledSet& set,
                             const train::Predictions& predictions);

}  // namespace mabert::app
