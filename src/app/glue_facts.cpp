#include "glue_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <set>

namespace mabert::app {
namespace {

using Value = std::pair<std::string, std::string>;  // title of a task, what is to be said of it
using Describe = std::function<std::string(const GlueTaskResult&)>;

bool all_same(const std::vector<Value>& values) {
  return std::all_of(values.begin(), values.end(),
                     [&](const Value& v) { return v.second == values[0].second; });
}

/// "v", or "CoLA, MRPC: v; RTE: w".
std::string by_task(const std::vector<Value>& values) {
  if (values.empty()) return "–";
  if (all_same(values)) return values[0].second;
  std::vector<Value> groups;  // titles, value
  for (const auto& [title, value] : values) {
    const auto group =
        std::find_if(groups.begin(), groups.end(), [&](const Value& g) { return g.second == value; });
    if (group == groups.end()) {
      groups.emplace_back(title, value);
    } else {
      group->first += ", " + title;
    }
  }
  std::vector<std::string> parts;
  for (const auto& [titles, value] : groups) parts.push_back(titles + ": " + value);
  return join(parts, "; ");
}

/// What holds for all rows, else by task where rows agree, else by row.
std::string by_row(std::span<const GlueRow> rows, const Describe& describe) {
  std::vector<Value> shared;
  std::vector<std::vector<Value>> of_rows(rows.size());
  bool agree = true;
  for (const data::TaskSpec& task : data::glue_tasks()) {
    std::set<std::string> said;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const GlueTaskRow* found = rows[i].find(task.name);
      if (found == nullptr) continue;
      of_rows[i].emplace_back(task.title, describe(found->result));
      if (said.insert(of_rows[i].back().second).second) shared.push_back(of_rows[i].back());
    }
    agree = agree && said.size() <= 1;
  }
  if (agree || (!shared.empty() && all_same(shared))) return by_task(shared);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (of_rows[i].empty()) continue;
    const std::string said = by_task(of_rows[i]);
    parts.push_back(rows[i].name + (all_same(of_rows[i]) ? ": " + said : " (" + said + ")"));
  }
  return join(parts, "; ");
}

std::string selection_text(const GlueTaskResult& result) {
  char share[32] = "";
  if (result.slice_fraction) std::snprintf(share, sizeof share, "%.3g %% ", *result.slice_fraction * 100);
  switch (result.selection) {
    case Selection::last:
      return "fixed epochs, last checkpoint; nothing chosen on dev";
    case Selection::early_stopping:
      return "early stopping on a seeded " + std::string(share) + "slice of train; nothing chosen on dev";
    case Selection::dev:
      break;
  }
  return "SELECTED ON DEV (for comparison with papers)";
}

std::string seeds_text(const GlueTaskResult& result) {
  std::vector<std::uint64_t> seeds;
  for (const GlueSeedResult& seed : result.seeds) seeds.push_back(seed.seed);
  std::sort(seeds.begin(), seeds.end());
  if (seeds.size() > 2 && seeds.back() - seeds.front() == seeds.size() - 1)
    return std::to_string(seeds.front()) + "–" + std::to_string(seeds.back());
  std::vector<std::string> parts;
  for (const std::uint64_t seed : seeds) parts.push_back(std::to_string(seed));
  return join(parts, ", ");
}

std::string learning_rate_text(const GlueTaskResult& result) {
  std::string text = rate_text(result.learning_rate);
  if (result.grid.empty()) return text;
  std::vector<std::string> tried;
  for (const double rate : result.grid) tried.push_back(rate_text(rate));
  return text + " (best of " + join(tried, ", ") +
         (result.selection == Selection::dev ? " ON DEV)" : " on a seeded slice of train)");
}

std::string steps_text(const GlueTaskResult& result) {
  std::int64_t least = result.seeds.front().steps, most = least;
  for (const GlueSeedResult& seed : result.seeds) {
    least = std::min(least, seed.steps);
    most = std::max(most, seed.steps);
  }
  if (least == most) return count_text(most) + (most == 1 ? " step" : " steps");
  return count_text(least) + "–" + count_text(most) + " steps by seed";
}

std::string training_text(const GlueTaskResult& result) {
  std::string text;
  if (result.epochs) text = exact_text(result.epochs) + (*result.epochs == 1 ? " epoch of " : " epochs of ");
  std::vector<std::string> remarks;
  if (result.max_train_rows && *result.max_train_rows < result.train_examples) {
    text += count_text(*result.max_train_rows) + " examples";
    remarks.push_back("drawn from " + count_text(result.train_examples));
  } else {
    text += count_text(result.train_examples) + " examples";
  }
  if (!result.task->train.empty()) {
    const auto official = result.task->train.front().rows;
    if (official && *official != result.train_examples)
      remarks.push_back("official: " + count_text(*official));
  }
  if (!remarks.empty()) text += " (" + join(remarks, ", ") + ")";
  return text + ", " + steps_text(result);
}

