#include "mabert/data/tokenizer.h"

#include <array>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>
#include <unordered_map>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::data {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;
constexpr std::array kSpecialPieces{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
constexpr std::string_view kSpaces = " \t\n\v\f\r";

// Calls visit(word) for each stretch without ASCII white space.
template <class Visit>
void for_each_word(std::string_view text, Visit visit) {
  std::size_t at = 0;
  while ((at = text.find_first_not_of(kSpaces, at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(kSpaces, at), text.size());
    visit(text.substr(at, end - at));
    at = end;
  }
}

class SentencePieceTokenizer final : public Tokenizer {
 public:
  SentencePieceTokenizer(std::string bytes, const std::string& name) : serialized_(std::move(bytes)) {
    sentencepiece::SetMinLogLevel(3);
    if (!inside_.LoadFromSerializedProto(serialized_).ok() ||
        !processor_.LoadFromSerializedProto(serialized_).ok()) {
      reject(name, "not a sentencepiece model");
    }
    if (processor_.GetPieceSize() <= special().first_ordinary) reject(name, "it has too few pieces");
    for (int id = 0; id < special().first_ordinary; ++id) {
      // A user-defined piece would let text spell a special token; a control piece cannot be spelled.
      const bool reserved = id == special().unknown ? processor_.IsUnknown(id) : processor_.IsControl(id);
      if (processor_.IdToPiece(id) != kSpecialPieces[static_cast<std::size_t>(id)] || !reserved) {
        reject(name,
               "its piece " + std::to_string(id) + " is not " + kSpecialPieces[static_cast<std::size_t>(id)]);
      }
    }
    if (processor_.Normalize(" a  b ") != "\u2581a\u2581b")
      reject(name, "it does not mark words by a space before them");
    if (!sentencepiece::SentencePieceTrainer::SetProtoField("add_dummy_prefix", "false",
                                                            inside_.mutable_normalizer_spec())
             .ok()) {
      reject(name, "its normalisation cannot be changed");
    }
  }

  void append_word(std::string_view word, std::vector<std::int32_t>& ids) const {
    for (const int id : processor_.EncodeAsIds(word)) ids.push_back(id);
  }

  std::vector<std::int32_t> encode_continuation(std::string_view text) const override {
    std::vector<std::int32_t> ids;
    const std::size_t end = std::min(text.find_first_of(kSpaces), text.size());
    if (end > 0) {
      for (const int id : inside_.EncodeAsIds(text.substr(0, end))) ids.push_back(id);
    }
    for_each_word(text.substr(end), [&](std::string_view word) { append_word(word, ids); });
    return ids;
  }

  std::unique_ptr<Encoder> encoder() const override;

  std::string decode(std::span<const std::int32_t> ids) const override {
    for (const std::int32_t id : ids) check(id);
    return processor_.DecodeIds(std::vector<int>(ids.begin(), ids.end()));
  }

  std::string piece(std::int32_t id) const override {
    check(id);
    return processor_.IdToPiece(id);
  }

  std::int64_t vocabulary_size() const override { return processor_.GetPieceSize(); }
  const std::string& serialized() const override { return serialized_; }

 private:
  [[noreturn]] static void reject(const std::string& name, const std::string& why) {
    throw DataError(name + ": expected a tokenizer written by `mabert tokenizer`, but " + why +
                    "; train one");
  }
  void check(std::int32_t id) const {
    if (id < 0 || id >= vocabulary_size()) {
      throw UsageError("[tokenizer] id: expected 0 to " + std::to_string(vocabulary_size() - 1) + ", got " +
                       std::to_string(id));
    }
  }

  std::string serialized_;
  sentencepiece::SentencePieceProcessor processor_, inside_;  // inside_ puts no space before its text
};

// Natural text repeats its words so often that remembering them makes encoding several times faster.
class WordCache final : public Encoder {
 public:
  explicit WordCache(const SentencePieceTokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void append(std::string_view text, std::vector<std::int32_t>& ids) override {
    for_each_word(text, [&](std::string_view word) { append_word(word, ids); });
  }

 private:
  static constexpr std::size_t kMaxWordBytes = 64, kMaxWords = std::size_t{1} << 18;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view word) const { return std::hash<std::string_view>()(word); }
  };

  void append_word(std::string_view word, std::vector<std::int32_t>& ids) {
    if (word.size() > kMaxWordBytes) return tokenizer_.append_word(word, ids);
    auto found = words_.find(word);
    if (found == words_.end()) {
      if (words_.size() == kMaxWords) words_.clear();
      found = words_.emplace(word, std::vector<std::int32_t>()).first;
      tokenizer_.append_word(word, found->second);
    }
    ids.insert(ids.end(), found->second.begin(), found->second.end());
  }

  const SentencePieceTokenizer& tokenizer_;
  std::unordered_map<std::string, std::vector<std::int32_t>, Hash, std::equal_to<>> words_;
};

std::unique_ptr<Encoder> SentencePieceTokenizer::encoder() const {
  return std::make_unique<WordCache>(*this);
}

}  // namespace

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  encoder()->append(text, ids);
  return ids;
}

std::string Tokenizer::fingerprint() const {
  const std::string& bytes = serialized();
  return to_hex(checksum(std::as_bytes(std::span(bytes.data(), bytes.size()))));
}

std::shared_ptr<const Tokenizer> parse_tokenizer(std::string bytes, const std::string& name) {
  return std::make_shared<SentencePieceTokenizer>(std::move(bytes), name);
}

std::shared_ptr<const Tokenizer> load_tokenizer(const std::filesystem::path& path) {
  return parse_tokenizer(read_text_file(path, kMaxFileBytes), path.string());
}

}  // namespace mabert::data
