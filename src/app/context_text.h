#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "mabert/app/line_plot.h"
#include "mabert/data/context_windows.h"
#include "mabert/train/context_trend.h"

namespace mabert::app {

/// What one model reached.
struct ContextRow {
  std::string name, run, checkpoint;
  std::string positions;  ///< in words
  bool is_grown = false;  ///< its table of positions was made longer without training
  std::string precision;
  std::vector<train::ContextResult> results;  ///< by length
};

/// Rows under the same windows; all that a report says.
struct ContextReport {
  std::string shards, fingerprint;  ///< folder; of what it holds
  std::string device;               ///< "cpu", "cuda:0"
  data::ContextWindowOptions options;
  std::int64_t windows = 0, available = 0, documents = 0, predicted = 0;  ///< predicted: in each window
  std::vector<ContextRow> rows;
};

/// "a: does not rise", or by how much and from which length to which.
std::string verdict(const ContextRow& row);

/// Facts, table of losses, differences to the shortest length and to the first row, accuracies, verdicts.
std::string context_markdown(const ContextReport& report);
/// The same and more, unrounded.
nlohmann::ordered_json context_json(const ContextReport& report);
/// Loss by length; bars: 95 % interval of the paired difference to the shortest length.
LinePlot context_plot(const ContextReport& report);

}  // namespace mabert::app
