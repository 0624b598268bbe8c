#pragma once

#include <cstdint>
#include <string>

#include "mabert/nn/position_table.h"
#include "mabert/train/checkpoint.h"

namespace torch::nn {
class Module;
}

namespace mabert::train {

/// How a checkpoint becomes the first one of a run with longer sequences.
struct ExtensionOptions {
  std::int64_t length = 0;  ///< positions of the new run's model
  nn::PositionGrowth growth = nn::PositionGrowth::tile;
  bool carry_optimizer = true;
  bool carry_data_position = true;
  std::uint64_t seed = 0;  ///< of the new run
};

/// A checkpoint of step 0 for a run at another length. The weights are those of `from`, in float32, a learned
/// position table (P, D) grown to (length, D). Optimizer, if carried: its step count, and both moments, those
/// of the position table grown as the table is; counts of skipped steps and sums since the last line of
/// metrics begin at 0. Else there is none, and a trainer begins with a new one. Data position, if carried:
/// the first step of the epoch after the last one that `from` took a step of (samples are cut anew at each
/// length, so a place inside an epoch has no meaning; a new epoch has an order and masks that were not seen),
/// and the count of passes that dropout is keyed by; else both begin at 0. config_yaml is still that of
/// `from`. Errors: CheckpointError when the optimizer is to be carried and `from` has none; UsageError when
/// length < P. Source: own.
CheckpointContent extend_checkpoint(const Checkpoint& from, const ExtensionOptions& options);

/// Errors: CheckpointError, naming `where`, unless the weights have the names and shapes of the model's
/// parameters and buffers.
void require_weights_of(const torch::nn::Module& model, const NamedTensors& weights,
                        const std::string& where);

}  // namespace mabert::train
