#include "mabert/app/extend_stages.h"

#include "run_directory.h"

#include <algorithm>
#include <functional>
#include <string>

#include "mabert/core/error.h"

namespace mabert::app {

std::optional<config::Problem> ExtendStage::validate() const {
  if (length < 3) return config::Problem{"length", "a length", "none"};
  if (steps < 1) return config::Problem{"steps", "a number of steps", "none"};
  return std::nullopt;
}

std::optional<config::Problem> ExtendOptions::validate() const {
  for (std::size_t i = 1; i < stages.size(); ++i) {
    if (stages[i].length > stages[i - 1].length) continue;
    return config::Problem{"stages[" + std::to_string(i) + "].length",
                           "more than the stage before, " + std::to_string(stages[i - 1].length),
                           std::to_string(stages[i].length)};
  }
  return std::nullopt;
}

namespace {

constexpr std::int64_t kReportWindow = 256;

[[noreturn]] void reject(const std::string& key, const std::string& expected, const std::string& got) {
  throw UsageError(key + ": expected " + expected + ", got " + got);
}

void require_stages(const RunConfig& config) {
  const std::vector<ExtendStage>& stages = config.extend.stages;
  if (stages.empty())
    reject("extend.stages", "at least one, e.g. extend.stages=[{length: 4096, steps: 1000}]", "none");
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (!stages[i].rotary_base || config.model.positions.type == nn::PositionType::rotary) continue;
    reject("extend.stages[" + std::to_string(i) + "].rotary_base",
           "none, since the model has " + std::string(config::enum_name(config.model.positions.type)) +
               " positions",
           "one");
  }
  const std::int64_t start = config.model.positions.max_length;
  if (stages.front().length < start) {
    reject("extend.stages[0].length",
           "at least the " + std::to_string(start) + " positions of " + config.model.init_from->string(),
           std::to_string(stages.front().length));
  }
}

void require_batch(const RunConfig& config) {
  if (config.batch.sequences) {
    throw UsageError(
        "batch.sequences: expected none, since the tokens of a step stay the same while samples grow; set "
        "batch.tokens instead");
  }
  require_valid("batch", config.batch);
  const std::int64_t longest = config.extend.stages.back().length;
  if (*config.batch.tokens < longest) {
    reject("batch.tokens", "at least " + std::to_string(longest) + ", a longest sample of the last stage",
           std::to_string(*config.batch.tokens));
  }
}

void require_report(const RunConfig& config) {
  const std::vector<std::int64_t> lengths = report_lengths(config);
  const auto fall = std::adjacent_find(lengths.begin(), lengths.end(), std::greater_equal<>());
  if (lengths.empty()) reject("extend.report.lengths", "at least one", "none");
  if (fall != lengths.end())
    reject("extend.report.lengths", "rising ones",
           std::to_string(fall[1]) + " after " + std::to_string(fall[0]));
  const std::int64_t room = lengths.front() - 2;
  if (report_window(config) > room) {
    reject("extend.report.window",
           "at most " + std::to_string(room) +
               ", what fits in the shortest context of the report beside [CLS] and [SEP]",
           std::to_string(report_window(config)));
  }
}

}  // namespace

void require_extension(const RunConfig& config) {
  require_valid("extend", config.extend);
  require_valid("samples", config.samples);
  require_stages(config);
  require_batch(config);
  if (config.train.max_minutes) {
    throw UsageError(
        "train.max_minutes: expected null, since a stage cut short is not what the next one starts from; "
        "lower "
        "the steps of extend.stages");
  }
  require_report(config);
}

std::vector<RunConfig> stage_configs(const RunConfig& config) {
  std::vector<RunConfig> configs;
  const std::vector<ExtendStage>& stages = config.extend.stages;
  double rotary_base = config.model.positions.rotary_base;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    RunConfig& stage = configs.emplace_back(config);
    stage.run_dir = stage_directory(*config.run_dir, stages[i].length);
    stage.model.positions.max_length = stages[i].length;
    if (stages[i].rotary_base) rotary_base = *stages[i].rotary_base;
    stage.model.positions.rotary_base = rotary_base;
    stage.samples.max_length = stages[i].length;
    if (stages[i].learning_rate) stage.optimizer.learning_rate = *stages[i].learning_rate;
    stage.train.steps = stages[i].steps;
    stage.train.epochs.reset();
    if (config.extend.carry.optimizer) stage.train.keep_optimizer = true;
    stage.extend.stages.resize(i + 1);
    stage.extend.report = {};
  }
  return configs;
}

std::filesystem::path stage_directory(const std::filesystem::path& run_dir, std::int64_t length) {
  return run_dir / ("length-" + std::to_string(length));
}

std::vector<std::int64_t> report_lengths(const RunConfig& config) {
  if (config.extend.report.lengths) return *config.extend.report.lengths;
  std::vector<std::int64_t> lengths{config.model.positions.max_length};
  for (const ExtendStage& stage : config.extend.stages) {
    if (stage.length > lengths.back()) lengths.push_back(stage.length);
  }
  return lengths;
}

std::int64_t report_window(const RunConfig& config) {
  return config.extend.report.window.value_or(
      std::min(kReportWindow, std::max<std::int64_t>(report_lengths(config).front() / 2, 1)));
}

}  // namespace mabert::app
