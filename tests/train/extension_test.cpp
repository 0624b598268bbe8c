#include "mabert/train/extension.h"

#include "mlm_fixture.h"

#include <algorithm>

#include <ATen/TensorIndexing.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <spdlog/sinks/null_sink.h>

#include "mabert/core/error.h"
#include "mabert/train/checkpoint_export.h"
#include "mabert/train/module_state.h"
#include "mabert/train/run_state.h"
#include "mabert/train/trainer.h"

namespace mabert::train {
namespace {

const std::string kTable = "encoder.embeddings.positions.weight";

at::Tensor find(const NamedTensors& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const NamedTensor& item) { return item.name == name; });
  if (found != tensors.end()) return found->tensor;
  ADD_FAILURE() << name << " is missing";
  return at::full({1}, -1.0);
}

/// A checkpoint made by hand: a table of two positions, another weight, a state in the middle of an epoch.
class ExtensionTest : public testing::DirectoryTest {
 protected:
  ExtensionTest() {
    content_.model = {{kTable, at::tensor({1.f, 10.f, 3.f, 30.f}).view({2, 2})},
                      {"encoder.other", at::arange(3).to(at::kFloat)}};
    content_.optimizer = {{"step", at::full({}, 7.f)},
                          {"skipped", at::full({}, 4, at::kLong)},
                          {"longest_skipped_row", at::full({}, 9, at::kLong)},
                          {"gradient_norm", at::full({}, 0.5f)},
                          {"window_loss", at::full({}, 2.0, at::kDouble)},
                          {"exp_avg/" + kTable, at::tensor({-1.f, 0.f, 1.f, 4.f}).view({2, 2})},
                          {"exp_avg_sq/" + kTable, at::tensor({2.f, 0.f, 4.f, 8.f}).view({2, 2})},
                          {"exp_avg/encoder.other", at::full({3}, 0.25f)},
                          {"exp_avg_sq/encoder.other", at::full({3}, 0.75f)}};
    RunState state;
    state.step = 40;
    state.position = {3, 11};
    state.passes = 80;
    state.tokens = 12345;
    state.seconds = 9;
    state.best = NamedValue{"loss", 1.5};
    state.best_step = 20;
    state.seed = 5;
    state.data_fingerprint = "other";
    state.window = {2, 30, 40, 0.5};
    content_.state_json = to_json(state);
    content_.config_yaml = "model: {}\n";
    content_.tokenizer = "bytes";
  }

  Checkpoint saved() const {
    save_checkpoint(directory_ / "from", content_);
    return Checkpoint(directory_ / "from");
  }

  CheckpointContent content_;
};

TEST_F(ExtensionTest, TilesTheTableAndBothOfItsMoments) {
  const CheckpointContent made = extend_checkpoint(saved(), {.length = 5, .seed = 8});
  const auto tiled = [](const at::Tensor& table) { return at::cat({table, table, table}).narrow(0, 0, 5); };
  EXPECT_TRUE(at::equal(find(made.model, kTable), tiled(content_.model[0].tensor)));
  EXPECT_TRUE(at::equal(find(made.optimizer, "exp_avg/" + kTable), tiled(content_.optimizer[5].tensor)));
  EXPECT_TRUE(at::equal(find(made.optimizer, "exp_avg_sq/" + kTable), tiled(content_.optimizer[6].tensor)));
  EXPECT_TRUE(at::equal(find(made.model, "encoder.other"), content_.model[1].tensor));
  EXPECT_TRUE(at::equal(find(made.optimizer, "exp_avg/encoder.other"), content_.optimizer[7].tensor));
  EXPECT_TRUE(at::equal(find(made.optimizer, "exp_avg_sq/encoder.other"), content_.optimizer[8].tensor));
  EXPECT_EQ(made.model.size(), 2u);
  EXPECT_EQ(made.optimizer.size(), content_.optimizer.size());
  EXPECT_EQ(made.tokenizer, "bytes");
}

