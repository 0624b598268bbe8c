#include "benchmarks/harness/plots.h"

#include "benchmarks/harness/table.h"
#include "benchmarks/harness/text.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <set>

namespace mabert::bench {
namespace {

using Points = std::vector<const Record*>;

// Along what a sweep went: what its plots have on their x axis.
struct Axis {
  std::string name, label;
  bool log2 = false;
  std::function<double(const Record&)> x;
  bool by_length = false, by_padding = false;  // what a plot holds fixed
};

std::vector<Axis> axes() {
  return {{.name = "length",
           .label = "length of a sequence, tokens",
           .log2 = true,
           .x = [](const Record& r) { return static_cast<double>(r.length); },
           .by_padding = true},
          {.name = "batch",
           .label = "sequences in a batch",
           .log2 = true,
           .x = [](const Record& r) { return static_cast<double>(r.sequences); },
           .by_length = true,
           .by_padding = true},
          {.name = "padding",
           .label = "rows that hold no token, %",
           .x = [](const Record& r) { return 100 * r.padded_fraction; },
           .by_length = true}};
}

// What all records of a plot have in common.
std::string common(const Record& r, const Axis& axis) {
  const std::string padding =
      axis.by_padding && r.padded_fraction > 0 ? percent(r.padded_fraction) : std::string();
  return join({r.measure, r.dtype, join({r.layout, padding}, " "), r.path,
               r.channels > 0 ? std::to_string(r.channels) + " channels" : "",
               axis.by_length ? "length " + std::to_string(r.length) : ""},
              ", ");
}

std::string file_name(const std::string& text) {
  std::string name;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name;
}

bool has_repeated_x(const Points& points, const Axis& axis) {
  std::set<double> seen;
  return !std::all_of(points.begin(), points.end(),
                      [&](const Record* r) { return seen.insert(axis.x(*r)).second; });
}

using Split = std::map<std::int64_t, Points>;

Split split_by(const Points& points, const std::function<std::int64_t(const Record&)>& value) {
  Split split;
  for (const Record* record : points) split[value(*record)].push_back(record);
  return split;
}

// Points that would be drawn: those of series that have a line.
std::size_t drawn(const Split& split, const Axis& axis) {
  std::size_t count = 0;
  for (const auto& [value, points] : split) {
    if (points.size() > 1 && !has_repeated_x(points, axis)) count += points.size();
  }
  return count;
}

// One line for a subject, or, where it was measured several times at one x, a line for each batch or for each
// number of tokens, whichever joins more points.
std::map<std::string, Points> lines(const std::string& name, const Points& points, const Axis& axis) {
  if (!has_repeated_x(points, axis)) return {{name, points}};
  const Split batches = split_by(points, [](const Record& r) { return r.sequences; });
  const Split tokens = split_by(points, [](const Record& r) { return r.valid_tokens; });
  const bool by_batch = drawn(batches, axis) >= drawn(tokens, axis);
  std::map<std::string, Points> result;
  for (const auto& [value, part] : by_batch ? batches : tokens) {
    result[name + ", " + (by_batch ? "batch " : "") + std::to_string(value) + (by_batch ? "" : " tokens")] =
        part;
  }
  return result;
}

app::PlotSeries series(const std::string& name, Points points, const Axis& axis, bool time) {
  app::PlotSeries line{.name = name, .points = {}, .dashed = points.front()->framework != "mabert"};
  std::stable_sort(points.begin(), points.end(),
                   [&](const Record* a, const Record* b) { return axis.x(*a) < axis.x(*b); });
  for (const Record* r : points) {
    if (!line.points.empty() && line.points.back().x == axis.x(*r)) continue;
    const auto rate = [&](double ms) { return static_cast<double>(r->valid_tokens) / ms * 1e3; };
    if (time) {
      line.points.push_back({axis.x(*r), r->ms.p50, r->ms.p10, r->ms.p90});
    } else if (r->valid_tokens > 0) {
      line.points.push_back({axis.x(*r), rate(r->ms.p50), rate(r->ms.p90), rate(r->ms.p10)});
    }
  }
  return line;
}

bool spans_decades(const app::LinePlot& plot) {
  double low = 1e300, high = 0;
  for (const app::PlotSeries& line : plot.series) {
    for (const auto& point : line.points) {
      low = std::min(low, point.y);
      high = std::max(high, point.y);
    }
  }
  return high > 30 * low;
}

void add_plots(std::vector<RecordPlot>& plots, const std::string& title, const Points& records,
               const Axis& axis) {
  std::set<std::string> frameworks;
  std::map<std::string, std::set<std::string>> attentions;  // of each subject
  for (const Record* r : records) {
    frameworks.insert(r->framework);
    attentions[r->subject + " " + r->framework].insert(r->attention);
  }
  std::map<std::string, Points> subjects;
  for (const Record* r : records) {
    const bool several = attentions[r->subject + " " + r->framework].size() > 1;
    subjects[join({r->subject, frameworks.size() > 1 ? r->framework : "", several ? r->attention : ""}, ", ")]
        .push_back(r);
  }
  for (const bool time : {true, false}) {
    app::LinePlot plot;
    plot.title = title + ": " + (time ? "time" : "tokens per second") + " by " + axis.name;
    plot.x_label = axis.label;
    plot.y_label = time ? "ms, median (bars: p10 to p90)" : "valid tokens per second";
    plot.x_log2 = axis.log2;
    for (const auto& [subject, points] : subjects) {
      for (const auto& [name, part] : lines(subject, points, axis)) {
        app::PlotSeries line = series(name, part, axis, time);
        if (line.points.size() > 1) plot.series.push_back(std::move(line));
      }
    }
    if (plot.series.empty()) continue;
    plot.y_log = time || spans_decades(plot);
    plots.push_back(
        {file_name(title) + "-by-" + axis.name + (time ? "-time.svg" : "-tokens.svg"), std::move(plot)});
  }
}

// Records of other programs that did the same work as ours (without pads the layout is no difference) under
// the layout of ours; on a path that ours has not, beside each of ours and with the path in its name.
std::vector<Record> beside_ours(const std::vector<Record>& records) {
  std::vector<Record> result;
  for (const Record& record : records) {
    std::set<std::pair<std::string, std::string>> places;  // layout and path
    for (const Record& ours : records) {
      const bool same = ours.framework == "mabert" && ours.measure == record.measure &&
                        ours.dtype == record.dtype && ours.channels == record.channels &&
                        ours.length == record.length && ours.sequences == record.sequences &&
                        ours.valid_tokens == record.valid_tokens && ours.padded_fraction == 0;
      if (same) places.insert({ours.layout, ours.path});
    }
    if (record.framework == "mabert" || record.padded_fraction > 0 || places.empty()) {
      result.push_back(record);
      continue;
    }
    const bool has_path = std::any_of(places.begin(), places.end(),
                                      [&](const auto& place) { return place.second == record.path; });
    for (const auto& [layout, path] : places) {
      if (has_path && path != record.path) continue;
      Record& copy = result.emplace_back(record);
      copy.layout = layout;
      copy.path = path;
      if (!has_path) copy.subject += ", " + record.path;
    }
  }
  return result;
}

}  // namespace

std::vector<RecordPlot> make_plots(const std::vector<Record>& measured) {
  const std::vector<Record> records = beside_ours(measured);
  std::vector<RecordPlot> plots;
  for (const Axis& axis : axes()) {
    std::map<std::string, Points> groups;
    for (const Record& record : records) groups[common(record, axis)].push_back(&record);
    for (const auto& [title, points] : groups) add_plots(plots, title, points, axis);
  }
  return plots;
}

}  // namespace mabert::bench
