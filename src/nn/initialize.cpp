#include "mabert/nn/initialize.h"

#include <cmath>
#include <string>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <torch/nn/module.h>

#include "mabert/core/error.h"
#include "mabert/core/files.h"
#include "mabert/core/random.h"
#include "mabert/nn/module_base.h"

namespace mabert::nn {
namespace {

/// Fills pairs of elements from one draw each, so that the number of threads does not matter.
template <class Pair>
void fill_pairs(double* out, std::int64_t count, std::uint64_t key, const Pair& pair) {
  at::parallel_for(0, (count + 1) / 2, 4096, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const std::array<double, 2> values = pair(Philox::draw(key, 0, static_cast<std::uint64_t>(i)));
      out[2 * i] = values[0];
      if (2 * i + 1 < count) out[2 * i + 1] = values[1];
    }
  });
}

struct Filler {
  double* out;
  std::int64_t count, columns;
  std::uint64_t key;
  double range, branch_scale;

  void operator()(const NormalInitializer& normal) const {
    const double deviation = range * (normal.ends_residual_branch ? branch_scale : 1.0);
    fill_pairs(out, count, key, [&](const Philox& draw) {
      const auto pair = normal_pair(draw);
      return std::array{deviation * pair[0], deviation * pair[1]};
    });
  }
  void operator()(const ConstantInitializer& constant) const { std::fill_n(out, count, constant.value); }
  void operator()(const UniformInitializer& uniform) const {
    uniforms([&](double u) { return uniform.bound * (2 * u - 1); });
  }
  void operator()(const LogRangeInitializer&) const {
    for (std::int64_t i = 0; i < count; ++i) out[i] = std::log(static_cast<double>(i % columns + 1));
  }
  void operator()(const StepBiasInitializer& step) const {
    uniforms([&](double u) {
      const double delta = std::exp(std::log(step.low) + u * (std::log(step.high) - std::log(step.low)));
      const double kept = std::max(delta, step.floor);
      return kept + std::log(-std::expm1(-kept));  // softplus⁻¹
    });
  }

  template <class Transform>
  void uniforms(const Transform& transform) const {
    fill_pairs(out, count, key, [&](const Philox& draw) {
      return std::array{transform(uniform_double(draw.word64(0))), transform(uniform_double(draw.word64(1)))};
    });
  }
};

}  // namespace

void initialize_parameters(torch::nn::Module& model, const ModelOptions& options, std::uint64_t seed) {
  const std::uint64_t run_key = derive_key(seed, RandomPurpose::initialization);
  const bool pre_norm = options.norm.placement == NormPlacement::pre;
  const double branches = static_cast<double>(options.residual_branches());
  const at::NoGradGuard no_grad;
  model.apply([&](const std::string& path, torch::nn::Module& module) {
    const auto* ours = dynamic_cast<const ModuleBase*>(&module);
    for (const auto& parameter : module.named_parameters(/*recurse=*/false)) {
      const std::string name = path.empty() ? parameter.key() : path + "." + parameter.key();
      if (ours == nullptr) throw UsageError("[initialize] " + name + ": expected a module of this library");
      at::Tensor target = parameter.value();
      const at::Tensor values = at::empty(target.sizes(), at::TensorOptions().dtype(at::kDouble));
      const Filler filler{
          .out = values.mutable_data_ptr<double>(),
          .count = values.numel(),
          .columns = values.size(-1),
          .key = derive_key(run_key, checksum(std::as_bytes(std::span(name.data(), name.size())))),
          .range = options.initializer_range,
          .branch_scale = pre_norm ? 1 / std::sqrt(branches) : 1.0};
      std::visit(filler, ours->initializer(parameter.key()));
      target.copy_(values);
    }
  });
}

}  // namespace mabert::nn
