#include "mabert/train/task.h"

#include "mabert/core/error.h"

namespace mabert::train {

std::optional<double> Evaluation::find(std::string_view name) const {
  if (name == "loss") return loss;
  for (const NamedValue& item : values) {
    if (item.name == name) return item.value;
  }
  return std::nullopt;
}

double Evaluation::selecting_value() const {
  if (const auto value = find(selects)) return *value;
  throw UsageError("[evaluation] selects: expected \"loss\" or the name of a value, got '" + selects + "'");
}

}  // namespace mabert::train
