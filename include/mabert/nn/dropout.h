#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"
#include "mabert/nn/forward_context.h"

namespace mabert::nn {

/// Numbers of the dropout modules of a model: part of the key of their random numbers.
namespace dropout_number {
inline constexpr std::uint64_t kEmbeddings = 0;
inline constexpr std::uint64_t kHead = 1u << 31;
constexpr std::uint64_t mixer(std::int64_t layer) { return 1 + 2 * static_cast<std::uint64_t>(layer); }
constexpr std::uint64_t feed_forward(std::int64_t layer) { return 2 + 2 * static_cast<std::uint64_t>(layer); }
}  // namespace dropout_number

/// ops::dropout with the context's keys while training; x itself otherwise or at rate 0.
/// Errors: UsageError when the context lacks `step` or `samples`.
at::Tensor apply_dropout(const at::Tensor& x, const SequenceLayout& layout, double rate, std::uint64_t number,
                         const ForwardContext& context);

}  // namespace mabert::nn
