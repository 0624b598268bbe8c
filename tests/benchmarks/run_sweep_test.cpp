#include "benchmarks/sweep/run_sweep.h"

#include "benchmarks/model/forward_times.h"
#include "benchmarks/ops/checks.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "mabert/core/error.h"
#include "mabert/nn/module_base.h"

namespace mabert::bench {
namespace {

// A model of each mixer that is built and run in milliseconds.
constexpr const char* kModel =
    "model:\n"
    "  vocabulary_size: 64\n"
    "  width: 32\n"
    "  num_layers: 2\n"
    "  layer_pattern: [mamba, transformer]\n"
    "  blocks:\n"
    "    mamba: {mixer: {type: mamba, state_size: 4}}\n"
    "    transformer: {mixer: {type: attention, heads: 2}, feed_forward: {size: 64}}\n"
    "  positions: {type: learned, max_length: 16}\n";

class RunSweepTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) / "run_sweep_test";
    std::filesystem::create_directories(folder_);
    write("ours.yaml", kModel);
    write("theirs.yaml", std::string("extends: ours.yaml\nmodel: {layer_pattern: [transformer]}\n"));
    write("sweep.yaml",
          "models:\n  ours: {config: ours.yaml}\n"
          "  theirs: {config: theirs.yaml, baseline: true, overrides: [model.num_layers=1]}\n"
          "lengths: [32, 64, 128]\ntokens: 256\nlatency_sequences: [1, 4]\n"
          "layouts: [ragged, padded]\npadded_fractions: [0, 0.5]\n"
          "device: cpu\nthreads: 1\nsamples: 3\nlatency_samples: 3\nwarm_up: 2\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }

  int run(const ModelBuilder& build = build_model, const std::vector<std::string>& overrides = {}) {
    SweepArguments arguments;
    arguments.config = folder_ / "sweep.yaml";
    arguments.overrides = overrides;
    arguments.outputs.json = folder_ / "out.json";
    arguments.outputs.plots = folder_ / "plots";
    arguments.merge = merge_;
    arguments.from = from_;
    std::ostringstream out, log;
    const int code = run_sweep(arguments, "mabert_bench sweep", out, log, build);
    table_ = out.str();
    log_ = log.str();
    return code;
  }

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> merge_;
  std::optional<std::filesystem::path> from_;
  std::string table_, log_;
};

TEST_F(RunSweepTest, EveryCellIsMeasuredAndWritten) {
  ASSERT_EQ(run(), 0) << log_;
  const RecordFile file = read_records(folder_ / "out.json");
  // Per model and length: latency of 1 (no padded fraction) in 2 layouts, of 4 in 4; throughput and
  // training 4.
  EXPECT_EQ(file.records.size(), 2U * 3 * (2 + 4 + 4 + 4)) << log_;
  for (const Record& record : file.records) {
    EXPECT_GT(record.ms.p50, 0) << record.key();
    EXPECT_GT(record.tflop_per_second.value_or(0), 0) << record.key();
    EXPECT_EQ(record.framework, "mabert");
    if (record.measure == "latency") continue;
    EXPECT_EQ(record.valid_tokens, 256) << record.key();
    EXPECT_EQ(record.sequences, 256 / record.length * (record.padded_fraction > 0 ? 2 : 1)) << record.key();
  }
  EXPECT_NE(table_.find("average of the baselines (theirs)"), std::string::npos) << table_;
  EXPECT_NE(table_.find("padding at equal valid tokens"), std::string::npos);
  EXPECT_NE(table_.find("time t of one sequence by its length L"), std::string::npos);
  EXPECT_EQ(table_.find("not measured"), std::string::npos) << table_;
  EXPECT_FALSE(std::filesystem::is_empty(folder_ / "plots"));
  EXPECT_NE(log_.find("agrees with float64"), std::string::npos);
}

TEST_F(RunSweepTest, TablesAreMadeAgainFromAnEarlierRun) {
  ASSERT_EQ(run(build_model, {"lengths=[32,64]"}), 0) << log_;
  const std::string table = table_;
  const RecordFile first = read_records(folder_ / "out.json");
  from_ = folder_ / "earlier.json";
  std::filesystem::rename(folder_ / "out.json", *from_);
  const ModelBuilder none = [](const app::RunConfig&, std::uint64_t) -> nn::MaskedLanguageModel {
    throw UsageError("measured again");
  };
  EXPECT_EQ(run(none, {"lengths=[32,64]"}), 0) << log_;
  EXPECT_EQ(table_, table);
  const RecordFile second = read_records(folder_ / "out.json");
  EXPECT_EQ(second.header, first.header);
  ASSERT_EQ(second.records.size(), first.records.size());
  for (std::size_t i = 0; i < first.records.size(); ++i)
    EXPECT_EQ(to_json(second.records[i]), to_json(first.records[i]));
}

TEST_F(RunSweepTest, AModelWhoseForwardIsWrongIsNamedAndNotTimed) {
  const ModelBuilder broken = [](const app::RunConfig& config, std::uint64_t seed) {
    nn::MaskedLanguageModel model = build_model(config, seed);
    if (config.model.num_layers == 1) {
      const c10::NoGradGuard no_grad;
      model->parameters().front().fill_(std::numeric_limits<double>::quiet_NaN());
    }
    return model;
  };
  EXPECT_EQ(run(broken, {"lengths=[32]"}), 1);
  EXPECT_NE(log_.find("theirs fp32"), std::string::npos) << log_;
  EXPECT_NE(log_.find("not timed"), std::string::npos) << log_;
  for (const Record& record : read_records(folder_ / "out.json").records) EXPECT_EQ(record.subject, "ours");
}

TEST_F(RunSweepTest, WhatFailsIsNotedAndTheRestGoesOn) {
  const ModelBuilder build = [](const app::RunConfig& config, std::uint64_t seed) {
    if (config.model.positions.max_length == 64) throw DataError("no such length today");
    return build_model(config, seed);
  };
  EXPECT_EQ(run(build, {"measures=[latency]"}), 0);
  EXPECT_NE(table_.find("not measured:\n"), std::string::npos) << table_;
  EXPECT_NE(table_.find("no such length today"), std::string::npos) << table_;
  const auto records = read_records(folder_ / "out.json").records;
  EXPECT_TRUE(std::any_of(records.begin(), records.end(), [](const Record& r) { return r.length == 128; }));
  EXPECT_FALSE(std::any_of(records.begin(), records.end(), [](const Record& r) { return r.length == 64; }));
}

TEST_F(RunSweepTest, NothingMeasuredIsAFailure) {
  const ModelBuilder build = [](const app::RunConfig&, std::uint64_t) -> nn::MaskedLanguageModel {
    throw DataError("no model today");
  };
  EXPECT_EQ(run(build, {"measures=[latency]"}), 1);
  EXPECT_NE(log_.find("nothing was measured"), std::string::npos) << log_;
}

// A device with recordings that do their work again, or not.
class RecordingDevice final : public BenchDevice {
 public:
  explicit RecordingDevice(bool works) : works_(works) {}
  c10::Device device() const override { return host_->device(); }
  DeviceFacts facts() const override { return host_->facts(); }
  void synchronize() const override {}
  std::unique_ptr<Mark> mark() const override { return host_->mark(); }
  std::unique_ptr<Recording> record(const std::function<void()>& work) const override {
    class Again final : public Recording {
     public:
      explicit Again(std::function<void()> work) : work_(std::move(work)) { work_(); }
      Again(std::function<void()> work, bool works) : Again(std::move(work)) { works_ = works; }
      void replay() override {
        if (works_) work_();
      }

     private:
      std::function<void()> work_;
      bool works_ = true;
    };
    return std::make_unique<Again>(work, works_);
  }
  void measure_units(Limits&) const override {}
  std::optional<std::int64_t> peak_memory() const override { return std::nullopt; }
  void reset_peak_memory() const override {}
  void release_memory() const override {}

