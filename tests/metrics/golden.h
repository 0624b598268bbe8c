#pragma once

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace mabert::metrics {

/// The cases of one part of tests/golden/metrics.json (made by make_metrics.py beside it).
inline nlohmann::json golden_cases(const std::string& part) {
  std::ifstream in(MABERT_SOURCE_DIR "/tests/golden/metrics.json");
  return nlohmann::json::parse(in).at(part);
}

/// Equal to 12 digits; null is NaN.
inline void expect_golden(double value, const nlohmann::json& expected) {
  if (expected.is_null()) {
    EXPECT_TRUE(std::isnan(value)) << value;
  } else {
    const double number = expected.get<double>();
    EXPECT_NEAR(value, number, 1e-12 * std::max(1.0, std::abs(number)));
  }
}

/// The message of the Error that `call` throws.
template <class Error, class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

}  // namespace mabert::metrics
