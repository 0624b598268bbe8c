#include "kernels/causal_conv1d/vector.cuh"
#include "kernels/common/cuda_types.cuh"
#include "kernels/rotary/cuda.h"

namespace mabert::kernels {
namespace {

constexpr int kThreads = 128;
constexpr int kRows = 4;     // of a block: four share a launch, few enough to fill the device at 512 rows
constexpr int kPairs = 128;  // whose sines a block holds; wider heads take several blocks

// The compiler takes a plain store of a pack apart into words.
template <class T, int kLanes>
__device__ void store_whole(const Pack<T, kLanes>& pack, T* to) {
  if constexpr (kLanes * sizeof(T) == sizeof(uint4)) {
    __stwb(reinterpret_cast<uint4*>(to),
           make_uint4(pack.words[0], pack.words[1], pack.words[2], pack.words[3]));
  } else {
    pack.store(to);
  }
}

__device__ void sine_and_cosine(float half_turns, float* sine, float* cosine) {
  sincospif(half_turns, sine, cosine);
}
__device__ void sine_and_cosine(double half_turns, double* sine, double* cosine) {
  sincospi(half_turns, sine, cosine);
}

// All heads and parts of a row share its angles, so these are computed once per block.
template <class T, int kLanes>
__global__ void __launch_bounds__(kThreads) rotary_kernel(RotaryParams p) {
  using A = typename Accumulate<T>::type;
  using Lanes = Pack<T, kLanes>;
  __shared__ alignas(64) A cosine[kRows][kPairs], sine[kRows][kPairs];
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kRows;
  const std::int64_t first_pair = static_cast<std::int64_t>(blockIdx.y) * kPairs;
  const int rows = static_cast<int>(min(std::int64_t{kRows}, p.rows - first_row));
  const int pairs = static_cast<int>(min(std::int64_t{kPairs}, p.pairs - first_pair));
  for (int i = threadIdx.x; i < rows * pairs; i += kThreads) {
    const int row = i / pairs, pair = i % pairs;
    const A angle =
        rotary_half_turns<A>(rotary_frequency(p, first_pair + pair), p.positions[first_row + row]);
    A s, c;
    sine_and_cosine(angle, &s, &c);
    cosine[row][pair] = c;
    sine[row][pair] = p.backwards ? -s : s;
  }
  __syncthreads();

  const unsigned packs = pairs / kLanes, heads = static_cast<unsigned>(p.heads), parts = p.parts;
  for (unsigned i = threadIdx.x; i < rows * parts * heads * packs; i += kThreads) {
    const unsigned pair = i % packs * kLanes, head = i / packs % heads;
    const unsigned part = i / (packs * heads) % parts, row = i / (packs * heads * parts);
    const RotaryPart& of = p.part[part];
    const T* const x = static_cast<const T*>(of.x) + (first_row + row) * of.x_row_stride +
                       head * of.x_head_stride + first_pair + pair;
    T* const out = static_cast<T*>(of.out) + (first_row + row) * of.out_row_stride + head * 2 * p.pairs +
                   first_pair + pair;
    Lanes low = Lanes::load(x), high = Lanes::load(x + p.pairs);
    if (part < kTurnedParts) {
      A first[kLanes], second[kLanes];
      low.widen_to(first);
      high.widen_to(second);
#pragma unroll
      for (int lane = 0; lane < kLanes; ++lane) {
        const A c = cosine[row][pair + lane], s = sine[row][pair + lane], x0 = first[lane];
        first[lane] = fma(x0, c, -second[lane] * s);  // written out: rounded alike for any kLanes
        second[lane] = fma(second[lane], c, x0 * s);
      }
      low = Lanes::narrow_from(first);
      high = Lanes::narrow_from(second);
    }
    store_whole(low, out);
    store_whole(high, out + p.pairs);
  }
}

bool is_aligned(const RotaryParams& p, std::int64_t lanes, std::size_t bytes) {
  bool aligned = p.pairs % lanes == 0;
  for (int i = 0; i < p.parts; ++i) {
    const RotaryPart& of = p.part[i];
    aligned = aligned && reinterpret_cast<std::uintptr_t>(of.x) % bytes == 0 &&
              reinterpret_cast<std::uintptr_t>(of.out) % bytes == 0 && of.x_row_stride % lanes == 0 &&
              of.x_head_stride % lanes == 0 && of.out_row_stride % lanes == 0;
  }
  return aligned;
}

}  // namespace

cudaError_t rotary_cuda(const RotaryParams& params, DType dtype, cudaStream_t stream) {
  if (params.rows * params.heads * params.pairs == 0) return cudaSuccess;
  const dim3 grid(blocks_for(params.rows, kRows), blocks_for(params.pairs, kPairs));
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    constexpr int kLanes = sizeof(T) == 8 ? 1 : 16 / sizeof(T);
    if (is_aligned(params, kLanes, kLanes * sizeof(T))) {
      rotary_kernel<T, kLanes><<<grid, kThreads, 0, stream>>>(params);
    } else {
      rotary_kernel<T, 1><<<grid, kThreads, 0, stream>>>(params);
    }
  });
  return cudaGetLastError();
}

}  // namespace mabert::kernels
