#include "benchmarks/sweep/model_sweep.h"

#include "benchmarks/harness/table.h"
#include "benchmarks/harness/text.h"
#include "benchmarks/model/flops.h"
#include "benchmarks/model/forward_times.h"
#include "benchmarks/ops/checks.h"
#include "benchmarks/step/time_steps.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>

#include <c10/util/Exception.h>

#include "mabert/core/error.h"
#include "mabert/nn/module_base.h"

namespace mabert::bench {
namespace {

constexpr std::int64_t kThroughputBatches = 2, kStepsOfText = 8;
// The trainer records its graph in the fourth step.
constexpr std::int64_t kGraphWarmUp = 5;

// Runs `work`; absent if it succeeds, else the first line of why not.
std::optional<std::string> reason_of_failure(const std::function<void()>& work) {
  try {
    work();
  } catch (const c10::Error& error) {
    return first_line(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return first_line(error.what());
  }
  return std::nullopt;
}

void add_products(Record& record, double products, const Limits& limits) {
  const double seconds = record.ms.p50 / 1e3;
  record.tflop_per_second = products / seconds / 1e12;
  if (limits.matmul_flops) record.matmul_share = products / seconds / *limits.matmul_flops;
}

app::RunConfig training_config(app::RunConfig config, const Record& cell, data::BatchLayout layout,
                               bool graph, at::ScalarType dtype) {
  if (dtype == at::kHalf) throw UsageError("dtypes: training is in bf16 or fp32, not in fp16");
  config.samples = {};
  config.samples.max_length = cell.length;
  config.batch = {};
  config.batch.layout = layout;
  if (layout == data::BatchLayout::padded) {
    config.batch.sequences = cell.sequences;
  } else {
    config.batch.tokens = cell.valid_tokens;
  }
  config.batch.fixed_shapes = graph;
  config.train.graph = graph ? train::StepGraphMode::on : train::StepGraphMode::off;
  config.train.max_minutes.reset();
  config.train.patience.reset();
  return config;
}

}  // namespace

std::string describe_cell(const Record& cell) {
  std::string text = cell.subject + " " + std::to_string(cell.sequences) + " x " +
                     std::to_string(cell.length) + " " + cell.dtype + " " + cell.layout;
  if (cell.padded_fraction > 0) text += " " + percent(cell.padded_fraction) + " padded";
  return text + " " + cell.measure + " " + cell.path;
}

// One model at one length, on the device.
struct ModelSweep::Subject {
  std::string name;
  app::RunConfig config;
  at::ScalarType dtype;
  Limits limits;
  std::int64_t length = 0;
  nn::MaskedLanguageModel model{nullptr};
  std::optional<ModelReference> reference;  ///< only where it is still to be checked
  bool is_wrong = false;

