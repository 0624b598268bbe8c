#pragma once

#include <stdexcept>
#include <string>

namespace mabert {

/// Exit codes of the programs. Signals add 128 as shells do (130 SIGINT, 143 SIGTERM).
enum class ExitCode : int {
  ok = 0,
  usage = 2,
  damaged_data = 3,
  no_checkpoint = 4,
  disk_full = 5,
  non_finite = 6,
  device = 7,
  collective = 8,
};

/// Base of every error that a user can cause or mend: one line saying what, where and what to do.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// Wrong command line, configuration or argument.
struct UsageError : Error {
  explicit UsageError(const std::string& message) : Error(ExitCode::usage, message) {}
};

/// A missing, unreadable or damaged input: text, shard, tokenizer.
struct DataError : Error {
  explicit DataError(const std::string& message) : Error(ExitCode::damaged_data, message) {}
};

/// No checkpoint where one is needed, or one that fails its own checks.
struct CheckpointError : Error {
  explicit CheckpointError(const std::string& message) : Error(ExitCode::no_checkpoint, message) {}
};

struct DiskFullError : Error {
  explicit DiskFullError(const std::string& message) : Error(ExitCode::disk_full, message) {}
};

/// Loss or gradients stopped being finite.
struct NonFiniteError : Error {
  explicit NonFiniteError(const std::string& message) : Error(ExitCode::non_finite, message) {}
};

struct DeviceError : Error {
  explicit DeviceError(const std::string& message) : Error(ExitCode::device, message) {}
};

}  // namespace mabert
