#include "benchmarks/harness/table.h"
#include "benchmarks/harness/text.h"
#include "benchmarks/sweep/sweep_table.h"

#include <cmath>

namespace mabert::bench {
namespace {

double nanoseconds_per_token(const Record& record) {
  return record.ms.p50 * 1e6 / static_cast<double>(record.valid_tokens);
}

// Rounding is no intercept.
std::string intercept(const LengthFit& fit, double shortest) {
  return std::abs(fit.line.intercept) < 1e-6 * shortest ? "0" : significant(fit.line.intercept, 3);
}

}  // namespace

LengthFit fit_lengths(const std::vector<double>& lengths, const std::vector<double>& milliseconds) {
  std::vector<double> log_lengths, log_times;
  for (const double length : lengths) log_lengths.push_back(std::log(length));
  for (const double time : milliseconds) log_times.push_back(std::log(time));
  return {.line = linear_fit(lengths, milliseconds),
          .token_ratio = milliseconds.back() / lengths.back() / (milliseconds.front() / lengths.front()),
          .exponent = linear_fit(log_lengths, log_times).slope};
}

std::string fit_table(const std::vector<Record>& records, const SweepTableSettings& settings) {
  Table table({"measure", "model", "path", "lengths", "a, ms", "b, ms per 1024", "R2",
               "token, longest/shortest", "exponent"},
              4);
  bool any = false;
  for (const SweepPage& page : sweep_pages(records)) {
    if (page.measure == "latency" || page.padded_fraction > 0) continue;
    for (const SweepColumn& column : settings.columns) {
      for (const std::string& path : paths_of(records, page, settings)) {
        std::vector<double> lengths, times;
        for (const std::int64_t length : lengths_of(records, page)) {
          const Record* const record = find_cell(records, page, column, length, path);
          if (record == nullptr) continue;
          lengths.push_back(static_cast<double>(length));
          times.push_back(record->ms.p50 / static_cast<double>(record->sequences));
        }
        if (lengths.size() < 3) continue;
        any = true;
        const LengthFit fit = fit_lengths(lengths, times);
        table.add({join({page.measure, page.dtype, page.layout}), column.label(), path,
                   significant(lengths.front(), 1) + " to " + significant(lengths.back(), 1),
                   intercept(fit, times.front()), significant(fit.line.slope * 1024, 3),
                   significant(fit.line.r2, 4), significant(fit.token_ratio, 3),
                   significant(fit.exponent, 3)});
      }
    }
  }
  if (!any) return "";
  return "\ntime t of one sequence by its length L (a batch has tokens / length sequences; t is its time "
         "over\n"
         "their number): t = a + b L by least squares; time of a token at the longest length over that at "
         "the\n"
         "shortest; p of t ~ L^p (1: linear, 2: quadratic)\n" +
         table.text();
}

std::string padding_table(const std::vector<Record>& records, const SweepTableSettings& settings) {
  const std::vector<SweepPage> pages = sweep_pages(records);
  Table table(
      {"measure", "type", "model", "path", "length", "sequences", "batch", "ns a valid token", "ratio"}, 4);
  bool any = false;
  for (const SweepPage& base : pages) {
    if (base.padded_fraction != 0 || base.layout != "ragged") continue;
    std::vector<SweepPage> beside{base};
    for (const SweepPage& page : pages) {
      if (page.measure == base.measure && page.dtype == base.dtype && page.sequences == base.sequences &&
          page.padded_fraction > 0) {
        beside.push_back(page);
      }
    }
    if (beside.size() == 1) continue;
    for (const SweepColumn& column : settings.columns) {
      for (const std::int64_t length : lengths_of(records, base)) {
        for (const std::string& path : paths_of(records, base, settings)) {
          const Record* const none = find_cell(records, base, column, length, path);
          if (none == nullptr) continue;
          for (const SweepPage& page : beside) {
            const Record* const record = find_cell(records, page, column, length, path);
            if (record == nullptr) continue;
            any = true;
            table.add({page.measure, page.dtype, column.label(), path, std::to_string(length),
                       std::to_string(record->sequences), page.layout + " " + percent(page.padded_fraction),
                       significant(nanoseconds_per_token(*record), 4),
                       significant(nanoseconds_per_token(*record) / nanoseconds_per_token(*none), 3)});
          }
        }
      }
    }
  }
  if (!any) return "";
  return "\npadding at equal valid tokens, time over that of none. padded: pads are rows that go through the "
         "model; "
         "ragged:\nthe same sequences packed, without pads\n" +
         table.text();
}

}  // namespace mabert::bench
