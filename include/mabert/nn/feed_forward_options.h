#pragma once

#include <array>
#include <cstdint>

#include "mabert/config/fields.h"

namespace mabert::nn {

enum class Activation { gelu, relu, silu, swiglu, geglu };

struct FeedForwardOptions {
  std::int64_t size = 3072;
  Activation activation = Activation::gelu;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("size", self.size, config::at_least(1), "Inner width.");
    visit("activation", self.activation,
          "Nonlinearity; swiglu and geglu multiply by a gate (a third projection).");
  }
};

}  // namespace mabert::nn

namespace mabert::config {
template <>
struct EnumNames<nn::Activation> {
  static constexpr std::array names{
      EnumName{"gelu", nn::Activation::gelu}, EnumName{"relu", nn::Activation::relu},
      EnumName{"silu", nn::Activation::silu}, EnumName{"swiglu", nn::Activation::swiglu},
      EnumName{"geglu", nn::Activation::geglu}};
};
}  // namespace mabert::config
