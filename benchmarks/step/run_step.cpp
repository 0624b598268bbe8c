#include "benchmarks/step/run_step.h"

#include "benchmarks/harness/arguments.h"
#include "benchmarks/harness/report.h"
#include "benchmarks/harness/table.h"
#include "benchmarks/ops/workload.h"
#include "benchmarks/step/random_data.h"
#include "benchmarks/step/time_steps.h"

#include <algorithm>
#include <cmath>

#include "mabert/app/run_config.h"
#include "mabert/core/error.h"
#include "mabert/nn/initialize.h"
#include "mabert/nn/module_base.h"
#include "mabert/train/options.h"

namespace mabert::bench {
namespace {

constexpr std::int64_t kWarmUp = 5, kProfiled = 3;
constexpr std::int64_t kDocuments = 2048, kShortest = 16;

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
  if (config.model.vocabulary_size == 0) config.model.vocabulary_size = kVocabulary;
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

  nn::MaskedLanguageModel model(config.model);
  nn::initialize_parameters(*model, config.model, config.train.seed);
  model->to(place);
  nn::set_compute_dtype(*model, dtype);
  const std::int64_t most = config.samples.max_length;
  const std::vector<std::int64_t> lengths =
      uniform_lengths(kDocuments, arguments.lengths == "full" ? most : std::min(kShortest, most), most);
  const StepSettings settings{
      .warm_up = kWarmUp, .samples = arguments.samples, .profiled = arguments.profile ? kProfiled : 0};
  const StepTimes times = time_steps(*device, config, model, lengths, settings, log);
  log << "step " << significant(summarize(times.device_ms).median, 4) << " ms" << std::endl;

  const Summary step = summarize(times.device_ms), host = summarize(times.host_ms);
  const double tokens = times.tokens;
  Json report = report_header(*device, limits, command);
  report["step"] = {{"config", arguments.config.string()},
                    {"overrides", arguments.overrides},
                    {"lengths", arguments.lengths},
                    {"dtype", dtype_name(dtype)},
                    {"tokens", tokens},
                    {"step_ms", to_json(step)},
                    {"host_ms", to_json(host)},
                    {"tokens_per_second", tokens / step.median * 1e3}};
  Table table({"configuration", "tokens", "step ms", "p10-p90", "tokens/s", "peak GiB"}, 1);
  const auto peak = device->peak_memory();
  if (peak) report["step"]["peak_bytes"] = *peak;
  table.add(
      {arguments.config.stem().string() + ", " + dtype_name(dtype) + ", " + arguments.lengths + " lengths",
       std::to_string(std::llround(tokens)), significant(step.median, 4),
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
