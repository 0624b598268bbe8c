// The verbs that prepare data: tokenizer and shard.
#include <chrono>
#include <cstdio>
#include <ostream>

#include "mabert/app/progress.h"
#include "mabert/app/run_config.h"
#include "mabert/app/verbs.h"
#include "mabert/core/error.h"

namespace mabert::app {
namespace {

void require_inputs(const std::vector<std::string>& inputs, const std::string& section) {
  if (!inputs.empty()) return;
  throw UsageError(section + ".inputs: expected text files, folders or patterns, got none; e.g. '" + section +
                   ".inputs=[my/text]'");
}

void print_set(const char* name, const data::ShardSetSummary& set, const std::filesystem::path& folder,
               std::ostream& out) {
  out << name << ": " << set.documents << " documents, " << set.tokens << " tokens, " << set.shards
      << " shard(s) in " << (folder / name).string() << '\n';
}

}  // namespace

int run_tokenizer(const ConfigArguments& arguments, std::ostream& out) {
  const RunConfig config = load_run_config(arguments.config, arguments.overrides);
  require_inputs(config.tokenizer.inputs, "tokenizer");
  Progress progress("reading text");
  bool announced = false;
  const auto summary = data::train_tokenizer(config.tokenizer, [&](const data::TokenizerProgress& state) {
    if (state.phase == data::TokenizerProgress::Phase::learning && !announced) {
      announced = true;
      std::fprintf(
          stderr, "learning %lld pieces from %s sentences\n",
          static_cast<long long>(config.tokenizer.vocabulary_size),
          short_number(static_cast<double>(std::min<std::uint64_t>(
                           state.sentences, static_cast<std::uint64_t>(config.tokenizer.max_sentences))))
              .c_str());
    }
    progress.update(state.bytes_done, state.bytes_total,
                    short_number(static_cast<double>(state.sentences)) + " sentences");
  });
  out << "tokenizer: " << summary.vocabulary_size << " pieces from " << summary.sentences_used << " of "
      << summary.sentences << " sentences in " << summary.documents
      << " documents: " << config.tokenizer.output.string() << '\n';
  return 0;
}

int run_shard(const ConfigArguments& arguments, std::ostream& out) {
  const RunConfig config = load_run_config(arguments.config, arguments.overrides);
  require_inputs(config.shards.inputs, "shards");
  std::error_code ignored;
  if (!std::filesystem::exists(config.shards.tokenizer, ignored)) {
    throw DataError(config.shards.tokenizer.string() +
                    ": no tokenizer here; train one with `mabert tokenizer`, or set shards.tokenizer");
  }
  const auto begin = std::chrono::steady_clock::now();
  Progress progress("encoding");
  const auto summary = data::write_shards(config.shards, [&](const data::ShardProgress& state) {
    progress.update(state.bytes_done, state.bytes_total,
                    short_number(static_cast<double>(state.tokens)) + " tokens");
  });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  print_set("train", summary.train, config.shards.output, out);
  double tokens = static_cast<double>(summary.train.tokens);
  if (summary.valid) {
    print_set("valid", *summary.valid, config.shards.output, out);
    tokens += static_cast<double>(summary.valid->tokens);
  }
  out << short_number(tokens) << " tokens in " << seconds.count() << " s ("
      << short_number(tokens / seconds.count()) << " tokens/s), " << summary.unknown_tokens << " unknown";
  if (summary.empty_documents > 0) out << ", " << summary.empty_documents << " empty documents left out";
  out << '\n';
  return 0;
}

}  // namespace mabert::app
