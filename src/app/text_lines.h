#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iosfwd>
#include <optional>
#include <string>

namespace mabert::app {

/// A line of input with its place, for messages.
struct TextLine {
  std::string text, place;
};

/// The lines of a file or of standard input, checked: UTF-8, at most 1 MiB.
class TextLines {
 public:
  /// Errors: DataError when the file cannot be opened.
  TextLines(const std::optional<std::filesystem::path>& file, std::istream& standard_input);

  /// The next line without its end. Errors: DataError with file and line.
  std::optional<TextLine> next();
  const std::string& name() const { return name_; }

 private:
  std::ifstream file_;
  std::istream& input_;
  std::string name_;
  std::size_t number_ = 0;
};

}  // namespace mabert::app
