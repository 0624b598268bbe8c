#include "benchmarks/sweep/sweep_table.h"

#include "benchmarks/harness/statistics.h"
#include "benchmarks/harness/table.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace mabert::bench {
namespace {

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::vector<std::int64_t> lengths_of(const std::vector<Record>& records, const SweepPage& page) {
  std::set<std::int64_t> lengths;
  for (const Record& record : records) {
    if (find_cell({record}, page, {record.framework, record.subject}, record.length, "") != nullptr &&
        record.framework == "mabert") {
      lengths.insert(record.length);
    }
  }
  return {lengths.begin(), lengths.end()};
}

std::vector<std::string> paths_of(const std::vector<Record>& records, const SweepPage& page,
                                  const SweepTableSettings& settings) {
  std::vector<std::string> paths;
  for (const Record& record : records) {
    if (record.framework != settings.subject.framework) continue;
    if (find_cell({record}, page, {record.framework, record.subject}, record.length, "") == nullptr) continue;
    if (std::find(paths.begin(), paths.end(), record.path) == paths.end()) paths.push_back(record.path);
  }
  return paths;
}

std::string what_is_padded(const SweepPage& page) {
  if (page.padded_fraction == 0) return page.layout;
  const std::string share = percent(page.padded_fraction);
  return page.layout == "padded" ? "padded (" + share + " of the rows are pads and go through the model)"
                                 : page.layout + " (the sequences of a batch " + share + " padded, packed)";
}

std::string title(const SweepPage& page) {
  std::string name = page.measure;
  std::replace(name.begin(), name.end(), '_', ' ');
  return join({name, page.dtype, what_is_padded(page)}) +
         (page.sequences > 0
              ? ", " + std::to_string(page.sequences) + " sequence" + (page.sequences > 1 ? "s" : "")
              : "");
}

std::string with_ratio(double ms, const Record* subject) {
  const std::string time = significant(ms, 3);
  return subject == nullptr ? time : time + " (" + significant(ms / subject->ms.p50, 3) + ")";
}

// Columns that have anything on the page.
std::vector<SweepColumn> columns_of(const std::vector<Record>& records, const SweepPage& page,
                                    const SweepTableSettings& settings, bool ours_only,
                                    const std::vector<std::int64_t>& lengths) {
  std::vector<SweepColumn> columns;
  for (const SweepColumn& column : settings.columns) {
    const bool ours = column.framework == settings.subject.framework;
    const bool there = std::any_of(lengths.begin(), lengths.end(), [&](std::int64_t length) {
      return find_cell(records, page, column, length, "") != nullptr;
    });
    if (ours || (there && !ours_only)) columns.push_back(column);
  }
  return columns;
}

std::string one_table(const std::vector<Record>& records, const SweepPage& page,
                      const SweepTableSettings& settings, const std::string& path) {
  const std::vector<std::int64_t> lengths = lengths_of(records, page);
  const std::vector<SweepColumn> columns = columns_of(records, page, settings, !path.empty(), lengths);
  std::vector<SweepGroup> groups;
  for (const SweepGroup& group : settings.groups) {
    const bool ours = std::all_of(group.members.begin(), group.members.end(), [&](const SweepColumn& member) {
      return std::find(columns.begin(), columns.end(), member) != columns.end();
    });
    if (ours) groups.push_back(group);
  }
  std::vector<std::string> header{"length", "sequences"};
  for (const SweepColumn& column : columns) header.push_back(column.label());
  for (const SweepGroup& group : groups) header.push_back("average of " + group.name);
  Table table(header, 0);
  for (const std::int64_t length : lengths) {
    const Record* const subject = find_cell(records, page, settings.subject, length, path);
    std::vector<std::string> cells{std::to_string(length), "-"};
    for (const SweepColumn& column : columns) {
      const Record* const record = find_cell(records, page, column, length, path);
      if (record == nullptr) {
        cells.emplace_back("-");
        continue;
      }
      if (cells[1] == "-") cells[1] = std::to_string(record->sequences);
      std::string cell =
          column == settings.subject ? significant(record->ms.p50, 3) : with_ratio(record->ms.p50, subject);
      if (path.empty()) cell += " " + record->path;
      if (path.empty() && column.framework != settings.subject.framework && !record->attention.empty())
        cell += "/" + record->attention;
      cells.push_back(cell);
    }
    for (const SweepGroup& group : groups) {
      const auto mean = group_mean(records, page, group, length, path);
      std::string cell = mean ? with_ratio(mean->ms, subject) : "-";
      if (mean && mean->members < group.members.size())
        cell += " of " + std::to_string(mean->members) + " members";
      cells.push_back(cell);
    }
    table.add(cells);
  }
  std::string text = title(page) + ", " + (path.empty() ? "each on its best path" : path) +
                     ": median ms (over that of " + settings.subject.label() + ")\n" + table.text();
  for (const SweepGroup& group : groups) {
    std::vector<std::string> names;
    for (const SweepColumn& member : group.members) names.push_back(member.label());
    text += "average of " + group.name + " (" + join(names) + "): mean of their times\n";
  }
  return text;
}

std::string gibibytes(const std::optional<double>& bytes) {
  return bytes ? significant(*bytes / (1 << 30), 3) : "-";
}

double nanoseconds_per_token(const Record& record) {
  return record.ms.p50 * 1e6 / static_cast<double>(record.valid_tokens);
}

}  // namespace

