#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mabert/app/extend_options.h"
#include "mabert/app/finetune_options.h"
#include "mabert/config/fields.h"
#include "mabert/data/loader.h"
#include "mabert/data/masking.h"
#include "mabert/data/sample_index.h"
#include "mabert/data/sharding.h"
#include "mabert/data/task_options.h"
#include "mabert/data/tokenizer_training.h"
#include "mabert/nn/model_options.h"
#include "mabert/train/optimizer.h"
#include "mabert/train/options.h"
#include "mabert/train/schedule.h"

namespace mabert::app {

/// Which shards a pretraining run reads (the folder written by `mabert shard`, with train/, valid/ and
/// tokenizer.model in it), and how a task's files are read.
struct DataOptions {
  std::filesystem::path shards = "shards";
  data::OnBadRow on_bad_row = data::OnBadRow::fail;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("shards", self.shards, "Folder written by `mabert shard`.");
    visit("on_bad_row", self.on_bad_row,
          "Rows of a task's files that cannot be read: fail, or skip (they are counted).");
  }
};

/// Everything that a configuration file says. One file serves several verbs: each
/// reads its own sections and ignores the others.
struct RunConfig {
  std::optional<std::filesystem::path> run_dir;
  data::TokenizerOptions tokenizer;
  data::ShardOptions shards;
  DataOptions data;
  data::SampleOptions samples;
  data::BatchOptions batch;
  data::MaskingOptions masking;
  data::TaskOptions task;
  FinetuneOptions finetune;
  ExtendOptions extend;
  nn::ModelOptions model;
  train::OptimizerOptions optimizer;
  train::ScheduleOptions schedule;
  train::TrainOptions train;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("run_dir", self.run_dir, "Where a run writes; null: runs/NAME for a configuration NAME.yaml.");
    visit("tokenizer", self.tokenizer, "`mabert tokenizer`: text to a subword model.");
    visit("shards", self.shards, "`mabert shard`: text to token shards.");
    visit("data", self.data, "What a run reads.");
    visit("samples", self.samples, "How documents become samples.");
    visit("batch", self.batch, "How samples become batches.");
    visit("masking", self.masking, "Masked language modelling.");
    visit("task", self.task, "`mabert finetune`: what is learned from labelled rows.");
    visit("finetune", self.finetune, "`mabert finetune`: how.");
    visit("extend", self.extend, "`mabert extend`: a pretrained model learns to read longer text.");
    visit("model", self.model, "The encoder.");
    visit("optimizer", self.optimizer, "AdamW.");
    visit("schedule", self.schedule, "Learning rate over the steps.");
    visit("train", self.train, "The training loop.");
  }

  std::optional<config::Problem> validate() const;
};

/// Reads a configuration file with its overrides; run_dir is filled in. Errors: UsageError with file, line
/// and key.
RunConfig load_run_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// The same for `finetune`: section `model` is that of the checkpoint that model.init_from names, with what
/// the file and the overrides say over it. Errors: UsageError also without model.init_from; CheckpointError.
RunConfig load_finetune_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// The same for `extend`, with the checkpoint's positions, the length to start from; the stages say
/// lengths and steps, so model.positions.max_length, samples.max_length, train.steps and train.epochs of
/// files that this one extends have no effect, and the file itself and the overrides may only give what
/// to_yaml of the result says. Errors: as load_finetune_config; UsageError for what no extension can be.
RunConfig load_extend_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// The same from the text of a run's config.yaml; `name` is how messages call it.
RunConfig parse_run_config(const std::string& text, const std::string& name,
                           const std::vector<std::string>& overrides);

std::string to_yaml(const RunConfig& config);

/// Text of the sections that decide what is learned (model, data, batches, masking, optimizer, schedule,
/// seed): two runs may share a run directory only if it is the same.
std::string identity(const RunConfig& config);

}  // namespace mabert::app
