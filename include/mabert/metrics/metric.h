#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace mabert::metrics {

/// What a task can be scored by.
enum class Metric { accuracy, f1, macro_f1, matthews, pearson, spearman, entity_f1 };

/// Its name in configurations and reports: that of the enumerator.
std::string_view metric_name(Metric metric);
std::optional<Metric> find_metric(std::string_view name);

/// Whether it compares numbers; the others compare labels.
bool is_for_regression(Metric metric);

/// mean = Σ x / n; deviation = √(Σ (x - mean)² / (n - 1)), absent for one value.
struct MeanDeviation {
  double mean = 0.0;
  std::optional<double> deviation;
};

/// Errors: UsageError without values.
MeanDeviation mean_and_deviation(std::span<const double> values);

}  // namespace mabert::metrics
