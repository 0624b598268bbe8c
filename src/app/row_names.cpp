#include "row_names.h"

#include <set>

#include "mabert/core/error.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;

fs::path normal(const fs::path& folder) {
  fs::path path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();  // "runs/glue/x/"
}

}  // namespace

std::vector<std::string> row_names(const std::vector<fs::path>& folders) {
  std::vector<fs::path> paths;
  for (const fs::path& folder : folders) {
    paths.push_back(normal(folder));
    for (std::size_t i = 0; i + 1 < paths.size(); ++i) {
      if (paths[i] == paths.back()) throw UsageError(folder.string() + ": given twice");
    }
  }
  std::vector<std::string> names;
  std::vector<fs::path> rest = paths;
  for (fs::path& path : rest) {
    names.push_back(path.filename().string());
    path = path.parent_path();
  }
  for (std::set<std::string> distinct(names.begin(), names.end()); distinct.size() < names.size();
       distinct = {names.begin(), names.end()}) {
    const std::vector<std::string> before = names;
    for (std::size_t i = 0; i < names.size(); ++i) {
      bool shared = false;
      for (std::size_t j = 0; j < names.size(); ++j) shared = shared || (j != i && before[j] == before[i]);
      if (!shared || !rest[i].has_filename()) continue;
      names[i] = rest[i].filename().string() + "/" + names[i];
      rest[i] = rest[i].parent_path();
    }
  }
  return names;
}

}  // namespace mabert::app
