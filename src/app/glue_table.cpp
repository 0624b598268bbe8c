#include "glue_table.h"

#include <algorithm>
#include <cmath>

#include "mabert/core/error.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;

std::optional<double> mean_of(const std::vector<std::optional<double>>& values) {
  if (values.empty()) return std::nullopt;
  double sum = 0;
  for (const auto& value : values) {
    if (!value) return std::nullopt;
    sum += *value;
  }
  return sum / static_cast<double>(values.size());
}

std::optional<double> value_of(const GlueSeedResult& seed, const std::string& set,
                               const std::string& metric) {
  const auto found = seed.sets.find(set);
  return found == seed.sets.end() ? std::nullopt : found->second.values.at(metric);
}

GlueTaskRow make_task_row(GlueTaskResult result) {
  GlueTaskRow row{std::move(result), {}, {}};
  const data::TaskSpec& task = *row.result.task;
  std::vector<std::optional<double>> scores;
  for (const GlueSeedResult& seed : row.result.seeds) {
    std::vector<std::optional<double>> all;
    for (const data::TaskSet& set : task.dev) {
      for (const metrics::Metric metric : task.metrics)
        all.push_back(value_of(seed, set.name, std::string(metrics::metric_name(metric))));
    }
    scores.push_back(
        mean_of(all));  // every set has the same metrics: the mean of all is the mean of the sets'
  }
  row.score = over_seeds(std::move(scores));
  for (const data::TaskSet& set : task.dev) {
    const bool measured =
        std::any_of(row.result.seeds.begin(), row.result.seeds.end(),
                    [&](const GlueSeedResult& seed) { return seed.sets.contains(set.name); });
    if (!measured) continue;
    for (const metrics::Metric metric : task.metrics) {
      const std::string name(metrics::metric_name(metric));
      std::vector<std::optional<double>> values;
      for (const GlueSeedResult& seed : row.result.seeds) values.push_back(value_of(seed, set.name, name));
      row.sets[set.name][name] = over_seeds(std::move(values));
    }
  }
  return row;
}

GlueAverage average_of(const GlueRow& row) {
  GlueAverage average;
  std::vector<std::optional<double>> means;
  std::vector<const GlueTaskRow*> tasks;
  for (const data::TaskSpec& task : data::glue_tasks()) {
    const GlueTaskRow* found = row.find(task.name);
    if (!is_averaged(task) || found == nullptr || !found->score.mean) continue;
    average.tasks.push_back(task.name);
    means.push_back(found->score.mean);
    tasks.push_back(found);
  }
  average.mean = mean_of(means);
  if (tasks.empty()) return average;
  std::vector<std::optional<double>> by_seed;
  for (const GlueSeedResult& seed : tasks.front()->result.seeds) {
    std::vector<std::optional<double>> scores;
    for (const GlueTaskRow* task : tasks) {
      const auto& seeds = task->result.seeds;
      const auto same = std::find_if(seeds.begin(), seeds.end(),
                                     [&](const GlueSeedResult& other) { return other.seed == seed.seed; });
      if (seeds.size() != tasks.front()->result.seeds.size() || same == seeds.end()) return average;
      scores.push_back(task->score.values[static_cast<std::size_t>(same - seeds.begin())]);
    }
    by_seed.push_back(mean_of(scores));
  }
  average.deviation = over_seeds(std::move(by_seed)).deviation;
  return average;
}

}  // namespace

GlueStatistic over_seeds(std::vector<std::optional<double>> values) {
  GlueStatistic statistic{std::move(values), {}, {}};
  std::vector<double> defined;
  for (const auto& value : statistic.values) {
    if (!value) return statistic;
    defined.push_back(*value);
  }
  if (defined.empty()) return statistic;
  const metrics::MeanDeviation result = metrics::mean_and_deviation(defined);
  statistic.mean = result.mean;
  statistic.deviation = result.deviation;
  return statistic;
}

bool is_averaged(const data::TaskSpec& task) { return task.name != "wnli" && task.name != "ax"; }

bool GlueRow::random_weights() const {
  return !tasks.empty() && std::all_of(tasks.begin(), tasks.end(),
                                       [](const auto& task) { return task.second.result.random_weights; });
}

std::string GlueRow::model() const {
  std::map<std::string, int> counts;
  for (const auto& [name, task] : tasks) ++counts[task.result.model];
  const auto most = std::max_element(counts.begin(), counts.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? "" : most->first;
}

const GlueTaskRow* GlueRow::find(const std::string& task) const {
  const auto found = tasks.find(task);
  return found == tasks.end() ? nullptr : &found->second;
}

GlueRow read_glue_row(const fs::path& folder, const std::string& name) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw DataError(folder.string() + ": expected a folder that tools/glue.sh wrote, got none");
  GlueRow row;
  row.name = name;
  row.folder = folder;
  for (const data::TaskSpec& task : data::glue_tasks()) {
    const fs::path run = folder / task.name;
    if (task.dev.empty() || !fs::is_directory(run, error)) continue;
    if (!fs::exists(run / "result.json", error)) {
      row.unfinished.push_back(task.name);
      continue;
    }
    GlueTaskResult result = read_glue_result(run, task);
    if (result.seeds.empty()) {
      row.unfinished.push_back(task.name);
    } else {
      row.tasks.emplace(task.name, make_task_row(std::move(result)));
    }
  }
  if (row.tasks.empty() && row.unfinished.empty()) {
    throw DataError(folder.string() +
                    ": expected folders of GLUE tasks (cola, sst-2, mrpc, …), got none; fine-tune " +
                    "first: tools/glue.sh RUN --out " + folder.string());
  }
  row.average = average_of(row);
  return row;
}

std::vector<std::vector<std::int64_t>> summed_confusion(const GlueTaskRow& task, const std::string& set) {
  std::vector<std::vector<std::int64_t>> sum;
  for (const GlueSeedResult& seed : task.result.seeds) {
    const auto found = seed.sets.find(set);
    if (found == seed.sets.end() || found->second.confusion.empty()) continue;
    const std::size_t labels = found->second.confusion.size();
    if (sum.empty()) sum.assign(labels, std::vector<std::int64_t>(labels, 0));
    for (std::size_t i = 0; i < labels; ++i) {
      for (std::size_t j = 0; j < labels; ++j) sum[i][j] += found->second.confusion[i][j];
    }
  }
  return sum;
}

std::vector<GlueGain> gains(const GlueRow& pretrained, const GlueRow& random) {
  std::vector<GlueGain> result;
  for (const data::TaskSpec& task : data::glue_tasks()) {
    const GlueTaskRow* with = pretrained.find(task.name);
    const GlueTaskRow* without = random.find(task.name);
    if (with == nullptr || without == nullptr || !with->score.mean || !without->score.mean) continue;
    GlueGain gain{task.name, *with->score.mean - *without->score.mean, {}};
    double squares = 0, freedom = 0;
    for (const GlueStatistic* score : {&with->score, &without->score}) {
      if (!score->deviation) continue;
      const auto n = static_cast<double>(score->values.size());
      squares += (n - 1) * *score->deviation * *score->deviation;
      freedom += n - 1;
    }
    if (freedom > 0) gain.pooled_deviation = std::sqrt(squares / freedom);
    result.push_back(std::move(gain));
  }
  return result;
}

}  // namespace mabert::app