std::string record_list(const std::vector<Record>& records) {
  Table table({"measure", "model", "batch", "layout", "type", "path", "ms", "p10-p90", "p99", "tokens/s",
               "TFLOP/s", "of mm", "GB/s", "of bw", "peak GiB"},
              6);
  const auto number = [](const std::optional<double>& value) {
    return value ? significant(*value, 3) : std::string("-");
  };
  const auto share = [](const std::optional<double>& value) {
    return value ? percent(*value) : std::string("-");
  };
  for (const Record& r : records) {
    std::string batch = std::to_string(r.sequences) + " x " + std::to_string(r.length);
    if (r.channels > 0) batch += " x " + std::to_string(r.channels);
    std::string layout = r.layout;
    if (r.padded_fraction > 0) layout += " " + percent(r.padded_fraction);
    std::string path = r.path;
    if (r.framework != "mabert" && !r.attention.empty()) path += ", " + r.attention;
    table.add({r.measure, SweepColumn{r.framework, r.subject}.label(), batch, layout, r.dtype, path,
               significant(r.ms.p50, 4), significant(r.ms.p10, 4) + "-" + significant(r.ms.p90, 4),
               r.measure == "latency" ? significant(r.ms.p99, 4) : "-", significant(r.tokens_per_second(), 4),
               number(r.tflop_per_second), share(r.matmul_share), number(r.gigabytes_per_second),
               share(r.bandwidth_share), gibibytes(r.peak_bytes)});
  }
  return table.text();
}

std::string ratio_tables(const std::vector<Record>& records, const SweepTableSettings& settings) {
  std::string text;
  for (const SweepPage& page : sweep_pages(records)) {
    const std::vector<std::string> paths = paths_of(records, page, settings);
    for (const std::string& path : paths) text += "\n" + one_table(records, page, settings, path);
    const auto lengths = lengths_of(records, page);
    const auto all = columns_of(records, page, settings, false, lengths);
    const auto ours = columns_of(records, page, settings, true, lengths);
    if (paths.size() > 1 || all.size() > ours.size()) text += "\n" + one_table(records, page, settings, "");
  }
  return text;
}

std::string fit_table(const std::vector<Record>& records, const SweepTableSettings& settings) {
  Table table({"measure", "model", "path", "a, ns", "b, ns per 1024", "R2", "ns a token",
               "longest over shortest", "exponent"},
              3);
  bool any = false;
  for (const SweepPage& page : sweep_pages(records)) {
    for (const SweepColumn& column : settings.columns) {
      for (const std::string& path : paths_of(records, page, settings)) {
        std::vector<double> lengths, costs, log_lengths, log_times;
        for (const std::int64_t length : lengths_of(records, page)) {
          const Record* const record = find_cell(records, page, column, length, path);
          if (record == nullptr) continue;
          const auto x = static_cast<double>(length);
          lengths.push_back(x / 1024);
          costs.push_back(nanoseconds_per_token(*record));
          log_lengths.push_back(std::log(x));
          log_times.push_back(std::log(costs.back() * x));
        }
        if (lengths.size() < 3) continue;
        any = true;
        const LinearFit fit = linear_fit(lengths, costs);
        table.add({join({page.measure, page.dtype, page.layout + " " + percent(page.padded_fraction)}),
                   column.label(), path, significant(fit.intercept, 4), significant(fit.slope, 3),
                   significant(fit.r2, 3),
                   significant(costs.front(), 4) + " to " + significant(costs.back(), 4),
                   significant(costs.back() / costs.front(), 3),
                   significant(linear_fit(log_lengths, log_times).slope, 3)});
      }
    }
  }
  if (!any) return "";
  return "\ntime per valid token by length, least squares: a + b · length; exponent: of the length in the "
         "time "
         "of one\nsequence (1: linear, 2: quadratic)\n" +
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
