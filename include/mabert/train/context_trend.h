#pragma once

#include <optional>
#include <span>

#include "mabert/train/context_evaluation.h"

namespace mabert::train {

/// Standard errors on either side of a mean that hold 95 % of a normal distribution.
constexpr double kInterval95 = 1.96;

/// A mean over windows and how well it is known.
struct Estimate {
  double mean = 0;
  std::optional<double> standard_error;  ///< s / √n, s the sample standard deviation; absent for one window
};

/// Of values - base, window by window: what both share (how hard a window is) cancels. Errors: UsageError for
/// different numbers of windows.
Estimate paired_difference(std::span<const double> base, std::span<const double> values);

/// Loss under one length above that under a shorter one; both are indices of the results.
struct ContextRise {
  std::size_t shorter = 0, longer = 0;
  Estimate difference;

  /// By more than two standard errors, or at all where there is none.
  bool is_significant() const;
};

/// The largest significant rise between any two lengths, if any; else the largest rise, if any. Absent where
/// no longer context has a higher loss than a shorter one.
std::optional<ContextRise> find_rise(std::span<const ContextResult> results);

}  // namespace mabert::train
