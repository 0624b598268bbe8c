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

/// Which states of the scan the forward keeps for the backward.
enum class SavedScanStates { every_8, every_4, recompute };

struct MambaOptions {
  static constexpr std::string_view kType = "mamba";

  std::int64_t state_size = 16;
  std::int64_t conv_width = 4;
  std::int64_t expand = 2;
  std::optional<std::int64_t> delta_rank;
  MambaDirection direction = MambaDirection::forward;
  SavedScanStates saved_states = SavedScanStates::every_8;
  bool wide_states = false;

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
    visit("saved_states", self.saved_states,
          "Scan states kept for the backward (CUDA, 16 states): every_8 rows, every_4 (faster backward of large "
          "batches, twice "
          "the memory), or recompute (none kept, the forward runs twice).");
    visit("wide_states", self.wide_states, "Keep them in float32 even when computing in bfloat16.");
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
template <>
struct EnumNames<nn::SavedScanStates> {
  static constexpr std::array names{EnumName{"every_8", nn::SavedScanStates::every_8},
                                    EnumName{"every_4", nn::SavedScanStates::every_4},
                                    EnumName{"recompute", nn::SavedScanStates::recompute}};
};
}  // namespace mabert::config
