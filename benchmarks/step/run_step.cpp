#include "benchmarks/step/run_step.h"

#include "benchmarks/harness/arguments.h"
#include "benchmarks/harness/report.h"
#include "benchmarks/harness/table.h"
#include "benchmarks/step/profile.h"
#include "benchmarks/step/random_data.h"

#include <chrono>
#include <cmath>
#include <memory>

#include "mabert/app/run_config.h"
#include "mabert/core/error.h"
#include "mabert/nn/initialize.h"
#include "mabert/nn/module_base.h"
#include "mabert/train/console.h"
#include "mabert/train/mlm_task.h"
#include "mabert/train/trainer.h"

namespace mabert::bench {
namespace {

constexpr std::int64_t kWarmUp = 5, kProfiled = 3;
constexpr std::int64_t kDocuments = 2048, kShortest = 14;

struct StepTimes {
  std::vector<double> device_ms, host_ms;
  std::vector<KernelTime> kernels;
  std::int64_t tokens = 0;
};

// Thrown out of the trainer once everything is measured: a run that ended by itself would write a checkpoint.
struct Finished {};

// A mark after each step: the time between two is a whole step, with its data and without waiting inside.
class StepClock final : public train::Observer {
 public:
  StepClock(const BenchDevice& device, const StepArguments& arguments, StepTimes& times, std::ostream& log)
      : device_(device), arguments_(arguments), times_(times), log_(log) {}

  void on_metrics(const train::Metrics& metrics) override {
    if (metrics.tokens) times_.tokens = *metrics.tokens / std::max<std::int64_t>(metrics.step, 1);
    if (!std::isfinite(metrics.loss)) throw NonFiniteError("[step] loss: expected a finite number");
  }

  void on_step(std::int64_t step) override {
    const std::int64_t last = kWarmUp + arguments_.samples;
    if (step < kWarmUp) return;
    if (step == kWarmUp) device_.reset_peak_memory();
    if (step <= last) {
      marks_.push_back(device_.mark());
      host_.push_back(std::chrono::steady_clock::now());
    }
    if (step < last) return;
    if (step == last) {
      device_.synchronize();
      for (std::size_t i = 1; i < marks_.size(); ++i) {
        times_.device_ms.push_back(marks_[i]->since(*marks_[i - 1]));
        times_.host_ms.push_back(std::chrono::duration<double, std::milli>(host_[i] - host_[i - 1]).count());
      }
      log_ << "step " << significant(summarize(times_.device_ms).median, 4) << " ms" << std::endl;
      if (!arguments_.profile || !device_.device().is_cuda()) throw Finished();
      start_profile();
    }
    if (step == last + kProfiled) {
      device_.synchronize();
      times_.kernels = stop_profile();
      throw Finished();
    }
  }

