#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mabert/config/fields.h"

namespace mabert::data {

class ShardSet;

struct SampleOptions {
  std::int64_t max_length = 512;
  std::int64_t min_length = 4;
  bool join_documents = false;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("max_length", self.max_length, config::between(3, 1 << 20),
          "Most tokens in a sample, [CLS] and [SEP] included.");
    visit("min_length", self.min_length, config::at_least(3), "Samples with fewer tokens are left out.");
    visit("join_documents", self.join_documents,
          "Join short documents, [SEP] between them, up to max_length.");
  }
};

/// Where a sample's tokens stand: `tokens` of them from `begin` of `document` on, going on in the next
/// documents.
struct Sample {
  std::uint64_t document = 0;
  std::uint32_t begin = 0;
  std::uint32_t tokens = 0;  ///< without [CLS] and [SEP]
};

/// The samples of a shard set. A document of n tokens gives k = ⌈n / (max_length − 2)⌉ spans as equal as can
/// be: span j is [⌊jn/k⌋, ⌊(j+1)n/k⌋), put between [CLS] and [SEP]. Source: own.
class SampleIndex {
 public:
  /// Errors: DataError when no sample remains.
  SampleIndex(const ShardSet& shards, const SampleOptions& options);

  std::uint64_t size() const { return samples_.size(); }
  const Sample& operator[](std::uint64_t sample) const { return samples_[sample]; }
  /// Tokens of each sample, [CLS] and [SEP] included.
  std::span<const std::int32_t> lengths() const { return lengths_; }

 private:
  void cut(std::uint64_t document, std::uint64_t tokens);
  void join(const ShardSet& shards, std::uint64_t& document);
  void add(const Sample& sample, std::uint64_t documents);

  SampleOptions options_;
  std::vector<Sample> samples_;
  std::vector<std::int32_t> lengths_;
};

}  // namespace mabert::data
