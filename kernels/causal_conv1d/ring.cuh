#pragma once

#include "kernels/causal_conv1d/launch_plan.h"
#include "kernels/causal_conv1d/vector.cuh"

#include <cstdint>

namespace mabert::kernels {

/// Copies sizeof(P) bytes to shared memory without waiting, or zeros them without reading.
template <class P>
__device__ inline void copy_ahead(std::uint8_t* to, const char* from, bool needed) {
  if constexpr (sizeof(P) < 4) {
    P p = P::zeros();
    if (needed) p = P::load(from);
    p.store(to);
  } else {
    const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(to));
    const int bytes = needed ? static_cast<int>(sizeof(P)) : 0;
    if constexpr (sizeof(P) == 16) {
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes)
                   : "memory");
    } else {
      asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(address), "l"(from), "n"(sizeof(P)),
                   "r"(bytes)
                   : "memory");
    }
  }
}

/// Rows of kStreams arrays on their way to one thread through shared memory, where they cost no registers.
/// The thread reads only what it copied itself, so nobody waits for another. Rows come in chunks of kTaps,
/// kAhead rows before they are used.
template <class T, int kVector, int kTaps, int kStreams>
struct RowRing {
  using P = Pack<T, kVector>;
  static constexpr int kAhead = kTaps == kConvTaps ? 12 : 0, kSlots = kAhead + kTaps,
                       kThreads = 32 * kConvWarps;
  static constexpr int kRow = kThreads * static_cast<int>(sizeof(P));  // bytes from slot to slot
  static constexpr int kBytes = kStreams * kSlots * kRow;

  std::uint8_t* slots;  // of this thread
  const char* from[kStreams];
  std::int64_t step[kStreams];
  int fetched = 0, taken = 0;  // slots of the next chunk to fetch and to take

  /// Fetches the next chunk; needed(j): is row j of it to be read?
  template <class Needed>
  __device__ void fetch(const Needed& needed) {
#pragma unroll
    for (int j = 0; j < kTaps; ++j) {
#pragma unroll
      for (int s = 0; s < kStreams; ++s) {
        copy_ahead<P>(slots + (s * kSlots + j) * kRow + fetched, from[s], needed(j));
        from[s] += step[s];
      }
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
    fetched = fetched + kTaps * kRow == kSlots * kRow ? 0 : fetched + kTaps * kRow;
  }

  /// Waits for the chunk to take next.
  __device__ void wait() const { asm volatile("cp.async.wait_group %0;" ::"n"(kAhead / kTaps) : "memory"); }
  __device__ P take(int stream, int j) const { return P::load(slots + (stream * kSlots + j) * kRow + taken); }
  __device__ void advance() { taken = taken + kTaps * kRow == kSlots * kRow ? 0 : taken + kTaps * kRow; }
};

}  // namespace mabert::kernels
