#pragma once

#include <cstdint>
#include <vector>

namespace mabert::metrics {

/// How often each label was predicted as each other, and the scores of a classifier that follow from it.
/// n = rows, C(l, p) = rows of label l predicted as p, t(k) = Σ_p C(k, p), q(k) = Σ_l C(l, k). Equal to
/// scikit-learn's scores of the same name; there, too, what is undefined is 0 (zero_division=0). Errors:
/// UsageError for a label outside 0 … labels - 1.
class ConfusionMatrix {
 public:
  /// Errors: UsageError unless labels ≥ 1.
  explicit ConfusionMatrix(std::int64_t labels);

  /// Counts one row.
  void add(std::int64_t label, std::int64_t predicted);

  std::int64_t labels() const { return labels_; }
  std::int64_t count(std::int64_t label, std::int64_t predicted) const;
  std::int64_t total() const { return total_; }

  /// Σ_k C(k, k) / n; NaN without rows.
  double accuracy() const;
  /// 2 C(k, k) / (t(k) + q(k)) with k = positive.
  double f1(std::int64_t positive) const;
  /// The mean of f1 over the labels that occur, as label or as prediction; others do not count.
  double macro_f1() const;
  /// (n Σ_k C(k, k) - Σ_k t(k) q(k)) / √((n² - Σ_k q(k)²) (n² - Σ_k t(k)²)); for two labels Matthews' φ.
  /// Source: Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation coefficient".
  double matthews() const;

 private:
  std::int64_t labelled(std::int64_t label) const;      // t
  std::int64_t predicted_as(std::int64_t label) const;  // q
  std::int64_t correct() const;
  void check(const char* name, std::int64_t label) const;

  std::int64_t labels_;
  std::int64_t total_ = 0;
  std::vector<std::int64_t> counts_;  // (labels, labels), a row per label
};

}  // namespace mabert::metrics
