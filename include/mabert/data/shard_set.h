#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mabert::data {

class ShardFile;
class Tokenizer;

/// The tokens of one document, in the mapped file.
class DocumentTokens {
 public:
  DocumentTokens(const std::byte* data, std::uint64_t size, std::uint64_t token_bytes)
      : data_(data), size_(size), token_bytes_(token_bytes) {}

  std::uint64_t size() const { return size_; }
  /// Copies the tokens from `begin` on to `target`, which says how many.
  void copy(std::uint64_t begin, std::span<std::int32_t> target) const;

 private:
  const std::byte* data_;
  std::uint64_t size_, token_bytes_;
};

/// A directory of token shards, memory-mapped: `index.json` and the files that it lists. Documents are
/// numbered through all shards. Opening checks sizes, headers and document boundaries; verify() reads every
/// byte. Errors: DataError naming file, byte and what to do. Immutable: threads may share it. Source: own.
class ShardSet {
 public:
  explicit ShardSet(const std::filesystem::path& directory);
  ~ShardSet();
  ShardSet(ShardSet&&) noexcept;

  std::uint64_t documents() const { return first_document_.back(); }
  std::uint64_t tokens() const { return tokens_; }
  std::int64_t vocabulary_size() const { return vocabulary_size_; }
  /// Of the tokenizer that made the tokens.
  const std::string& tokenizer_fingerprint() const { return tokenizer_fingerprint_; }
  /// Of what the set holds: a hash over its index, which has the tokenizer's fingerprint and every shard's
  /// size and checksum.
  const std::string& fingerprint() const { return fingerprint_; }
  const std::filesystem::path& directory() const { return directory_; }

  std::uint64_t length(std::uint64_t document) const;
  DocumentTokens document(std::uint64_t document) const;
  /// For messages: "DIR/shard-00000.bin: document 17".
  std::string describe(std::uint64_t document) const;

  void verify() const;
  /// Errors: DataError when the shards were made with another tokenizer.
  void require_tokenizer(const Tokenizer& tokenizer) const;

 private:
  std::size_t shard_of(std::uint64_t document) const;

  std::filesystem::path directory_;
  std::string fingerprint_, tokenizer_fingerprint_;
  std::int64_t vocabulary_size_ = 0;
  std::uint64_t tokens_ = 0;
  std::vector<ShardFile> shards_;
  std::vector<std::uint64_t> checksums_;
  std::vector<std::uint64_t> first_document_;  // of each shard, and the number of documents
};

struct ShardSetSummary {
  std::uint64_t documents = 0, tokens = 0, bytes = 0, shards = 0;
};

/// Writes a shard set, document by document; each file appears when complete and the index last, so a
/// directory without finish() is no shard set. Errors: DataError, DiskFullError. Source: own.
class ShardSetWriter {
 public:
  /// A shard is closed once it holds `shard_tokens` tokens; that many are kept in memory.
  ShardSetWriter(std::filesystem::path directory, const Tokenizer& tokenizer, std::uint64_t shard_tokens);

  /// `tokens` without special ids; not empty.
  void append(std::span<const std::int32_t> tokens);
  ShardSetSummary finish();

 private:
  struct Entry {
    std::string file;
    std::uint64_t bytes = 0, tokens = 0, documents = 0, checksum = 0;
  };
  void close_shard();

  std::filesystem::path directory_;
  std::string fingerprint_;
  std::int64_t vocabulary_size_;
  std::uint64_t shard_tokens_, token_bytes_;
  std::vector<std::byte> tokens_;
  std::vector<std::uint64_t> offsets_;
  std::vector<Entry> entries_;
};

}  // namespace mabert::data