  Record cell(SweepMeasure measure, SweepPath path, data::BatchLayout layout, double fraction,
              c10::Device device) const {
    Record record;
    record.subject = name;
    record.framework = "mabert";
    record.measure = config::enum_name(measure);
    record.path = config::enum_name(path);
    record.attention = attention_kernel(config.model, device, dtype);
    record.dtype = dtype_name(dtype);
    record.layout = config::enum_name(layout);
    record.length = length;
    record.padded_fraction = fraction;
    return record;
  }
};

ModelSweep::ModelSweep(const SweepOptions& options, const std::map<std::string, app::RunConfig>& configs,
                       const BenchDevice& device, const ModelBuilder& build, Progress& progress)
    : options_(options),
      configs_(configs),
      device_(device),
      build_(build),
      progress_(progress),
      paths_(resolve_paths(options.paths, device.device())) {}

bool ModelSweep::wants(SweepMeasure measure) const {
  return std::find(options_.measures.begin(), options_.measures.end(), measure) != options_.measures.end();
}

void ModelSweep::attempt(const Record& cell, SweepResults& results, const std::function<Record()>& work) {
  const auto reason = reason_of_failure([&] {
    try {
      const Record record = work();
      results.records.push_back(record);
      progress_.line(describe_cell(record) + ": " + significant(record.ms.p50, 4) + " ms");
    } catch (const WrongResult&) {
      results.check_failed = true;
      throw;
    } catch (const NonFiniteError&) {
      results.check_failed = true;
      throw;
    }
  });
  if (reason) fail(cell, *reason, results);
  // A device that was lost in the measurement has nothing to release.
  const auto unreleased = reason_of_failure([&] { device_.release_memory(); });
  if (unreleased && !reason) fail(cell, "after it: " + *unreleased, results);
}

void ModelSweep::fail(const Record& cell, const std::string& reason, SweepResults& results) {
  results.failures.push_back({cell, reason});
  progress_.line(describe_cell(cell) + ": " + reason);
}

void ModelSweep::measure(const std::string& name, at::ScalarType dtype, const Limits& limits,
                         SweepResults& results) {
  bool is_checked = false;
  for (const std::int64_t length : options_.lengths) {
    Subject subject{.name = name, .config = configs_.at(name), .dtype = dtype, .limits = limits};
    subject.length = length;
    raise_positions(subject.config, length);
    const auto reason = reason_of_failure([&] {
      subject.model = build_(subject.config, options_.seed);
      if (!is_checked) subject.reference = reference_forward(subject.model, length);
      subject.model->to(device_.device());
      nn::set_compute_dtype(*subject.model, dtype);
      if (!is_checked && !check(subject, results)) subject.is_wrong = true;
    });
    if (subject.is_wrong) return;
    if (reason) {
      for (const SweepMeasure measure : options_.measures) {
        fail(subject.cell(measure, paths_.front(), options_.layouts.front(), 0, device_.device()), *reason,
             results);
      }
      continue;
    }
    is_checked = true;
    measure_length(subject, results);
  }
}

bool ModelSweep::check(Subject& subject, SweepResults& results) {
  const CachedWeights cached(subject.model);
  Check found = worst(check_forward(subject.model, *subject.reference, subject.dtype));
  subject.reference.reset();
  found.what = subject.name + " " + dtype_name(subject.dtype) + ", " + found.what;
  results.checks.push_back(found);
  if (found.passed()) {
    progress_.line(subject.name + " " + dtype_name(subject.dtype) +
                   ": agrees with float64 on the CPU (relative error " + significant(found.error, 2) + ")");
    return true;
  }
  results.check_failed = true;
  progress_.line("mabert_bench: " + found.what + ": relative error " + significant(found.error, 3) +
                 ", expected at most " + significant(found.tolerance, 3) + "; not timed");
  return false;
}

void ModelSweep::measure_length(Subject& subject, SweepResults& results) {
  const auto for_each_batch = [&](const auto& body) {
    for (const data::BatchLayout layout : options_.layouts) {
      for (const double fraction : options_.padded_fractions) body(layout, fraction);
    }
  };
  if (wants(SweepMeasure::latency) || wants(SweepMeasure::throughput)) {
    const CachedWeights cached(subject.model);
    for_each_batch([&](data::BatchLayout layout, double fraction) {
      measure_forward(subject, layout, fraction, results);
    });
  }
  if (!wants(SweepMeasure::training_step)) return;
  for_each_batch([&](data::BatchLayout layout, double fraction) {
    measure_training(subject, layout, fraction, results);
  });
}

void ModelSweep::measure_forward(Subject& subject, data::BatchLayout layout, double fraction,
                                 SweepResults& results) {
  const c10::Device place = device_.device();
  const auto measure = [&](SweepMeasure kind, std::int64_t sequences, std::int64_t tokens) {
    for (const SweepPath path : paths_) {
      Record cell = subject.cell(kind, path, layout, fraction, place);
      cell.sequences = sequences;
      cell.valid_tokens = tokens;
      cell.padded_fraction = padded_share(sequences, subject.length, tokens);
      const bool latency = kind == SweepMeasure::latency;
      const ForwardSettings settings{.graph = path == SweepPath::graph,
                                     .warm_up = options_.warm_up,
                                     .samples = latency ? options_.latency_samples : options_.samples};
      attempt(cell, results, [&] {
        const std::vector<std::int64_t> lengths = draw_lengths(sequences, tokens, subject.length);
        std::vector<ModelBatch> batches;
        for (std::int64_t i = 0; i < (latency ? 1 : kThroughputBatches); ++i) {
          batches.push_back(make_model_batch(lengths, layout, subject.config.model.vocabulary_size,
                                             options_.seed + static_cast<std::uint64_t>(i))
                                .to(place));
        }
        const ForwardTimes times = latency ? time_latency(device_, subject.model, batches.front(), settings)
                                           : time_throughput(device_, subject.model, batches, settings);
        Record record = cell;
        record.ms = times.ms;
        record.peak_bytes = times.peak_bytes;
        add_products(record, encoder_flops(subject.config.model, lengths).products(), subject.limits);
        if (latency) {
          const double rate = weight_bytes(subject.model, subject.dtype) / (record.ms.p50 / 1e3);
          record.gigabytes_per_second = rate / 1e9;
          record.bandwidth_share = rate / subject.limits.copy_bytes_per_second;
        }
        return record;
      });
    }
  };
  if (wants(SweepMeasure::latency)) {
    for (const std::int64_t sequences : options_.latency_sequences) {
      if (sequences == 1 && fraction > 0) continue;
      const double valid = static_cast<double>(sequences * subject.length) * (1 - fraction);
      measure(SweepMeasure::latency, sequences, std::llround(valid));
    }
  }
  if (wants(SweepMeasure::throughput)) {
    measure(SweepMeasure::throughput, sequences_for(options_.tokens, subject.length, fraction),
            options_.tokens);
  }
}

void ModelSweep::measure_training(Subject& subject, data::BatchLayout layout, double fraction,
                                  SweepResults& results) {
  for (const SweepPath path : paths_) {
    Record cell = subject.cell(SweepMeasure::training_step, path, layout, fraction, device_.device());
    cell.sequences = sequences_for(options_.tokens, subject.length, fraction);
    cell.valid_tokens = options_.tokens;
    cell.padded_fraction = padded_share(cell.sequences, subject.length, cell.valid_tokens);
    const bool graph = path == SweepPath::graph;
    if (graph && layout == data::BatchLayout::padded) {
      const std::string note = "training steps of padded batches are not recorded as graphs: eager only";
      if (std::find(results.notes.begin(), results.notes.end(), note) == results.notes.end())
        results.notes.push_back(note);
      continue;
    }
    const StepSettings settings{
        .warm_up = graph ? std::max(options_.warm_up, kGraphWarmUp) : options_.warm_up,
        .samples = options_.samples};
    attempt(cell, results, [&] {
      const std::vector<std::int64_t> step = draw_lengths(cell.sequences, cell.valid_tokens, subject.length);
      // An epoch of one step has the same lengths in every step, whatever their order.
      std::vector<std::int64_t> documents;
      const std::int64_t steps = fraction > 0 ? 1 : kStepsOfText;
      for (std::int64_t i = 0; i < steps; ++i) documents.insert(documents.end(), step.begin(), step.end());
      const app::RunConfig config = training_config(subject.config, cell, layout, graph, subject.dtype);
      std::ostringstream unread;
      const StepTimes times = time_steps(device_, config, subject.model, documents, settings, unread);
      Record record = cell;
      record.ms = spread(times.device_ms);
      record.valid_tokens = std::llround(times.tokens);
      if (const auto peak = device_.peak_memory()) record.peak_bytes = static_cast<double>(*peak);
      const ModelFlops forward =
          encoder_flops(config.model, step) + head_flops(config.model, times.predicted);
      add_products(record, training_products(forward), subject.limits);
      return record;
    });
  }
}

}  // namespace mabert::bench
