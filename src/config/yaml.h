#pragma once

#include <memory>
#include <string>

#include "mabert/config/document.h"

namespace mabert::config {

/// Parses one plain YAML document. An override is parsed as a map of one key (yaml-cpp reports errors of a
/// bare value worse), and `path` names its value in messages. Errors: UsageError at the first thing that is
/// not accepted (see `load`).
Node parse_yaml(std::shared_ptr<const Source> source, std::string path);

}  // namespace mabert::config
