#pragma once

#include "kernels/attention_pool/chunks.cuh"
#include "kernels/common/block_reduce.cuh"
#include "kernels/common/launch_after.cuh"

namespace mabert::kernels {

/// A block takes one chunk of rows, a warp some rows of it over all columns: dx, and for
/// pool_score_gradient_kernel dot = x · grad in place of dscores and Σ p dot of the chunk. Σ p dot over a
/// sequence is grad · out, but without out's rounding.
template <class T, int kColumns, class Block>
__global__ void __launch_bounds__(Block::kThreads, Block::kResident)
    pool_row_gradient_kernel(PoolParams p, PoolGradients g, void* sums) {
  using A = typename Accumulate<T>::type;
  using Columns = Pack<T, kColumns>;
  constexpr int kWarps = Block::kWarps, kWarpRows = Block::kRows / kWarps;
  static_assert(Block::kRows % kWarps == 0);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const PoolChunk chunk = find_pool_chunk<Block::kRows>(p.layout, blockIdx.x);
  if (chunk.first >= chunk.last) return;

  const std::int64_t first = chunk.first + warp * kWarpRows;
  const unsigned valid = chunk.valid_bits<kWarpRows>(p.layout, first, 1);
  const auto is_valid = [&](int j) { return (valid >> j & 1) != 0; };
  const int count = static_cast<int>(chunk.last - first);  // of rows, where positive
  const T* const grad_out = static_cast<const T*>(g.grad_out) + chunk.sequence * p.width;
  const T* const x_rows = static_cast<const T*>(p.x) + first * p.x_stride;
  T* const dx_rows = static_cast<T*>(g.dx) + first * p.width;
  A probabilities[kWarpRows] = {}, dots[kWarpRows] = {};
#pragma unroll
  for (int j = 0; j < kWarpRows; ++j) {
    if (is_valid(j)) probabilities[j] = load<A>(p.probabilities, first + j);
  }
  for (std::int64_t column = lane * kColumns; column < p.width; column += 32 * kColumns) {
    Columns x[kWarpRows];
#pragma unroll
    for (int j = 0; j < kWarpRows; ++j) {
      x[j] = is_valid(j) ? Columns::load(x_rows + j * p.x_stride + column) : Columns::zeros();
    }
    A grad[kColumns];
    Columns::load(grad_out + column).widen_to(grad);
#pragma unroll
    for (int j = 0; j < kWarpRows; ++j) {
      A values[kColumns], dx[kColumns];
      x[j].widen_to(values);
#pragma unroll
      for (int k = 0; k < kColumns; ++k) {
        dots[j] += grad[k] * values[k];
        dx[k] = is_valid(j) ? probabilities[j] * grad[k] : A(0);
      }
      if (j < count) Columns::narrow_from(dx).store(dx_rows + j * p.width + column);
    }
  }

  A along = 0;
#pragma unroll
  for (int j = 0; j < kWarpRows; ++j) {
    dots[j] = warp_reduce<Add>(dots[j]);
    if (is_valid(j)) along += probabilities[j] * dots[j];
    if (lane == 0 && j < count) store<A>(g.dscores, first + j, is_valid(j) ? dots[j] : A(0));
  }
  __shared__ A warp_sums[kWarps];
  if (lane == 0) warp_sums[warp] = along;
  __syncthreads();
  if (threadIdx.x > 0) return;
  along = 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) along += warp_sums[w];
  static_cast<A*>(sums)[chunk.slot] = along;
}

inline constexpr int kScoreThreads = 256;

/// dscores = p (dot − Σ p dot). The blocks of a sequence share its rows; each adds the sums of the chunks.
template <class A, int kChunkRows>
__global__ void __launch_bounds__(kScoreThreads)
    pool_score_gradient_kernel(PoolParams p, PoolGradients g, const void* sums, unsigned blocks) {
  const std::int64_t s = blockIdx.x / blocks, first = p.layout.offsets[s], last = p.layout.offsets[s + 1];
  const int chunks = static_cast<int>((last - first + kChunkRows - 1) / kChunkRows);
  const A* const chunk_sums = static_cast<const A*>(sums) + first_pool_slot(first, s, kChunkRows);
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
  A along = 0;
  for (int c = threadIdx.x % 32; c < chunks; c += 32) along += chunk_sums[c];
  along = warp_reduce<Add>(along);
  const std::int64_t mine = static_cast<std::int64_t>(blockIdx.x % blocks) * kScoreThreads + threadIdx.x;
  for (std::int64_t row = first + mine; row < last; row += std::int64_t{kScoreThreads} * blocks) {
    if (!is_valid(p.layout, row)) continue;
    store<A>(g.dscores, row, load<A>(p.probabilities, row) * (load<A>(g.dscores, row) - along));
  }
}

template <class Block>
inline cudaError_t launch_pool_backward(const PoolParams& p, const PoolGradients& g, void* sums, DType dtype,
                                        cudaStream_t stream) {
  if (p.layout.rows == 0) return cudaSuccess;
  const auto vectors = [&](int size) {
    return in_whole_vectors(p.x, p.x_stride * size) && in_whole_vectors(g.grad_out, p.width * size) &&
           in_whole_vectors(g.dx, p.width * size);
  };
  cudaError_t error = cudaSuccess;
  with_pool_columns(dtype, vectors, [&](auto type, auto columns) {
    using T = decltype(type);
    const auto slots = static_cast<unsigned>(pool_slots(p.layout.rows, p.layout.sequences, Block::kRows));
    pool_row_gradient_kernel<T, decltype(columns)::value, Block>
        <<<slots, Block::kThreads, 0, stream>>>(p, g, sums);
    if ((error = cudaGetLastError()) != cudaSuccess) return;
    // As many as sequences of equal length need.
    const unsigned blocks = blocks_for(p.layout.rows, p.layout.sequences * kScoreThreads);
    error = launch_after(pool_score_gradient_kernel<typename Accumulate<T>::type, Block::kRows>,
                         static_cast<unsigned>(p.layout.sequences) * blocks, kScoreThreads, stream, p, g,
                         sums, blocks);
  });
  return error;
}

}  // namespace mabert::kernels
