#include "check.h"

#include "mabert/core/error.h"

namespace mabert::ops {
namespace {

std::string describe(at::IntArrayRef shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + ")";
}

}  // namespace

void ArgumentCheck::that(bool condition, const char* name, const std::string& expected,
                         const std::string& got) const {
  if (condition) return;
  throw UsageError("[" + std::string(op_) + "] " + name + ": expected " + expected + ", got " + got);
}

void ArgumentCheck::shape(const char* name, const at::Tensor& tensor, at::IntArrayRef expected) const {
  that(tensor.defined(), name, describe(expected), "no tensor");
  that(tensor.sizes() == expected, name, describe(expected), describe(tensor.sizes()));
}

void ArgumentCheck::dimensions(const char* name, const at::Tensor& tensor, std::int64_t expected,
                               const char* meaning) const {
  that(tensor.defined(), name, meaning, "no tensor");
  that(tensor.dim() == expected, name, meaning, describe(tensor.sizes()));
}

void ArgumentCheck::dtype(const char* name, const at::Tensor& tensor, at::ScalarType expected) const {
  that(tensor.scalar_type() == expected, name, c10::toString(expected), c10::toString(tensor.scalar_type()));
}

void ArgumentCheck::floating(const char* name, const at::Tensor& tensor) const {
  const at::ScalarType type = tensor.scalar_type();
  const bool narrow = type == at::kBFloat16 || type == at::kHalf;
  const bool cpu = tensor.device().is_cpu();
  that(type == at::kFloat || type == at::kDouble || (narrow && !cpu), name,
       cpu ? "float32 or float64 on the CPU" : "a floating-point type", c10::toString(type));
}

void ArgumentCheck::device(const char* name, const at::Tensor& tensor, c10::Device expected) const {
  that(tensor.device() == expected, name, expected.str(), tensor.device().str());
}

void ArgumentCheck::layout(const SequenceLayout& layout, const char* name, const at::Tensor& rows) const {
  that(layout.offsets().defined(), "layout", "a batch's layout", "an empty one");
  that(rows.size(0) == layout.rows(), name, std::to_string(layout.rows()) + " rows",
       std::to_string(rows.size(0)));
  that(layout.device() == rows.device(), "layout", rows.device().str(), layout.device().str());
}

std::vector<at::Tensor> layout_tensors(const SequenceLayout& layout) {
  std::vector<at::Tensor> tensors{layout.offsets(),  layout.begin(),    layout.end(),
                                  layout.position(), layout.sequence(), layout.order()};
  if (layout.has_holes()) tensors.push_back(layout.valid());
  return tensors;
}

std::int64_t reverse_bits(const ArgumentCheck& check, const std::vector<bool>& reverse) {
  check.that(!reverse.empty() && reverse.size() <= 32, "reverse", "1 to 32 groups",
             std::to_string(reverse.size()));
  std::int64_t bits = 0;
  for (std::size_t g = 0; g < reverse.size(); ++g) bits |= static_cast<std::int64_t>(reverse[g]) << g;
  return bits;
}

bool any_requires_grad(std::initializer_list<std::optional<at::Tensor>> tensors) {
  if (!at::GradMode::is_enabled()) return false;
  for (const auto& tensor : tensors) {
    if (tensor.has_value() && tensor->defined() && tensor->requires_grad()) return true;
  }
  return false;
}

}  // namespace mabert::ops
