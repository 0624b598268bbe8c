#include "lines.h"

#include <cstring>
#include <utility>

#include "mabert/data/utf8.h"

namespace mabert::data {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 18;

}  // namespace

Lines::Lines(const std::filesystem::path& path, std::uint64_t max_bytes)
    : source_(path), max_bytes_(max_bytes), chunk_(kChunkBytes) {}

// What comes next of the current line, without copying; `ended`: with its end. Nothing at the end of the
// file.
std::optional<std::string_view> Lines::piece(bool& ended) {
  if (begin_ == end_) {
    begin_ = 0;
    end_ = source_.read(chunk_);
    if (end_ == 0) return std::nullopt;
  }
  const char* first = chunk_.data() + begin_;
  const void* newline = std::memchr(first, '\n', end_ - begin_);
  ended = newline != nullptr;
  const std::size_t count =
      ended ? static_cast<std::size_t>(static_cast<const char*>(newline) - first) : end_ - begin_;
  begin_ += count + (ended ? 1 : 0);
  line_bytes_ += count + (ended ? 1 : 0);
  return std::string_view(first, count);
}

std::optional<std::string_view> Lines::next() {
  bool ended = false, any = false;
  while (inside_) inside_ = piece(ended).has_value() && !ended;
  offset_ += std::exchange(line_bytes_, 0);
  line_.clear();
  ended = false;
  while (!ended) {
    const auto part = piece(ended);
    if (!part) break;
    any = true;
    line_ += *part;
    if (line_.size() > max_bytes_) {
      ++number_;
      inside_ = !ended;
      fail("longer than " + std::to_string(max_bytes_) + " bytes; break or shorten the line");
    }
  }
  if (!any) return std::nullopt;
  ++number_;
  std::string_view line = line_;
  check(line);
  if (number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void Lines::check(std::string_view line) const {
  const auto invalid = find_invalid_utf8(line);
  if (invalid) {
    const auto byte = static_cast<unsigned char>(line[*invalid]);
    constexpr std::string_view digits = "0123456789ABCDEF";
    fail("byte " + std::to_string(offset_ + *invalid) + " (0x" + digits[byte >> 4] + digits[byte & 15] +
         ") is not valid UTF-8; convert the file, e.g. with iconv");
  }
  const std::size_t nul = line.find('\0');
  if (nul != std::string_view::npos) {
    fail("byte " + std::to_string(offset_ + nul) + " is NUL; expected text, remove it");
  }
}

}  // namespace mabert::data
