#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mabert::data {

/// The reserved ids, the same in every tokenizer; those from `first_ordinary` on stand for text.
struct SpecialIds {
  std::int32_t pad = 0, unknown = 1, cls = 2, sep = 3, mask = 4, first_ordinary = 5;
};

/// Turns text into ids quickly by remembering words; for one thread at a time.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// Appends the ids of `text` (valid UTF-8), the same as Tokenizer::encode gives.
  virtual void append(std::string_view text, std::vector<std::int32_t>& ids) = 0;
};

/// Text to ids and back. Words are the stretches between ASCII white space; each is encoded by itself, so ids
/// do not depend on what stands around a word. No text yields a special id other than [UNK]. Immutable:
/// threads may share it.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  std::vector<std::int32_t> encode(std::string_view text) const;
  /// The same for text that goes on where other text or a mask ended: a first word without white space before
  /// it is taken as the inside of a word. Not remembered, slower.
  virtual std::vector<std::int32_t> encode_continuation(std::string_view text) const = 0;
  virtual std::unique_ptr<Encoder> encoder() const = 0;

  /// Readable text; special ids are left out. Errors: UsageError for an id outside the vocabulary.
  virtual std::string decode(std::span<const std::int32_t> ids) const = 0;
  /// As stored, "▁" standing for a space. Errors: UsageError for an id outside the vocabulary.
  virtual std::string piece(std::int32_t id) const = 0;
  virtual std::int64_t vocabulary_size() const = 0;
  SpecialIds special() const { return {}; }

  /// The bytes of its file, to be kept in a checkpoint.
  virtual const std::string& serialized() const = 0;
  /// Checksum of serialized(), 16 hexadecimal digits: tells whether shards and model were made with the same
  /// one.
  std::string fingerprint() const;
};

/// Errors: DataError (missing file; not a tokenizer written by train_tokenizer).
std::shared_ptr<const Tokenizer> load_tokenizer(const std::filesystem::path& path);
/// The same from serialized(); `name` is how messages call it.
std::shared_ptr<const Tokenizer> parse_tokenizer(std::string bytes, const std::string& name);

}  // namespace mabert::data
