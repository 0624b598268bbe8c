#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "mabert/train/safetensors.h"

namespace mabert::train {

/// What a checkpoint is made of, in memory.
struct CheckpointContent {
  NamedTensors model;       ///< parameters and buffers by name
  NamedTensors optimizer;   ///< may be empty
  std::string state_json;   ///< progress of the run
  std::string config_yaml;  ///< the resolved config
  std::string tokenizer;    ///< bytes of the tokenizer model
};

/// Writes a checkpoint directory: model.safetensors, optimizer.safetensors, state.json, config.yaml,
/// tokenizer.model and manifest.json (size and XXH3-64 of each, versions). Written beside as
/// `DIRECTORY.part`, each file flushed to disk, read back and compared with its checksum, then renamed; a
/// checkpoint already at `directory` is replaced. After an error nothing new is left. Errors: DiskFullError;
/// CheckpointError when what was read back differs; DataError.
void save_checkpoint(const std::filesystem::path& directory, const CheckpointContent& content);

/// A checkpoint directory whose manifest has been verified: every file present, of the recorded size and
/// checksum. Errors: CheckpointError, one line naming the file and what is wrong with it.
class Checkpoint {
 public:
  explicit Checkpoint(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  std::string config_yaml() const { return read("config.yaml"); }
  std::string tokenizer() const { return read("tokenizer.model"); }
  std::string state_json() const { return read("state.json"); }
  SafetensorsFile model() const { return SafetensorsFile(directory_ / "model.safetensors"); }
  SafetensorsFile optimizer() const { return SafetensorsFile(directory_ / "optimizer.safetensors"); }
  /// The manifest as JSON text: versions, sizes, checksums.
  std::string manifest_json() const { return read("manifest.json"); }

 private:
  std::string read(const char* name) const;
  std::filesystem::path directory_;
};

}  // namespace mabert::train
