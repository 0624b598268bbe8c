#pragma once

#include <memory>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "mabert/app/run_config.h"
#include "mabert/data/labelled_set.h"
#include "mabert/data/task_spec.h"
#include "mabert/data/tokenizer.h"

namespace mabert::app {

/// A set to evaluate on or to predict, encoded.
struct NamedSet {
  std::string name;
  std::optional<std::string> submission;
  std::shared_ptr<const data::LabelledSet> examples;
};

/// Everything that a fine-tuning reads.
struct TaskData {
  std::shared_ptr<const data::LabelledSet> train;
  std::vector<NamedSet> dev, test;  ///< test: only what is there
  std::vector<std::string> notes;   ///< what a user should know: rows skipped, shortened, left out
};

/// Reads and encodes the sets of a task. The MNLI task also gets AX as a test set where its file lies in the
/// task's folder or in AX beside it. Errors: DataError; UsageError for a task without training examples.
TaskData open_task_data(const RunConfig& config, const data::TaskSpec& task,
                        const data::Tokenizer& tokenizer);

/// The dev sets alone. Errors: DataError.
std::vector<NamedSet> open_dev_sets(const RunConfig& config, const data::TaskSpec& task,
                                    const data::Tokenizer& tokenizer, std::vector<std::string>& notes);

/// One labelled file, as the task's dev set would be read from it. Errors: DataError.
NamedSet open_task_file(const RunConfig& config, const data::Tokenizer& tokenizer,
                        const std::filesystem::path& file, std::vector<std::string>& notes);

/// The examples that a seed learns from: `task.max_train_rows` of them, drawn by the seed.
std::shared_ptr<const data::LabelledSet> training_examples(std::shared_ptr<const data::LabelledSet> all,
                                                           std::optional<std::int64_t> max_rows,
                                                           std::uint64_t seed);

}  // namespace mabert::app
