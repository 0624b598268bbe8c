#pragma once

#include "benchmarks/harness/outputs.h"

#include <filesystem>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace mabert::bench {

struct CompareArguments {
  std::filesystem::path a, b;
  bool json = false;
};

/// The same measurement in two files. ratio: median of b over that of a; low and high: the widest that the
/// 10 and 90 % quantiles of both allow (b.p10 / a.p90 to b.p90 / a.p10).
struct Match {
  Record a, b;
  double ratio = 0, low = 0, high = 0;
  /// The spread allows that nothing changed.
  bool same() const { return low <= 1 && 1 <= high; }
};

/// Geometric mean of the ratios of one measure.
struct MeanRatio {
  std::string measure, path;
  double ratio = 0;
  std::int64_t count = 0, same = 0;
};

struct Difference {
  std::string field, a, b;
};

struct Comparison {
  std::vector<Match> matches;
  std::vector<MeanRatio> means;
  std::vector<std::string> only_a, only_b;  ///< keys
  std::vector<Difference> header;           ///< device, driver, commit, versions, threads, ... that differ
};

/// Records are the same measurement when their key() is equal; the n-th of equal ones in a is matched with
/// the n-th in b.
Comparison compare_records(const RecordFile& a, const RecordFile& b);

/// Fields of two headers (device, driver, commit, versions, threads, ...) that differ; "-": not there.
std::vector<Difference> header_differences(const Json& a, const Json& b);

/// Reads records (.json, .jsonl), or the "rows" of a result file of `ops` that has no records.
RecordFile read_comparable(const std::filesystem::path& path);

/// Prints ratios b / a. Errors: UsageError (wrong names, nothing in common), DataError.
int run_compare(const CompareArguments& arguments, std::ostream& out);

}  // namespace mabert::bench