TEST_F(ExtensionTest, InterpolatesTheTableAndBothOfItsMoments) {
  const CheckpointContent made =
      extend_checkpoint(saved(), {.length = 5, .growth = nn::PositionGrowth::interpolate});
  EXPECT_TRUE(at::equal(find(made.model, kTable),
                        at::tensor({1.f, 10.f, 1.5f, 15.f, 2.f, 20.f, 2.5f, 25.f, 3.f, 30.f}).view({5, 2})));
  EXPECT_TRUE(at::equal(find(made.optimizer, "exp_avg/" + kTable),
                        at::tensor({-1.f, 0.f, -0.5f, 1.f, 0.f, 2.f, 0.5f, 3.f, 1.f, 4.f}).view({5, 2})));
  EXPECT_TRUE(at::equal(find(made.optimizer, "exp_avg_sq/" + kTable),
                        at::tensor({2.f, 0.f, 2.5f, 2.f, 3.f, 4.f, 3.5f, 6.f, 4.f, 8.f}).view({5, 2})));
}

TEST_F(ExtensionTest, KeepsTheOptimizersStepAndForgetsTheCountsOfTheRun) {
  const CheckpointContent made = extend_checkpoint(saved(), {.length = 2});
  EXPECT_EQ(find(made.optimizer, "step").item<float>(), 7);
  for (const char* name : {"skipped", "longest_skipped_row", "gradient_norm", "window_loss"}) {
    const at::Tensor count = find(made.optimizer, name);
    EXPECT_EQ(count.item<double>(), 0) << name;
    EXPECT_EQ(count.scalar_type(), find(content_.optimizer, name).scalar_type()) << name;
  }
}

TEST_F(ExtensionTest, BeginsARunAtTheEpochAfterTheOneBegun) {
  const RunState state =
      parse_run_state(extend_checkpoint(saved(), {.length = 2, .seed = 8}).state_json, "made");
  EXPECT_EQ(state.step, 0);
  EXPECT_EQ(state.position.epoch, 4);
  EXPECT_EQ(state.position.step, 0);
  EXPECT_EQ(state.passes, 80);
  EXPECT_EQ(state.seed, 8u);
  EXPECT_EQ(state.tokens, 0);
  EXPECT_EQ(state.seconds, 0);
  EXPECT_FALSE(state.best || state.best_step || state.data_fingerprint);
  EXPECT_EQ(state.window.steps, 0);

  RunState before;
  before.position = {4, 0};  // the end of epoch 3
  content_.state_json = to_json(before);
  EXPECT_EQ(parse_run_state(extend_checkpoint(saved(), {.length = 2}).state_json, "made").position.epoch, 4);
}

TEST_F(ExtensionTest, LeavesOptimizerAndDataPositionBehindIfAskedTo) {
  const CheckpointContent made = extend_checkpoint(
      saved(), {.length = 4, .carry_optimizer = false, .carry_data_position = false, .seed = 8});
  EXPECT_TRUE(made.optimizer.empty());
  EXPECT_EQ(find(made.model, kTable).size(0), 4);
  const RunState state = parse_run_state(made.state_json, "made");
  EXPECT_EQ(state.position.epoch, 0);
  EXPECT_EQ(state.passes, 0);
  EXPECT_EQ(state.seed, 8u);
}

