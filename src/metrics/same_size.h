#pragma once

#include <cstddef>
#include <string>

#include "mabert/core/error.h"

namespace mabert::metrics {

inline void require_same_size(const char* name, std::size_t expected, std::size_t got) {
  if (got == expected) return;
  throw UsageError(std::string("[metrics] ") + name + ": expected " + std::to_string(expected) +
                   " values, got " + std::to_string(got));
}

}  // namespace mabert::metrics
