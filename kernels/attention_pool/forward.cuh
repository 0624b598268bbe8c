#pragma once

#include "kernels/attention_pool/chunks.cuh"
#include "kernels/common/block_reduce.cuh"
#include "kernels/common/launch_after.cuh"

namespace mabert::kernels {

/// The weights exp(score − largest) of a chunk's rows, 0 of invalid ones, formed by one warp. The largest
/// score (−∞ without a valid row) and their sum are the same in all lanes.
template <class A>
struct PoolWeights {
  A largest, sum;

  template <int kRows>
  __device__ static PoolWeights form(const PoolParams& p, const PoolChunk& chunk, A (&weights)[kRows]) {
    static_assert(kRows % 32 == 0);
    const int lane = threadIdx.x % 32;
    A scores[kRows / 32];
    PoolWeights result{A(-INFINITY), A(0)};
#pragma unroll
    for (int i = 0; i < kRows / 32; ++i) {
      const std::int64_t row = chunk.first + 32 * i + lane;
      scores[i] = chunk.is_valid(p.layout, row) ? load<A>(p.scores, row) : A(-INFINITY);
      result.largest = Larger()(scores[i], result.largest);  // passes a NaN over, which reaches the sum
    }
    result.largest = warp_reduce<Larger>(result.largest);
    const A origin = result.largest == A(-INFINITY) ? A(0) : result.largest;
#pragma unroll
    for (int i = 0; i < kRows / 32; ++i) {
      const A weight = exp(scores[i] - origin);
      weights[32 * i + lane] = weight;
      result.sum += weight;
    }
    result.sum = warp_reduce<Add>(result.sum);
    return result;
  }
};

/// A block sums one chunk of rows in one tile of columns, 32 · kColumns wide. A chunk's weights are relative
/// to its largest score; pool_combine_kernel brings the chunks of a sequence to the same scale.
template <class T, int kColumns, class Block>
__global__ void __launch_bounds__(Block::kThreads, Block::kResident)
    pool_parts_kernel(PoolParams p, PoolParts parts, unsigned tiles) {
  using A = typename Accumulate<T>::type;
  using Columns = Pack<T, kColumns>;
  constexpr int kWarps = Block::kWarps, kWarpRows = Block::kRows / kWarps;
  static_assert(Block::kRows % kWarps == 0);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const PoolChunk chunk = find_pool_chunk<Block::kRows>(p.layout, blockIdx.x / tiles);
  if (chunk.first >= chunk.last) return;

  // A warp sums the rows at warp, warp + kWarps, …; they are under way while the weights are formed.
  const std::int64_t tile_column = static_cast<std::int64_t>(blockIdx.x % tiles) * 32 * kColumns;
  const std::int64_t column = tile_column + lane * kColumns;
  const std::int64_t first = chunk.first + warp;
  const unsigned valid = chunk.valid_bits<kWarpRows>(p.layout, first, kWarps);
  Columns x[kWarpRows];
#pragma unroll
  for (int j = 0; j < kWarpRows; ++j) {
    const T* const from = static_cast<const T*>(p.x) + (first + j * kWarps) * p.x_stride + column;
    x[j] = column < p.width && (valid >> j & 1) != 0 ? Columns::load(from) : Columns::zeros();
  }
  __shared__ A weights[Block::kRows];
  if (warp == 0) {
    const auto formed = PoolWeights<A>::form(p, chunk, weights);
    if (tile_column == 0 && lane == 0) {
      static_cast<A*>(parts.largest)[chunk.slot] = formed.largest;
      static_cast<A*>(parts.sums)[chunk.slot] = formed.sum;
    }
  }
  __syncthreads();
  A totals[kColumns] = {};
#pragma unroll
  for (int j = 0; j < kWarpRows; ++j) {
    const A weight = weights[j * kWarps + warp];
    A values[kColumns];
    x[j].widen_to(values);
#pragma unroll
    for (int k = 0; k < kColumns; ++k) totals[k] += weight * values[k];
  }

  __shared__ A warp_totals[kWarps][32 * (kColumns + 1)];  // one more, against bank conflicts
#pragma unroll
  for (int k = 0; k < kColumns; ++k) warp_totals[warp][lane * (kColumns + 1) + k] = totals[k];
  __syncthreads();
  for (int e = threadIdx.x; e < 32 * kColumns && tile_column + e < p.width; e += Block::kThreads) {
    A total = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) total += warp_totals[w][e + e / kColumns];
    static_cast<A*>(parts.rows)[chunk.slot * parts.stride + tile_column + e] = total;
  }
}

inline constexpr int kCombineWarps = 8, kCombineThreads = 32 * kCombineWarps;

