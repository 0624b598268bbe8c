#include "scalar.h"

#include "text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "mabert/config/fields.h"
#include "mabert/core/error.h"

namespace mabert::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view without_sign(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text;
}

size_t count_digits(std::string_view text) {
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// Words that some YAML version takes for a boolean.
bool is_boolean_word(std::string_view text) {
  constexpr std::array<std::string_view, 8> words{"true", "false", "yes", "no", "on", "off", "y", "n"};
  return std::find(words.begin(), words.end(), lower(text)) != words.end();
}

bool is_plain_string(std::string_view text) {
  if (is_null(text) || is_boolean_word(text) || text.back() == ' ') return false;
  const bool relative = text.starts_with("./") || text.starts_with("../");
  if (!relative && !is_letter(text[0]) && text[0] != '_' && text[0] != '/') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '/' || c == '.' || c == ' ';
  });
}

}  // namespace

bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && count_digits(text) == text.size() && (text.size() == 1 || text[0] != '0');
}

bool is_number(std::string_view text) {
  text = without_sign(text);
  const size_t whole = count_digits(text);
  if (whole > 1 && text[0] == '0') return false;
  text.remove_prefix(whole);
  size_t digits = whole;
  if (text.starts_with('.')) {
    const size_t fraction = count_digits(text.substr(1));
    digits += fraction;
    text.remove_prefix(1 + fraction);
  }
  if (digits == 0) return false;
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text = without_sign(text.substr(1));
  return !text.empty() && count_digits(text) == text.size();
}

bool has_leading_zero(std::string_view text) {
  text = without_sign(text);
  return text.size() > 1 && text[0] == '0' && is_digit(text[1]);
}

bool is_infinite_or_nan(std::string_view text) {
  const std::string word = lower(without_sign(text));
  return word == ".inf" || word == "inf" || word == "infinity" || word == ".nan" || word == "nan";
}

bool is_null(std::string_view text) { return text.empty() || text == "~" || lower(text) == "null"; }

std::string float_text(double value) {
  if (!std::isfinite(value)) {
    throw UsageError(std::string("configuration: expected a finite number, got ") +
                     (std::isnan(value) ? "nan" : "inf"));
  }
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find('.') == std::string::npos) text.insert(std::min(text.find('e'), text.size()), ".0");
  return text;
}

std::string bound_text(double value) {
  constexpr double exact = 9007199254740992.0;  // 2^53
  if (value == std::floor(value) && std::abs(value) <= exact)
    return std::to_string(static_cast<int64_t>(value));
  std::array<char, 32> buffer;
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr};
}

std::string range_text(const Range& range) {
  const bool has_low = range.low > -std::numeric_limits<double>::infinity();
  const bool has_high = range.high < std::numeric_limits<double>::infinity();
  if (has_low && has_high && !range.low_excluded) {
    return " from " + bound_text(range.low) + " to " + bound_text(range.high);
  }
  std::string text;
  if (has_low) text = (range.low_excluded ? " > " : " >= ") + bound_text(range.low);
  if (has_high) text += (has_low ? " and <= " : " <= ") + bound_text(range.high);
  return text;
}

std::string string_text(std::string_view value) {
  if (find_invalid_utf8(value)) {
    throw UsageError("configuration: expected UTF-8 text, got '" + one_line(value) + "'");
  }
  if (is_plain_string(value)) return std::string(value);
  std::string result = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      result += "\\x" + hex_byte(byte).substr(2);
    } else {
      result += c;
    }
  }
  return result + '"';
}

}  // namespace mabert::config
