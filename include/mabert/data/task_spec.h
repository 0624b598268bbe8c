#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mabert/metrics/metric.h"

namespace mabert::data {

/// What is predicted: one class, one number, or one class for each word.
enum class TaskKind { classification, regression, tokens };

/// Columns of a row by their names in the header (TSV) or object (JSONL); "#N" is the N-th of a TSV file,
/// from 1, for files without a header. For token tasks `first` holds the words and `label` their labels.
struct RowColumns {
  std::string first;
  std::optional<std::string> second;
  std::optional<std::string> label;  ///< absent: the set has no labels
  std::optional<std::string> id;     ///< absent: rows are numbered from 0
};

/// Rows of a TSV file that another one lists: the values of `columns` stand, in this order, on one of its
/// lines.
struct RowList {
  std::string file;
  std::vector<std::string> columns;
  bool are_kept = true;  ///< false: all rows but these are
};

/// Files of one layout that make up a set, one after another. JSONL is told by the name (.jsonl, .jsonl.xz);
/// a file also counts when it is there with .xz added.
struct RowSource {
  std::vector<std::string> files;  ///< relative to the task's folder, or absolute
  RowColumns columns;
  bool has_header = true;                ///< of TSV
  std::optional<RowList> list = {};      ///< what of the rows belongs to the set; absent: all
  std::optional<std::string> note = {};  ///< what a user of this layout should know
};

/// A set of examples that may be stored in one of several layouts: the first whose files exist counts.
struct TaskSet {
  std::string name;  ///< "train", "dev", "dev_mismatched", "test", ...
  std::vector<RowSource> sources;
  std::optional<std::int64_t> rows = {};       ///< of the official release
  std::optional<std::string> submission = {};  ///< file that GLUE wants the predictions of this set in
};

/// A task as data: everything that tells one from another.
struct TaskSpec {
  std::string name;   ///< "mrpc"
  std::string title;  ///< "MRPC"
  TaskKind kind = TaskKind::classification;
  std::vector<std::string> labels;  ///< by class; written in files, or their index
  double minimum = 0, maximum = 1;  ///< of a regression's target
  std::int64_t positive = 1;        ///< class that F1 is of
  /// Their mean is the task's score, as GLUE defines it; the first one is named first in tables.
  std::vector<metrics::Metric> metrics;
  std::vector<TaskSet> train, dev, test;  ///< train: empty or one
  std::string folder;                     ///< usual name of the task's folder
};

/// The GLUE tasks, in the order of the benchmark's table: cola, sst-2, mrpc, sts-b, qqp, mnli, qnli, rte,
/// wnli, ax. Source: Wang et al. 2019, "GLUE", table 1 and section 3; file layouts of the official archives.
std::span<const TaskSpec> glue_tasks();

/// One of them; nullptr for another name.
const TaskSpec* find_glue_task(const std::string& name);

}  // namespace mabert::data
