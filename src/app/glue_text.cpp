#include "glue_text.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace mabert::app {
namespace {

std::string shortest(double value, std::chars_format format) {
  std::array<char, 512> buffer{};  // the longest fixed text of a double has 327 characters
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  return {buffer.data(), end};
}

}  // namespace

std::string percent_text(std::optional<double> mean, std::optional<double> deviation) {
  if (!mean) return "–";
  char text[64];
  const double value = *mean * 100;
  if (deviation) {
    std::snprintf(text, sizeof text, "%.1f ± %.1f", value, *deviation * 100);
  } else {
    std::snprintf(text, sizeof text, "%.1f", value);
  }
  // Not "-0.0", which a score of about nothing would be.
  const std::string result = text;
  return result.rfind("-0.0", 0) == 0 ? result.substr(1) : result;
}

std::string rate_text(double rate) {
  const std::string text = shortest(rate, std::chars_format::scientific);
  const std::size_t e = text.find('e');
  if (e == std::string::npos) return text;
  return text.substr(0, e + 1) + std::to_string(std::atoi(text.c_str() + e + 1));
}

std::string exact_text(std::optional<double> value) {
  return value ? shortest(*value, std::chars_format::fixed) : "";
}

}  // namespace mabert::app
