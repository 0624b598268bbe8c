#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>

#include <spdlog/logger.h>

#include "mabert/train/metrics.h"

namespace mabert::train {

/// The log of a run: everything to `file` (appended), information and worse to `terminal` as well. On a
/// terminal a line first clears the progress bar that stands there.
std::shared_ptr<spdlog::logger> open_log(const std::filesystem::path& file, std::ostream& terminal,
                                         bool is_terminal);

/// "step 1,200/20,000 …" as one plain line.
std::string describe(const Metrics& metrics, std::int64_t total_steps);

/// What the user watches: a progress bar with the time left on a terminal, plain lines otherwise.
class Console final : public Observer {
 public:
  Console(std::shared_ptr<spdlog::logger> log, std::ostream& terminal, bool is_terminal,
          std::int64_t total_steps);
  ~Console() override;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  void on_step(std::int64_t step) override;
  void on_metrics(const Metrics& metrics) override;

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::int64_t step, Clock::time_point now);
  std::shared_ptr<spdlog::logger> log_;
  std::ostream& terminal_;
  bool is_terminal_;
  std::int64_t total_steps_, first_step_ = -1;
  Clock::time_point begin_, drawn_;
  std::string latest_;
};

}  // namespace mabert::train
