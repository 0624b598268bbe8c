#pragma once

#include <variant>

namespace mabert::nn {

/// N(0, initializer_range); in pre-norm stacks divided by √(residual branches) for the last projection of a
/// branch.
struct NormalInitializer {
  bool ends_residual_branch = false;
};

struct ConstantInitializer {
  double value = 0;
};

/// Uniform in [-bound, bound].
struct UniformInitializer {
  double bound = 1;
};

/// log(1 … N) along the last dimension. Source: Gu & Dao 2023, section 3.6 (S4D-Real).
struct LogRangeInitializer {};

/// softplus⁻¹(Δ) with Δ log-uniform in [low, high], at least `floor`. Source: Gu & Dao 2023, section 3.6.
struct StepBiasInitializer {
  double low = 1e-3, high = 0.1, floor = 1e-4;
};

/// How a parameter starts.
using Initializer = std::variant<NormalInitializer, ConstantInitializer, UniformInitializer,
                                 LogRangeInitializer, StepBiasInitializer>;

}  // namespace mabert::nn
