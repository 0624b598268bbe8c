#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "mabert/nn/position_table.h"

namespace mabert::app {

struct ContextReportArguments {
  /// Run directories or checkpoints; all of one tokenizer. The first is what the others are compared with.
  std::vector<std::filesystem::path> runs;
  std::vector<std::string>
      names;  ///< of the rows of the table, one for each run; empty: taken from the paths
  std::optional<std::filesystem::path> shards;  ///< absent: the validation shards of the first run
  std::vector<std::int64_t> lengths{512, 1024, 2048, 4096};  ///< visible tokens, [CLS] and [SEP] included
  std::int64_t window = 256;                                 ///< tokens of the target window
  std::int64_t windows = 0;                                  ///< targets, evenly spread; 0: all
  std::int64_t batch_tokens = 32768;
  nn::PositionGrowth growth =
      nn::PositionGrowth::tile;  ///< of learned tables shorter than the longest context
  std::string device = "auto";
  std::optional<std::filesystem::path> out;  ///< folder for context.json, context.md and context.svg
  bool json = false;
  const std::atomic<int>* stop_signal = nullptr;  ///< number of a signal to stop at between batches; 0: none
};

/// Loss by visible context: the same masked tokens in the same windows of held-out documents, the text around
/// each window cut to every length in turn. Errors: UsageError, DataError (no document as long as the longest
/// context, or `out` cannot be written), CheckpointError; an Error with code 128 + stop_signal.
int run_report_context(const ContextReportArguments& arguments, std::ostream& out);

}  // namespace mabert::app
