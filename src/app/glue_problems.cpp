#include "glue_text.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace mabert::app {
namespace {

void check_complete(const GlueRow& row, std::vector<std::string>& problems) {
  for (const data::TaskSpec& task : data::glue_tasks()) {
    if (!is_averaged(task)) continue;
    const GlueTaskRow* found = row.find(task.name);
    if (found == nullptr) {
      problems.push_back(row.name + ": " + task.title + " is missing");
    } else if (!found->score.mean) {
      problems.push_back(row.name + ": " + task.title + " has no score");
    }
  }
}

void check_seeds(const GlueRow& row, std::vector<std::string>& problems) {
  std::set<std::set<std::uint64_t>> distinct;
  for (const auto& [name, task] : row.tasks) {
    std::set<std::uint64_t> seeds;
    for (const GlueSeedResult& seed : task.result.seeds) seeds.insert(seed.seed);
    distinct.insert(std::move(seeds));
  }
  if (distinct.size() > 1) problems.push_back(row.name + ": the tasks have different seeds");
}

/// The file's own means against those of its seeds.
void check_summary(const GlueTaskRow& task, std::vector<std::string>& problems) {
  for (const auto& [set, metrics] : task.sets) {
    const auto stated_set = task.result.stated_means.find(set);
    for (const auto& [metric, statistic] : metrics) {
      std::optional<double> stated;
      if (stated_set != task.result.stated_means.end()) {
        const auto found = stated_set->second.find(metric);
        if (found != stated_set->second.end()) stated = found->second;
      }
      if (statistic.mean && (!stated || !(std::abs(*stated - *statistic.mean) <= 1e-9))) {
        problems.push_back((task.result.folder / "result.json").string() + ": summary." + set + "." + metric +
                           " is not the mean of the seeds");
      }
    }
  }
}

/// What must be alike for numbers of one task to be comparable.
std::string conditions(const GlueTaskResult& result) {
  std::string text = std::to_string(static_cast<int>(result.selection)) + " " + exact_text(result.epochs) +
                     " " + std::to_string(result.train_examples) + " " +
                     std::to_string(result.max_train_rows.value_or(-1));
  for (const auto& [name, set] : result.seeds.front().sets) text += " " + name + std::to_string(set.examples);
  return text;
}

}  // namespace

std::vector<std::string> glue_problems(std::span<const GlueRow> rows) {
  std::vector<std::string> problems;
  for (const GlueRow& row : rows) {
    check_complete(row, problems);
    const auto is_random = [](const auto& task) { return task.second.result.random_weights; };
    if (!row.random_weights() && std::any_of(row.tasks.begin(), row.tasks.end(), is_random))
      problems.push_back(row.name + ": some tasks started from random weights, others did not");
    check_seeds(row, problems);
    for (const auto& [name, task] : row.tasks) {
      check_summary(task, problems);
      if (task.result.selection == Selection::dev)
        problems.push_back(row.name + ": " + task.result.task->title + " was selected on dev");
    }
  }
  for (const data::TaskSpec& task : data::glue_tasks()) {
    std::set<std::string> distinct;
    for (const GlueRow& row : rows) {
      if (const GlueTaskRow* found = row.find(task.name)) distinct.insert(conditions(found->result));
    }
    if (distinct.size() > 1) {
      problems.push_back(task.title +
                         ": the rows differ in selection, epochs, training examples or dev examples");
    }
  }
  return problems;
}

}  // namespace mabert::app