 private:
  const BenchDevice& device_;
  const StepArguments& arguments_;
  StepTimes& times_;
  std::ostream& log_;
  std::vector<std::unique_ptr<Mark>> marks_;
  std::vector<std::chrono::steady_clock::time_point> host_;
};

// What the configuration file leaves open; the user's overrides come after and win.
app::RunConfig load(const StepArguments& arguments) {
  std::vector<std::string> overrides{"samples.max_length=512", "batch.tokens=16384", "train.steps=1000000",
                                     "train.log_every=1000000"};
  const auto key = [](const std::string& text) { return text.substr(0, text.find('=')); };
  for (const std::string& given : arguments.overrides) {
    std::erase_if(overrides, [&](const std::string& own) { return key(own) == key(given); });
  }
  overrides.insert(overrides.end(), arguments.overrides.begin(), arguments.overrides.end());
  app::RunConfig config = app::load_run_config(arguments.config, overrides);
  if (config.model.vocabulary_size == 0) config.model.vocabulary_size = 30522;
  config.train.validate_every = config.train.checkpoint_every = 0;
  return config;
}

void print_profile(const StepTimes& times, double step_ms, std::ostream& out, Json& report) {
  const double steps = static_cast<double>(kProfiled);
  const double busy = busy_ms(times.kernels) / steps;
  Table groups({"kernel group", "ms/step", "of busy", "launches/step"}, 1);
  Json& list = report["profile"] = {{"steps", kProfiled}, {"busy_ms", busy}, {"step_ms", step_ms}};
  list["groups"] = Json::array();
  const auto add = [&](Table& table, Json& array, const GroupTime& time) {
    table.add({time.group.substr(0, 110), significant(time.ms / steps, 3), percent(time.ms / steps / busy),
               significant(static_cast<double>(time.launches) / steps, 3)});
    array.push_back({{"name", time.group},
                     {"ms", time.ms / steps},
                     {"share_of_busy", time.ms / steps / busy},
                     {"launches", static_cast<double>(time.launches) / steps}});
  };
  for (const GroupTime& time : group_times(times.kernels)) add(groups, list["groups"], time);
  out << "\nbusy " << significant(busy, 4) << " ms a step\n\n" << groups.text();
  Table kernels({"longest kernels", "ms/step", "of busy", "launches/step"}, 1);
  list["kernels"] = Json::array();
  for (const GroupTime& time : longest_kernels(times.kernels, 30)) add(kernels, list["kernels"], time);
  out << "\n" << kernels.text();
}

}  // namespace

int run_step(const StepArguments& arguments, const std::string& command, std::ostream& out,
             std::ostream& log) {
  if (arguments.lengths != "full" && arguments.lengths != "mixed") {
    throw UsageError("--lengths: expected full or mixed, got '" + arguments.lengths + "'");
  }
  if (arguments.samples < 3) {
    throw UsageError("--samples: expected at least 3, got " + std::to_string(arguments.samples));
  }
  if (arguments.json) check_report_path(*arguments.json);
  const app::RunConfig config = load(arguments);
  const c10::Device place = train::prepare_device(config.train);
  const auto device = open_device(place);
  const at::ScalarType dtype = train::compute_dtype(config.train.precision, place);
  const Limits limits = measure_limits(*device, dtype);
  log << describe(*device, limits) << std::endl;

  const TemporaryFolder folder;
  const std::int64_t most = config.samples.max_length - 2;
  const auto shards =
      write_random_shards(folder.path() / "train", config.model.vocabulary_size, kDocuments,
                          arguments.lengths == "full" ? most : std::min(kShortest, most), most);
  data::LoaderContext context{.seed = config.train.seed};
  context.vocabulary_size = config.model.vocabulary_size;
  context.max_positions = config.model.positions.max_length;
  const auto loader = std::make_shared<data::MlmLoader>(
      shards, data::MlmOptions{config.samples, config.masking, config.batch}, context);

  nn::MaskedLanguageModel model(config.model);
  nn::initialize_parameters(*model, config.model, config.train.seed);
  model->to(place);
  nn::set_compute_dtype(*model, dtype);
  train::MlmTask task(model, loader, nullptr, {place, config.train.seed, 0});
  const std::filesystem::path run = folder.path() / "run";
  std::filesystem::create_directories(run);
  train::Trainer trainer(task, {config.train, config.optimizer, config.schedule},
                         {run, "", "", train::open_log(run / "log.txt", log, false), nullptr});
  StepTimes times;
  trainer.add_observer(std::make_unique<StepClock>(*device, arguments, times, log));
  try {
    trainer.run();
  } catch (const Finished&) {
  }
  if (times.device_ms.empty()) throw UsageError("train.steps: expected enough steps to measure");

  const Summary step = summarize(times.device_ms), host = summarize(times.host_ms);
  const double tokens = static_cast<double>(times.tokens);
  Json report = report_header(*device, limits, command);
  report["step"] = {{"config", arguments.config.string()},
                    {"overrides", arguments.overrides},
                    {"lengths", arguments.lengths},
                    {"dtype", dtype_name(dtype)},
                    {"tokens", times.tokens},
                    {"step_ms", to_json(step)},
                    {"host_ms", to_json(host)},
                    {"tokens_per_second", tokens / step.median * 1e3}};
  Table table({"configuration", "tokens", "step ms", "p10-p90", "tokens/s", "peak GiB"}, 1);
  const auto peak = device->peak_memory();
  if (peak) report["step"]["peak_bytes"] = *peak;
  table.add(
      {arguments.config.stem().string() + ", " + dtype_name(dtype) + ", " + arguments.lengths + " lengths",
       std::to_string(times.tokens), significant(step.median, 4),
       significant(step.low, 4) + "-" + significant(step.high, 4), significant(tokens / step.median * 1e3, 4),
       peak ? significant(static_cast<double>(*peak) / (1 << 30), 3) : "-"});
  out << table.text();
  if (!times.kernels.empty()) {
    print_profile(times, step.median, out, report);
  } else if (arguments.profile && place.is_cuda()) {
    log << "no profile: LibTorch's profiler saw no kernels (is CUPTI usable by this user?)" << std::endl;
  }
  if (arguments.json) write_report(*arguments.json, report);
  return 0;
}

}  // namespace mabert::bench
