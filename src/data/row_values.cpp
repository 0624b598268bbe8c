#include "row_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "mabert/data/utf8.h"

namespace mabert::data {
namespace {

constexpr std::size_t kLongestQuote = 60, kMostNames = 10;

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number value{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && rest == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string written(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(std::begin(buffer), std::end(buffer), value);
  return error == std::errc() ? std::string(buffer, end) : std::to_string(value);
}

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const std::string_view kept = text.substr(0, character_boundary(text, kLongestQuote));
  std::string result = "\"";
  for (const char c : kept) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      result += c;
    } else {
      result.append("\\x").append({digits[byte >> 4], digits[byte & 15]});
    }
  }
  return result + (kept.size() < text.size() ? "...\"" : "\"");
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::string result;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    result += (i > 0 ? ", " : "") + in_quotes(names[i]);
  }
  if (names.size() > kMostNames) result += ", ... (" + std::to_string(names.size()) + " in all)";
  return result;
}

RowValues::RowValues(const TaskSpec& task, const RowColumns& columns, bool needs_labels)
    : task_(task),
      columns_(columns),
      needs_labels_(needs_labels),
      are_numbers_(std::any_of(task.labels.begin(), task.labels.end(), [](const std::string& label) {
        return parse<std::int64_t>(label).has_value();
      })) {}

std::string RowValues::text(const Lines& lines, const std::string& column, std::string_view value) const {
  if (is_blank(value)) {
    lines.fail(column + ": expected a text, got " + (value.empty() ? "an empty one" : "white space only"));
  }
  if (value.find('\0') != std::string_view::npos) lines.fail(column + ": expected a text, got one with NUL");
  return std::string(value);
}

std::string RowValues::id(const Lines& lines, std::string_view value) const {
  if (value.empty() || value.find_first_of(std::string_view("\t\n\r\0", 4)) != std::string_view::npos) {
    lines.fail(*columns_.id + ": expected a row's name on one line, without tabs, got " + in_quotes(value));
  }
  return std::string(value);
}

std::string RowValues::expected() const {
  if (task_.kind == TaskKind::regression) {
    return "a number from " + written(task_.minimum) + " to " + written(task_.maximum);
  }
  return "one of " + quoted_list(task_.labels);
}

std::int32_t RowValues::label(const Lines& lines, std::string_view value) const {
  const auto found = std::find(task_.labels.begin(), task_.labels.end(), value);
  if (found != task_.labels.end()) return static_cast<std::int32_t>(found - task_.labels.begin());
  const auto index = are_numbers_ ? std::nullopt : parse<std::int64_t>(value);
  const auto classes = static_cast<std::int64_t>(task_.labels.size());
  if (index && *index >= 0 && *index < classes) return static_cast<std::int32_t>(*index);
  lines.fail(*columns_.label + ": expected " + expected() +
             (index ? " or a class from 0 to " + std::to_string(classes - 1) : "") + ", got " +
             in_quotes(value));
}

void RowValues::set_label(const Lines& lines, std::optional<std::string_view> value,
                          LabelledText& row) const {
  if (!value || value->empty()) {
    if (needs_labels_) lines.fail(*columns_.label + ": expected " + expected() + ", got none");
  } else if (task_.kind == TaskKind::classification) {
    row.label = label(lines, *value);
  } else {
    const auto number = parse<double>(*value);
    // Compared so that NaN is refused.
    if (!number || !(*number >= task_.minimum && *number <= task_.maximum)) {
      lines.fail(*columns_.label + ": expected " + expected() + ", got " + in_quotes(*value));
    }
    row.score = static_cast<float>(*number);
  }
}

bool RowValues::is_no_label(std::string_view value) const {
  if (parse<double>(value) != -1.0) return false;
  if (task_.kind == TaskKind::regression) return task_.minimum > -1 || task_.maximum < -1;
  return std::find(task_.labels.begin(), task_.labels.end(), value) == task_.labels.end();
}

}  // namespace mabert::data
