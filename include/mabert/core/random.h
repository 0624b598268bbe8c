#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define MABERT_HOST_DEVICE __host__ __device__
#else
#define MABERT_HOST_DEVICE
#endif

namespace mabert {

/// Philox4x32-10: four independent 32-bit words for each (counter, key). The same on host and device.
/// Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.3.
struct Philox {
  std::uint32_t words[4];

  MABERT_HOST_DEVICE static Philox draw(std::uint64_t key, std::uint64_t high, std::uint64_t low) {
    std::uint32_t c0 = static_cast<std::uint32_t>(low), c1 = static_cast<std::uint32_t>(low >> 32);
    std::uint32_t c2 = static_cast<std::uint32_t>(high), c3 = static_cast<std::uint32_t>(high >> 32);
    std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
      const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
      const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c1 = static_cast<std::uint32_t>(p1);
      c3 = static_cast<std::uint32_t>(p0);
      c0 = n0;
      c2 = n2;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
  }

  MABERT_HOST_DEVICE std::uint64_t word64(int half) const {
    return (std::uint64_t{words[2 * half + 1]} << 32) | words[2 * half];
  }
};

/// Uniform in [0, 1) with 24 bits: exact in float.
MABERT_HOST_DEVICE inline float uniform_float(std::uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

/// Uniform in [0, 1) with 53 bits.
inline double uniform_double(std::uint64_t word) { return static_cast<double>(word >> 11) * 0x1p-53; }

/// Independent key from a seed and the name of what it is for, e.g. derive_key(seed, 3). Source: SplitMix64
/// finaliser.
inline std::uint64_t derive_key(std::uint64_t seed, std::uint64_t purpose) {
  std::uint64_t x = seed + 0x9E3779B97F4A7C15ull * (purpose + 1);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

/// Purposes of derived keys, so that no two parts of a run share random numbers.
enum class RandomPurpose : std::uint64_t {
  initialization = 1,
  data_order = 2,
  masking = 3,
  dropout = 4,
  split = 5
};

inline std::uint64_t derive_key(std::uint64_t seed, RandomPurpose purpose) {
  return derive_key(seed, static_cast<std::uint64_t>(purpose));
}

/// Two independent standard normals from one draw (Box-Muller).
inline std::array<double, 2> normal_pair(const Philox& draw) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform_double(draw.word64(0))));
  const double angle = 6.283185307179586 * uniform_double(draw.word64(1));
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// A bijection of 0..size-1 chosen by `key`, computable at any index without storing it: a 6-round Feistel
/// network over the next even power of two, walked until it lands inside. Source: Black & Rogaway 2002,
/// "Ciphers with arbitrary finite domains" (cycle walking).
class KeyedPermutation {
 public:
  /// size ≥ 1.
  KeyedPermutation(std::uint64_t size, std::uint64_t key) : size_(size), key_(key) {
    while (half_bits_ < 32 && (std::uint64_t{1} << (2 * half_bits_)) < size) ++half_bits_;
  }

  std::uint64_t operator()(std::uint64_t index) const {
    do index = encrypt(index);
    while (index >= size_);
    return index;
  }

 private:
  std::uint64_t encrypt(std::uint64_t value) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = value >> half_bits_, right = value & mask;
    for (std::uint64_t round = 0; round < 6; ++round) {
      const std::uint64_t next = left ^ (Philox::draw(key_, round, right).word64(0) & mask);
      left = right;
      right = next;
    }
    return (left << half_bits_) | right;
  }

  std::uint64_t size_, key_;
  int half_bits_ = 1;
};

}  // namespace mabert
