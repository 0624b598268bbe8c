#pragma once

#include <array>

#include "mabert/config/fields.h"

namespace mabert::nn {

enum class NormType { layer, rms };
enum class NormPlacement { pre, post };

struct NormOptions {
  NormType type = NormType::layer;
  NormPlacement placement = NormPlacement::pre;
  double epsilon = 1e-5;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("type", self.type, "LayerNorm, or RMSNorm without mean and bias.");
    visit("placement", self.placement, "Before each branch (and once at the end), or after each sum.");
    visit("epsilon", self.epsilon, config::between(1e-12, 1e-2), "Added to the variance.");
  }
};

}  // namespace mabert::nn

namespace mabert::config {
template <>
struct EnumNames<nn::NormType> {
  static constexpr std::array names{EnumName{"layer", nn::NormType::layer},
                                    EnumName{"rms", nn::NormType::rms}};
};
template <>
struct EnumNames<nn::NormPlacement> {
  static constexpr std::array names{EnumName{"pre", nn::NormPlacement::pre},
                                    EnumName{"post", nn::NormPlacement::post}};
};
}  // namespace mabert::config