std::string pretraining_text(const GlueTaskResult& result) {
  if (result.random_weights) return "none";
  if (!result.pretraining) return "unknown";
  return count_text(result.pretraining->steps) + " steps, " + count_text(result.pretraining->tokens) +
         " tokens";
}

std::string time_text(const GlueRow& row) {
  double seconds = 0;
  for (const auto& [name, task] : row.tasks) {
    for (const GlueSeedResult& seed : task.result.seeds) seconds += seed.seconds;
  }
  const auto minutes = static_cast<long long>(std::floor(seconds / 60));
  char text[64];
  if (minutes >= 60) {
    std::snprintf(text, sizeof text, "%lld h %02lld min", minutes / 60, minutes % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld min %02.0f s", minutes,
                  std::floor(seconds - 60 * static_cast<double>(minutes)));
  }
  return text;
}

}  // namespace

std::vector<std::string> glue_facts(std::span<const GlueRow> rows) {
  const auto fact = [&](const char* what, const Describe& describe) {
    return std::string(what) + ": " + cell_text(by_row(rows, describe));
  };
  std::vector<std::string> times;
  for (const GlueRow& row : rows) {
    if (!row.tasks.empty()) times.push_back((rows.size() > 1 ? row.name + ": " : "") + time_text(row));
  }
  return {
      fact("Selection", selection_text),
      fact("Weights",
           [](const GlueTaskResult& r) {
             return (r.random_weights ? "random, in the shape of " : "") + r.init_from;
           }),
      fact("Pretraining", pretraining_text),
      fact("Seeds", seeds_text),
      fact("Learning rate", learning_rate_text),
      fact("Training", training_text),
      fact("Computed", [](const GlueTaskResult& r) { return r.precision + " on " + r.device; }),
      "Training time, summed over runs: " + join(times, "; "),
  };
}

std::vector<std::string> glue_notes(std::span<const GlueRow> rows) {
  std::vector<std::string> notes;
  std::set<std::string> averaged;
  for (const GlueRow& row : rows) {
    if (!row.average.tasks.empty()) averaged.insert(join(row.average.tasks, ", "));
    for (const data::TaskSpec& task : data::glue_tasks()) {
      const GlueTaskRow* found = row.find(task.name);
      if (found == nullptr) continue;
      const std::string where = row.name + ", " + task.title;
      if (found->sets.empty())
        notes.push_back(where + ": trained, but without numbers on the task's dev sets");
      for (const data::TaskSet& set : task.dev) {
        if (!found->sets.empty() && !found->sets.contains(set.name))
          notes.push_back(where + ": no numbers on " + set.name + ", so no score");
      }
      for (const auto& [set, metrics] : found->sets) {
        for (const auto& [metric, statistic] : metrics) {
          std::vector<std::string> seeds;
          for (std::size_t i = 0; i < statistic.values.size(); ++i) {
            if (!statistic.values[i]) seeds.push_back(std::to_string(found->result.seeds[i].seed));
          }
          if (!seeds.empty()) {
            notes.push_back(where + ": " + metric + " on " + set + " is undefined for seed " +
                            join(seeds, ", ") + ", so its mean is");
          }
        }
      }
    }
  }
  if (averaged.size() > 1) notes.push_back("The averages are over different tasks: do not compare them.");
  std::vector<std::string> unofficial;
  for (const data::TaskSpec& task : data::glue_tasks()) {
    for (const data::TaskSet& set : task.dev) {
      std::set<std::int64_t> sizes;
      for (const GlueRow& row : rows) {
        const GlueTaskRow* found = row.find(task.name);
        if (found == nullptr) continue;
        for (const GlueSeedResult& seed : found->result.seeds) {
          const auto result = seed.sets.find(set.name);
          if (result != seed.sets.end() && set.rows && result->second.examples != *set.rows)
            sizes.insert(result->second.examples);
        }
      }
      for (const std::int64_t size : sizes)
        unofficial.push_back(task.title + " " + set.name + " " + count_text(size) +
                             " examples (official: " + count_text(*set.rows) + ")");
    }
  }
  if (!unofficial.empty()) notes.push_back("Not the official dev sets: " + join(unofficial, "; ") + ".");
  return notes;
}

}  // namespace mabert::app
