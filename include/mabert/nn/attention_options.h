#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "mabert/config/fields.h"
#include "mabert/nn/mixer_settings.h"

namespace mabert::nn {

struct AttentionOptions {
  static constexpr std::string_view kType = "attention";

  std::int64_t heads = 12;
  bool causal = false;
  std::optional<std::int64_t> window_left, window_right;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("heads", self.heads, config::at_least(1), "Heads; divides the width.");
    visit("causal", self.causal, "See only the left.");
    visit("window_left", self.window_left, config::at_least(0), "Positions seen to the left; null: all.");
    visit("window_right", self.window_right, config::at_least(0), "Positions seen to the right; null: all.");
  }

  std::optional<config::Problem> problem_in(const MixerSettings& settings) const;
  std::shared_ptr<SequenceMixer> build(const MixerSettings& settings) const;
};

}  // namespace mabert::nn