 private:
  std::unique_ptr<BenchDevice> host_ = open_device(c10::Device(c10::kCPU));
  bool works_;
};

TEST_F(RunSweepTest, AReplayThatGivesAnotherOutputIsNotTimed) {
  nn::MaskedLanguageModel model = build_model(load_model_config(folder_ / "ours.yaml", {}), 1);
  const std::vector<ModelBatch> batches{
      make_model_batch(std::vector<std::int64_t>{9, 4}, data::BatchLayout::ragged, 64, 1),
      make_model_batch(std::vector<std::int64_t>{3, 12}, data::BatchLayout::ragged, 64, 2)};
  const ForwardSettings settings{.graph = true, .warm_up = 2, .samples = 3};
  EXPECT_EQ(time_throughput(RecordingDevice(true), model, batches, settings).ms.samples, 3);
  EXPECT_THROW(time_throughput(RecordingDevice(false), model, batches, settings), WrongResult);
  EXPECT_THROW(time_latency(RecordingDevice(false), model, batches[0], settings), WrongResult);
}

TEST_F(RunSweepTest, ALossThatIsNotFiniteIsAFailedCell) {
  const ModelBuilder build = [](const app::RunConfig& config, std::uint64_t seed) {
    nn::MaskedLanguageModel model = build_model(config, seed);
    const c10::NoGradGuard no_grad;
    for (const auto& parameter : model->named_parameters()) {  // the head: the encoder's check passes
      if (parameter.key().rfind("encoder.", 0) != 0)
        parameter.value().fill_(std::numeric_limits<double>::quiet_NaN());
    }
    return model;
  };
  EXPECT_EQ(run(build, {"lengths=[32]", "measures=[throughput, training_step]"}), 1);
  EXPECT_NE(table_.find("[step] loss - after 1 steps"), std::string::npos) << table_;
  for (const Record& record : read_records(folder_ / "out.json").records)
    EXPECT_EQ(record.measure, "throughput");
}

TEST_F(RunSweepTest, RecordsOfOtherProgramsStandBeside) {
  write(
      "peers.jsonl",
      "{\"header\": {\"device\": \"another\", \"not_measured\": [{\"subject\": \"BERT\", \"framework\": "
      "\"pytorch\", "
      "\"sequences\": 8, \"length\": 64, \"path\": \"compiled\", \"reason\": \"out of memory\"}]}}\n"
      "{\"subject\": \"bert\", \"framework\": \"pytorch\", \"measure\": \"throughput\", \"path\": \"eager\", "
      "\"dtype\": \"fp32\", \"layout\": \"dense\", \"sequences\": 8, \"length\": 32, \"valid_tokens\": 256, "
      "\"ms\": {\"p10\": 1, \"p50\": 2, \"p90\": 3, \"samples\": 5}}\n");
  merge_ = {folder_ / "peers.jsonl"};
  ASSERT_EQ(
      run(build_model, {"lengths=[32]", "measures=[throughput]", "layouts=[ragged]", "padded_fractions=[0]"}),
      0);
  EXPECT_NE(table_.find("bert (pytorch)"), std::string::npos) << table_;
  EXPECT_NE(table_.find("average of pytorch"), std::string::npos) << table_;
  EXPECT_NE(table_.find("warning: device differs: here "), std::string::npos) << table_;
  EXPECT_NE(table_.find("- BERT (pytorch) 8 x 64 compiled: out of memory\n"), std::string::npos) << table_;
  write(
      "ours.jsonl",
      "{\"subject\": \"bert\", \"framework\": \"mabert\", \"measure\": \"throughput\", \"dtype\": \"fp32\", "
      "\"sequences\": 8, \"length\": 32, \"valid_tokens\": 256, "
      "\"ms\": {\"p10\": 1, \"p50\": 2, \"p90\": 3, \"samples\": 5}}\n");
  merge_ = {folder_ / "ours.jsonl"};
  try {
    run();
    ADD_FAILURE() << "records of mabert were merged";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("of framework 'mabert'"), std::string::npos) << error.what();
  }
  merge_ = {folder_ / "none.json"};
  EXPECT_ANY_THROW(run());
}

