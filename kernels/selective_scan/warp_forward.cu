#include "kernels/common/launch_after.cuh"
#include "kernels/selective_scan/warp_forward.cuh"
#include "kernels/selective_scan/warp_launch.h"

namespace mabert::kernels {
namespace {

// What the registers of a row tile and its shared memory (twice as much in fp32) leave room for.
template <class T, bool kMask = false>
constexpr int kBlocksPerSM = sizeof(T) == 2 && !kMask ? 12 : 8;

dim3 grid_of(const ScanParams& p, int channels, std::int64_t chunks) {
  const std::int64_t width = p.channels / p.groups, tiles = (width + 8 * channels - 1) / (8 * channels);
  const std::int64_t most = 65535, s = p.layout.sequences;
  return dim3(static_cast<unsigned>(tiles * p.groups), static_cast<unsigned>(s < most ? s : most),
              static_cast<unsigned>((s + most - 1) / most * chunks));
}

struct Launch {
  const ScanParams& params;
  ScanChunks chunks;
  int channels;
  cudaStream_t stream;

  template <class Variant>
  cudaError_t run() const {
    scan_forward_warp<Variant><<<grid(), 32, 0, stream>>>(params, chunks);
    return cudaGetLastError();
  }
  template <class T, class S, int kInterval, bool kGate>
  cudaError_t wide() const {
    return run<ForwardVariant<T, S, 4, 8, kInterval, kBlocksPerSM<T>, kGate, false>>();
  }
  template <class T, class S, bool kGate, bool kMask>
  cudaError_t narrow() const {
    if (chunks.count == 1) return run<ForwardVariant<T, S, 2, 16, 8, kBlocksPerSM<T, kMask>, kGate, kMask>>();
    return chunks.rows <= kShortChunkRows ? cut<T, S, 8, 16, kGate, kMask>()
                                          : cut<T, S, 16, kBlocksPerSM<T, kMask>, kGate, kMask>();
  }

 private:
  template <class T, class S, int kSteps, int kBlocks, bool kGate, bool kMask>
  cudaError_t cut() const {
    const cudaError_t error = run<ForwardVariant<T, NoStates, 2, kSteps, 8, kBlocks, false, kMask, false>>();
    if (error != cudaSuccess) return error;
    using Output = ForwardVariant<T, S, 2, kSteps, 8, kBlocks, kGate, kMask>;
    return launch_after(scan_forward_warp<Output>, grid(), 32, stream, params, chunks);
  }
  dim3 grid() const { return grid_of(params, channels, chunks.count); }
};

template <class T, class S, bool kGate>
cudaError_t with_states(const Launch& launch, std::int64_t save_every) {
  const bool mask = launch.params.layout.valid != nullptr;
  if (mask) return launch.narrow<T, S, kGate, true>();
  if constexpr (!std::is_same_v<S, NoStates>) {
    if (save_every == 4) return launch.wide<T, S, 4, kGate>();
  }
  if (launch.channels == 4) return launch.wide<T, S, 8, kGate>();
  return launch.narrow<T, S, kGate, false>();
}

template <class T, bool kGate>
cudaError_t with_type_of_states(const Launch& launch, std::int64_t save_every, DType states) {
  if (launch.params.states == nullptr) return with_states<T, NoStates, kGate>(launch, save_every);
  if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    if (states == DType::bf16) return with_states<T, __nv_bfloat16, kGate>(launch, save_every);
  }
  return with_states<T, float, kGate>(launch, save_every);
}

template <class T>
cudaError_t with_gate(const Launch& launch, std::int64_t save_every, DType states) {
  if (launch.params.z != nullptr) return with_type_of_states<T, true>(launch, save_every, states);
  return with_type_of_states<T, false>(launch, save_every, states);
}

}  // namespace

cudaError_t scan_forward_warps(const ScanParams& params, const ForwardPlan& plan, const ChunkMemory& memory,
                               std::int64_t save_every, DType dtype, DType states, cudaStream_t stream) {
  ScanChunks chunks{1, 0, nullptr, nullptr};
  if (memory.states != nullptr) {
    chunks = {static_cast<int>(plan.chunks.count), static_cast<int>(plan.chunks.rows), memory.states,
              memory.sums};
  }
  const Launch launch{params, chunks, plan.channels, stream};
  if (dtype == DType::bf16) return with_gate<__nv_bfloat16>(launch, save_every, states);
  return with_gate<float>(launch, save_every, states);
}

}  // namespace mabert::kernels
