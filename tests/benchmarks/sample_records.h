#pragma once

#include "benchmarks/harness/record.h"

#include <string>

namespace mabert::bench {

/// A record with every required field; the spread is 10 % to either side.
inline Record sample_record(const std::string& subject, std::int64_t length, double ms) {
  Record record;
  record.subject = subject;
  record.framework = "mabert";
  record.measure = "forward";
  record.dtype = "fp32";
  record.layout = "dense";
  record.sequences = 4;
  record.length = length;
  record.valid_tokens = 4 * length;
  record.ms = {.p10 = 0.9 * ms,
               .p50 = ms,
               .p90 = 1.1 * ms,
               .p95 = 1.15 * ms,
               .p99 = 1.19 * ms,
               .mean = 1.01 * ms,
               .samples = 21};
  return record;
}

}  // namespace mabert::bench