TEST_F(RunSweepTest, OperatorsAreMeasuredAtTheSameSizes) {
  write("sweep.yaml",
        "operators: [attention_pool]\nchannels: 128\nlengths: [32, 64]\ntokens: 256\n"
        "layouts: [ragged, padded]\npadded_fractions: [0, 0.5]\ndevice: cpu\nthreads: 1\nsamples: 3\n");
  ASSERT_EQ(run(), 0) << log_;
  const auto records = read_records(folder_ / "out.json").records;
  ASSERT_FALSE(records.empty());
  std::set<std::string> layouts;
  for (const Record& record : records) {
    EXPECT_EQ(record.subject, "attention_pool");
    EXPECT_EQ(record.valid_tokens, 256);
    layouts.insert(record.layout);
  }
  EXPECT_EQ(layouts, (std::set<std::string>{"dense", "padded", "ragged"}));
  EXPECT_NE(table_.find("attention_pool"), std::string::npos);
}

TEST_F(RunSweepTest, TheCheckSeesAnErrorInOneLayerAndInThePadding) {
  app::RunConfig config = load_model_config(folder_ / "ours.yaml", {});
  raise_positions(config, 200);
  nn::MaskedLanguageModel model = build_model(config, 1);
  const ModelReference reference = reference_forward(model, 200);
  EXPECT_TRUE(worst(check_forward(model, reference, at::kFloat)).passed());
  const c10::NoGradGuard no_grad;
  for (const auto& parameter : model->encoder->named_parameters()) {
    if (parameter.key().find("out_proj.weight") == std::string::npos) continue;
    const at::Tensor kept = parameter.value().clone();
    parameter.value().mul_(1.3);
    const Check check = worst(check_forward(model, reference, at::kBFloat16));
    EXPECT_FALSE(check.passed()) << parameter.key() << " " << check.error;
    parameter.value().copy_(kept);
  }
}

}  // namespace
}  // namespace mabert::bench
