#pragma once

#include "glue_result.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mabert::app {

/// Mean and sample standard deviation over seeds. Undefined (mean absent) without values or when one of them
/// is.
struct GlueStatistic {
  std::vector<std::optional<double>> values;  ///< by seed
  std::optional<double> mean, deviation;      ///< deviation: absent for one seed
};

GlueStatistic over_seeds(std::vector<std::optional<double>> values);

struct GlueTaskRow {
  GlueTaskResult result;
  std::map<std::string, std::map<std::string, GlueStatistic>> sets;  ///< [set][metric]
  GlueStatistic score;  ///< mean of the task's metrics; of both dev sets for MNLI
};

/// Mean of the task scores, without WNLI and AX.
struct GlueAverage {
  std::vector<std::string> tasks;  ///< names of those that have a score
  std::optional<double> mean;
  std::optional<double> deviation;  ///< of the averages by seed, where all those tasks have the same seeds
};

/// A folder of results: one row of the table.
struct GlueRow {
  std::string name;
  std::filesystem::path folder;
  std::map<std::string, GlueTaskRow> tasks;  ///< by the task's name
  std::vector<std::string> unfinished;       ///< tasks begun without a result
  GlueAverage average;

  bool random_weights() const;
  /// The model that most of the tasks start from.
  std::string model() const;
  const GlueTaskRow* find(const std::string& task) const;
};

/// How a row with pretrained weights stands to one of the same model with random ones, on one task.
struct GlueGain {
  std::string task;
  double difference = 0;                   ///< of the scores' means
  std::optional<double> pooled_deviation;  ///< √(Σ (n - 1) s² / Σ (n - 1)); absent with one seed each
};

/// Tasks that count in the average of the benchmark.
bool is_averaged(const data::TaskSpec& task);

/// Reads a folder. Errors: DataError (no tasks there; see read_glue_result).
GlueRow read_glue_row(const std::filesystem::path& folder, const std::string& name);

/// Counts [label][predicted] of a dev set over all seeds; empty without any.
std::vector<std::vector<std::int64_t>> summed_confusion(const GlueTaskRow& task, const std::string& set);

/// On every task that both have a score of.
std::vector<GlueGain> gains(const GlueRow& pretrained, const GlueRow& random);

}  // namespace mabert::app
