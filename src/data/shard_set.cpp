#include "mabert/data/shard_set.h"

#include "shard_file.h"
#include "shard_index.h"

#include <algorithm>
#include <system_error>

#include <nlohmann/json.hpp>

#include "mabert/core/error.h"
#include "mabert/data/tokenizer.h"

namespace mabert::data {
namespace {

constexpr std::uint64_t kMaxIndexBytes = std::uint64_t{1} << 28;

[[noreturn]] void fail_index(const std::filesystem::path& path, const std::string& what) {
  throw DataError(path.string() + ": damaged index, " + what +
                  "; write the shards again with `mabert shard`");
}

nlohmann::json read_index(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) {
    throw DataError(path.string() + ": no shards here; check the path, or write them with `mabert shard`");
  }
  auto index =
      nlohmann::json::parse(read_text_file(path, kMaxIndexBytes), nullptr, /*allow_exceptions=*/false);
  if (!index.is_object()) fail_index(path, "it is not a JSON object");
  if (index.value("format", nlohmann::json()) != kIndexFormat)
    fail_index(path, "it is not the index of a shard set");
  if (index.value("version", nlohmann::json()) != kShardVersion) {
    throw DataError(path.string() + ": expected version " + std::to_string(kShardVersion) +
                    "; write the shards again with `mabert shard`");
  }
  const auto stated = index.value("checksum", nlohmann::json());
  index.erase("checksum");
  if (stated != index_checksum(index)) fail_index(path, "it fails its own checksum");
  return index;
}

}  // namespace

ShardSet::ShardSet(const std::filesystem::path& directory) : directory_(directory) {
  const std::filesystem::path path = directory / kIndexFile;
  // The checksum has passed: the fields are those that the writer wrote.
  const nlohmann::json index = read_index(path);
  fingerprint_ = to_hex(index_checksum(index));
  tokenizer_fingerprint_ = index["tokenizer"].get<std::string>();
  vocabulary_size_ = index["vocabulary_size"].get<std::int64_t>();
  first_document_.push_back(0);
  for (const auto& entry : index["shards"]) {
    const ShardFile& shard = shards_.emplace_back(directory / entry["file"].get<std::string>());
    const ShardHeader& header = shard.header();
    if (shard.bytes() != entry["bytes"] || header.tokens != entry["tokens"] ||
        header.documents != entry["documents"] ||
        header.vocabulary_size != static_cast<std::uint64_t>(vocabulary_size_) ||
        header.token_bytes != token_width(vocabulary_size_)) {
      throw DataError(shard.path().string() +
                      ": byte 0: another shard than index.json says; write the shards again with "
                      "`mabert shard`");
    }
    checksums_.push_back(entry["checksum"].get<std::uint64_t>());
    first_document_.push_back(first_document_.back() + header.documents);
    tokens_ += header.tokens;
  }
}

ShardSet::~ShardSet() = default;
ShardSet::ShardSet(ShardSet&&) noexcept = default;

std::size_t ShardSet::shard_of(std::uint64_t document) const {
  if (document >= documents()) {
    throw UsageError("[shard] document: expected below " + std::to_string(documents()) + ", got " +
                     std::to_string(document));
  }
  const auto after = std::upper_bound(first_document_.begin(), first_document_.end(), document);
  return static_cast<std::size_t>(after - first_document_.begin()) - 1;
}

std::uint64_t ShardSet::length(std::uint64_t document) const {
  const std::size_t shard = shard_of(document);
  return shards_[shard].length(document - first_document_[shard]);
}

DocumentTokens ShardSet::document(std::uint64_t document) const {
  const std::size_t shard = shard_of(document);
  return shards_[shard].tokens(document - first_document_[shard]);
}

std::string ShardSet::describe(std::uint64_t document) const {
  const std::size_t shard = shard_of(document);
  return shards_[shard].path().string() + ": document " + std::to_string(document - first_document_[shard]);
}

void ShardSet::verify() const {
  for (std::size_t i = 0; i < shards_.size(); ++i) shards_[i].verify(checksums_[i]);
}

void ShardSet::require_tokenizer(const Tokenizer& tokenizer) const {
  if (tokenizer.fingerprint() == tokenizer_fingerprint_) return;
  throw DataError(directory_.string() + ": made with another tokenizer (" + tokenizer_fingerprint_ +
                  ") than the one given (" + tokenizer.fingerprint() +
                  "); give that one or write the shards again");
}

}  // namespace mabert::data