/// A block adds the chunks of one sequence in one tile of 32 · kColumns columns: a warp every eighth
/// chunk in order, then the warps in order. The blocks of a sequence share the work on its probabilities.
template <class T, int kColumns, int kChunkRows>
__global__ void __launch_bounds__(kCombineThreads)
    pool_combine_kernel(PoolParams p, PoolParts parts, unsigned tiles) {
  using A = typename Accumulate<T>::type;
  using Columns = Pack<A, kColumns>;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const std::int64_t s = blockIdx.x / tiles, tile = blockIdx.x % tiles;
  const std::int64_t first = p.layout.offsets[s], last = p.layout.offsets[s + 1];
  const bool empty = p.layout.begin[s] >= p.layout.end[s];
  const std::int64_t slot = first_pool_slot(first, s, kChunkRows);
  const int chunks = empty ? 0 : static_cast<int>((last - first + kChunkRows - 1) / kChunkRows);
  const A* const chunk_rows = static_cast<const A*>(parts.rows) + slot * parts.stride;
  const A* const chunk_largest = static_cast<const A*>(parts.largest) + slot;
  const A* const chunk_sums = static_cast<const A*>(parts.sums) + slot;
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
  A largest = -INFINITY, sum = 0;
  for (int c = lane; c < chunks; c += 32) largest = Larger()(chunk_largest[c], largest);
  largest = warp_reduce<Larger>(largest);
  for (int c = lane; c < chunks; c += 32) sum += chunk_sums[c] * exp(chunk_largest[c] - largest);
  sum = warp_reduce<Add>(sum);
  const A share = A(1) / sum;

  const std::int64_t tile_column = tile * 32 * kColumns, column = tile_column + lane * kColumns;
  A totals[kColumns] = {};
  constexpr int kAtOnce = kColumns;  // chunks that are under way; double has registers for one
  if (column < p.width) {
#pragma unroll kAtOnce
    for (int c = warp; c < chunks; c += kCombineWarps) {
      A part[kColumns];
      Columns::load(chunk_rows + c * parts.stride + column).widen_to(part);
      const A scale = exp(chunk_largest[c] - largest);
#pragma unroll
      for (int k = 0; k < kColumns; ++k) totals[k] += scale * part[k];
    }
  }
  __shared__ A warp_totals[kCombineWarps][32 * (kColumns + 1)];
#pragma unroll
  for (int k = 0; k < kColumns; ++k) warp_totals[warp][lane * (kColumns + 1) + k] = totals[k];
  __syncthreads();
  const int e = threadIdx.x;
  if (e < 32 * kColumns && tile_column + e < p.width) {
    A total = 0;
#pragma unroll
    for (int w = 0; w < kCombineWarps; ++w) total += warp_totals[w][e + e / kColumns];
    store<T>(p.out, s * p.width + tile_column + e, empty ? A(0) : total * share);
  }
  for (std::int64_t row = first + tile * kCombineThreads + e; row < last; row += tiles * kCombineThreads) {
    const bool valid = is_valid(p.layout, row);
    store<A>(p.probabilities, row, valid ? exp(load<A>(p.scores, row) - largest) * share : A(0));
  }
}

template <class Block>
inline cudaError_t launch_pool_forward(const PoolParams& p, const PoolParts& parts, DType dtype,
                                       cudaStream_t stream) {
  if (p.layout.sequences == 0) return cudaSuccess;
  const auto vectors = [&](int size) {
    return in_whole_vectors(p.x, p.x_stride * size) && p.width * size % 16 == 0;
  };
  cudaError_t error = cudaSuccess;
  with_pool_columns(dtype, vectors, [&](auto type, auto columns) {
    using T = decltype(type);
    constexpr int kColumns = decltype(columns)::value;
    const std::int64_t at_least_one = p.width > 0 ? p.width : 1;
    const unsigned tiles = blocks_for(at_least_one, 32 * kColumns);
    const auto slots = static_cast<unsigned>(pool_slots(p.layout.rows, p.layout.sequences, Block::kRows));
    pool_parts_kernel<T, kColumns, Block><<<slots * tiles, Block::kThreads, 0, stream>>>(p, parts, tiles);
    if ((error = cudaGetLastError()) != cudaSuccess) return;
    constexpr int kPartColumns = std::is_same_v<T, double> ? 1 : 4;
    const unsigned combine_tiles = blocks_for(at_least_one, 32 * kPartColumns);
    const auto sequences = static_cast<unsigned>(p.layout.sequences);
    error = launch_after(pool_combine_kernel<T, kPartColumns, Block::kRows>, sequences * combine_tiles,
                         kCombineThreads, stream, p, parts, combine_tiles);
  });
  return error;
}

}  // namespace mabert::kernels
