#include "benchmarks/sweep/sweep_table.h"

#include <algorithm>
#include <set>

namespace mabert::bench {
namespace {

constexpr const char* kOurs = "mabert";

bool is_model_measure(const std::string& measure) {
  return measure == "latency" || measure == "throughput" || measure == "training_step";
}

SweepPage page_of(const Record& record) {
  return {.measure = record.measure,
          .dtype = record.dtype,
          .layout = record.layout,
          .padded_fraction = record.padded_fraction,
          .sequences = record.measure == "latency" ? record.sequences : 0};
}

SweepColumn parse_member(const std::string& name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) return {kOurs, name};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

}  // namespace

std::string SweepColumn::label() const {
  return framework == kOurs ? subject : subject + " (" + framework + ")";
}

std::vector<SweepPage> sweep_pages(const std::vector<Record>& records) {
  std::vector<SweepPage> pages;
  for (const Record& record : records) {
    if (record.framework != kOurs || !is_model_measure(record.measure)) continue;
    const SweepPage page = page_of(record);
    if (std::find(pages.begin(), pages.end(), page) == pages.end()) pages.push_back(page);
  }
  // One measure after the other, as they were first met.
  std::vector<std::string> measures;
  for (const SweepPage& page : pages) {
    if (std::find(measures.begin(), measures.end(), page.measure) == measures.end())
      measures.push_back(page.measure);
  }
  const auto rank = [&](const SweepPage& page) {
    return std::find(measures.begin(), measures.end(), page.measure) - measures.begin();
  };
  std::stable_sort(pages.begin(), pages.end(),
                   [&](const SweepPage& a, const SweepPage& b) { return rank(a) < rank(b); });
  return pages;
}

namespace {

bool is_cell(const Record& record, const SweepPage& page, std::int64_t length) {
  return record.length == length && page_of(record) == page;
}

// The same work as ours in that row: as many valid tokens in as long sequences.
bool is_same_work(const std::vector<Record>& records, const SweepPage& page, const Record& other) {
  return std::any_of(records.begin(), records.end(), [&](const Record& ours) {
    return ours.framework == kOurs && is_cell(ours, page, other.length) &&
           ours.valid_tokens == other.valid_tokens;
  });
}

}  // namespace

const Record* find_cell(const std::vector<Record>& records, const SweepPage& page, const SweepColumn& column,
                        std::int64_t length, const std::string& path) {
  const Record* best = nullptr;
  for (const Record& record : records) {
    if (record.framework != column.framework || record.subject != column.subject) continue;
    if (record.length != length || (!path.empty() && record.path != path)) continue;
    SweepPage found = page_of(record);
    if (record.framework != kOurs && found.padded_fraction == 0) found.layout = page.layout;
    if (!(found == page)) continue;
    if (record.framework != kOurs && !is_same_work(records, page, record)) continue;
    if (best == nullptr || record.ms.p50 < best->ms.p50) best = &record;
  }
  return best;
}

std::vector<std::string> without_place(const std::vector<Record>& records) {
  const std::vector<SweepPage> pages = sweep_pages(records);
  std::vector<std::string> keys;
  for (const Record& record : records) {
    if (record.framework == kOurs) continue;
    const bool placed = std::any_of(pages.begin(), pages.end(), [&](const SweepPage& page) {
      SweepPage found = page_of(record);
      if (found.padded_fraction == 0) found.layout = page.layout;
      return found == page && is_same_work(records, page, record);
    });
    if (!placed) keys.push_back(record.key());
  }
  return keys;
}

const Record* member_cell(const std::vector<Record>& records, const SweepPage& page, const SweepGroup& group,
                          const SweepColumn& member, std::int64_t length, const std::string& path) {
  const Record* best = find_cell(records, page, member, length, path);
  for (const auto& [own, other] : group.counterparts) {
    if (!(own == member)) continue;
    const Record* const found = find_cell(records, page, other, length, path);
    if (found != nullptr && (best == nullptr || found->ms.p50 < best->ms.p50)) best = found;
  }
  return best;
}

std::optional<GroupMean> group_mean(const std::vector<Record>& records, const SweepPage& page,
                                    const SweepGroup& group, std::int64_t length, const std::string& path) {
  GroupMean mean;
  for (const SweepColumn& member : group.members) {
    const Record* const record = member_cell(records, page, group, member, length, path);
    if (record == nullptr) continue;
    mean.ms += record->ms.p50;
    ++mean.members;
  }
  if (mean.members == 0) return std::nullopt;
  mean.ms /= static_cast<double>(mean.members);
  return mean;
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

SweepTableSettings make_table_settings(const std::string& subject, const std::vector<std::string>& models,
                                       const std::vector<std::string>& baselines,
                                       const std::map<std::string, std::vector<std::string>>& groups,
                                       const std::vector<Record>& records,
                                       const std::map<std::string, std::string>& counterparts) {
  SweepTableSettings settings;
  settings.subject = {kOurs, subject};
  settings.columns.push_back(settings.subject);
  for (const std::string& model : models) {
    if (model != subject) settings.columns.push_back({kOurs, model});
  }
  if (!baselines.empty()) {
    SweepGroup& group = settings.groups.emplace_back();
    group.name = "the baselines";
    for (const std::string& name : baselines) group.members.push_back({kOurs, name});
    SweepGroup fastest = group;
    fastest.name += ", each at its fastest";
    for (const auto& [name, other] : counterparts) {
      const SweepColumn column = parse_member(other);
      const bool there = std::any_of(records.begin(), records.end(), [&](const Record& record) {
        return record.framework == column.framework && record.subject == column.subject;
      });
      if (there) fastest.counterparts.emplace_back(parse_member(name), column);
    }
    if (!fastest.counterparts.empty()) settings.groups.push_back(std::move(fastest));
  }
  std::map<std::string, SweepGroup> others;
  for (const Record& record : records) {
    const SweepColumn column{record.framework, record.subject};
    if (record.framework == kOurs || !is_model_measure(record.measure)) continue;
    if (std::find(settings.columns.begin(), settings.columns.end(), column) != settings.columns.end())
      continue;
    settings.columns.push_back(column);
    SweepGroup& group = others[record.framework];
    group.name = record.framework;
    group.members.push_back(column);
  }
  for (const auto& [name, group] : others) settings.groups.push_back(group);
  for (const auto& [name, members] : groups) {
    SweepGroup& group = settings.groups.emplace_back();
    group.name = name;
    for (const std::string& member : members) group.members.push_back(parse_member(member));
  }
  return settings;
}

}  // namespace mabert::bench
