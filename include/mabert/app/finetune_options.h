#pragma once

#include <array>
#include <vector>

#include "mabert/config/fields.h"

namespace mabert::app {

/// Which weights of a fine-tuning run count, and so what its numbers may be compared with.
enum class Selection {
  last,            ///< the last of a number of epochs fixed beforehand
  early_stopping,  ///< the best on a slice held out of the training examples
  dev,             ///< the best on the (first) dev set: flattering; for comparison with papers that did so
};

struct FinetuneOptions {
  Selection selection = Selection::last;
  double slice_fraction = 0.1;
  std::vector<double> learning_rates;
  double head_dropout = 0.1;
  bool random_weights = false;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("selection", self.selection,
          "last: after fixed epochs; early_stopping: best on a slice of the training examples; dev: best on "
          "dev (say "
          "so).");
    visit("slice_fraction", self.slice_fraction, config::between(0.01, 0.5),
          "Share of the training examples held out for early_stopping and for choosing the learning rate.");
    visit("learning_rates", self.learning_rates, config::above(0),
          "Tried first, on the slice (selection dev: on dev); the best is used. Empty: "
          "optimizer.learning_rate.");
    visit("head_dropout", self.head_dropout, config::between(0.0, 0.9), "Rate on what the head reads.");
    visit(
        "random_weights", self.random_weights,
        "Take only shape and tokenizer from model.init_from: what fine-tuning reaches without pretraining.");
  }
};

}  // namespace mabert::app

namespace mabert::config {
template <>
struct EnumNames<app::Selection> {
  static constexpr std::array names{EnumName{"last", app::Selection::last},
                                    EnumName{"early_stopping", app::Selection::early_stopping},
                                    EnumName{"dev", app::Selection::dev}};
};
}  // namespace mabert::config
