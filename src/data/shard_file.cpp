#include "shard_file.h"

#include <bit>
#include <cstring>

#include "mabert/core/error.h"
#include "mabert/data/tokenizer.h"

namespace mabert::data {
namespace {

static_assert(std::endian::native == std::endian::little, "shards are mapped as they stand in the file");

// Index of the first token that is no ordinary one or [UNK], or the number of tokens.
template <class Token>
std::uint64_t first_bad_token(const std::byte* data, std::uint64_t tokens, std::uint64_t vocabulary_size) {
  const SpecialIds special;
  const Token* values = reinterpret_cast<const Token*>(data);
  for (std::uint64_t i = 0; i < tokens; ++i) {
    const std::uint64_t id = values[i];
    const bool ordinary = id >= static_cast<std::uint64_t>(special.first_ordinary) && id < vocabulary_size;
    if (!ordinary && id != static_cast<std::uint64_t>(special.unknown)) return i;
  }
  return tokens;
}

template <class Token>
void widen(const std::byte* data, std::span<std::int32_t> target) {
  const Token* values = reinterpret_cast<const Token*>(data);
  for (std::size_t i = 0; i < target.size(); ++i) target[i] = static_cast<std::int32_t>(values[i]);
}

}  // namespace

std::uint64_t ShardHeader::expected_check() const {
  return checksum(std::as_bytes(std::span(this, 1)).first(offsetof(ShardHeader, check)));
}

std::uint64_t token_section_bytes(std::uint64_t tokens, std::uint64_t token_bytes) {
  return (tokens * token_bytes + 7) / 8 * 8;
}

void DocumentTokens::copy(std::uint64_t begin, std::span<std::int32_t> target) const {
  if (begin > size_ || target.size() > size_ - begin) {
    throw UsageError("[shard] tokens: expected a span inside " + std::to_string(size_) + " tokens, got " +
                     std::to_string(begin) + " + " + std::to_string(target.size()));
  }
  const std::byte* first = data_ + begin * token_bytes_;
  token_bytes_ == 2 ? widen<std::uint16_t>(first, target) : widen<std::uint32_t>(first, target);
}

ShardFile::ShardFile(const std::filesystem::path& path) : path_(path), file_(path) {
  check_header();
  const std::uint64_t begin = sizeof(ShardHeader) + token_section_bytes(header_.tokens, header_.token_bytes);
  offsets_ = {reinterpret_cast<const std::uint64_t*>(file_.bytes().data() + begin), header_.documents + 1};
  check_offsets();
}

void ShardFile::fail(std::uint64_t byte, const std::string& what) const {
  throw DataError(path_.string() + ": byte " + std::to_string(byte) + ": damaged shard, " + what +
                  "; write the shards again with `mabert shard`");
}

void ShardFile::check_header() {
  const auto bytes = file_.bytes();
  if (bytes.size() < sizeof header_) fail(bytes.size(), "the file ends inside its header");
  std::memcpy(&header_, bytes.data(), sizeof header_);
  if (header_.magic != kShardMagic) fail(0, "it does not begin as a shard does");
  if (header_.version != kShardVersion) {
    throw DataError(path_.string() + ": byte 8: expected shard version " + std::to_string(kShardVersion) +
                    ", got " + std::to_string(header_.version) +
                    "; write the shards again with `mabert shard`");
  }
  if (header_.check != header_.expected_check()) fail(0, "the header fails its checksum");
  const std::uint64_t expected =
      sizeof header_ + token_section_bytes(header_.tokens, header_.token_bytes) + 8 * (header_.documents + 1);
  if (bytes.size() != expected) {
    fail(bytes.size(),
         "expected " + std::to_string(expected) + " bytes, got " + std::to_string(bytes.size()));
  }
}

void ShardFile::check_offsets() const {
  const auto byte_of = [&](std::uint64_t i) {
    return file_.bytes().size() - 8 * (header_.documents + 1 - i);
  };
  if (offsets_.front() != 0) fail(byte_of(0), "the first document does not begin at token 0");
  for (std::uint64_t i = 0; i < header_.documents; ++i) {
    if (offsets_[i + 1] <= offsets_[i])
      fail(byte_of(i + 1), "document " + std::to_string(i) + " has no tokens");
  }
  if (offsets_.back() != header_.tokens)
    fail(byte_of(header_.documents), "the documents do not end with the tokens");
}

DocumentTokens ShardFile::tokens(std::uint64_t document) const {
  const std::byte* first =
      file_.bytes().data() + sizeof(ShardHeader) + offsets_[document] * header_.token_bytes;
  return {first, length(document), header_.token_bytes};
}

void ShardFile::verify(std::uint64_t expected_checksum) const {
  const std::byte* first = file_.bytes().data() + sizeof(ShardHeader);
  const std::uint64_t bad =
      header_.token_bytes == 2
          ? first_bad_token<std::uint16_t>(first, header_.tokens, header_.vocabulary_size)
          : first_bad_token<std::uint32_t>(first, header_.tokens, header_.vocabulary_size);
  if (bad != header_.tokens) {
    fail(sizeof(ShardHeader) + bad * header_.token_bytes,
         "token " + std::to_string(bad) + " is not in the vocabulary");
  }
  if (checksum(file_.bytes()) != expected_checksum)
    fail(0, "the file fails its checksum in " + std::string(kIndexFile));
}

}  // namespace mabert::data
