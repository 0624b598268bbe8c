#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace mabert::bench {

struct StepArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::string lengths = "full";  ///< full: every sample as long as samples.max_length; mixed: 16 up to that
  std::optional<std::filesystem::path> json;
  std::int64_t samples = 21;
  bool profile = true;
};

/// Times training steps of the trainer itself on random tokens, 16,384 of them a step unless the overrides
/// say otherwise. Errors: UsageError, DeviceError.
int run_step(const StepArguments& arguments, const std::string& command, std::ostream& out,
             std::ostream& log);

}  // namespace mabert::bench
