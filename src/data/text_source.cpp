#include "mabert/data/text_source.h"

#include "lines.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace mabert::data {

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
      lines_ = std::make_unique<Lines>(inputs_[current_].path,
                                       json ? 6 * limits_.document_bytes : limits_.line_bytes);
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
    if (!is_blank(text)) return text;
  }
  return std::nullopt;
}

}  // namespace mabert::data
