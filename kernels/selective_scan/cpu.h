#pragma once

#include "kernels/selective_scan/params.h"

namespace mabert::kernels {

/// Channels that one work item of the vector kernel handles together.
inline constexpr std::int64_t kScanBlock = 64;

/// Blocks that the channels of one group are cut into.
inline std::int64_t scan_blocks(const ScanParams& params) {
  return (params.channels / params.groups + kScanBlock - 1) / kScanBlock;
}

/// A run of sequences times a block of channels, all of one group.
struct ScanItem {
  std::int64_t first_sequence, last_sequence, part;
  std::int64_t group, block, first_channel, channels;
};

/// Floats of scratch memory that one thread needs.
std::int64_t scan_workspace(const ScanParams& params);

/// float32, vectorised; the best instruction set is chosen at run time.
void scan_forward_float(const ScanParams& params, const ScanItem& item, float* workspace);
void scan_backward_float(const ScanParams& params, const ScanGradients& gradients, const ScanItem& item,
                         float* workspace);

/// float64, plain loops: the oracle. One part (of dA, dD, dbias), one channel block.
void scan_forward_double(const ScanParams& params);
void scan_backward_double(const ScanParams& params, const ScanGradients& gradients);

}  // namespace mabert::kernels
