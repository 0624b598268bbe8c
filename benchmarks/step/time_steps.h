#pragma once

#include "benchmarks/harness/device.h"
#include "benchmarks/step/kernel_groups.h"

#include <cstdint>
#include <ostream>
#include <span>
#include <vector>

#include "mabert/app/run_config.h"
#include "mabert/nn/masked_language_model.h"

namespace mabert::bench {

struct StepSettings {
  std::int64_t warm_up = 5, samples = 21;
  std::int64_t profiled = 0;  ///< steps more, with a profile of their kernels; only on CUDA

  std::int64_t last() const { return warm_up + samples + profiled; }
};

/// Of single steps; tokens and predicted rows are means over those timed.
struct StepTimes {
  std::vector<double> device_ms, host_ms;
  std::vector<KernelTime> kernels;
  double tokens = 0, predicted = 0;
};

/// Times steps of the trainer itself (loader, model, autograd, optimizer) on documents of random tokens, one
/// sample of each of `lengths` tokens, [CLS] and [SEP] included; batches, samples, optimizer and training are
/// as configured. The model lies on the device and has its compute dtype; it is left without gradients. Peak
/// memory is counted from here on. Errors: NonFiniteError when the
/// loss is not finite at the end or a step was skipped.
StepTimes time_steps(const BenchDevice& device, const app::RunConfig& config, nn::MaskedLanguageModel model,
                     std::span<const std::int64_t> lengths, const StepSettings& settings, std::ostream& log);

}  // namespace mabert::bench
