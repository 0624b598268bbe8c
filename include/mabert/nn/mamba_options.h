#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "mabert/config/fields.h"
#include "mabert/nn/mixer_settings.h"

namespace mabert::nn {

enum class MambaDirection { forward, backward, alternate, bidirectional };

struct MambaOptions {
  static constexpr std::string_view kType = "mamba";

  std::int64_t state_size = 16;
  std::int64_t conv_width = 4;
  std::int64_t expand = 2;
  std::optional<std::int64_t> delta_rank;
  MambaDirection direction = MambaDirection::forward;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("state_size", self.state_size, config::between(1, 64), "States per channel (N).");
    visit("conv_width", self.conv_width, config::between(1, 8), "Rows that the convolution sees (W).");
    visit("expand", self.expand, config::between(1, 8),
          "Inner width as a multiple of the model's (E = expand x D).");
    visit("delta_rank", self.delta_rank, config::at_least(1),
          "Rank of the step-size projection (R); null: D / 16.");
    visit("direction", self.direction,
          "alternate: forward, backward, forward, ... over the layers of this block.");
  }

  std::optional<config::Problem> problem_in(const MixerSettings& settings) const;
  std::shared_ptr<SequenceMixer> build(const MixerSettings& settings) const;
  std::int64_t rank_for(std::int64_t width) const { return delta_rank.value_or((width + 15) / 16); }
};

}  // namespace mabert::nn

namespace mabert::config {
template <>
struct EnumNames<nn::MambaDirection> {
  static constexpr std::array names{EnumName{"forward", nn::MambaDirection::forward},
                                    EnumName{"backward", nn::MambaDirection::backward},
                                    EnumName{"alternate", nn::MambaDirection::alternate},
                                    EnumName{"bidirectional", nn::MambaDirection::bidirectional}};
};
}  // namespace mabert::config
