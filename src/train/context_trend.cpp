#include "mabert/train/context_trend.h"

#include <cmath>
#include <map>
#include <string>

#include "mabert/core/error.h"

namespace mabert::train {
namespace {

constexpr double kLevel = 0.05;  // two-sided, of all pairs together

void require_same_windows(const ContextResult& base, const ContextResult& values) {
  const std::size_t count = base.losses.size();
  if (values.losses.size() != count || count == 0) {
    throw UsageError("[context] windows: expected as many as " + std::to_string(count) +
                     ", at least one, got " + std::to_string(values.losses.size()));
  }
  if (base.documents.size() != count || values.documents != base.documents)
    throw UsageError("[context] windows: expected each of the same document in both results");
}

}  // namespace

Estimate paired_difference(const ContextResult& base, const ContextResult& values) {
  require_same_windows(base, values);
  const std::size_t windows = base.losses.size();
  const auto count = static_cast<double>(windows);
  double sum = 0;
  for (std::size_t i = 0; i < windows; ++i) sum += values.losses[i] - base.losses[i];
  Estimate estimate{.mean = sum / count, .standard_error = {}};
  std::map<std::uint64_t, double> deviations;  // of each document, together
  for (std::size_t i = 0; i < windows; ++i)
    deviations[base.documents[i]] += values.losses[i] - base.losses[i] - estimate.mean;
  if (deviations.size() < 2) return estimate;
  double squares = 0;
  for (const auto& [document, deviation] : deviations) squares += deviation * deviation;
  const auto documents = static_cast<double>(deviations.size());
  estimate.standard_error = std::sqrt(documents / (documents - 1) * squares) / count;
  return estimate;
}

std::size_t compared_pairs(std::size_t lengths) { return lengths < 2 ? 0 : lengths * (lengths - 1) / 2; }

double rise_threshold(std::size_t pairs) {
  const double outside = kLevel / static_cast<double>(pairs < 1 ? 1 : pairs);
  // erfc(z / √2), the share of a normal distribution beyond ±z, falls: halve an interval around `outside`.
  double low = 0, high = 40;
  while (true) {
    const double middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    (std::erfc(middle / std::sqrt(2.0)) > outside ? low : high) = middle;
  }
}

bool ContextRise::is_significant() const {
  return difference.standard_error && difference.mean > threshold * *difference.standard_error;
}

std::optional<ContextRise> find_rise(std::span<const ContextResult> results) {
  const double threshold = rise_threshold(compared_pairs(results.size()));
  std::optional<ContextRise> found;
  for (std::size_t longer = 1; longer < results.size(); ++longer) {
    for (std::size_t shorter = 0; shorter < longer; ++shorter) {
      const ContextRise rise{shorter, longer, paired_difference(results[shorter], results[longer]),
                             threshold};
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
