#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mabert/config/fields.h"

namespace mabert::data {

class Lines;

/// How documents stand in a file: `text`: lines, a blank line ends a document; `jsonl`: one JSON object a
/// line with a string `text`; `automatic`: jsonl for names ending in .jsonl or .jsonl.xz, else text.
enum class TextFormat { automatic, text, jsonl };

struct TextInput {
  std::filesystem::path path;  ///< "-" is standard input
  TextFormat format = TextFormat::text;
  std::uint64_t bytes = 0;  ///< size as stored; 0 when unknown
};

/// What is refused as too large, so that memory stays bounded.
struct TextLimits {
  std::uint64_t line_bytes = std::uint64_t{16} << 20;
  std::uint64_t document_bytes = std::uint64_t{64} << 20;
};

/// The files that `names` stand for, in order and without repetition: a file, a folder (every .txt, .text,
/// .md, .jsonl, also .xz, below it, sorted; hidden ones left out), a glob, or "-". Errors: DataError when a
/// name stands for no file, UsageError without names. Source: own.
std::vector<TextInput> find_text_inputs(std::span<const std::string> names, TextFormat format);

/// Documents of several files, one after another, in memory bounded by the limits. Files may be xz-compressed
/// (told by their first bytes). Checks UTF-8; drops a byte order mark, carriage returns at line ends and
/// empty documents. Errors: DataError with file, line and byte. Source: own.
class DocumentReader {
 public:
  explicit DocumentReader(std::vector<TextInput> inputs, const TextLimits& limits = {});
  ~DocumentReader();

  /// The next document, its lines joined by '\n'; nothing after the last.
  std::optional<std::string> next();

  /// Bytes read so far and in all, as stored (compressed), for progress; the second is 0 when unknown.
  std::uint64_t bytes_read() const;
  std::uint64_t bytes_total() const { return bytes_total_; }

 private:
  std::optional<std::string> next_text();
  std::optional<std::string> next_json();

  std::vector<TextInput> inputs_;
  TextLimits limits_;
  std::unique_ptr<Lines> lines_;
  std::size_t current_ = 0;
  std::uint64_t bytes_total_ = 0, bytes_before_ = 0;
};

}  // namespace mabert::data

namespace mabert::config {

template <>
struct EnumNames<data::TextFormat> {
  static constexpr std::array names{EnumName{"automatic", data::TextFormat::automatic},
                                    EnumName{"text", data::TextFormat::text},
                                    EnumName{"jsonl", data::TextFormat::jsonl}};
};

}  // namespace mabert::config
