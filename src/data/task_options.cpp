#include "mabert/data/task_options.h"

#include "row_reader.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>
#include <set>

#include "mabert/core/error.h"

namespace mabert::data {
namespace {

using config::Problem;
using metrics::Metric;

std::string glue_names() {
  std::string names;
  for (const TaskSpec& task : glue_tasks()) names += (names.empty() ? "" : ", ") + task.name;
  return names;
}

// Its letters and digits in order of the alphabet, so that forms such as SST2 and swapped letters look alike.
std::string letters(std::string_view name) {
  std::string kept;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte)) kept += static_cast<char>(std::tolower(byte));
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

std::optional<std::string> nearest_glue_task(const std::string& name) {
  std::optional<std::string> best;
  std::size_t least = 3;  // one letter replaced, or fewer
  const std::string wanted = letters(name);
  for (const TaskSpec& task : glue_tasks()) {
    const std::string own = letters(task.name);
    std::string different;
    std::set_symmetric_difference(wanted.begin(), wanted.end(), own.begin(), own.end(),
                                  std::back_inserter(different));
    if (different.size() < std::min(least, own.size())) {
      least = different.size();
      best = task.name;
    }
  }
  return best;
}

// Tags of entities: "O" and "B-TYPE" or "I-TYPE".
bool are_entity_tags(const std::vector<std::string>& labels) {
  return labels.size() > 1 && labels.front() == "O" &&
         std::all_of(labels.begin() + 1, labels.end(), [](const std::string& label) {
           return label.size() > 2 && (label.starts_with("B-") || label.starts_with("I-"));
         });
}

std::string got(const std::string& text) { return text.empty() ? "nothing" : in_quotes(text); }

std::vector<std::string> files_of(const TaskOptions& options) {
  std::vector<std::string> files;
  for (const auto* some : {&options.train, &options.dev, &options.test}) {
    files.insert(files.end(), some->begin(), some->end());
  }
  return files;
}

// The fields of a task of one's own mean nothing to a GLUE task.
std::optional<Problem> check_glue(const TaskOptions& options) {
  const TaskOptions usual;
  const std::pair<const char*, bool> given[] = {{"kind", options.kind != usual.kind},
                                                {"first", options.first != usual.first},
                                                {"second", options.second != usual.second},
                                                {"label", options.label != usual.label},
                                                {"id", options.id != usual.id},
                                                {"header", options.header != usual.header},
                                                {"labels", options.labels != usual.labels},
                                                {"minimum", options.minimum != usual.minimum},
                                                {"maximum", options.maximum != usual.maximum},
                                                {"metrics", options.metrics != usual.metrics}};
  for (const auto& [key, is_given] : given) {
    if (!is_given) continue;
    return Problem{
        key, "none, since " + options.name + " is a GLUE task; give a task of your own another name", ""};
  }
  return std::nullopt;
}

std::optional<Problem> check_columns(const TaskOptions& options) {
  std::vector<std::pair<std::string, std::string>> columns{{"first", options.first},
                                                           {"label", options.label}};
  if (options.second) columns.emplace_back("second", *options.second);
  if (options.id) columns.emplace_back("id", *options.id);
  if (options.second && options.kind == TaskKind::tokens) {
    return Problem{"second", "none for a task of kind tokens", got(*options.second)};
  }
  const std::vector<std::string> files = files_of(options);
  const auto json =
      std::count_if(files.begin(), files.end(), [](const std::string& f) { return is_jsonl(f); });
  const bool is_tsv = json == 0, is_json = !files.empty() && !is_tsv;
  std::set<std::string> seen;
  for (const auto& [key, name] : columns) {
    if (name.empty()) return Problem{key, "the name of a column", "nothing"};
    if (!seen.insert(name).second) return Problem{key, "a column that is nothing else yet", in_quotes(name)};
    const auto number = column_number(name);
    if (number == std::size_t{0}) return Problem{key, "columns counted from #1", in_quotes(name)};
    if (is_json && number) return Problem{key, "the key of a JSON object", in_quotes(name)};
    if (is_tsv && !options.header && !number)
      return Problem{key, "'#N', since there is no header", in_quotes(name)};
  }
  return std::nullopt;
}

std::optional<Problem> check_labels(const TaskOptions& options) {
  if (options.kind == TaskKind::regression) {
    if (!options.labels.empty())
      return Problem{"labels", "none for a regression", quoted_list(options.labels)};
    if (!(std::isfinite(options.minimum) && std::isfinite(options.maximum) &&
          options.minimum < options.maximum)) {
      return Problem{"maximum", "more than minimum (" + std::to_string(options.minimum) + ")",
                     std::to_string(options.maximum)};
    }
    return std::nullopt;
  }
  if (options.labels.empty()) {
    const std::string expected = "one of " + glue_names() + ", or labels for a task of your own";
    if (const auto meant = nearest_glue_task(options.name)) {
      return Problem{"name", expected, in_quotes(options.name) + "; did you mean \"" + *meant + "\"?"};
    }
    return Problem{"labels",
                   "at least 2, since " + in_quotes(options.name) + " is not one of " + glue_names(), "none"};
  }
  if (options.labels.size() < 2) return Problem{"labels", "at least 2", quoted_list(options.labels)};
  std::set<std::string> seen;
  for (const std::string& label : options.labels) {
    if (is_blank(label)) return Problem{"labels", "names", in_quotes(label)};
    if (std::any_of(label.begin(), label.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
      return Problem{"labels", "names without tabs, line ends and control characters", "another one"};
    if (!seen.insert(label).second) return Problem{"labels", "each label once", in_quotes(label) + " twice"};
  }
  return std::nullopt;
}

bool fits(Metric metric, TaskKind kind) {
  if (metrics::is_for_regression(metric)) return kind == TaskKind::regression;
  return kind == TaskKind::tokens || (kind == TaskKind::classification && metric != Metric::entity_f1);
}

std::vector<Metric> usual_metrics(const TaskOptions& options) {
  if (options.kind == TaskKind::regression) return {Metric::pearson, Metric::spearman};
  if (options.kind == TaskKind::tokens && are_entity_tags(options.labels)) return {Metric::entity_f1};
  return {Metric::accuracy};
}

std::optional<Problem> check_metrics(const TaskOptions& options) {
  const std::string kind(config::enum_name(options.kind));
  std::set<std::string> seen;
  for (const std::string& name : options.metrics) {
    const auto metric = metrics::find_metric(name);
    if (!metric) {
      return Problem{"metrics", "accuracy, f1, macro_f1, matthews, pearson, spearman or entity_f1",
                     in_quotes(name)};
    }
    if (!seen.insert(name).second) return Problem{"metrics", "each metric once", name + " twice"};
    if (!fits(*metric, options.kind)) return Problem{"metrics", "metrics that suit " + kind, name};
    if (*metric == Metric::f1 && options.labels.size() != 2) {
      return Problem{"metrics",
                     "f1 with 2 labels only, the second being the positive one (macro_f1 takes more)",
                     std::to_string(options.labels.size()) + " labels"};
    }
    if (*metric == Metric::entity_f1 && !are_entity_tags(options.labels)) {
      return Problem{"labels", "\"O\" first and then \"B-TYPE\" or \"I-TYPE\" only, for entity_f1",
                     quoted_list(options.labels)};
    }
  }
  return std::nullopt;
}

// TSV and JSONL have columns of different names in GLUE.
std::optional<Problem> check_files(const TaskOptions& options) {
  const TaskSpec* glue = find_glue_task(options.name);
  const struct {
    const char* key;
    const std::vector<std::string>& files;
    bool is_there;
  } sets[] = {{"train", options.train, glue == nullptr || !glue->train.empty()},
              {"dev", options.dev, glue == nullptr || !glue->dev.empty()},
              {"test", options.test, true}};
  for (const auto& set : sets) {
    if (set.files.empty()) continue;
    if (!set.is_there)
      return Problem{set.key, "none, since " + glue->title + " has only a test set", quoted_list(set.files)};
    for (const std::string& file : set.files) {
      if (file.empty()) return Problem{set.key, "names of files", "\"\""};
      if (is_jsonl(file) != is_jsonl(set.files.front())) {
        return Problem{set.key, "files that are all TSV or all JSONL", quoted_list(set.files)};
      }
    }
  }
  return std::nullopt;
}

std::optional<Problem> check(const TaskOptions& options) {
  if (auto problem = check_files(options)) return problem;
  if (find_glue_task(options.name) != nullptr) return check_glue(options);
  if (auto problem = check_labels(options)) return problem;
  if (auto problem = check_columns(options)) return problem;
  return check_metrics(options);
}

// Other files in place of the usual ones: one for each set if there are as many, else all as one set.
void replace(std::vector<TaskSet>& sets, const std::vector<std::string>& files, const std::string& name) {
  if (files.empty()) return;
  const auto of = [&](const TaskSet& set, std::vector<std::string> chosen) {
    const auto same = std::find_if(set.sources.begin(), set.sources.end(), [&](const RowSource& source) {
      return is_jsonl(source.files.front()) == is_jsonl(chosen.front());
    });
    return RowSource{std::move(chosen), same->columns, same->has_header};
  };
  if (sets.size() > 1 && files.size() != sets.size()) {
    sets = {TaskSet{name, {of(sets.front(), files)}}};
  } else if (sets.size() == 1) {
    sets.front().sources = {of(sets.front(), files)};
  } else {
    for (std::size_t i = 0; i < sets.size(); ++i) sets[i].sources = {of(sets[i], {files[i]})};
  }
}

TaskSpec own_task(const TaskOptions& options) {
  TaskSpec task;
  task.name = task.title = task.folder = options.name;
  task.kind = options.kind;
  task.labels = options.labels;
  task.minimum = options.minimum;
  task.maximum = options.maximum;
  for (const std::string& name : options.metrics) task.metrics.push_back(*metrics::find_metric(name));
  if (task.metrics.empty()) task.metrics = usual_metrics(options);
  const RowColumns columns{options.first, options.second, options.label, options.id};
  const auto set = [&](const std::string& name, const std::vector<std::string>& files) {
    return files.empty() ? std::vector<TaskSet>()
                         : std::vector{TaskSet{name, {RowSource{files, columns, options.header}}}};
  };
  task.train = set("train", options.train);
  task.dev = set("dev", options.dev);
  task.test = set("test", options.test);
  return task;
}

}  // namespace

std::optional<Problem> TaskOptions::validate() const { return name.empty() ? std::nullopt : check(*this); }

TaskSpec resolve_task(const TaskOptions& options) {
  if (options.name.empty()) {
    throw UsageError("task.name: expected one of " + glue_names() + ", or a name of your own, got none");
  }
  if (const auto problem = check(options)) {
    throw UsageError("task." + problem->key + ": expected " + problem->expected +
                     (problem->got.empty() ? "" : ", got " + problem->got));
  }
  const TaskSpec* glue = find_glue_task(options.name);
  if (glue == nullptr) return own_task(options);
  TaskSpec task = *glue;
  replace(task.train, options.train, "train");
  replace(task.dev, options.dev, "dev");
  replace(task.test, options.test, "test");
  return task;
}

}  // namespace mabert::data
