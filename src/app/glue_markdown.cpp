#include "glue_text.h"

#include <algorithm>
#include <cstdio>

namespace mabert::app {
namespace {

constexpr std::size_t kAveragedTasks = 8;

const char* short_name(metrics::Metric metric) {
  switch (metric) {
    case metrics::Metric::accuracy:
      return "acc";
    case metrics::Metric::f1:
      return "F1";
    case metrics::Metric::macro_f1:
      return "macro F1";
    case metrics::Metric::matthews:
      return "MCC";
    case metrics::Metric::pearson:
      return "r";
    case metrics::Metric::spearman:
      return "ρ";
    case metrics::Metric::entity_f1:
      return "entity F1";
  }
  return "";
}

/// "MRPC F1 / acc"; with two dev sets (MNLI) "m / mm acc", as papers write it.
std::string column_title(const data::TaskSpec& task) {
  std::vector<std::string> names;
  for (const metrics::Metric metric : task.metrics) names.push_back(short_name(metric));
  return task.title + (task.dev.size() > 1 ? " m / mm " : " ") + join(names, " / ");
}

std::string cell(const GlueRow& row, const data::TaskSpec& task) {
  const GlueTaskRow* found = row.find(task.name);
  if (found == nullptr || found->sets.empty()) return "–";
  std::vector<std::string> parts;
  for (const data::TaskSet& set : task.dev) {
    const auto metrics = found->sets.find(set.name);
    if (metrics == found->sets.end()) {
      parts.push_back("–");
      continue;
    }
    for (const metrics::Metric metric : task.metrics) {
      const GlueStatistic& statistic = metrics->second.at(std::string(metrics::metric_name(metric)));
      parts.push_back(percent_text(statistic.mean, statistic.deviation));
    }
  }
  return join(parts, " / ");
}

std::string row_title(const GlueRow& row) {
  return cell_text(row.name) + (row.random_weights() ? " (random weights)" : "");
}

/// Number of tasks that every row's average is over; absent where rows differ.
std::optional<std::size_t> common_tasks(std::span<const GlueRow> rows) {
  for (const GlueRow& row : rows) {
    if (row.average.tasks != rows.front().average.tasks) return std::nullopt;
  }
  return rows.front().average.tasks.size();
}

/// Those of the average always, the others where a row has them.
bool is_shown(std::span<const GlueRow> rows, const data::TaskSpec& task) {
  return is_averaged(task) || std::any_of(rows.begin(), rows.end(),
                                          [&](const GlueRow& row) { return row.find(task.name) != nullptr; });
}

std::string scores_table(std::span<const GlueRow> rows) {
  std::vector<const data::TaskSpec*> first, last;  // before and after the average
  for (const data::TaskSpec& task : data::glue_tasks()) {
    if (is_shown(rows, task)) (is_averaged(task) ? first : last).push_back(&task);
  }
  const auto common = common_tasks(rows);
  std::vector<std::vector<std::string>> table(1);
  table[0].push_back("Model");
  for (const data::TaskSpec* task : first) table[0].push_back(column_title(*task));
  table[0].push_back(!common || *common == 0 || *common == kAveragedTasks
                         ? "Average"
                         : "Average of " + std::to_string(*common));
  for (const data::TaskSpec* task : last) table[0].push_back(column_title(*task));
  for (const GlueRow& row : rows) {
    auto& cells = table.emplace_back();
    cells.push_back(row_title(row));
    for (const data::TaskSpec* task : first) cells.push_back(cell(row, *task));
    std::string average = percent_text(row.average.mean, row.average.deviation);
    if (!common && row.average.mean) average += " (of " + std::to_string(row.average.tasks.size()) + ")";
    cells.push_back(average);
    for (const data::TaskSpec* task : last) cells.push_back(cell(row, *task));
  }
  return markdown_table(table);
}

std::string gain_text(const GlueGain& gain) {
  char text[96];
  if (gain.pooled_deviation && *gain.pooled_deviation > 0) {
    std::snprintf(text, sizeof text, "%+.1f (%.1f s.d.)", gain.difference * 100,
                  gain.difference / *gain.pooled_deviation);
  } else {
    std::snprintf(text, sizeof text, "%+.1f", gain.difference * 100);
  }
  return text;
}

/// Each pretrained row against the row of the same model with random weights; empty without such a pair.
std::string gains_table(std::span<const GlueRow> rows) {
  std::vector<const data::TaskSpec*> tasks;
  for (const data::TaskSpec& task : data::glue_tasks()) {
    if (is_shown(rows, task)) tasks.push_back(&task);
  }
  std::vector<std::vector<std::string>> table(1);
  table[0].push_back("Model");
  for (const data::TaskSpec* task : tasks) table[0].push_back(task->title);
  for (const GlueRow& row : rows) {
    for (const GlueRow& random : rows) {
      if (row.random_weights() || !random.random_weights() || row.model() != random.model()) continue;
      auto& cells = table.emplace_back();
      cells.push_back(cell_text(row.name + " over " + random.name));
      const std::vector<GlueGain> all = gains(row, random);
      for (const data::TaskSpec* task : tasks) {
        const auto gain =
            std::find_if(all.begin(), all.end(), [&](const GlueGain& g) { return g.task == task->name; });
        cells.push_back(gain == all.end() ? "–" : gain_text(*gain));
      }
    }
  }
  if (table.size() == 1) return "";
  return "\nWhat pretraining adds to the task score, and that in pooled standard deviations of seeds (where "
         "one side has "
         "one seed, in the other's):\n\n" +
         markdown_table(table);
}

}  // namespace

std::string glue_markdown(std::span<const GlueRow> rows) {
  std::string text = "# GLUE\n\n";
  for (const std::string& fact : glue_facts(rows)) text += "- " + fact + "\n";
  text += "- Numbers: on the dev sets, × 100, mean ± standard deviation over seeds (none for one seed)\n\n";
  text += scores_table(rows) + gains_table(rows);
  const std::vector<std::string> notes = glue_notes(rows);
  if (!notes.empty()) text += "\n";
  for (const std::string& note : notes) text += "- " + cell_text(note) + "\n";
  return text;
}

std::string glue_confusion(std::span<const GlueRow> rows) {
  std::string text =
      "# Confusion matrices\n\nRows of the dev sets by label, summed over seeds; beside them the share "
      "of each label's rows in %.\n";
  for (const GlueRow& row : rows) {
    for (const data::TaskSpec& task : data::glue_tasks()) {
      const GlueTaskRow* found = row.find(task.name);
      if (found == nullptr) continue;
      for (const data::TaskSet& set : task.dev) {
        const auto sum = summed_confusion(*found, set.name);
        if (sum.empty()) continue;
        const std::vector<std::string>& labels = found->result.labels;
        std::vector<std::vector<std::string>> table(1);
        table[0].push_back("label \\ predicted");
        for (const std::string& label : labels) table[0].push_back(cell_text(label));
        for (const std::string& label : labels) table[0].push_back(cell_text(label) + " %");
        for (std::size_t i = 0; i < sum.size(); ++i) {
          auto& cells = table.emplace_back();
          cells.push_back(cell_text(labels[i]));
          std::int64_t total = 0;
          for (const std::int64_t count : sum[i]) {
            cells.push_back(count_text(count));
            total += count;
          }
          for (const std::int64_t count : sum[i]) {
            cells.push_back(
                total == 0 ? "–" : percent_text(static_cast<double>(count) / static_cast<double>(total), {}));
          }
        }
        text +=
            "\n## " + row_title(row) + ", " + task.title + " " + set.name + "\n\n" + markdown_table(table);
      }
    }
  }
  return text;
}

}  // namespace mabert::app
