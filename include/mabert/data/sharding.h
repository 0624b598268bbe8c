#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mabert/config/fields.h"
#include "mabert/data/shard_set.h"
#include "mabert/data/text_source.h"

namespace mabert::data {

struct ShardOptions {
  std::vector<std::string> inputs;
  std::vector<std::string> valid_inputs;
  TextFormat format = TextFormat::automatic;
  std::filesystem::path tokenizer = "tokenizer.model";
  std::filesystem::path output = "shards";
  std::int64_t shard_tokens = 1 << 24;
  double valid_fraction = 0.01;
  std::int64_t threads = 0;
  std::int64_t seed = 0;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("inputs", self.inputs, "Text files, folders, patterns, or - for standard input.");
    visit("valid_inputs", self.valid_inputs,
          "Texts held out for validation; then none is taken from `inputs`.");
    visit("format", self.format, "How documents stand in the inputs.");
    visit("tokenizer", self.tokenizer, "Tokenizer to encode with.");
    visit("output", self.output, "Folder to write; an earlier one written by this command is replaced.");
    visit("shard_tokens", self.shard_tokens, config::between(1, 1 << 30),
          "Tokens after which a shard is closed.");
    visit("valid_fraction", self.valid_fraction, config::between(0.0, 0.5),
          "Share of the documents held out, by a hash of their text; 0: none.");
    visit("threads", self.threads, config::between(0, 1024),
          "Threads that encode; 0: one for each processor.");
    visit("seed", self.seed, "Which documents are held out.");
  }
};

struct ShardProgress {
  std::uint64_t bytes_done = 0, bytes_total = 0;  ///< of the inputs as stored; total 0 when unknown
  std::uint64_t documents = 0, tokens = 0;
};

struct ShardSummary {
  ShardSetSummary train;
  std::optional<ShardSetSummary> valid;
  std::uint64_t unknown_tokens = 0;   ///< of all: characters without a piece
  std::uint64_t empty_documents = 0;  ///< left out: nothing remained after normalisation
};

/// Encodes documents and writes `output`/train, `output`/valid (if any is held out) and
/// `output`/tokenizer.model. What is written depends on the texts, the tokenizer, shard_tokens,
/// valid_fraction and seed, not on `threads`. The folder appears when complete (until then it is
/// `output`.part). `progress` is called now and then, by one thread at a time. Errors: DataError (inputs
/// missing, damaged, empty; nothing held out), UsageError (`output` is something else), DiskFullError; then
/// nothing is left behind and an earlier `output` stays.
ShardSummary write_shards(const ShardOptions& options,
                          const std::function<void(const ShardProgress&)>& progress = {});

}  // namespace mabert::data
