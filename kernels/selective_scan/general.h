#pragma once

#include "kernels/common/dtype.h"
#include "kernels/selective_scan/params.h"

#include <cuda_runtime_api.h>

namespace mabert::kernels {

/// Channels, and threads, of one block: dB and dC are summed over them before they reach memory.
inline constexpr std::int64_t kScanThreads = 128;

/// How the work of a scan is laid over the grid.
struct ScanGrid {
  std::int64_t blocks;  ///< of kScanThreads channels, in one group
  std::int64_t parts;   ///< runs of sequences, part p takes sequences p, p + parts, ...
};

/// Enough parts to fill a device, few enough that their partial sums of dA stay small. A function of the
/// shapes alone.
inline ScanGrid scan_grid(const ScanParams& params) {
  const std::int64_t width = params.channels / params.groups, sequences = params.layout.sequences;
  return {(width + kScanThreads - 1) / kScanThreads, sequences < 128 ? sequences : 128};
}

/// One thread per (sequence, channel). Every row is written: zeros at invalid ones.
cudaError_t scan_forward_cuda(const ScanParams& params, DType dtype, cudaStream_t stream);

/// The same, several sequences one after another; gradients as ScanGradients says, `blocks` and `parts` from
/// scan_grid.
cudaError_t scan_backward_cuda(const ScanParams& params, const ScanGradients& gradients, DType dtype,
                               cudaStream_t stream);

}  // namespace mabert::kernels
