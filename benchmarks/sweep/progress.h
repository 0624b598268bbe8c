#pragma once

#include <chrono>
#include <ostream>
#include <string>

namespace mabert::bench {

/// Lines about what was done, each with the time since the start.
class Progress {
 public:
  explicit Progress(std::ostream& log) : log_(log) {}
  void line(const std::string& text);
  double seconds() const;
  std::ostream& log() { return log_; }

 private:
  std::ostream& log_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace mabert::bench
