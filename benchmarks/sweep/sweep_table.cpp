#include "benchmarks/sweep/sweep_table.h"

#include "benchmarks/harness/table.h"
#include "benchmarks/harness/text.h"

#include <algorithm>
#include <map>
#include <set>

namespace mabert::bench {
namespace {

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

std::string with_counterparts(const SweepGroup& group, const SweepColumn& member) {
  std::string text = member.label();
  for (const auto& [own, other] : group.counterparts) {
    if (own == member) text += " or " + other.label();
  }
  return text;
}

std::string way(const Record& record) {
  return record.path +
         (record.framework != "mabert" && !record.attention.empty() ? "/" + record.attention : "");
}

std::string list(const std::vector<std::int64_t>& lengths) {
  std::vector<std::string> texts;
  for (const std::int64_t length : lengths) texts.push_back(std::to_string(length));
  return join(texts);
}

// "bert-base: BERT-base (pytorch) graph/sdpa at 512, 4096"
std::string which_is_fastest(const std::vector<Record>& records, const SweepPage& page,
                             const SweepGroup& group, const std::vector<std::int64_t>& lengths) {
  std::vector<std::string> texts;
  for (const auto& [member, other] : group.counterparts) {
    std::map<std::string, std::vector<std::int64_t>> chosen;
    for (const std::int64_t length : lengths) {
      const Record* const record = member_cell(records, page, group, member, length, "");
      if (record == nullptr) continue;
      chosen[SweepColumn{record->framework, record->subject}.label() + " " + way(*record)].push_back(length);
    }
    std::vector<std::string> ways;
    for (const auto& [name, where] : chosen) ways.push_back(name + " at " + list(where));
    texts.push_back("for " + member.label() + " counts " + join(ways, ", "));
  }
  return join(texts, "; ");
}

// Paths of other programs that some lengths lack; what is fastest there was chosen among fewer.
std::string partial_paths(const std::vector<Record>& records, const SweepPage& page,
                          const std::vector<SweepColumn>& columns, const std::vector<std::int64_t>& lengths) {
  std::vector<std::string> texts;
  for (const SweepColumn& column : columns) {
    if (column.framework == "mabert") continue;
    std::map<std::string, std::vector<std::int64_t>> paths;
    std::set<std::int64_t> all;
    for (const Record& record : records) {
      if (record.framework == column.framework && record.subject == column.subject) paths[record.path];
    }
    for (auto& [path, where] : paths) {
      for (const std::int64_t length : lengths) {
        if (find_cell(records, page, column, length, path) == nullptr) continue;
        where.push_back(length);
        all.insert(length);
      }
    }
    for (const auto& [path, where] : paths) {
      if (!where.empty() && where.size() < all.size())
        texts.push_back(column.label() + " " + path + " at " + list(where));
    }
  }
  return texts.empty() ? "" : "paths measured at some lengths only: " + join(texts, "; ") + "\n";
}

std::string one_table(const std::vector<Record>& records, const SweepPage& page,
                      const SweepTableSettings& settings, const std::string& path) {
  const std::vector<std::int64_t> lengths = lengths_of(records, page);
  const std::vector<SweepColumn> columns = columns_of(records, page, settings, !path.empty(), lengths);
  std::vector<SweepGroup> groups;
  for (const SweepGroup& group : settings.groups) {
    const auto is_there = [&](const SweepColumn& member) {
      return std::find(columns.begin(), columns.end(), member) != columns.end();
    };
    // Of one path all are ours; over all paths some may have no record of this measure.
    const bool wanted =
        !group.counterparts.empty()
            ? path.empty() && std::any_of(group.counterparts.begin(), group.counterparts.end(),
                                          [&](const auto& pair) { return is_there(pair.second); })
        : path.empty() ? std::any_of(group.members.begin(), group.members.end(), is_there)
                       : std::all_of(group.members.begin(), group.members.end(), is_there);
    if (wanted) groups.push_back(group);
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
      if (path.empty()) cell += " " + way(*record);
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
    for (const SweepColumn& member : group.members) names.push_back(with_counterparts(group, member));
    text += "average of " + group.name + " (" + join(names) + "): mean of their times";
    if (!group.counterparts.empty()) text += "; " + which_is_fastest(records, page, group, lengths);
    text += "\n";
  }
  if (path.empty()) text += partial_paths(records, page, columns, lengths);
  return text;
}

std::string gibibytes(const std::optional<double>& bytes) {
  return bytes ? significant(*bytes / (1 << 30), 3) : "-";
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
               r.measure == "latency" && r.ms.told_p99() > 0 ? significant(r.ms.p99, 4) : "-",
               significant(r.tokens_per_second(), 4), number(r.tflop_per_second), share(r.matmul_share),
               number(r.gigabytes_per_second), share(r.bandwidth_share), gibibytes(r.peak_bytes)});
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

}  // namespace mabert::bench
