#pragma once

#include "kernels/common/dtype.h"

#include <algorithm>
#include <cstdint>

namespace mabert::kernels {

/// What the launch of a convolution's CUDA kernels depends on. Source: own.
struct ConvProblem {
  std::int64_t rows, channels, groups;
  int width;
  DType dtype;
  bool aligned;         ///< every row that is read starts at a multiple of 16 bytes
  int multiprocessors;  ///< of the device
};

/// Blocks of kConvWarps warps, one below the other along the rows; a warp walks rows_per_warp rows of 32 ·
/// vector channels of one group. Grid: row_blocks · groups · group_blocks.
struct ConvPlan {
  int taps;           ///< rows of history that the kernel holds in registers, at least the width
  int vector;         ///< neighbouring channels of a thread
  int rows_per_warp;  ///< a multiple of taps
  std::int64_t row_blocks, group_channels, group_blocks;
};

/// A kernel holds 4 taps, and then reads several channels at a time where alignment lets it, or all 16.
inline constexpr int kConvTaps = 4, kConvGeneralTaps = 16;
inline constexpr int kConvWarps = 8;

/// What was measured to be best for a pass.
struct ConvTuning {
  int vector_bytes;          ///< that a thread reads of a row where it can
  int blocks_per_processor;  ///< that are resident at a time
  int shortest_walk;         ///< rows of a warp below which its start costs more than a fuller device brings
  int longest_walk;          ///< rows of a warp beyond which nothing is gained
};
inline constexpr ConvTuning kConvForwardTuning{8, 4, 4, 28}, kConvBackwardTuning{8, 2, 8, 192};

inline std::int64_t divide_up(std::int64_t x, std::int64_t by) { return (x + by - 1) / by; }

/// Independent of the lengths: the same shape is always computed in the same order.
inline ConvPlan plan_convolution(const ConvProblem& problem, const ConvTuning& tuning) {
  ConvPlan plan{};
  plan.group_channels = problem.channels / problem.groups;
  const int element = problem.dtype == DType::f64 ? 8 : problem.dtype == DType::f32 ? 4 : 2;
  const int vector = tuning.vector_bytes / element;
  plan.taps = problem.width <= kConvTaps && problem.dtype != DType::f64 ? kConvTaps : kConvGeneralTaps;
  plan.vector = plan.taps == kConvTaps && problem.aligned && plan.group_channels % vector == 0 ? vector : 1;
  plan.group_blocks = divide_up(plan.group_channels, 32 * plan.vector);

  // As many whole waves of blocks as keep a walk short enough.
  const std::int64_t columns = std::max<std::int64_t>(1, plan.group_blocks * problem.groups);
  const std::int64_t resident = std::int64_t{problem.multiprocessors} * tuning.blocks_per_processor;
  const std::int64_t wave =
      std::max<std::int64_t>(resident / columns, 1) * kConvWarps;  // walks along the rows
  const std::int64_t waves = std::max<std::int64_t>(divide_up(problem.rows, wave * tuning.longest_walk), 1);
  const std::int64_t walk =
      std::max<std::int64_t>(divide_up(problem.rows, wave * waves), tuning.shortest_walk);
  plan.rows_per_warp = static_cast<int>(divide_up(walk, plan.taps)) * plan.taps;
  plan.row_blocks = divide_up(problem.rows, std::int64_t{plan.rows_per_warp} * kConvWarps);
  return plan;
}

}  // namespace mabert::kernels
