#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace mabert::data {

/// A folder that appears under its name only when complete, as AtomicFile does for a file: filled as
/// NAME.part, then put in the place of an earlier one, which may hold only `entries` (else UsageError: it is
/// not ours to replace). Without commit() nothing is left behind. Errors: DataError, DiskFullError. Source:
/// own.
class OutputFolder {
 public:
  OutputFolder(std::filesystem::path target, std::set<std::string> entries);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// Where to write.
  const std::filesystem::path& path() const { return part_; }
  void commit();

 private:
  void check_replaceable(const std::filesystem::path& folder, const std::set<std::string>& entries) const;

  std::filesystem::path target_, part_, old_;
  bool committed_ = false;
};

}  // namespace mabert::data
