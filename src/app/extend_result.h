#pragma once

#include "extend_directory.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mabert/app/run_config.h"

namespace mabert::app {

/// result.json of an extension. stages: the text of each one's result.json, in order; report: folder of the
/// context report, absent where there is none. Errors: DataError when a stage's is no result.
std::string extension_result(const RunConfig& config, const ExtensionSource& source,
                             const std::vector<std::string>& stages,
                             const std::optional<std::filesystem::path>& report);

/// result.json of the directory if it is that of a finished extension with this very configuration (its
/// text), else empty.
std::string finished_extension(const std::filesystem::path& directory, const std::string& config_yaml);

}  // namespace mabert::app
