#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mabert::app {

/// Names of the rows of a table: last parts of the folders, with as many parts before as tell them apart.
/// Errors: UsageError when a folder is given twice.
std::vector<std::string> row_names(const std::vector<std::filesystem::path>& folders);

}  // namespace mabert::app
