#pragma once

#include <memory>

#include "mabert/app/run_config.h"
#include "mabert/data/loader.h"
#include "mabert/data/shard_set.h"
#include "mabert/data/tokenizer.h"

namespace mabert::app {

/// The tokenizer that `mabert shard` kept beside the shards. Errors: DataError.
std::shared_ptr<const data::Tokenizer> open_run_tokenizer(const RunConfig& config);

/// The shard sets that a run reads.
struct RunData {
  std::shared_ptr<const data::ShardSet> train, valid;  ///< valid: null where no document is held out

  std::shared_ptr<data::MlmLoader> train_loader(const RunConfig& config) const;
  /// Null without held-out documents.
  std::shared_ptr<const data::MlmEvaluation> validation(const RunConfig& config) const;
};

/// Opens `data.shards` and reads it once for damage. Errors: DataError (missing, damaged, of another
/// tokenizer).
RunData open_run_data(const RunConfig& config, const data::Tokenizer& tokenizer);

/// A single shard set (a folder with index.json), verified. Errors: DataError.
std::shared_ptr<const data::ShardSet> open_shards(const std::filesystem::path& folder,
                                                  const data::Tokenizer& tokenizer);

/// How `config` reads masked samples from `shards` for evaluation.
std::shared_ptr<const data::MlmEvaluation> make_evaluation(const RunConfig& config,
                                                           std::shared_ptr<const data::ShardSet> shards);

}  // namespace mabert::app
