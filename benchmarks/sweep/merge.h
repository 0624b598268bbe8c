#pragma once

#include "benchmarks/harness/outputs.h"

#include <filesystem>
#include <string>
#include <vector>

namespace mabert::bench {

/// Records of other programs, to stand beside ours.
struct MergedFile {
  std::string name;
  RecordFile content;
};

/// Errors: UsageError for records of this program; DataError.
MergedFile read_merged(const std::filesystem::path& path);

/// A line for each of device, driver and version of torch in which a merged file differs from this run, or
/// from one merged before it.
std::vector<std::string> merge_warnings(const Json& header, const std::vector<MergedFile>& merged);

/// "BERT-base (pytorch) 32 x 512 bf16 dense training_step compiled: out of memory": what the other program
/// notes as not measured.
std::vector<std::string> merged_failures(const MergedFile& merged);

}  // namespace mabert::bench
