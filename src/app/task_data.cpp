#include "task_data.h"

#include <algorithm>

#include "mabert/core/error.h"
#include "mabert/data/labelled_text.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;
using Rows = std::vector<data::LabelledText>;

class Opener {
 public:
  Opener(const RunConfig& config, const data::TaskSpec& task, const data::Tokenizer& tokenizer,
         std::vector<std::string>& notes)
      : config_(config), task_(task), tokenizer_(tokenizer), notes_(notes) {}

  Rows read(const data::TaskSet& set, const fs::path& folder, bool needs_labels) {
    data::RowReport report;
    Rows rows = data::read_rows(task_, set, folder, {config_.data.on_bad_row, needs_labels}, report);
    if (report.skipped > 0) {
      notes_.push_back(set.name + ": " + std::to_string(report.skipped) + " of " +
                       std::to_string(report.rows + report.skipped) +
                       " rows could not be read and were skipped");
      for (const std::string& problem : report.problems) notes_.push_back("  " + problem);
    }
    if (needs_labels && is_first_) layout_note_ = report.layout_note;
    if (needs_labels && layout_note_ != report.layout_note) {
      throw DataError(folder.string() + ": train and dev are of different splits (" +
                      layout_note_.value_or(report.layout_note.value_or("")) + "); give files of one split");
    }
    is_first_ = false;
    if (report.skipped > 0 && set.submission)
      notes_.push_back("  GLUE takes no submission that lacks rows: mend them before you send " +
                       *set.submission);
    notes_.insert(notes_.end(), report.notes.begin(), report.notes.end());
    return rows;
  }

  std::shared_ptr<const data::LabelledSet> encode(const std::string& name, const Rows& rows) {
    auto set =
        std::make_shared<const data::LabelledSet>(task_.kind, rows, tokenizer_, config_.samples.max_length);
    if (set->truncated() > 0) {
      notes_.push_back(
          name + ": " + std::to_string(set->truncated()) + " of " + std::to_string(set->size()) +
          " examples shortened to samples.max_length=" + std::to_string(config_.samples.max_length));
    }
    return set;
  }

 private:
  const RunConfig& config_;
  const data::TaskSpec& task_;
  const data::Tokenizer& tokenizer_;
  std::vector<std::string>& notes_;
  bool is_first_ = true;
  std::optional<std::string> layout_note_;  // of the first labelled set, which the others must share
};

/// A score on rows that were learned from means nothing; a few are in the official files.
void check_overlap(const Rows& train, const Rows& dev, const std::string& name, const fs::path& folder,
                   std::vector<std::string>& notes) {
  Rows seen = dev;
  const std::uint64_t both = data::drop_overlap(seen, train, data::Overlap::drop_rows);
  if (both == 0) return;
  const std::string counts =
      std::to_string(both) + " of the " + std::to_string(dev.size()) + " rows of " + name;
  if (10 * both >= dev.size()) {
    throw DataError(folder.string() + ": " + counts +
                    " stand in train as well; give files of one split, or set task.overlap=drop_rows");
  }
  notes.push_back(counts + " stand in train as well (task.overlap=drop_rows leaves them out there)");
}

/// Where the diagnostic set of MNLI may lie.
std::optional<std::pair<data::TaskSet, fs::path>> find_diagnostic(const data::TaskSpec& task,
                                                                  const fs::path& folder) {
  if (task.name != "mnli") return std::nullopt;
  const data::TaskSpec& diagnostic = *data::find_glue_task("ax");
  for (const fs::path& place : {folder, folder / ".." / diagnostic.folder}) {
    if (data::is_present(diagnostic.test.front(), place))
      return std::pair(diagnostic.test.front(), place.lexically_normal());
  }
  return std::nullopt;
}

}  // namespace

TaskData open_task_data(const RunConfig& config, const data::TaskSpec& task,
                        const data::Tokenizer& tokenizer) {
  if (task.train.empty()) {
    throw UsageError("task.name: " + task.name +
                     " has no training examples; fine-tune mnli, whose model it is predicted with");
  }
  TaskData data;
  Opener opener(config, task, tokenizer, data.notes);
  const fs::path& folder = config.task.folder;
  Rows train = opener.read(task.train.front(), folder, true);
  std::uint64_t dropped = 0;
  for (const data::TaskSet& set : task.dev) {
    const Rows rows = opener.read(set, folder, true);
    if (config.task.overlap == data::Overlap::check) check_overlap(train, rows, set.name, folder, data.notes);
    dropped += data::drop_overlap(train, rows, config.task.overlap);
    data.dev.push_back({set.name, std::nullopt, opener.encode(set.name, rows)});
  }
  if (dropped > 0)
    data.notes.push_back("train: " + std::to_string(dropped) + " rows left out that also stand in a dev set");
  if (train.empty()) throw DataError(folder.string() + ": no training example left");
  data.train = opener.encode("train", train);
  for (const data::TaskSet& set : task.test) {
    if (config.task.test.empty() && !data::is_present(set, folder)) continue;
    data.test.push_back({set.name, set.submission, opener.encode(set.name, opener.read(set, folder, false))});
  }
  if (const auto found = find_diagnostic(task, folder)) {
    const auto& [set, place] = *found;
    data.test.push_back({"ax", set.submission, opener.encode("ax", opener.read(set, place, false))});
  }
  return data;
}

std::vector<NamedSet> open_dev_sets(const RunConfig& config, const data::TaskSpec& task,
                                    const data::Tokenizer& tokenizer, std::vector<std::string>& notes) {
  Opener opener(config, task, tokenizer, notes);
  std::vector<NamedSet> sets;
  for (const data::TaskSet& set : task.dev)
    sets.push_back(
        {set.name, std::nullopt, opener.encode(set.name, opener.read(set, config.task.folder, true))});
  return sets;
}

NamedSet open_task_file(const RunConfig& config, const data::Tokenizer& tokenizer, const fs::path& file,
                        std::vector<std::string>& notes) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) throw DataError(file.string() + ": no such file");
  data::TaskOptions options = config.task;
  options.dev = {fs::absolute(file).string()};
  const data::TaskSpec task = data::resolve_task(options);
  data::TaskSet set = task.dev.front();
  set.name = file.string();
  set.rows.reset();  // it is not the official one
  Opener opener(config, task, tokenizer, notes);
  return {set.name, std::nullopt, opener.encode(set.name, opener.read(set, config.task.folder, true))};
}

std::shared_ptr<const data::LabelledSet> training_examples(std::shared_ptr<const data::LabelledSet> all,
                                                           std::optional<std::int64_t> max_rows,
                                                           std::uint64_t seed) {
  const auto size = static_cast<double>(all->size());
  if (!max_rows || static_cast<double>(*max_rows) >= size) return all;
  const auto drawn = data::split_examples(all->size(), static_cast<double>(*max_rows) / size, seed);
  return std::make_shared<const data::LabelledSet>(all->subset(drawn.slice));
}

}  // namespace mabert::app
