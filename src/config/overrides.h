#pragma once

#include <string>
#include <vector>

#include "mabert/config/document.h"

namespace mabert::config {

/// `top` over `base` by the rules of `load`.
Node merge(Node base, Node top);

/// One map of all `key.path=value`, later ones over earlier ones. Errors: UsageError that names the override.
Node parse_overrides(const std::vector<std::string>& overrides);

}  // namespace mabert::config
