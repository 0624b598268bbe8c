#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mabert/config/fields.h"
#include "mabert/nn/position_table.h"

namespace mabert::app {

/// Training at one length.
struct ExtendStage {
  std::int64_t length = 0;
  std::int64_t steps = 0;
  std::optional<double> learning_rate;
  std::optional<double> rotary_base;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("length", self.length, config::between(3, 1 << 20),
          "Positions of the model and most tokens in a sample.");
    visit("steps", self.steps, config::between(1, 1'000'000'000), "Optimizer steps.");
    visit("learning_rate", self.learning_rate, config::above(0), "Peak; null: optimizer.learning_rate.");
    visit("rotary_base", self.rotary_base, config::at_least(1),
          "Null: that of the stage before, of the first model.positions.rotary_base.");
  }

  std::optional<config::Problem> validate() const;
};

/// What the first step of a stage finds besides the weights of the stage before.
struct CarryOptions {
  bool optimizer = true;
  bool data_position = true;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("optimizer", self.optimizer, "Moments and step count of AdamW; false: they begin at 0.");
    visit("data_position", self.data_position,
          "Go on with the next epoch, in an order and under masks not seen yet; false: with epoch 0.");
  }
};

/// The report at the end of an extension (see ContextReportArguments).
struct ExtendReportOptions {
  std::optional<std::int64_t> window;
  std::int64_t windows = 0;
  std::optional<std::vector<std::int64_t>> lengths;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("window", self.window, config::at_least(1),
          "Tokens of the window whose masked tokens are scored; null: 256, or half the shortest context.");
    visit("windows", self.windows, config::at_least(0), "Windows, evenly spread; 0: all.");
    visit("lengths", self.lengths, config::between(3, 1 << 20),
          "Contexts to cut the text to; null: the length to start from and that of every stage.");
  }
};

/// `mabert extend`: a pretrained model learns to read longer text, length by length.
struct ExtendOptions {
  std::vector<ExtendStage> stages;
  nn::PositionGrowth positions = nn::PositionGrowth::tile;
  CarryOptions carry;
  ExtendReportOptions report;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("stages", self.stages, "Lengths, rising; one stage goes there directly.");
    visit("positions", self.positions, "How a learned position table grows.");
    visit("carry", self.carry, "What goes over from one stage to the next, besides the weights.");
    visit("report", self.report, "Loss by visible context, before and after.");
  }

  std::optional<config::Problem> validate() const;
};

}  // namespace mabert::app
