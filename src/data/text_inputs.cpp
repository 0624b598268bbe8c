#include "row_source.h"

#include <algorithm>
#include <glob.h>
#include <set>
#include <system_error>

#include "mabert/core/error.h"
#include "mabert/data/text_source.h"

namespace mabert::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array kSuffixes{".txt", ".text", ".md", ".jsonl"};

std::string without_xz(const fs::path& path) {
  return path.extension() == ".xz" ? path.stem().string() : path.filename().string();
}

bool is_text_file(const fs::path& path) {
  const std::string name = without_xz(path);
  return std::any_of(kSuffixes.begin(), kSuffixes.end(),
                     [&](const char* suffix) { return name.ends_with(suffix); });
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error), end;
  for (; !error && at != end; at.increment(error)) {
    // What cannot be looked at counts as a file: opening it says why.
    std::error_code unknown;
    const bool is_folder = at->is_directory(unknown);
    if (is_hidden(at->path())) {
      if (is_folder) at.disable_recursion_pending();
    } else if (!is_folder && is_text_file(at->path())) {
      files.push_back(at->path());
    }
  }
  if (error) throw DataError(folder.string() + ": cannot list the folder: " + error.message());
  if (files.empty()) {
    throw DataError(folder.string() +
                    ": no .txt, .text, .md or .jsonl file (or .xz of one) in the folder; name the files");
  }
  std::sort(files.begin(), files.end(),
            [](const fs::path& a, const fs::path& b) { return a.string() < b.string(); });
  return files;
}

std::vector<fs::path> matches(const std::string& pattern) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> names(found.gl_pathv, found.gl_pathv + (status == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  std::sort(names.begin(), names.end());
  return {names.begin(), names.end()};
}

std::vector<fs::path> expand(const std::string& name) {
  std::error_code error;
  const fs::file_status status = fs::status(name, error);
  if (name == "-") return {name};
  if (fs::is_directory(status)) return files_below(name);
  if (fs::exists(status)) return {name};
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory) {
    throw DataError(name + ": cannot open: " + error.message());
  }
  if (name.find_first_of("*?[") == std::string::npos) {
    throw DataError(name + ": no such file or folder; check the path");
  }
  std::vector<fs::path> files;
  for (const fs::path& match : matches(name)) {
    if (!fs::is_directory(match, error)) {
      files.push_back(match);
      continue;
    }
    for (fs::path& file : files_below(match)) files.push_back(std::move(file));
  }
  if (files.empty()) throw DataError(name + ": the pattern matches no file; check the path");
  return files;
}

}  // namespace

std::vector<TextInput> find_text_inputs(std::span<const std::string> names, TextFormat format) {
  if (names.empty()) throw UsageError("inputs: expected at least one file, folder, pattern or -, got none");
  std::vector<TextInput> inputs;
  std::set<fs::path> seen;
  for (const std::string& name : names) {
    for (const fs::path& path : expand(name)) {
      std::error_code error;
      const fs::path resolved = path == "-" ? path : fs::weakly_canonical(path, error);
      if (!seen.insert(error ? path : resolved).second) continue;
      const bool json = format == TextFormat::jsonl || (format == TextFormat::automatic && is_jsonl(path));
      const std::uintmax_t bytes = fs::is_regular_file(path, error) ? fs::file_size(path, error) : 0;
      inputs.push_back({path, json ? TextFormat::jsonl : TextFormat::text, error ? 0 : bytes});
    }
  }
  return inputs;
}

}  // namespace mabert::data
