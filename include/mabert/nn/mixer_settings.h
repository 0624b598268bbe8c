#pragma once

#include <cstdint>
#include <memory>
#include <optional>

namespace mabert::nn {

class SequenceMixer;

/// What a mixer learns from the model around it.
struct MixerSettings {
  std::int64_t width = 768;           ///< D
  std::optional<double> rotary_base;  ///< present: attention turns queries and keys by position
  std::int64_t occurrence = 0;        ///< how many layers of the same block come before
};

}  // namespace mabert::nn
