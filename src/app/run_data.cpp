#include "mabert/app/run_data.h"

#include "run_directory.h"

#include <filesystem>

#include "mabert/core/error.h"

namespace mabert::app {
namespace {

data::MlmOptions mlm_options(const RunConfig& config) {
  return {config.samples, config.masking, config.batch};
}

data::LoaderContext loader_context(const RunConfig& config) {
  data::LoaderContext context{.seed = config.train.seed};
  context.vocabulary_size = config.model.vocabulary_size;
  context.max_positions = config.model.positions.max_length;
  return context;
}

}  // namespace

std::shared_ptr<const data::Tokenizer> open_run_tokenizer(const RunConfig& config) {
  const std::filesystem::path folder = config.data.shards;
  if (!is_there(folder / "train" / "index.json")) {
    throw DataError(folder.string() +
                    ": no token shards here; write them with `mabert shard`, or set data.shards");
  }
  return data::load_tokenizer(folder / "tokenizer.model");
}

std::shared_ptr<const data::ShardSet> open_shards(const std::filesystem::path& folder,
                                                  const data::Tokenizer& tokenizer) {
  auto shards = std::make_shared<const data::ShardSet>(folder);
  shards->require_tokenizer(tokenizer);
  shards->verify();
  return shards;
}

RunData open_run_data(const RunConfig& config, const data::Tokenizer& tokenizer) {
  const std::filesystem::path folder = config.data.shards;
  RunData data;
  data.train = open_shards(folder / "train", tokenizer);
  if (is_there(folder / "valid")) data.valid = open_shards(folder / "valid", tokenizer);
  return data;
}

std::shared_ptr<data::MlmLoader> RunData::train_loader(const RunConfig& config) const {
  return std::make_shared<data::MlmLoader>(train, mlm_options(config), loader_context(config));
}

std::shared_ptr<const data::MlmEvaluation> RunData::validation(const RunConfig& config) const {
  return valid ? make_evaluation(config, valid) : nullptr;
}

std::shared_ptr<const data::MlmEvaluation> make_evaluation(const RunConfig& config,
                                                           std::shared_ptr<const data::ShardSet> shards) {
  return std::make_shared<const data::MlmEvaluation>(std::move(shards), mlm_options(config),
                                                     loader_context(config));
}

}  // namespace mabert::app
