#include "benchmarks/compare/compare.h"

#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

// What must be equal for times to be comparable; beside them the limits say how fast the device was.
constexpr std::array kConditions{"device",  "driver", "commit",       "versions",
                                 "threads", "simd",   "deterministic"};

std::string text(const Json& header, const char* name) {
  if (!header.is_object() || !header.contains(name)) return "-";
  const Json& value = header[name];
  return value.is_string() ? value.get<std::string>() : dump(value, -1);
}

std::vector<MeanRatio> geometric_means(const std::vector<Match>& matches) {
  std::vector<MeanRatio> means;
  for (const Match& match : matches) {
    MeanRatio* mean = nullptr;
    for (MeanRatio& known : means) {
      if (known.measure == match.a.measure && known.path == match.a.path) mean = &known;
    }
    if (mean == nullptr) mean = &means.emplace_back(MeanRatio{match.a.measure, match.a.path, 0, 0, 0});
    mean->ratio += std::log(match.ratio);
    mean->count += 1;
    mean->same += match.same() ? 1 : 0;
  }
  for (MeanRatio& mean : means) mean.ratio = std::exp(mean.ratio / static_cast<double>(mean.count));
  return means;
}

}  // namespace

std::vector<Difference> header_differences(const Json& a, const Json& b) {
  std::vector<Difference> differences;
  for (const char* name : kConditions) {
    const std::string left = text(a, name), right = text(b, name);
    if (left != right) differences.push_back({name, left, right});
  }
  return differences;
}

Comparison compare_records(const RecordFile& a, const RecordFile& b) {
  std::map<std::string, std::vector<const Record*>> waiting;
  for (const Record& record : b.records) waiting[record.key()].push_back(&record);
  Comparison result;
  std::set<const Record*> taken;
  std::map<std::string, std::size_t> used;
  for (const Record& record : a.records) {
    const std::string key = record.key();
    const auto found = waiting.find(key);
    std::size_t& next = used[key];
    if (found == waiting.end() || next >= found->second.size()) {
      result.only_a.push_back(key);
      continue;
    }
    const Record& other = *found->second[next++];
    taken.insert(&other);
    result.matches.push_back({.a = record,
                              .b = other,
                              .ratio = other.ms.p50 / record.ms.p50,
                              .low = other.ms.p10 / record.ms.p90,
                              .high = other.ms.p90 / record.ms.p10});
  }
  for (const Record& record : b.records) {
    if (!taken.contains(&record)) result.only_b.push_back(record.key());
  }
  result.means = geometric_means(result.matches);
  result.header = header_differences(a.header, b.header);
  return result;
}

}  // namespace mabert::bench
