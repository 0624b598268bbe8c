#pragma once

#include "support.h"
#include "toy_task.h"

#include <csignal>
#include <fstream>
#include <sstream>

#include <ATen/ops/equal.h>
#include <nlohmann/json.hpp>

#include "mabert/train/console.h"
#include "mabert/train/trainer.h"

namespace mabert::train::testing {

/// Runs of a task, each in a run directory of its own.
class RunTest : public DirectoryTest {
 protected:
  RunTest() {
    options_.train.steps = 40;
    options_.train.log_every = 6;
    options_.train.validate_every = 10;
    options_.train.checkpoint_every = 8;
    options_.train.keep_last = 100;
    options_.optimizer.learning_rate = 0.02;
    options_.schedule.warmup_steps = 5;
  }
  RunContext context(const std::string& run) {
    std::filesystem::create_directories(directory_ / run);
    return {directory_ / run, "a: 1\n", "tokenizer", open_log(directory_ / run / "log.txt", terminal_, false),
            &signal_};
  }
  TrainResult run(Task& task, const std::string& name) {
    return train(task, options_, context(name), terminal_, false);
  }
  /// Stops the run after `step` by the signal flag.
  class StopAt : public Observer {
   public:
    StopAt(std::atomic<int>& signal, std::int64_t step) : signal_(signal), step_(step) {}
    void on_step(std::int64_t step) override {
      if (step == step_) signal_ = SIGTERM;
    }
    void on_metrics(const Metrics&) override {}

   private:
    std::atomic<int>& signal_;
    std::int64_t step_;
  };
  TrainResult run_until(Task& task, const std::string& name, std::int64_t step) {
    const RunContext where = context(name);
    Trainer trainer(task, options_, where);
    trainer.add_observer(
        std::make_unique<MetricsLog>(where.directory / "metrics.jsonl", trainer.state().step));
    trainer.add_observer(std::make_unique<StopAt>(signal_, step));
    const TrainResult result = trainer.run();
    signal_ = 0;
    return result;
  }
  /// The lines of metrics without what a clock or the allocator says.
  std::string lines(const std::string& run) const {
    std::ifstream file(directory_ / run / "metrics.jsonl");
    std::string all, line;
    while (std::getline(file, line)) {
      auto json = nlohmann::ordered_json::parse(line);
      for (const char* key : {"seconds", "tokens_per_second", "memory"}) json.erase(key);
      all += json.dump() + "\n";
    }
    return all;
  }
  /// What differs between the last checkpoints of two runs; empty if nothing does.
  std::string difference(const std::string& a, const std::string& b) const {
    const Checkpoint first(std::filesystem::path(directory_ / a / "checkpoints/step-00000040"));
    const Checkpoint second(std::filesystem::path(directory_ / b / "checkpoints/step-00000040"));
    std::string differs;
    for (const bool is_model : {true, false}) {
      const SafetensorsFile x = is_model ? first.model() : first.optimizer();
      const SafetensorsFile y = is_model ? second.model() : second.optimizer();
      for (const auto& entry : x.entries()) {
        if (!at::equal(x.tensor(entry.name), y.tensor(entry.name))) differs += entry.name + " ";
      }
    }
    if (lines(a) != lines(b)) differs += "metrics";
    return differs;
  }
  OptimizationOptions options_;
  std::ostringstream terminal_;
  std::atomic<int> signal_{0};
};

}  // namespace mabert::train::testing
