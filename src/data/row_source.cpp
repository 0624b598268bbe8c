#include "row_source.h"

#include <algorithm>
#include <charconv>

#include "mabert/core/error.h"
#include "mabert/data/labelled_text.h"

namespace mabert::data {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  // What cannot be looked at counts: opening it says why.
  if (error) return status.type() != fs::file_type::not_found && error != std::errc::not_a_directory;
  return fs::exists(status) && !fs::is_directory(status);
}

std::optional<fs::path> find_file(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name;
  if (is_file(path)) return path;
  const fs::path packed = path.string() + ".xz";
  return is_file(packed) ? std::optional(packed) : std::nullopt;
}

// "a.tsv and b.tsv (b.tsv is missing)"
std::string describe(const RowSource& source, const fs::path& folder) {
  std::vector<std::string> names = source.files, missing;
  if (source.list) names.push_back(source.list->file);
  std::string all, lost;
  for (const std::string& name : names) {
    all += (all.empty() ? "" : " and ") + name;
    if (!find_file(folder, name)) missing.push_back(name);
  }
  if (missing.size() == names.size()) return all;
  for (const std::string& name : missing) lost += (lost.empty() ? "" : ", ") + name;
  return all + " (" + lost + (missing.size() == 1 ? " is" : " are") + " missing)";
}

std::optional<FoundSource> find(const RowSource& source, const fs::path& folder) {
  FoundSource found{&source, {}, {}};
  for (const std::string& name : source.files) {
    if (auto path = find_file(folder, name)) found.files.push_back(std::move(*path));
  }
  if (source.list) found.list = find_file(folder, source.list->file);
  const bool complete =
      found.files.size() == source.files.size() && found.list.has_value() == source.list.has_value();
  return complete ? std::optional(std::move(found)) : std::nullopt;
}

}  // namespace

bool is_jsonl(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".jsonl") || name.ends_with(".jsonl.xz");
}

std::optional<std::size_t> column_number(std::string_view name) {
  std::size_t number = 0;
  if (!name.starts_with('#') || name.size() > 6) return std::nullopt;
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + 1, end, number);
  return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

bool is_present(const TaskSet& set, const fs::path& folder) {
  return std::any_of(set.sources.begin(), set.sources.end(),
                     [&](const RowSource& source) { return find(source, folder).has_value(); });
}

FoundSource find_source(const TaskSpec& task, const TaskSet& set, const fs::path& folder) {
  for (const RowSource& source : set.sources) {
    if (auto found = find(source, folder)) return std::move(*found);
  }
  std::string wanted;
  for (const RowSource& source : set.sources) {
    wanted += (wanted.empty() ? "" : ", or ") + describe(source, folder);
  }
  std::error_code error;
  throw DataError(folder.string() + ": " + (fs::is_directory(folder, error) ? "" : "no such folder; ") +
                  "expected " + task.title + "'s " + set.name + " set as " + wanted +
                  " (each also with .xz); put it there, change task.folder, or name the files in task." +
                  set.name.substr(0, set.name.find('_')));
}

}  // namespace mabert::data
