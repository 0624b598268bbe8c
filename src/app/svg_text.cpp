#include "svg_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "mabert/data/utf8.h"

namespace mabert::app {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

/// The two code points that are UTF-8, but not XML: U+FFFE and U+FFFF.
bool is_noncharacter(std::string_view at) {
  return at.starts_with("\xEF\xBF\xBE") || at.starts_with("\xEF\xBF\xBF");
}

std::string valid_text(std::string text) {
  while (const auto bad = data::find_invalid_utf8(text)) text[*bad] = '?';
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_noncharacter(std::string_view(text).substr(i))) text.replace(i, 3, "?");
  }
  return text;
}

}  // namespace

std::string xml_text(const std::string& text) {
  std::string escaped;
  for (const char c : valid_text(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    }
  }
  return escaped;
}

std::size_t text_length(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string shortened(const std::string& text, std::size_t most) {
  if (text_length(text) <= most) return text;
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end) {
    if (begins_character(text[end]) && seen++ + 1 == most) break;
  }
  return text.substr(0, end) + "…";
}

std::string coordinate(double value) {
  std::array<char, 64> buffer{};
  const double rounded = std::round(value * 100) / 100;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), rounded == 0 ? 0 : rounded,
                                 std::chars_format::fixed, 2)
                       .ptr;
  std::string text(buffer.data(), end);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace mabert::app
