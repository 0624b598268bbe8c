#pragma once

#include <span>

namespace mabert::metrics {

/// The mean of at least one value. The second sum takes back what rounding did to the first.
inline double mean_of(std::span<const double> values) {
  const double count = static_cast<double>(values.size());
  double sum = 0.0, rest = 0.0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  for (const double value : values) rest += value - mean;
  return mean + rest / count;
}

}  // namespace mabert::metrics
