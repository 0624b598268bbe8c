#pragma once

#include "mlm_fixture.h"
#include "trainer_fixture.h"

#include <memory>
#include <string>
#include <vector>

#include <ATen/Parallel.h>

#include "mabert/core/random.h"
#include "mabert/nn/initialize.h"
#include "mabert/train/labelled_task.h"

namespace mabert::train::testing {

/// Tasks that one token of a text decides, or each token by itself, and a tiny model.
class LabelledTest : public RunTest {
 protected:
  using TaskKind = data::TaskKind;
  static constexpr TaskKind kKinds[] = {TaskKind::classification, TaskKind::regression, TaskKind::tokens};

  LabelledTest() { at::set_num_threads(1); }

  static data::TaskSpec spec(TaskKind kind) {
    data::TaskSpec made{.name = "toy", .title = "Toy", .kind = kind};
    switch (kind) {
      case TaskKind::classification:
        made.labels = {"no", "yes", "maybe"};
        made.metrics = {metrics::Metric::accuracy, metrics::Metric::matthews};
        break;
      case TaskKind::regression:
        made.minimum = 1;
        made.maximum = 5;
        made.metrics = {metrics::Metric::pearson, metrics::Metric::spearman};
        break;
      case TaskKind::tokens:
        made.labels = {"O", "B-a", "I-a"};
        made.metrics = {metrics::Metric::entity_f1};
        break;
    }
    return made;
  }

  /// Texts of 3 to 8 ordinary tokens from 5 to 12, into which one from 13 to 20 is put; it decides. Its class
  /// is (token - 13) mod 3, its number 1 + 4 (token - 13) / 7, and of every token the label is token mod 3.
  static data::LabelledText text(TaskKind kind, std::uint64_t index) {
    std::uint64_t drawn = 0;
    const auto draw = [&](std::uint32_t below) {
      return static_cast<std::int32_t>(Philox::draw(3, index, drawn++).words[0] % below);
    };
    std::vector<std::int32_t> ids(static_cast<std::size_t>(3 + draw(6)));
    for (std::int32_t& id : ids) id = 5 + draw(8);
    const std::int32_t chosen = draw(8);
    ids[static_cast<std::size_t>(draw(static_cast<std::uint32_t>(ids.size())))] = 13 + chosen;
    data::LabelledText made;
    if (kind == TaskKind::tokens) {
      for (const std::int32_t id : ids) {
        made.words.push_back(std::to_string(id));
        made.word_labels.push_back(id % 3);
      }
      return made;
    }
    for (const std::int32_t id : ids) made.first += std::to_string(id) + " ";
    if (index % 2 == 0) made.second = "6 7";
    if (kind == TaskKind::classification) made.label = chosen % 3;
    if (kind == TaskKind::regression) made.score = 1.0f + 4.0f * static_cast<float>(chosen) / 7.0f;
    return made;
  }

  static std::shared_ptr<const data::LabelledSet> make_set(TaskKind kind, std::uint64_t first,
                                                           std::uint64_t count) {
    std::vector<data::LabelledText> rows;
    for (std::uint64_t i = first; i < first + count; ++i) rows.push_back(text(kind, i));
    return std::make_shared<const data::LabelledSet>(kind, rows, NumberTokenizer(), 16);
  }

  static LabelledModel make_model(const data::TaskSpec& task, double dropout = 0.0, std::uint64_t seed = 1) {
    const nn::ModelOptions options = tiny_options(dropout);
    LabelledModel model(task, options, dropout);
    nn::initialize_parameters(model.module(), options, seed);
    return model;
  }

  static data::BatchOptions batch(std::int64_t sequences, std::int64_t accumulation = 1,
                                  data::BatchLayout layout = data::BatchLayout::ragged) {
    data::BatchOptions options;
    options.sequences = sequences;
    options.accumulation = accumulation;
    options.layout = layout;
    return options;
  }

  static LabelledTaskOptions task_options(const data::BatchOptions& batch) {
    return {.seed = 1, .batch = batch};
  }
};

}  // namespace mabert::train::testing
