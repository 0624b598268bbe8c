#pragma once

#include <nlohmann/json.hpp>

#include "mabert/train/task.h"

namespace mabert::train {

/// What selects stands in it only where it is not the loss.
nlohmann::ordered_json describe(const Evaluation& evaluation);

/// What describe wrote; other keys than the values' own are to be removed first. Throws the JSON library's
/// errors.
Evaluation parse_evaluation(const nlohmann::ordered_json& json);

/// JSON has no numbers that are not finite; the writer makes them null, and this NaN.
double read_number(const nlohmann::ordered_json& json);

}  // namespace mabert::train
