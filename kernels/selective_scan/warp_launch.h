#pragma once

#include "kernels/common/dtype.h"
#include "kernels/selective_scan/launch_plan.h"
#include "kernels/selective_scan/params.h"

#include <cuda_runtime_api.h>

namespace mabert::kernels {

/// Scratch memory of chunks, float; null where sequences are not cut.
struct ChunkMemory {
  float* states;  // (sequences, chunks, channels, 16)
  float* sums;    // (sequences, chunks, channels)
};

/// The warp kernels. Their pointers differ from ScanParams' general ones: a (channels, 16), initial_state and
/// last_state (sequences, channels, 16), states (slots, channels, 16) in bf16 or fp32 every `save_every` rows
/// of the valid span. Rows, B and C begin at multiples of 16 bytes.
cudaError_t scan_forward_warps(const ScanParams& params, const ForwardPlan& plan, const ChunkMemory& chunks,
                               std::int64_t save_every, DType dtype, DType states, cudaStream_t stream);

/// Gradients: du, ddelta, dz (rows, channels); db, dc (rows, groups, 16) and channel_totals, from the partial
/// sums dbc and channel_sums.
cudaError_t scan_backward_warps(const ScanParams& params, const ScanGradients& gradients,
                                const BackwardPlan& plan, const ChunkMemory& chunks, std::int64_t save_every,
                                DType dtype, DType states, float* channel_totals, cudaStream_t stream);

}  // namespace mabert::kernels
