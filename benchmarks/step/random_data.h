#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

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

/// Token shards with random ids: `documents` of `most` tokens, or with mixed lengths of `least` to `most`.
std::shared_ptr<const data::ShardSet> write_random_shards(const std::filesystem::path& folder,
                                                          std::int64_t vocabulary, std::int64_t documents,
                                                          std::int64_t least, std::int64_t most);

}  // namespace mabert::bench
