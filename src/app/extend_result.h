#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mabert/app/run_config.h"
#include "mabert/train/checkpoint.h"

namespace mabert::app {

/// The weights that an extension starts from.
struct ExtensionSource {
  std::filesystem::path checkpoint;
  std::string checksum;  ///< of its model.safetensors
};

ExtensionSource describe_source(const train::Checkpoint& checkpoint);

/// Writes what the extension in the directory begins with.
void write_source(const std::filesystem::path& directory, const ExtensionSource& source);
/// Errors: UsageError when the extension in the directory began with other weights.
void require_same_source(const std::filesystem::path& directory, const ExtensionSource& source);

/// result.json of an extension. stages: the text of each one's result.json, in order; report: folder of the
/// context report, absent where there is none. Errors: DataError when a stage's is no result.
std::string extension_result(const RunConfig& config, const ExtensionSource& source,
                             const std::vector<std::string>& stages,
                             const std::optional<std::filesystem::path>& report);

/// result.json of the directory if it is that of a finished extension with this very configuration (its
/// text), else empty.
std::string finished_extension(const std::filesystem::path& directory, const std::string& config_yaml);

}  // namespace mabert::app
