#include "benchmarks/compare/compare.h"
#include "benchmarks/harness/table.h"

#include <algorithm>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

constexpr std::size_t kListed = 20;  // of what only one file has

std::string verdict(const Match& match) {
  if (match.same()) return "same";
  return match.ratio < 1 ? "faster" : "slower";
}

std::string shape(const Record& record) {
  const std::string text = std::to_string(record.sequences) + "x" + std::to_string(record.length);
  return record.channels > 0 ? text + "x" + std::to_string(record.channels) : text;
}

// Columns in which all records agree would only widen the table.
std::string with_framework(const Record& record) {
  return record.subject + (record.framework == "mabert" ? "" : " (" + record.framework + ")") +
         (record.attention.empty() ? "" : ", " + record.attention);
}

void print_list(const std::string& title, const std::vector<std::string>& keys, std::ostream& out) {
  if (keys.empty()) return;
  out << "\n" << title << " (" << keys.size() << "):\n";
  for (std::size_t i = 0; i < std::min(keys.size(), kListed); ++i) out << "  " << keys[i] << "\n";
  if (keys.size() > kListed) out << "  and " << keys.size() - kListed << " more; --json lists all\n";
}

void print(const Comparison& comparison, const CompareArguments& arguments, std::ostream& out) {
  out << "a: " << arguments.a.string() << "\nb: " << arguments.b.string() << "\n";
  for (const Difference& difference : comparison.header) {
    out << "warning: " << difference.field << " differs: a " << difference.a << ", b " << difference.b
        << "\n";
  }
  Table table({"subject", "measure", "path", "type", "layout", "S x L", "padded", "a ms", "b ms", "b/a",
               "spread of b/a", ""},
              6);
  for (const Match& match : comparison.matches) {
    const Record& r = match.a;
    table.add({with_framework(r), r.measure, r.path, r.dtype, r.layout, shape(r), percent(r.padded_fraction),
               significant(r.ms.p50, 4), significant(match.b.ms.p50, 4), significant(match.ratio, 3),
               significant(match.low, 3) + "-" + significant(match.high, 3), verdict(match)});
  }
  out << "\n" << table.text() << "\n";
  Table means({"measure", "path", "geometric mean of b/a", "of", "same"}, 2);
  for (const MeanRatio& mean : comparison.means) {
    means.add({mean.measure, mean.path, significant(mean.ratio, 3), std::to_string(mean.count),
               std::to_string(mean.same)});
  }
  out << means.text();
  print_list("only in a", comparison.only_a, out);
  print_list("only in b", comparison.only_b, out);
}

Json times(const Record& record) {
  return {{"p10", record.ms.p10}, {"p50", record.ms.p50}, {"p90", record.ms.p90}};
}

Json report(const Comparison& comparison, const CompareArguments& arguments) {
  Json json;
  json["a"] = arguments.a.string();
  json["b"] = arguments.b.string();
  Json& header = json["header_differences"] = Json::object();
  for (const Difference& difference : comparison.header) {
    header[difference.field] = {{"a", difference.a}, {"b", difference.b}};
  }
  Json& matches = json["matches"] = Json::array();
  for (const Match& match : comparison.matches) {
    matches.push_back({{"key", match.a.key()},
                       {"a_ms", times(match.a)},
                       {"b_ms", times(match.b)},
                       {"ratio", match.ratio},
                       {"low", match.low},
                       {"high", match.high},
                       {"verdict", verdict(match)}});
  }
  Json& means = json["geometric_means"] = Json::array();
  for (const MeanRatio& mean : comparison.means) {
    means.push_back({{"measure", mean.measure},
                     {"path", mean.path},
                     {"ratio", mean.ratio},
                     {"count", mean.count},
                     {"same", mean.same}});
  }
  json["only_in_a"] = comparison.only_a;
  json["only_in_b"] = comparison.only_b;
  return json;
}

}  // namespace

int run_compare(const CompareArguments& arguments, std::ostream& out) {
  const Comparison comparison = compare_records(read_comparable(arguments.a), read_comparable(arguments.b));
  if (comparison.matches.empty()) {
    throw UsageError("compare: no measurement is in both files; a has '" + comparison.only_a.front() +
                     "', b has '" + comparison.only_b.front() + "'");
  }
  if (arguments.json) {
    out << dump(report(comparison, arguments), 1) << "\n";
  } else {
    print(comparison, arguments, out);
  }
  return 0;
}

}  // namespace mabert::bench
