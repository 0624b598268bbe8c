#include "mabert/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mabert::train {

std::optional<config::Problem> ScheduleOptions::validate() const {
  if (warmup_steps != 0 && warmup_fraction.value_or(0) != 0) {
    return config::Problem{"warmup_fraction", "either warmup_steps or warmup_fraction", "both"};
  }
  return std::nullopt;
}

std::int64_t warmup_steps(const ScheduleOptions& schedule, std::int64_t total_steps) {
  const double fraction = schedule.warmup_fraction.value_or(0);
  return fraction > 0 ? std::llround(fraction * static_cast<double>(total_steps)) : schedule.warmup_steps;
}

double learning_rate(const ScheduleOptions& schedule, double peak, std::int64_t total_steps,
                     std::int64_t step) {
  const std::int64_t warmup = warmup_steps(schedule, total_steps);
  if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const auto falling = static_cast<double>(std::max<std::int64_t>(total_steps - warmup, 1));
  const double progress = std::clamp(static_cast<double>(step - warmup) / falling, 0.0, 1.0);
  const double final = schedule.final_fraction;
  switch (schedule.type) {
    case ScheduleType::linear:
      return peak * (1.0 - (1.0 - final) * progress);
    case ScheduleType::cosine:
      return peak * (final + (1.0 - final) * 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
    case ScheduleType::constant:
      break;
  }
  return peak;
}

}  // namespace mabert::train
