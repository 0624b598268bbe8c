#include "mabert/train/context_trend.h"

#include <cmath>
#include <string>

#include "mabert/core/error.h"

namespace mabert::train {

Estimate paired_difference(std::span<const double> base, std::span<const double> values) {
  if (base.size() != values.size() || base.empty()) {
    throw UsageError("[context] windows: expected as many as " + std::to_string(base.size()) +
                     ", at least one, got " + std::to_string(values.size()));
  }
  const auto count = static_cast<double>(base.size());
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < base.size(); ++i) sum += values[i] - base[i];
  Estimate estimate{.mean = sum / count, .standard_error = {}};
  if (base.size() < 2) return estimate;
  for (std::size_t i = 0; i < base.size(); ++i) {
    const double deviation = values[i] - base[i] - estimate.mean;
    squares += deviation * deviation;
  }
  estimate.standard_error = std::sqrt(squares / (count - 1) / count);
  return estimate;
}

bool ContextRise::is_significant() const {
  return difference.mean > 2 * difference.standard_error.value_or(0);
}

std::optional<ContextRise> find_rise(std::span<const ContextResult> results) {
  std::optional<ContextRise> found;
  for (std::size_t longer = 1; longer < results.size(); ++longer) {
    for (std::size_t shorter = 0; shorter < longer; ++shorter) {
      const ContextRise rise{shorter, longer,
                             paired_difference(results[shorter].losses, results[longer].losses)};
      if (!(rise.difference.mean > 0)) continue;
      const bool is_clearer = !found || (rise.is_significant() && !found->is_significant());
      const bool is_larger = found && rise.is_significant() == found->is_significant() &&
                             rise.difference.mean > found->difference.mean;
      if (is_clearer || is_larger) found = rise;
    }
  }
  return found;
}

}  // namespace mabert::train
