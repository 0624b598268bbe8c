#include "text_lines.h"

#include <istream>

#include "mabert/core/error.h"
#include "mabert/data/utf8.h"

namespace mabert::app {
namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

/// The next line without its end, at most one byte more than `limit` of it; false at the end of the input.
bool read_line(std::istream& input, std::string& line, std::size_t limit) {
  line.clear();
  int next = input.get();
  if (next == std::istream::traits_type::eof()) return false;
  while (next != std::istream::traits_type::eof() && next != '\n' && line.size() <= limit) {
    line.push_back(static_cast<char>(next));
    next = line.size() <= limit ? input.get() : next;
  }
  return true;
}

}  // namespace

TextLines::TextLines(const std::optional<std::filesystem::path>& file, std::istream& standard_input)
    : input_(file ? file_ : standard_input), name_(file ? file->string() : "standard input") {
  if (!file) return;
  file_.open(*file);
  if (!file_) throw DataError(name_ + ": cannot open");
}

std::optional<TextLine> TextLines::next() {
  for (std::string text; read_line(input_, text, kMaxLineBytes);) {
    ++number_;
    const std::string place = name_ + ":" + std::to_string(number_);
    if (text.size() > kMaxLineBytes) throw DataError(place + ": expected at most 1 MiB in a line");
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (data::find_invalid_utf8(text))
      throw DataError(place + ": expected UTF-8; convert the text first (iconv)");
    return TextLine{std::move(text), place};
  }
  if (input_.bad()) throw DataError(name_ + ": cannot read after line " + std::to_string(number_));
  return std::nullopt;
}

}  // namespace mabert::app
