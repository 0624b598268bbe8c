#pragma once

#include <nlohmann/json.hpp>

#include "mabert/train/task.h"

namespace mabert::train {

inline nlohmann::ordered_json describe(const Evaluation& evaluation) {
  return {{"loss", evaluation.loss},
          {"perplexity", evaluation.perplexity},
          {"masked_accuracy", evaluation.masked_accuracy},
          {"predicted", evaluation.predicted},
          {"tokens", evaluation.tokens}};
}

}  // namespace mabert::train
