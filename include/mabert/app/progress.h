#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace mabert::app {

/// Progress of long work on standard error: a bar with the time left on a terminal, a plain line every ten
/// seconds otherwise.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// done of total (0: unknown), and a short remark such as "1.2M tokens".
  void update(std::uint64_t done, std::uint64_t total, const std::string& remark);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool is_terminal_, drawn_ = false;
  Clock::time_point begin_ = Clock::now(), last_ = begin_;
};

/// 1234567 as "1.23M".
std::string short_number(double value);

}  // namespace mabert::app
