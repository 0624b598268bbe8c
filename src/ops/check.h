#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::ops {

/// Checks the arguments of one operator. Errors: UsageError "[operator] argument: expected ..., got ...".
class ArgumentCheck {
 public:
  explicit ArgumentCheck(const char* op) : op_(op) {}

  void shape(const char* name, const at::Tensor& tensor, at::IntArrayRef expected) const;
  void dimensions(const char* name, const at::Tensor& tensor, std::int64_t expected,
                  const char* meaning) const;
  void dtype(const char* name, const at::Tensor& tensor, at::ScalarType expected) const;
  /// float32 or float64 on the CPU; bfloat16 and float16 too on a device.
  void floating(const char* name, const at::Tensor& tensor) const;
  void device(const char* name, const at::Tensor& tensor, c10::Device expected) const;
  void layout(const SequenceLayout& layout, const char* name, const at::Tensor& rows) const;
  void that(bool condition, const char* name, const std::string& expected, const std::string& got) const;

 private:
  const char* op_;
};

/// float64 for float64, else float32: what states and sums are kept in.
inline at::ScalarType accumulate_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

/// The tensors of a layout as operators take them; see schema.cpp.
std::vector<at::Tensor> layout_tensors(const SequenceLayout& layout);

/// Bit g set where reverse[g]. Errors: UsageError for an empty list or more than 32 groups.
std::int64_t reverse_bits(const ArgumentCheck& check, const std::vector<bool>& reverse);

bool any_requires_grad(std::initializer_list<std::optional<at::Tensor>> tensors);

/// A registered operator as a typed function.
template <class Signature>
c10::TypedOperatorHandle<Signature> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace mabert::ops
