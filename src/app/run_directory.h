#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "mabert/app/run_config.h"
#include "mabert/core/error.h"
#include "mabert/train/trainer.h"

namespace torch::nn {
class Module;
}

namespace mabert::app {

constexpr std::uint64_t kMaxConfigBytes = 1 << 20, kMaxResultBytes = 1 << 24;

bool is_there(const std::filesystem::path& path);

/// Keeps two processes from working in one directory; the system lifts it when the process ends, however it
/// ends.
class RunLock {
 public:
  enum class IfTaken { fail, wait };
  /// Errors: UsageError when it is taken (or cannot be written); an Error with the code of a signal that came
  /// while waiting.
  explicit RunLock(const std::filesystem::path& directory, IfTaken if_taken = IfTaken::fail);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_ = -1;
};

/// Has a step been saved here? A start that failed before that leaves nothing that a later one must agree
/// with.
bool has_begun(const std::filesystem::path& directory);

/// How the configuration of the run in the directory differs from this one, as "'old', now 'new'"; empty
/// where it does not, and where there is no run.
std::string difference_to(const std::filesystem::path& directory, const RunConfig& config);

/// Errors: UsageError when the directory holds a run that another configuration made, or, with
/// train.resume=never, any run.
void require_same_run(const std::filesystem::path& directory, const RunConfig& config);

/// result.json of a run that has nothing left to do: it reached its last step, or the time limit that still
/// holds. Empty otherwise, and with train.resume other than auto.
std::string finished_result(const std::filesystem::path& directory, const train::TrainOptions& options);

/// Writes the configuration as the one of the next start. Returns its text.
std::string write_config(const std::filesystem::path& directory, const RunConfig& config);

std::int64_t count_parameters(const torch::nn::Module& module);

/// 0, or 128 + signal for an interrupted run.
int exit_code(const train::TrainResult& result);

/// Sections left out of a file are not checked while it is read.
template <class Options>
void require_valid(const char* section, const Options& options) {
  if (const auto problem = options.validate()) {
    throw UsageError(std::string(section) + (problem->key.empty() ? "" : "." + problem->key) + ": expected " +
                     problem->expected + ", got " + problem->got);
  }
}

}  // namespace mabert::app
