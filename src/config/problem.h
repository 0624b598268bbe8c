#pragma once

#include <string>
#include <string_view>

#include "mabert/config/document.h"

namespace mabert::config {

/// `position: path: expected ..., got ...`; path and got are left out where empty.
std::string problem_line(const Position& position, std::string_view path, std::string_view expected,
                         std::string_view got);

/// What a node is, to follow "got".
std::string node_text(const Node& node);

/// `path.key`
std::string child_path(std::string_view path, std::string_view key);

}  // namespace mabert::config
