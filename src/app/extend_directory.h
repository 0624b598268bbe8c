#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mabert/app/run_config.h"
#include "mabert/app/run_data.h"
#include "mabert/train/checkpoint.h"

namespace mabert::app {

/// What an extension starts from.
struct ExtensionSource {
  std::filesystem::path checkpoint;
  std::string checksum;      ///< of its model.safetensors
  std::string train, valid;  ///< fingerprints of the shard sets; valid: empty where no document is held out
};

ExtensionSource describe_source(const train::Checkpoint& checkpoint, const RunData& data);

/// Writes source.json: what the extension in the directory begins with.
void write_source(const std::filesystem::path& directory, const ExtensionSource& source);
/// Errors: UsageError when source.json is there and names other weights or other data.
void require_same_source(const std::filesystem::path& directory, const ExtensionSource& source);

/// Writes nothing. Errors: UsageError when the run directory is another run's, a stage of another extension,
/// around the checkpoint to start from, or holds a trained stage that `stages` does not have.
void require_own_directory(const std::filesystem::path& directory, const std::filesystem::path& source,
                           const std::vector<RunConfig>& stages);

/// Whether each stage has taken a step; one that has only its first checkpoint, which may be half of what was
/// meant, has not. Errors: CheckpointError for one that was trained and has lost its checkpoints, or comes
/// before one that was trained.
std::vector<bool> trained_stages(const std::vector<RunConfig>& stages);

/// Removes what a start that was cut short has left of a stage that was not trained.
void discard_start(const RunConfig& stage);

}  // namespace mabert::app
