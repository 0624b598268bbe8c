#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "mabert/config/fields.h"

namespace mabert::train {

enum class ScheduleType { linear, cosine, constant };

}  // namespace mabert::train

namespace mabert::config {
template <>
struct EnumNames<train::ScheduleType> {
  static constexpr std::array names{EnumName{"linear", train::ScheduleType::linear},
                                    EnumName{"cosine", train::ScheduleType::cosine},
                                    EnumName{"constant", train::ScheduleType::constant}};
};
}  // namespace mabert::config

namespace mabert::train {

struct ScheduleOptions {
  ScheduleType type = ScheduleType::linear;
  std::int64_t warmup_steps = 0;
  std::optional<double> warmup_fraction;
  double final_fraction = 0.0;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("type", self.type, "How the learning rate falls after the warm-up.");
    visit("warmup_steps", self.warmup_steps, config::at_least(0), "Optimizer steps of linear rise from 0.");
    visit("warmup_fraction", self.warmup_fraction, config::between(0, 1),
          "Share of all steps that rise, instead of warmup_steps.");
    visit("final_fraction", self.final_fraction, config::between(0, 1),
          "Part of the peak that the learning rate falls to (linear and cosine).");
  }

  std::optional<config::Problem> validate() const;
};

/// Optimizer steps of linear rise in a run of `total_steps`: warmup_fraction of them, rounded, or
/// warmup_steps.
std::int64_t warmup_steps(const ScheduleOptions& schedule, std::int64_t total_steps);

/// Learning rate of one optimizer step, counted from 0, of `total_steps`:
///   s < warmup: peak · (s + 1) / warmup;  then with p = (s - warmup) / (total - warmup), held within [0, 1]:
///   linear: peak · (1 - (1 - final) p);  cosine: peak · (final + (1 - final) (1 + cos πp) / 2);  constant:
///   peak.
/// Source: own; cosine from Loshchilov & Hutter 2017, "SGDR", equation 5.
double learning_rate(const ScheduleOptions& schedule, double peak, std::int64_t total_steps,
                     std::int64_t step);

}  // namespace mabert::train
