#include "mabert/data/text_source.h"

#include "byte_source.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "mabert/core/error.h"
#include "mabert/data/utf8.h"

namespace mabert::data {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 18;

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\v\f\r") == std::string_view::npos; }

}  // namespace

/// The checked lines of one file, without their ends.
class DocumentReader::Lines {
 public:
  Lines(const TextInput& input, std::uint64_t max_bytes)
      : source_(input.path), max_bytes_(max_bytes), chunk_(kChunkBytes) {}

  /// The next line, valid until the next call; nothing at the end.
  std::optional<std::string_view> next() {
    offset_ += std::exchange(line_bytes_, 0);
    line_.clear();
    bool ended = false, any = false;
    while (!ended) {
      if (begin_ == end_) {
        begin_ = 0;
        end_ = source_.read(chunk_);
        if (end_ == 0) break;
      }
      any = true;
      const char* first = chunk_.data() + begin_;
      const void* newline = std::memchr(first, '\n', end_ - begin_);
      ended = newline != nullptr;
      const std::size_t count =
          ended ? static_cast<std::size_t>(static_cast<const char*>(newline) - first) : end_ - begin_;
      line_.append(first, count);
      begin_ += count + (ended ? 1 : 0);
      line_bytes_ += count + (ended ? 1 : 0);
      if (line_.size() > max_bytes_) {
        ++number_;
        fail("longer than " + std::to_string(max_bytes_) + " bytes; break the line");
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

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(source_.name() + ":" + std::to_string(number_) + ": " + what);
  }
  std::uint64_t consumed() const { return source_.consumed(); }

 private:
  void check(std::string_view line) const {
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

  ByteSource source_;
  std::uint64_t max_bytes_, offset_ = 0, line_bytes_ = 0, number_ = 0;
  std::vector<char> chunk_;
  std::size_t begin_ = 0, end_ = 0;
  std::string line_;
};

DocumentReader::DocumentReader(std::vector<TextInput> inputs, const TextLimits& limits)
    : inputs_(std::move(inputs)), limits_(limits) {
  const bool known =
      std::none_of(inputs_.begin(), inputs_.end(), [](const TextInput& i) { return i.path == "-"; });
  for (const TextInput& input : inputs_) bytes_total_ += known ? input.bytes : 0;
}

DocumentReader::~DocumentReader() = default;

std::uint64_t DocumentReader::bytes_read() const { return bytes_before_ + (lines_ ? lines_->consumed() : 0); }

std::optional<std::string> DocumentReader::next() {
  while (current_ < inputs_.size()) {
    const bool json = inputs_[current_].format == TextFormat::jsonl;
    // A JSON line holds a whole document, and escapes make it up to six times longer.
    if (!lines_) {
      lines_ =
          std::make_unique<Lines>(inputs_[current_], json ? 6 * limits_.document_bytes : limits_.line_bytes);
    }
    if (auto document = json ? next_json() : next_text()) return document;
    bytes_before_ += lines_->consumed();
    lines_.reset();
    ++current_;
  }
  return std::nullopt;
}

std::optional<std::string> DocumentReader::next_text() {
  std::string text;
  while (const auto line = lines_->next()) {
    if (is_blank(*line)) {
      if (!text.empty()) break;
      continue;
    }
    if (!text.empty()) text += '\n';
    text += *line;
    if (text.size() > limits_.document_bytes) {
      lines_->fail("the document is longer than " + std::to_string(limits_.document_bytes) +
                   " bytes; separate documents by blank lines");
    }
  }
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::optional<std::string> DocumentReader::next_json() {
  while (const auto line = lines_->next()) {
    if (is_blank(*line)) continue;
    const auto object = nlohmann::json::parse(*line, nullptr, /*allow_exceptions=*/false);
    if (object.is_discarded())
      lines_->fail("is not valid JSON; expected one object a line with a string \"text\"");
    if (!object.is_object() || !object.contains("text") || !object["text"].is_string()) {
      lines_->fail(
          "expected a JSON object with a string \"text\", got another; add it or leave the line out");
    }
    const auto& text = object["text"].get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos) lines_->fail("\"text\" holds NUL (\\u0000); remove it");
    if (text.size() > limits_.document_bytes) {
      lines_->fail("the document is longer than " + std::to_string(limits_.document_bytes) +
                   " bytes; split it");
    }
    if (text.find_first_not_of(" \t\v\f\r\n") != std::string::npos) return text;
  }
  return std::nullopt;
}

}  // namespace mabert::data
