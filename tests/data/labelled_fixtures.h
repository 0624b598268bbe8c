#pragma once

#include "fixtures.h"

#include "mabert/data/labelled_text.h"

namespace mabert::data {

/// Reads sets of tasks from a folder of the test's own.
class RowsTest : public testing::Test {
 protected:
  using Names = std::vector<std::string>;

  std::vector<LabelledText> read(const TaskSpec& task, const TaskSet& set,
                                 const ReadRowsOptions& options = {}) {
    report_ = {};
    return read_rows(task, set, folder_.path(), options, report_);
  }
  std::vector<LabelledText> train(const std::string& glue, const ReadRowsOptions& options = {}) {
    const TaskSpec& task = *find_glue_task(glue);
    return read(task, task.train.at(0), options);
  }
  std::vector<LabelledText> dev(const std::string& glue, const ReadRowsOptions& options = {}) {
    const TaskSpec& task = *find_glue_task(glue);
    return read(task, task.dev.at(0), options);
  }
  std::vector<LabelledText> test(const std::string& glue) {
    const TaskSpec& task = *find_glue_task(glue);
    return read(task, task.test.at(0), {.needs_labels = false});
  }

  /// A classification of the column text, in the file written last.
  TaskSpec own(TaskKind kind, Names labels) const {
    TaskSpec task;
    task.name = task.title = "own";
    task.kind = kind;
    task.labels = std::move(labels);
    return task;
  }
  static TaskSet set_of(const std::string& file, const RowColumns& columns, bool has_header = true) {
    return {"train", {RowSource{{file}, columns, has_header}}};
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  TempFolder folder_;
  RowReport report_;
};

/// "first|second|class or score|id" of each row, "-" for what is absent.
inline std::vector<std::string> shown(const std::vector<LabelledText>& rows) {
  std::vector<std::string> lines;
  for (const LabelledText& row : rows) {
    std::string label = "-";
    if (row.label) label = std::to_string(*row.label);
    if (row.score) label = std::to_string(*row.score);
    lines.push_back(row.first + "|" + row.second.value_or("-") + "|" + label + "|" + row.id);
  }
  return lines;
}

}  // namespace mabert::data
