#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mabert/config/fields.h"
#include "mabert/data/task_spec.h"

namespace mabert::data {

/// What becomes of training rows that also stand in a dev set.
enum class Overlap {
  check,  ///< kept, but an error where a tenth of a dev set or more is among them
  keep,
  drop_rows,         ///< left out where all texts are the same
  drop_first_texts,  ///< left out where the first text is
};

enum class OnBadRow { fail, skip };

/// The section `task`: a GLUE task by its name, its files changed if need be, or a task of one's own.
struct TaskOptions {
  std::string name;  // empty: no task
  std::filesystem::path folder = ".";
  std::vector<std::string> train, dev, test;
  Overlap overlap = Overlap::check;
  std::optional<std::int64_t> max_train_rows;
  // Of a task of one's own:
  TaskKind kind = TaskKind::classification;
  std::string first = "text", label = "label";
  std::optional<std::string> second, id;
  bool header = true;
  std::vector<std::string> labels;
  double minimum = 0, maximum = 1;
  std::vector<std::string> metrics;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit(
        "name", self.name,
        "cola, sst-2, mrpc, sts-b, qqp, mnli, qnli, rte, wnli, ax, or a name of your own for your own task.");
    visit("folder", self.folder, "Where the task's files are.");
    visit("train", self.train,
          "Files to learn from (TSV or JSONL, each also .xz); empty: the task's usual ones.");
    visit("dev", self.dev,
          "Files to evaluate on; empty: the task's usual ones. mnli: one matched and one mismatched, in this "
          "order, or others as one set.");
    visit("test", self.test,
          "Files to predict, laid out as the task's test set; empty: the usual ones, if there.");
    visit(
        "overlap", self.overlap,
        "Training rows that also stand in a dev set: check (kept; an error if they are a tenth of it), keep, "
        "drop_rows (all texts the same) or drop_first_texts.");
    visit("max_train_rows", self.max_train_rows, config::at_least(1),
          "Learn from so many rows only, drawn by train.seed; null: all.");
    visit("kind", self.kind, "Own task: classification, regression or tokens (one label a word).");
    visit("first", self.first, "Own task: column (or key) of the text; '#N': the N-th column.");
    visit("second", self.second, "Own task: column of the second text of a pair.");
    visit("label", self.label, "Own task: column of the label or number.");
    visit("id", self.id, "Own task: column that names a row in predictions; null: rows are numbered.");
    visit("header", self.header, "Own task: TSV files begin with a line of column names.");
    visit("labels", self.labels, "Own task: the labels, as files write them.");
    visit("minimum", self.minimum, "Own task: least number of a regression.");
    visit("maximum", self.maximum, "Own task: largest number of a regression.");
    visit("metrics", self.metrics,
          "Own task: accuracy, f1, macro_f1, matthews, pearson, spearman or entity_f1; "
          "their mean is the score; empty: what suits the kind.");
  }

  std::optional<config::Problem> validate() const;
};

/// The task that options describe. Errors: UsageError (no name; what contradicts itself).
TaskSpec resolve_task(const TaskOptions& options);

}  // namespace mabert::data

namespace mabert::config {

template <>
struct EnumNames<data::TaskKind> {
  static constexpr std::array names{EnumName{"classification", data::TaskKind::classification},
                                    EnumName{"regression", data::TaskKind::regression},
                                    EnumName{"tokens", data::TaskKind::tokens}};
};
template <>
struct EnumNames<data::Overlap> {
  static constexpr std::array names{EnumName{"check", data::Overlap::check},
                                    EnumName{"keep", data::Overlap::keep},
                                    EnumName{"drop_rows", data::Overlap::drop_rows},
                                    EnumName{"drop_first_texts", data::Overlap::drop_first_texts}};
};
template <>
struct EnumNames<data::OnBadRow> {
  static constexpr std::array names{EnumName{"fail", data::OnBadRow::fail},
                                    EnumName{"skip", data::OnBadRow::skip}};
};

}  // namespace mabert::config
