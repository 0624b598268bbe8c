#include "benchmarks/harness/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

// Columns of a terminal: bytes that continue a UTF-8 character take none.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

Table::Table(std::vector<std::string> header, std::size_t left_columns) : left_columns_(left_columns) {
  rows_.push_back(std::move(header));
}

void Table::add(std::vector<std::string> cells) {
  if (cells.size() != rows_.front().size()) {
    throw UsageError("[table] row: expected " + std::to_string(rows_.front().size()) + " cells, got " +
                     std::to_string(cells.size()));
  }
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string gap(widths[i] - width(rows_[r][i]), ' ');
      if (i > 0) line += "  ";
      line += i < left_columns_ ? rows_[r][i] + gap : gap + rows_[r][i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (r > 0) continue;
    std::size_t total = 2 * (widths.size() - 1);
    for (const std::size_t column : widths) total += column;
    text += std::string(total, '-') + "\n";
  }
  return text;
}

std::string significant(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  const int magnitude = value == 0 ? 0 : static_cast<int>(std::floor(std::log10(std::abs(value))));
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", std::clamp(digits - 1 - magnitude, 0, 12), value);
  return text;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f%%", 100 * share);
  return text;
}

}  // namespace mabert::bench
