#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mabert/config/fields.h"

namespace mabert::data {

class ShardSet;

/// A part of the text that is cut at a smaller length.
struct LengthShare {
  std::int64_t length = 0;
  double share = 0;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("length", self.length, config::between(3, 1 << 20), "Most tokens in a sample of this part.");
    visit("share", self.share, config::above(0), "Fraction of the text's tokens.");
  }
};

struct SampleOptions {
  std::int64_t max_length = 512;
  std::int64_t min_length = 4;
  bool join_documents = false;
  std::vector<LengthShare> mixture{};

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("max_length", self.max_length, config::between(3, 1 << 20),
          "Most tokens in a sample, [CLS] and [SEP] included.");
    visit("min_length", self.min_length, config::at_least(3), "Samples with fewer tokens are left out.");
    visit("join_documents", self.join_documents,
          "Join short documents, [SEP] between them, up to max_length.");
    visit("mixture", self.mixture, "Shares of the text to cut at smaller lengths; the rest at max_length.");
  }

  std::optional<config::Problem> validate() const;
};

/// Where a sample's tokens stand: `tokens` of them from `begin` of `document` on, going on in the next
/// documents.
struct Sample {
  std::uint64_t document = 0;
  std::uint32_t begin = 0;
  std::uint32_t tokens = 0;  ///< without [CLS] and [SEP]
};

/// The samples of a shard set. A document of n tokens gives k = ⌈n / (max_length − 2)⌉ spans as equal as can
/// be: span j is [⌊jn/k⌋, ⌊(j+1)n/k⌋), put between [CLS] and [SEP].
/// A `mixture` cuts some of these spans again, likewise, at a smaller length: span j of document d draws
/// u ∈ [0, 1) from a hash of (d, j), and goes to the length within whose share, in their order, u falls; so
/// `share` is the expected fraction of the tokens in spans cut at that length, every token is in one sample
/// as before, and the samples depend on nothing but shards and options. With `join_documents` a group of
/// joined documents draws as one span (of its first document), and is joined again up to that length. Source:
/// own.
class SampleIndex {
 public:
  /// Errors: UsageError (options), DataError when no sample remains.
  SampleIndex(const ShardSet& shards, const SampleOptions& options);

  std::uint64_t size() const { return samples_.size(); }
  const Sample& operator[](std::uint64_t sample) const { return samples_[sample]; }
  /// Tokens of each sample, [CLS] and [SEP] included.
  std::span<const std::int32_t> lengths() const { return lengths_; }

 private:
  std::int64_t draw_length(std::uint64_t document, std::uint64_t span) const;
  void cut(std::uint64_t document, std::uint64_t tokens);
  void cut_evenly(const Sample& span, std::int64_t length);
  void join(const ShardSet& shards, std::uint64_t& document);
  void add(const Sample& sample, std::uint64_t documents);

  SampleOptions options_;
  std::vector<Sample> samples_;
  std::vector<std::int32_t> lengths_;
};

}  // namespace mabert::data
