#include "output_folder.h"

#include "write_error.h"

#include <system_error>
#include <utility>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::data {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(fs::path target, std::set<std::string> entries) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();
  part_ = old_ = target_;
  part_ += ".part";
  old_ += ".old";
  check_replaceable(target_, entries);
  check_replaceable(part_, entries);
  check_replaceable(old_, entries);
  std::error_code error;
  // A run killed between the two renames of commit() left the earlier folder beside its place.
  const bool is_left = fs::exists(old_, error) && !fs::exists(target_, error);
  if (!error && is_left) fs::rename(old_, target_, error);
  if (!error) fs::remove_all(old_, error);
  if (!error) fs::remove_all(part_, error);
  if (!error) fs::create_directories(part_, error);
  if (error) throw_write_error(part_, error);
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(part_, ignored);
}

void OutputFolder::check_replaceable(const fs::path& folder, const std::set<std::string>& entries) const {
  std::error_code error;
  const fs::file_type type = fs::symlink_status(folder, error).type();
  if (type == fs::file_type::not_found) return;
  if (type == fs::file_type::none) throw_write_error(folder, error);
  const std::string advice = "; choose another output or move it away";
  if (!fs::is_directory(folder, error))
    throw UsageError(folder.string() + ": expected a folder, got a file" + advice);
  fs::directory_iterator at(folder, error), end;
  for (; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!entries.contains(name)) {
      throw UsageError(folder.string() + ": holds '" + name + "', which this command did not write" + advice);
    }
  }
  if (error) throw_write_error(folder, error);
}

void OutputFolder::commit() {
  sync_directory(part_);
  std::error_code error;
  const bool replaces = fs::exists(target_, error);
  if (replaces) fs::rename(target_, old_, error);
  if (error) throw_write_error(target_, error);
  fs::rename(part_, target_, error);
  if (error) {
    std::error_code ignored;
    if (replaces) fs::rename(old_, target_, ignored);
    throw_write_error(target_, error);
  }
  committed_ = true;
  fs::remove_all(old_, error);
  const fs::path parent = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  sync_directory(parent);
}

}  // namespace mabert::data
