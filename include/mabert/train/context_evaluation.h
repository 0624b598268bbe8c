#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <c10/core/Device.h>

#include "mabert/data/context_windows.h"
#include "mabert/nn/masked_language_model.h"

namespace mabert::train {

/// How a model does on the same target windows under one visible length.
struct ContextResult {
  std::int64_t length = 0;
  std::vector<double> losses;            ///< of each window: mean of -log p over its predicted tokens, nats
  std::vector<double> accuracies;        ///< of each window: share of these whose likeliest token is right
  std::vector<std::uint64_t> documents;  ///< of each window: the document it stands in

  /// Means over all predicted tokens: every window has as many.
  double loss() const;
  double accuracy() const;
};

/// Evaluates every length of `windows`, each batch being computed on `device` without waiting for it; losses
/// in float32 (float64), their means in float64. The result has an entry for each length. `progress`, if any,
/// is told the batches begun and their number. Errors: NonFiniteError when a loss is not a number; what model
/// and windows throw.
std::vector<ContextResult> evaluate_context(
    nn::MaskedLanguageModel& model, const data::ContextWindows& windows, c10::Device device,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress = {});

}  // namespace mabert::train
