#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "mabert/nn/attention_options.h"
#include "mabert/nn/mamba_options.h"
#include "mabert/nn/parallel_options.h"

namespace mabert::nn {

/// The options of one mixer. `Alternatives` is the registry of mixer types: to add one, write its options
/// (kType, visit_fields, problem_in, build) and module in files of their own and name the options here.
struct MixerOptions {
  using Alternatives = std::variant<AttentionOptions, MambaOptions, ParallelOptions>;
  Alternatives value;

  /// What keeps such a mixer from being built; the key is relative to these options.
  std::optional<config::Problem> problem_in(const MixerSettings& settings) const {
    return std::visit([&](const auto& options) { return options.problem_in(settings); }, value);
  }
  std::shared_ptr<SequenceMixer> build(const MixerSettings& settings) const {
    return std::visit([&](const auto& options) { return options.build(settings); }, value);
  }
};

}  // namespace mabert::nn
