#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "mabert/config/fields.h"
#include "mabert/nn/mixer_settings.h"

namespace mabert::nn {

struct MixerOptions;
enum class Aggregator { mean, sum };

/// Several mixers over the same rows. Completed by mabert/nn/mixer_options.h, which is the header to include.
struct ParallelOptions {
  static constexpr std::string_view kType = "parallel";

  std::vector<MixerOptions> children;
  Aggregator aggregator = Aggregator::mean;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("children", self.children, "The mixers.");
    visit("aggregator", self.aggregator, "How their outputs become one.");
  }

  std::optional<config::Problem> problem_in(const MixerSettings& settings) const;
  std::shared_ptr<SequenceMixer> build(const MixerSettings& settings) const;
};

}  // namespace mabert::nn

namespace mabert::config {
template <>
struct EnumNames<nn::Aggregator> {
  static constexpr std::array names{EnumName{"mean", nn::Aggregator::mean},
                                    EnumName{"sum", nn::Aggregator::sum}};
};
}  // namespace mabert::config
