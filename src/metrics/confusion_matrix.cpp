#include "mabert/metrics/confusion_matrix.h"

#include <cmath>
#include <limits>
#include <string>

#include "mabert/core/error.h"

namespace mabert::metrics {

ConfusionMatrix::ConfusionMatrix(std::int64_t labels) : labels_(labels) {
  if (labels < 1) {
    throw UsageError("[metrics] labels: expected at least 1, got " + std::to_string(labels));
  }
  counts_.resize(labels * labels);
}

void ConfusionMatrix::add(std::int64_t label, std::int64_t predicted) {
  check("label", label);
  check("predicted", predicted);
  ++counts_[label * labels_ + predicted];
  ++total_;
}

std::int64_t ConfusionMatrix::count(std::int64_t label, std::int64_t predicted) const {
  check("label", label);
  check("predicted", predicted);
  return counts_[label * labels_ + predicted];
}

double ConfusionMatrix::accuracy() const {
  if (total_ == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(correct()) / static_cast<double>(total_);
}

double ConfusionMatrix::f1(std::int64_t positive) const {
  const std::int64_t hits = count(positive, positive);
  if (hits == 0) return 0.0;
  return 2.0 * static_cast<double>(hits) / static_cast<double>(labelled(positive) + predicted_as(positive));
}

double ConfusionMatrix::macro_f1() const {
  double sum = 0.0;
  std::int64_t present = 0;
  for (std::int64_t label = 0; label < labels_; ++label) {
    if (labelled(label) + predicted_as(label) == 0) continue;
    sum += f1(label);
    ++present;
  }
  return present == 0 ? 0.0 : sum / static_cast<double>(present);
}

double ConfusionMatrix::matthews() const {
  // Whole numbers up to the root: exact, so that "undefined" is exactly 0. They fit for fewer than 3·10⁹
  // rows.
  std::int64_t covariance = correct() * total_;
  std::int64_t label_variance = total_ * total_, prediction_variance = total_ * total_;
  for (std::int64_t label = 0; label < labels_; ++label) {
    const std::int64_t t = labelled(label), q = predicted_as(label);
    covariance -= t * q;
    label_variance -= t * t;
    prediction_variance -= q * q;
  }
  if (label_variance == 0 || prediction_variance == 0) return 0.0;
  return static_cast<double>(covariance) /
         std::sqrt(static_cast<double>(label_variance) * static_cast<double>(prediction_variance));
}

std::int64_t ConfusionMatrix::labelled(std::int64_t label) const {
  std::int64_t sum = 0;
  for (std::int64_t predicted = 0; predicted < labels_; ++predicted) sum += count(label, predicted);
  return sum;
}

std::int64_t ConfusionMatrix::predicted_as(std::int64_t label) const {
  std::int64_t sum = 0;
  for (std::int64_t expected = 0; expected < labels_; ++expected) sum += count(expected, label);
  return sum;
}

std::int64_t ConfusionMatrix::correct() const {
  std::int64_t sum = 0;
  for (std::int64_t label = 0; label < labels_; ++label) sum += count(label, label);
  return sum;
}

void ConfusionMatrix::check(const char* name, std::int64_t label) const {
  if (label >= 0 && label < labels_) return;
  throw UsageError(std::string("[metrics] ") + name + ": expected 0 to " + std::to_string(labels_ - 1) +
                   ", got " + std::to_string(label));
}

}  // namespace mabert::metrics
