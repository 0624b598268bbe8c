#include "shard_file.h"
#include "shard_index.h"
#include "write_error.h"

#include <cstdio>
#include <cstring>

#include "mabert/core/error.h"
#include "mabert/data/shard_set.h"
#include "mabert/data/tokenizer.h"

namespace mabert::data {
namespace {

std::string shard_name(std::size_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "shard-%05zu.bin", number);
  return name;
}

template <class Token>
void narrow(std::span<const std::int32_t> ids, std::byte* target) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Token token = static_cast<Token>(ids[i]);
    std::memcpy(target + i * sizeof token, &token, sizeof token);
  }
}

}  // namespace

ShardSetWriter::ShardSetWriter(std::filesystem::path directory, const Tokenizer& tokenizer,
                               std::uint64_t shard_tokens)
    : directory_(std::move(directory)),
      fingerprint_(tokenizer.fingerprint()),
      vocabulary_size_(tokenizer.vocabulary_size()),
      shard_tokens_(shard_tokens),
      token_bytes_(token_width(vocabulary_size_)),
      offsets_{0} {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) throw_write_error(directory_, error);
}

void ShardSetWriter::append(std::span<const std::int32_t> tokens) {
  const SpecialIds special;
  if (tokens.empty()) throw UsageError("[shard] tokens: expected at least one, got none");
  for (const std::int32_t id : tokens) {
    if (id >= vocabulary_size_ || (id < special.first_ordinary && id != special.unknown)) {
      throw DataError("[shard] token: expected [UNK] or an ordinary id below " +
                      std::to_string(vocabulary_size_) + ", got " + std::to_string(id));
    }
  }
  const std::size_t begin = tokens_.size();
  tokens_.resize(begin + tokens.size() * token_bytes_);
  token_bytes_ == 2 ? narrow<std::uint16_t>(tokens, tokens_.data() + begin)
                    : narrow<std::uint32_t>(tokens, tokens_.data() + begin);
  offsets_.push_back(offsets_.back() + tokens.size());
  if (offsets_.back() >= shard_tokens_) close_shard();
}

void ShardSetWriter::close_shard() {
  ShardHeader header{kShardMagic,
                     kShardVersion,
                     static_cast<std::uint32_t>(token_bytes_),
                     static_cast<std::uint64_t>(vocabulary_size_),
                     offsets_.back(),
                     offsets_.size() - 1,
                     0};
  header.check = header.expected_check();
  tokens_.resize(token_section_bytes(header.tokens, token_bytes_));

  Entry entry{shard_name(entries_.size()), 0, header.tokens, header.documents, 0};
  AtomicFile file(directory_ / entry.file);
  Checksum sum;
  for (const auto part : {std::as_bytes(std::span(&header, 1)), std::span<const std::byte>(tokens_),
                          std::as_bytes(std::span(std::as_const(offsets_)))}) {
    file.write(part);
    sum.update(part);
  }
  file.commit();
  entry.bytes = file.bytes_written();
  entry.checksum = sum.value();
  entries_.push_back(entry);
  tokens_.clear();
  offsets_.assign(1, 0);
}

ShardSetSummary ShardSetWriter::finish() {
  if (offsets_.size() > 1) close_shard();
  ShardSetSummary summary;
  nlohmann::json index{{"format", kIndexFormat},
                       {"version", kShardVersion},
                       {"tokenizer", fingerprint_},
                       {"vocabulary_size", vocabulary_size_},
                       {"shards", nlohmann::json::array()}};
  for (const Entry& entry : entries_) {
    index["shards"].push_back({{"file", entry.file},
                               {"bytes", entry.bytes},
                               {"tokens", entry.tokens},
                               {"documents", entry.documents},
                               {"checksum", entry.checksum}});
    summary.documents += entry.documents;
    summary.tokens += entry.tokens;
    summary.bytes += entry.bytes;
  }
  summary.shards = entries_.size();
  index["documents"] = summary.documents;
  index["tokens"] = summary.tokens;
  index["checksum"] = index_checksum(index);
  write_file_atomically(directory_ / kIndexFile, index.dump(1) + "\n");
  sync_directory(directory_);
  return summary;
}

}  // namespace mabert::data
