#pragma once

#include "benchmarks/harness/record.h"
#include "benchmarks/harness/statistics.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mabert::bench {

/// A column: a model of one program.
struct SweepColumn {
  std::string framework, subject;

  /// "bert-base", of other programs "bert-base (pytorch)".
  std::string label() const;
  bool operator==(const SweepColumn&) const = default;
};

/// An average: its name and its members. With counterparts, which stand only in tables over all paths, a
/// member that has one counts with the smaller time of the two.
struct SweepGroup {
  std::string name;
  std::vector<SweepColumn> members;
  std::vector<std::pair<SweepColumn, SweepColumn>> counterparts;  ///< (member, that of another program)
};

struct SweepTableSettings {
  SweepColumn subject;
  std::vector<SweepColumn> columns;  ///< in order, the subject first
  std::vector<SweepGroup> groups;
};

/// Records that stand in one table: everything but model, length and path is the same.
struct SweepPage {
  std::string measure, dtype, layout;
  double padded_fraction = 0;
  std::int64_t sequences = 0;  ///< of latency; 0 for measures of a number of tokens

  bool operator==(const SweepPage&) const = default;
};

/// Those that our records have, in order.
std::vector<SweepPage> sweep_pages(const std::vector<Record>& records);

/// The record of a cell: of that path, or with an empty path the fastest of all. Records of other programs
/// fit a page of any layout while nothing is padded and their valid tokens are those of ours at that length.
/// Null: none.
const Record* find_cell(const std::vector<Record>& records, const SweepPage& page, const SweepColumn& column,
                        std::int64_t length, const std::string& path);

/// Lengths that our records have on a page, and paths that they have there.
std::vector<std::int64_t> lengths_of(const std::vector<Record>& records, const SweepPage& page);
std::vector<std::string> paths_of(const std::vector<Record>& records, const SweepPage& page,
                                  const SweepTableSettings& settings);

/// Keys of the records of other programs that stand in no table: of other lengths, tokens, types or batches.
std::vector<std::string> without_place(const std::vector<Record>& records);

/// Mean of the members' medians that are there, in ms, and how many those are; absent for none.
struct GroupMean {
  double ms = 0;
  std::size_t members = 0;
};

/// What a member counts with: its record or its counterpart's. Null: neither is there.
const Record* member_cell(const std::vector<Record>& records, const SweepPage& page, const SweepGroup& group,
                          const SweepColumn& member, std::int64_t length, const std::string& path);
std::optional<GroupMean> group_mean(const std::vector<Record>& records, const SweepPage& page,
                                    const SweepGroup& group, std::int64_t length, const std::string& path);

/// Every record in a line of its own: times, tokens, rates and shares, memory.
std::string record_list(const std::vector<Record>& records);

/// For each page and each path, then on the best path of each where there are several or other programs:
/// lengths by columns, each cell the median and its ratio to the subject; then the averages.
std::string ratio_tables(const std::vector<Record>& records, const SweepTableSettings& settings);

/// How the time t of one sequence grows with its length L.
struct LengthFit {
  LinearFit line;          ///< t = a + b · L, in ms and ms per token
  double token_ratio = 0;  ///< time of a token at the longest over that at the shortest length
  double exponent = 0;     ///< p of t ~ L^p
};
/// Lengths in rising order, two or more, with the time of a sequence in ms.
LengthFit fit_lengths(const std::vector<double>& lengths, const std::vector<double>& milliseconds);

/// The fit above of throughput and training steps without padding, where a model has three lengths or more.
std::string fit_table(const std::vector<Record>& records, const SweepTableSettings& settings);

/// Time per valid token with and without padding, where both were measured.
std::string padding_table(const std::vector<Record>& records, const SweepTableSettings& settings);

/// Names and columns of a sweep: our models with the subject first, then every model of other programs; the
/// average of the baselines, with records of counterparts the average of each baseline at its fastest, one
/// for each other program, and the groups asked for.
SweepTableSettings make_table_settings(const std::string& subject, const std::vector<std::string>& models,
                                       const std::vector<std::string>& baselines,
                                       const std::map<std::string, std::vector<std::string>>& groups,
                                       const std::vector<Record>& records,
                                       const std::map<std::string, std::string>& counterparts = {});

}  // namespace mabert::bench
