#include "kernels/common/launch_after.cuh"
#include "kernels/selective_scan/finish.cuh"
#include "kernels/selective_scan/warp_adjoint.cuh"
#include "kernels/selective_scan/warp_backward.cuh"
#include "kernels/selective_scan/warp_launch.h"

namespace mabert::kernels {
namespace {

constexpr int kBlocksPerSM = 8, kAdjointBlocksPerSM = 16;

struct Launch {
  const ScanParams& params;
  const ScanGradients& gradients;
  ScanChunks chunks;
  std::int64_t parts, tiles;
  cudaStream_t stream;

  template <class T, class S, int kChannels, int kSteps, bool kGate, bool kMask>
  cudaError_t run() const {
    const dim3 grid(static_cast<unsigned>(tiles * params.groups), static_cast<unsigned>(parts),
                    static_cast<unsigned>(chunks.count));
    using Variant = BackwardVariant<T, S, kChannels, kSteps, kBlocksPerSM, kGate, kMask>;
    if (chunks.count == 1) {
      scan_backward_warp<Variant><<<grid, 32, 0, stream>>>(params, gradients, chunks);
      return cudaGetLastError();
    }
    using Adjoint = BackwardVariant<T, float, 2, 8, kAdjointBlocksPerSM, kGate, kMask>;
    const std::int64_t width = params.channels / params.groups;
    const dim3 adjoint_grid(static_cast<unsigned>((width + 15) / 16 * params.groups), grid.y, grid.z);
    scan_adjoint_warp<Adjoint><<<adjoint_grid, 32, 0, stream>>>(params, gradients, chunks);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) return error;
    return launch_after(scan_backward_warp<Variant>, grid, 32, stream, params, gradients, chunks);
  }
};

template <class T, class S, bool kGate>
cudaError_t with_states(const Launch& launch, std::int64_t save_every) {
  if (launch.params.layout.valid != nullptr) return launch.run<T, S, 2, 8, kGate, true>();
  if (save_every == 4) return launch.run<T, S, 4, 4, kGate, false>();
  return launch.run<T, S, 2, 8, kGate, false>();
}

template <class T, bool kGate>
cudaError_t with_type_of_states(const Launch& launch, std::int64_t save_every, DType states) {
  if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    if (states == DType::bf16) return with_states<T, __nv_bfloat16, kGate>(launch, save_every);
  }
  return with_states<T, float, kGate>(launch, save_every);
}

template <class T>
cudaError_t run(const Launch& launch, std::int64_t save_every, DType states, float* channel_totals) {
  const bool gate = launch.params.z != nullptr;
  const cudaError_t error = gate ? with_type_of_states<T, true>(launch, save_every, states)
                                 : with_type_of_states<T, false>(launch, save_every, states);
  if (error != cudaSuccess) return error;
  const ScanParams& p = launch.params;
  const PartialSums<T> rows{static_cast<const T*>(launch.gradients.dbc), launch.tiles,
                            p.layout.rows * p.groups * 8};
  const PartialSums<float> channels{static_cast<const float*>(launch.gradients.channel_sums),
                                    launch.parts * launch.chunks.count, p.channels * 18 / 4};
  const auto blocks = [](std::int64_t columns) { return (columns + 31) / 32; };
  const std::int64_t row_blocks = blocks(rows.columns);
  const dim3 grid(static_cast<unsigned>(row_blocks + blocks(channels.columns)));
  return launch_after(scan_finish_kernel<T>, grid, 256, launch.stream, p.layout, p.groups, rows, row_blocks,
                      channels, static_cast<T*>(launch.gradients.db), static_cast<T*>(launch.gradients.dc),
                      reinterpret_cast<float4*>(channel_totals));
}

}  // namespace

cudaError_t scan_backward_warps(const ScanParams& params, const ScanGradients& gradients,
                                const BackwardPlan& plan, const ChunkMemory& memory, std::int64_t save_every,
                                DType dtype, DType states, float* channel_totals, cudaStream_t stream) {
  ScanChunks chunks{1, 0, nullptr, nullptr};
  if (memory.states != nullptr) {
    chunks = {static_cast<int>(plan.chunks.count), static_cast<int>(plan.chunks.rows), memory.states,
              memory.sums};
  }
  const std::int64_t width = params.channels / params.groups, tile = 8 * plan.channels;
  const Launch launch{params, gradients, chunks, plan.parts, (width + tile - 1) / tile, stream};
  if (dtype == DType::bf16) return run<__nv_bfloat16>(launch, save_every, states, channel_totals);
  return run<float>(launch, save_every, states, channel_totals);
}

}  // namespace mabert::kernels
