#pragma once

#include <filesystem>

#include <c10/core/ScalarType.h>

#include "mabert/train/checkpoint.h"

namespace mabert::train {

/// Writes a checkpoint of the same model for use without further training: weights in `dtype` (float32,
/// bfloat16 or float16; integers stay), no optimizer's state, the same configuration, tokenizer and run
/// state. Errors: UsageError (a directory that exists; another dtype; a weight too large for float16); as
/// save_checkpoint.
void export_checkpoint(const Checkpoint& from, const std::filesystem::path& directory, at::ScalarType dtype);

/// Replaces a checkpoint by one without the optimizer's state; one that has none stays as it is. Errors:
/// CheckpointError; as save_checkpoint.
void remove_optimizer_state(const std::filesystem::path& directory);

}  // namespace mabert::train