TEST_F(ExtensionTest, SaysThatThereIsNoOptimizerToCarry) {
  content_.optimizer.clear();
  const Checkpoint from = saved();
  try {
    extend_checkpoint(from, {.length = 4});
    FAIL();
  } catch (const CheckpointError& error) {
    EXPECT_NE(std::string(error.what()).find("/from: holds weights only"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("extend.carry.optimizer=false"), std::string::npos);
  }
  EXPECT_NO_THROW(extend_checkpoint(from, {.length = 4, .carry_optimizer = false}));
}

TEST_F(ExtensionTest, WidensExportedWeightsBeforeTheTableGrows) {
  content_.model[0].tensor = at::tensor({1.f, 1.0078125f}).view({2, 1});  // neighbours in bfloat16
  saved();
  export_checkpoint(Checkpoint(directory_ / "from"), directory_ / "exported", at::kBFloat16);
  const CheckpointContent made =
      extend_checkpoint(Checkpoint(directory_ / "exported"),
                        {.length = 3, .growth = nn::PositionGrowth::interpolate, .carry_optimizer = false});
  EXPECT_EQ(find(made.model, kTable).scalar_type(), at::kFloat);
  EXPECT_EQ(find(made.model, kTable)[1].item<float>(), 1.00390625f);
}

TEST_F(ExtensionTest, RefusesToCutATable) {
  EXPECT_THROW(extend_checkpoint(saved(), {.length = 1}), UsageError);
}

/// With a real model, optimizer and trainer.
class ExtensionRunTest : public testing::MlmTest {
 protected:
  static OptimizationOptions options(std::int64_t steps) {
    OptimizationOptions options;
    options.train.steps = steps;
    options.train.log_every = 2;
    options.train.validate_every = 0;
    options.train.checkpoint_every = 2;
    options.train.keep_best = false;
    return options;
  }

  RunContext context(const std::string& name) const {
    RunContext context{directory_ / name, "model: {}\n", "numbers"};
    context.log = std::make_shared<spdlog::logger>("none", std::make_shared<spdlog::sinks::null_sink_st>());
    return context;
  }

  static nn::ModelOptions longer_options() {
    nn::ModelOptions options = testing::tiny_options();
    options.positions.max_length = 40;
    return options;
  }

  MlmTask task(nn::MaskedLanguageModel model) const {
    data::MlmOptions options = data_options(4, 1);
    options.samples.max_length = model->options().positions.max_length;
    return MlmTask(std::move(model),
                   std::make_shared<data::MlmLoader>(train_, options, data::LoaderContext{.seed = 1}),
                   nullptr, {.device = at::kCPU, .seed = 1, .validation_batches = 0});
  }

  /// A run of five steps at 16 positions, extended to 40.
  CheckpointContent extended(bool carry_optimizer) const {
    MlmTask short_task = task(make_model());
    Trainer(short_task, options(5), context("short")).run();
    return extend_checkpoint(Checkpoint(resolve_checkpoint(directory_ / "short")),
                             {.length = 40, .carry_optimizer = carry_optimizer, .seed = 1});
  }
};

TEST_F(ExtensionRunTest, TheTrainerGoesOnFromIt) {
  for (const bool carry : {true, false}) {
    SCOPED_TRACE(carry);
    const CheckpointContent made = extended(carry);
    const std::string name = carry ? "carried" : "anew";
    CheckpointStore(directory_ / name / "checkpoints", 2).save(0, made, false);
    const nn::ModelOptions longer = longer_options();
    nn::MaskedLanguageModel model(longer);
    require_weights_of(*model, made.model, "made");
    MlmTask long_task = task(model);
    Trainer trainer(long_task, options(3), context(name));
    EXPECT_EQ(trainer.state().step, 0);
    EXPECT_EQ(trainer.state().position.epoch, 1);
    for (const NamedTensor& item : module_parameters(*model))
      EXPECT_TRUE(at::equal(item.tensor, find(made.model, item.name))) << item.name;
    EXPECT_EQ(trainer.run().step, 3);
    const Checkpoint last(resolve_checkpoint(directory_ / name));
    EXPECT_EQ(last.optimizer().tensor("step").item<float>(), carry ? 8 : 3);
  }
}

TEST_F(ExtensionRunTest, WeightsOfAnotherModelAreNamed) {
  const NamedTensors weights = extended(false).model;
  const auto message_of = [&](const nn::ModelOptions& options) -> std::string {
    try {
      nn::MaskedLanguageModel model(options);
      require_weights_of(*model, weights, "RUN");
    } catch (const CheckpointError& error) {
      return error.what();
    }
    return "";
  };
  nn::ModelOptions options = longer_options();
  EXPECT_EQ(message_of(options), "");
  options.positions.max_length = 41;
  EXPECT_NE(message_of(options).find("RUN: tensor '" + kTable + "': expected [41, 32], got [40, 32]"),
            std::string::npos)
      << message_of(options);
  options.positions.type = nn::PositionType::none;
  EXPECT_NE(message_of(options).find("'" + kTable + "': has no place"), std::string::npos)
      << message_of(options);
  options = longer_options();
  options.num_layers = 3;
  EXPECT_NE(message_of(options).find("layers.2"), std::string::npos) << message_of(options);
}

}  // namespace
}  // namespace mabert::train
