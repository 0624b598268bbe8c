#include "mabert/data/sample_index.h"

#include <algorithm>
#include <string>

#include "mabert/core/error.h"
#include "mabert/core/random.h"
#include "mabert/data/shard_set.h"

namespace mabert::data {
namespace {

constexpr std::uint64_t kMixtureKey = 0x6C656E67746873ull;  // fixed: the samples depend on no seed

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// How many of the documents from `first` on, at least none, fit between one [CLS] and a [SEP] behind each.
std::uint64_t count_fitting(const ShardSet& shards, std::uint64_t first, std::uint64_t last,
                            std::int64_t length) {
  std::uint64_t rows = 1, count = 0;
  while (first + count < last &&
         rows + shards.length(first + count) + 1 <= static_cast<std::uint64_t>(length)) {
    rows += shards.length(first + count++) + 1;
  }
  return count;
}

std::uint64_t count_tokens(const ShardSet& shards, std::uint64_t first, std::uint64_t documents) {
  std::uint64_t tokens = 0;
  for (std::uint64_t i = 0; i < documents; ++i) tokens += shards.length(first + i);
  return tokens;
}

}  // namespace

std::optional<config::Problem> SampleOptions::validate() const {
  double sum = 0;
  for (std::size_t i = 0; i < mixture.size(); ++i) {
    const std::string key = "mixture[" + std::to_string(i) + "].";
    if (mixture[i].length < std::max<std::int64_t>(min_length, 3)) {
      return config::Problem{key + "length", "at least min_length (" + std::to_string(min_length) + ")",
                             std::to_string(mixture[i].length)};
    }
    if (!(mixture[i].share > 0)) return config::Problem{key + "share", "a number > 0", "none"};
    sum += mixture[i].share;
  }
  if (sum < 1) return std::nullopt;
  return config::Problem{"mixture", "shares below 1 together, since the rest is cut at max_length",
                         std::to_string(sum)};
}

SampleIndex::SampleIndex(const ShardSet& shards, const SampleOptions& options) : options_(options) {
  if (options.max_length < 3 || options.min_length > options.max_length) {
    throw UsageError("samples.min_length: expected at most max_length (" +
                     std::to_string(options.max_length) + ", itself at least 3), got " +
                     std::to_string(options.min_length));
  }
  if (const auto problem = options.validate()) {
    throw UsageError("samples." + problem->key + ": expected " + problem->expected + ", got " + problem->got);
  }
  std::erase_if(options_.mixture, [&](const LengthShare& part) { return part.length >= options.max_length; });
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

std::int64_t SampleIndex::draw_length(std::uint64_t document, std::uint64_t span) const {
  if (options_.mixture.empty()) return options_.max_length;
  double left = uniform_double(Philox::draw(kMixtureKey, document, span).word64(0));
  for (const LengthShare& part : options_.mixture) {
    if (left < part.share) return part.length;
    left -= part.share;
  }
  return options_.max_length;
}

void SampleIndex::cut(std::uint64_t document, std::uint64_t tokens) {
  const std::uint64_t spans = divide_up(tokens, static_cast<std::uint64_t>(options_.max_length - 2));
  for (std::uint64_t j = 0; j < spans; ++j) {
    const std::uint64_t begin = j * tokens / spans, end = (j + 1) * tokens / spans;
    cut_evenly({document, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)},
               draw_length(document, j));
  }
}

void SampleIndex::cut_evenly(const Sample& span, std::int64_t length) {
  const std::uint64_t tokens = span.tokens;
  const std::uint64_t parts = divide_up(tokens, static_cast<std::uint64_t>(length - 2));
  for (std::uint64_t j = 0; j < parts; ++j) {
    const std::uint64_t begin = j * tokens / parts, end = (j + 1) * tokens / parts;
    add({span.document, static_cast<std::uint32_t>(span.begin + begin),
         static_cast<std::uint32_t>(end - begin)},
        1);
  }
}

// As many documents as fit, from `document` on, which is moved behind them.
void SampleIndex::join(const ShardSet& shards, std::uint64_t& document) {
  const std::uint64_t count = count_fitting(shards, document, shards.documents(), options_.max_length);
  if (count == 0) {
    cut(document, shards.length(document));
    ++document;
    return;
  }
  const std::uint64_t last = document + count;
  const std::int64_t length = draw_length(document, 0);
  while (document < last) {
    const std::uint64_t fitting = count_fitting(shards, document, last, length);
    if (fitting == 0) {
      cut_evenly({document, 0, static_cast<std::uint32_t>(shards.length(document))}, length);
    } else {
      add({document, 0, static_cast<std::uint32_t>(count_tokens(shards, document, fitting))}, fitting);
    }
    document += std::max<std::uint64_t>(fitting, 1);
  }
}

void SampleIndex::add(const Sample& sample, std::uint64_t documents) {
  const std::int64_t length = static_cast<std::int64_t>(sample.tokens + 1 + documents);
  if (length < options_.min_length) return;
  samples_.push_back(sample);
  lengths_.push_back(static_cast<std::int32_t>(length));
}

}  // namespace mabert::data
