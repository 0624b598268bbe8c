#include "output_folder.h"

#include <system_error>
#include <utility>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::data {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::error_code& error) {
  if (error == std::errc::no_space_on_device) {
    throw DiskFullError(path.string() + ": the disk is full; free some space and run the same command again");
  }
  throw DataError(path.string() + ": cannot write: " + error.message());
}

}  // namespace

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
  if (fs::exists(old_) && !fs::exists(target_)) fs::rename(old_, target_, error);
  if (!error) fs::remove_all(old_, error);
  if (!error) fs::remove_all(part_, error);
  if (!error) fs::create_directories(part_, error);
  if (error) fail(part_, error);
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(part_, ignored);
}

void OutputFolder::check_replaceable(const fs::path& folder, const std::set<std::string>& entries) const {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(folder, error))) return;
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
  if (error) fail(folder, error);
}

void OutputFolder::commit() {
  sync_directory(part_);
  std::error_code error;
  if (fs::exists(target_)) fs::rename(target_, old_, error);
  if (!error) fs::rename(part_, target_, error);
  if (error) fail(target_, error);
  committed_ = true;
  fs::remove_all(old_, error);
  const fs::path parent = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  sync_directory(parent);
}

}  // namespace mabert::data
