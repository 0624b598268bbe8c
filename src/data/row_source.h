#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mabert/data/task_spec.h"

namespace mabert::data {

/// Named .jsonl or .jsonl.xz.
bool is_jsonl(const std::filesystem::path& path);

/// N of a column named '#N'; nothing for other names, such as "#1 String".
std::optional<std::size_t> column_number(std::string_view name);

/// A source of a set whose files are there.
struct FoundSource {
  const RowSource* source = nullptr;
  std::vector<std::filesystem::path> files;
  std::optional<std::filesystem::path> list;
};

/// The first source of the set that is complete. Errors: DataError that names the folder and every file that
/// would do.
FoundSource find_source(const TaskSpec& task, const TaskSet& set, const std::filesystem::path& folder);

}  // namespace mabert::data
