#include "mabert/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mabert::train {

double learning_rate(const ScheduleOptions& schedule, double peak, std::int64_t total_steps,
                     std::int64_t step) {
  if (step < schedule.warmup_steps) {
    return peak * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup_steps);
  }
  const auto falling = static_cast<double>(std::max<std::int64_t>(total_steps - schedule.warmup_steps, 1));
  const double progress = std::clamp(static_cast<double>(step - schedule.warmup_steps) / falling, 0.0, 1.0);
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
