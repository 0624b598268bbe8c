#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "mabert/core/files.h"

namespace mabert::data {

inline constexpr std::string_view kIndexFormat = "mabert-shards";

/// Of an index without its field "checksum".
inline std::uint64_t index_checksum(const nlohmann::json& index) {
  const std::string text = index.dump();
  return checksum(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace mabert::data
