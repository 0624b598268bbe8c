#pragma once

#include "benchmarks/harness/report.h"
#include "benchmarks/harness/statistics.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mabert::bench {

/// One measurement: a line of the JSON lines and of the CSV, a cell of a table, a point of a plot. What does
/// not apply is absent.
struct Record {
  std::string subject;    ///< model ("mabert-base") or operator ("selective_scan")
  std::string framework;  ///< "mabert", or of another program's records "pytorch"
  std::string measure;  ///< "latency", "throughput", "training_step"; of an operator its pass: "forward", ...
  std::string path = "eager";  ///< how it was issued: "eager", "graph", "compiled", ...
  std::string attention;       ///< attention implementation, where there is one: "flash", "sdpa", ...
  std::string dtype;           ///< bf16, fp16, fp32
  std::string layout;          ///< ragged, padded, dense, ...
  std::int64_t sequences = 0;
  std::int64_t length = 0;     ///< of the longest sequence
  std::int64_t channels = 0;   ///< inner width of an operator; 0: does not apply
  double padded_fraction = 0;  ///< share of the rows of the (padded) batch that hold no token
  std::int64_t valid_tokens = 0;
  TimeSpread ms;
  std::optional<double> peak_bytes;
  std::optional<double> tflop_per_second, gigabytes_per_second;
  std::optional<double> matmul_share, bandwidth_share;  ///< of the limits measured in the run
  std::string note;                                     ///< why something is missing, or what differs

  double tokens_per_second() const { return static_cast<double>(valid_tokens) / ms.p50 * 1e3; }
  /// What makes two records the same measurement: everything but what was measured, and the note.
  std::string key() const;
};

/// An object with the names of the fields above; "ms" is one of "p10", "p50", "p90", "p95", "p99", "mean",
/// "samples"; "tokens_per_second" is added for readers. Empty texts, no channels and absent values are left
/// out.
Json to_json(const Record& record);

/// The reverse; other fields are ignored. Required: subject, framework, measure, dtype, sequences, length,
/// valid_tokens and ms.p10, p50, p90, samples (absent p95, p99 and mean read as 0). Errors: DataError naming
/// `where` and the field.
Record parse_record(const Json& json, const std::string& where);

}  // namespace mabert::bench
