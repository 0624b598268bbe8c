#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "mabert/data/shard_set.h"

namespace mabert::bench {

/// A folder that goes away with this object.
class TemporaryFolder {
 public:
  /// Errors: DataError.
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Lengths of `documents` documents, uniform from `least` to `most`; a fixed draw.
std::vector<std::int64_t> uniform_lengths(std::int64_t documents, std::int64_t least, std::int64_t most);

/// Token shards with random ids: a document of each of `lengths` tokens.
std::shared_ptr<const data::ShardSet> write_random_shards(const std::filesystem::path& folder,
                                                          std::int64_t vocabulary,
                                                          std::span<const std::int64_t> lengths);

}  // namespace mabert::bench
