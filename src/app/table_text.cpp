#include "table_text.h"

#include <algorithm>

namespace mabert::app {
namespace {

/// Columns that a terminal needs: here every code point takes one.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string count_text(std::int64_t count) {
  std::string text = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string cell_text(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '|') safe += '\\';
    safe += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return safe;
}

std::string join(const std::vector<std::string>& parts, const std::string& separator) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) text += (i ? separator : "") + parts[i];
  return text;
}

std::string markdown_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 3);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  const auto append = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - width_of(row[i]), ' ');
      text += "| " + (i == 0 ? row[i] + pad : pad + row[i]) + " ";
    }
    text += "|\n";
  };
  append(rows.front());
  for (std::size_t i = 0; i < widths.size(); ++i)
    text += "|" + (i == 0 ? std::string(widths[i] + 2, '-') : std::string(widths[i] + 1, '-') + ":");
  text += "|\n";
  for (std::size_t i = 1; i < rows.size(); ++i) append(rows[i]);
  return text;
}

}  // namespace mabert::app
