#include "mabert/metrics/metric.h"

#include "mean.h"

#include <array>
#include <cmath>
#include <cstddef>

#include "mabert/core/error.h"

namespace mabert::metrics {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 7> kNames{"accuracy", "f1",       "macro_f1", "matthews",
                                                 "pearson",  "spearman", "entity_f1"};
static_assert(kNames.size() == static_cast<std::size_t>(Metric::entity_f1) + 1);

}  // namespace

std::string_view metric_name(Metric metric) { return kNames.at(static_cast<std::size_t>(metric)); }

std::optional<Metric> find_metric(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Metric>(i);
  }
  return std::nullopt;
}

bool is_for_regression(Metric metric) { return metric == Metric::pearson || metric == Metric::spearman; }

MeanDeviation mean_and_deviation(std::span<const double> values) {
  if (values.empty()) throw UsageError("[metrics] values: expected at least one, got none");
  const double mean = mean_of(values);
  if (values.size() == 1) return {mean, std::nullopt};
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / static_cast<double>(values.size() - 1))};
}

}  // namespace mabert::metrics
