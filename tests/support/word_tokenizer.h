#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mabert/data/tokenizer.h"

namespace mabert {

/// One id for each word, in the order in which words are first met by any of them; "" for an empty encoding.
class WordTokenizer final : public data::Tokenizer {
 public:
  static constexpr std::int64_t kVocabulary = 64;

  static std::int32_t id_of(const std::string& word) {
    static std::map<std::string, std::int32_t> ids;
    const auto next = static_cast<std::int32_t>(5 + ids.size());
    return std::min<std::int32_t>(ids.emplace(word, next).first->second, kVocabulary - 1);
  }

  std::vector<std::int32_t> encode_continuation(std::string_view text) const override {
    std::vector<std::int32_t> ids;
    encoder()->append(text, ids);
    return ids;
  }
  std::unique_ptr<data::Encoder> encoder() const override { return std::make_unique<Words>(); }
  std::string decode(std::span<const std::int32_t>) const override { return {}; }
  std::string piece(std::int32_t id) const override { return std::to_string(id); }
  std::int64_t vocabulary_size() const override { return kVocabulary; }
  const std::string& serialized() const override { return bytes_; }

 private:
  struct Words final : data::Encoder {
    void append(std::string_view text, std::vector<std::int32_t>& ids) override {
      std::size_t at = 0;
      while ((at = text.find_first_not_of(' ', at)) != std::string_view::npos) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        ids.push_back(id_of(std::string(text.substr(at, end - at))));
        at = end;
      }
    }
  };
  std::string bytes_ = "words";
};

}  // namespace mabert
