#pragma once

#include <iosfwd>

#include "mabert/app/verbs.h"

namespace mabert::app {

/// What `evaluate` and `predict` do for a fine-tuned model.
int evaluate_labelled(const EvaluateArguments& arguments, std::ostream& out);
int predict_labelled(const PredictArguments& arguments, std::istream& in, std::ostream& out);

}  // namespace mabert::app
