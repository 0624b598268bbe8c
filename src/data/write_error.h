#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "mabert/core/error.h"

namespace mabert::data {

/// Errors: DiskFullError when space or quota ran out, DataError otherwise.
[[noreturn]] inline void throw_write_error(const std::filesystem::path& path, const std::error_code& error) {
  if (error.value() == ENOSPC || error.value() == EDQUOT) {
    throw DiskFullError(path.string() + ": the disk is full; free some space and run the same command again");
  }
  throw DataError(path.string() + ": cannot write: " + error.message());
}

}  // namespace mabert::data
