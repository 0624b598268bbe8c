#include "mabert/data/sample_index.h"

#include <string>

#include "mabert/core/error.h"
#include "mabert/data/shard_set.h"

namespace mabert::data {

SampleIndex::SampleIndex(const ShardSet& shards, const SampleOptions& options) : options_(options) {
  if (options.max_length < 3 || options.min_length > options.max_length) {
    throw UsageError("samples.min_length: expected at most max_length (" +
                     std::to_string(options.max_length) + ", itself at least 3), got " +
                     std::to_string(options.min_length));
  }
  for (std::uint64_t document = 0; document < shards.documents();) {
    if (options_.join_documents) {
      join(shards, document);
    } else {
      cut(document, shards.length(document));
      ++document;
    }
  }
  if (samples_.empty()) {
    throw DataError(shards.directory().string() + ": none of its " + std::to_string(shards.documents()) +
                    " documents has samples.min_length (" + std::to_string(options.min_length) +
                    ") tokens; lower it or give more text");
  }
}

void SampleIndex::cut(std::uint64_t document, std::uint64_t tokens) {
  const std::uint64_t most = static_cast<std::uint64_t>(options_.max_length - 2);
  const std::uint64_t spans = (tokens + most - 1) / most;
  for (std::uint64_t j = 0; j < spans; ++j) {
    const std::uint64_t begin = j * tokens / spans, end = (j + 1) * tokens / spans;
    add({document, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)}, 1);
  }
}

// As many documents as fit, from `document` on, which is moved behind them.
void SampleIndex::join(const ShardSet& shards, std::uint64_t& document) {
  const std::uint64_t most = static_cast<std::uint64_t>(options_.max_length);
  const std::uint64_t first = document;
  std::uint64_t rows = 1, tokens = 0;
  while (document < shards.documents() && rows + shards.length(document) + 1 <= most) {
    rows += shards.length(document) + 1;
    tokens += shards.length(document++);
  }
  if (document == first) {
    cut(document, shards.length(document));
    ++document;
  } else {
    add({first, 0, static_cast<std::uint32_t>(tokens)}, document - first);
  }
}

void SampleIndex::add(const Sample& sample, std::uint64_t documents) {
  const std::int64_t length = static_cast<std::int64_t>(sample.tokens + 1 + documents);
  if (length < options_.min_length) return;
  samples_.push_back(sample);
  lengths_.push_back(static_cast<std::int32_t>(length));
}

}  // namespace mabert::data
