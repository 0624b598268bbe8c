#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "mabert/core/files.h"
#include "mabert/data/shard_set.h"

namespace mabert::data {

/// First bytes of a shard. Then come the tokens (uint16 or uint32), zeros up to a multiple of 8 bytes, and as
/// uint64 the first token of each document and the number of tokens. Little-endian.
struct ShardHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t token_bytes;
  std::uint64_t vocabulary_size;
  std::uint64_t tokens;
  std::uint64_t documents;
  std::uint64_t check;  // XXH3 of the fields above

  std::uint64_t expected_check() const;
};
static_assert(sizeof(ShardHeader) == 48);

inline constexpr std::array<char, 8> kShardMagic{'M', 'a', 'B', 'E', 'R', 'T', 's', 'h'};
inline constexpr std::uint32_t kShardVersion = 1;
inline constexpr std::string_view kIndexFile = "index.json";

/// Bytes of the tokens with the zeros that follow.
std::uint64_t token_section_bytes(std::uint64_t tokens, std::uint64_t token_bytes);
inline std::uint64_t token_width(std::int64_t vocabulary_size) { return vocabulary_size <= 65536 ? 2 : 4; }

/// One mapped shard. Errors: DataError naming file and byte.
class ShardFile {
 public:
  explicit ShardFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const ShardHeader& header() const { return header_; }
  std::uint64_t bytes() const { return file_.bytes().size(); }
  std::uint64_t length(std::uint64_t document) const { return offsets_[document + 1] - offsets_[document]; }
  DocumentTokens tokens(std::uint64_t document) const;
  /// Reads everything: checksum, and every token below the vocabulary and not special.
  void verify(std::uint64_t expected_checksum) const;

 private:
  [[noreturn]] void fail(std::uint64_t byte, const std::string& what) const;
  void check_header();
  void check_offsets() const;

  std::filesystem::path path_;
  MappedFile file_;
  ShardHeader header_{};
  std::span<const std::uint64_t> offsets_;
};

}  // namespace mabert::data
