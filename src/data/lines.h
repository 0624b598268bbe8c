#pragma once

#include "byte_source.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mabert/core/error.h"

namespace mabert::data {

/// A line that cannot be used, "file:line: …"; what stands behind it still can.
struct BadLine : DataError {
  using DataError::DataError;
};

/// The checked lines of one file, without their ends; a byte order mark and carriage returns at line ends are
/// dropped.
class Lines {
 public:
  Lines(const std::filesystem::path& path, std::uint64_t max_bytes);

  /// The next line, valid until the next call; nothing at the end. Errors: BadLine (too long, NUL, invalid
  /// UTF-8), after which the next call goes on with the line behind; DataError as ByteSource.
  std::optional<std::string_view> next();

  /// "file:line" of the line that next() was about.
  std::string where() const { return name() + ":" + std::to_string(number_); }
  const std::string& name() const { return source_.name(); }
  [[noreturn]] void fail(const std::string& what) const { throw BadLine(where() + ": " + what); }
  std::uint64_t consumed() const { return source_.consumed(); }

 private:
  std::optional<std::string_view> piece(bool& ended);
  void check(std::string_view line) const;

  ByteSource source_;
  std::uint64_t max_bytes_, offset_ = 0, line_bytes_ = 0, number_ = 0;
  std::vector<char> chunk_;
  std::size_t begin_ = 0, end_ = 0;
  bool inside_ = false;  // the rest of a line that is too long comes next
  std::string line_;
};

/// Nothing but ASCII white space.
inline bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\v\f\r\n") == std::string_view::npos;
}

}  // namespace mabert::data
