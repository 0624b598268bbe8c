#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "mabert/train/context_evaluation.h"

namespace mabert::train {

/// Standard errors on either side of a mean that hold 95 % of a normal distribution.
constexpr double kInterval95 = 1.96;

/// A mean over windows and how well it is known.
struct Estimate {
  double mean = 0;
  std::optional<double> standard_error;  ///< clustered by document; absent where all is of one document
};

/// Of the losses' differences values - base, window by window: what both share (how hard a window is)
/// cancels. The mean m is over all n windows. Those of one document are not independent, so the standard
/// error is clustered by its G documents:
///   √(G / (G - 1) · Σ_g (Σ_{i in g} (d_i - m))²) / n
/// Errors: UsageError for none, or for windows of other numbers or documents. Source: Liang and Zeger 1986,
/// "Longitudinal data analysis using generalized linear models", for a mean.
Estimate paired_difference(const ContextResult& base, const ContextResult& values);

/// Pairs of lengths that find_rise compares.
std::size_t compared_pairs(std::size_t lengths);

/// So many standard errors must a rise be above 0 to be significant at 5 %, two-sided, however many pairs are
/// compared: the quantile of a normal distribution at 1 - 0.05 / (2 · pairs) (Bonferroni). 1.96 for one pair.
double rise_threshold(std::size_t pairs);

/// Loss under one length above that under a shorter one; both are indices of the results.
struct ContextRise {
  std::size_t shorter = 0, longer = 0;
  Estimate difference;
  double threshold = kInterval95;  ///< in standard errors

  /// Never where the standard error is not known.
  bool is_significant() const;
};

/// The largest significant rise between any two lengths, if any; else the largest rise, if any. Absent where
/// no longer context has a higher loss than a shorter one.
std::optional<ContextRise> find_rise(std::span<const ContextResult> results);

}  // namespace mabert::train
