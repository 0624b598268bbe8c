#include "mabert/app/progress.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace mabert::app {

Progress::Progress(std::string what) : what_(std::move(what)), is_terminal_(::isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (is_terminal_ && drawn_) std::fputc('\n', stderr);
}

void Progress::update(std::uint64_t done, std::uint64_t total, const std::string& remark) {
  const auto now = Clock::now();
  const std::chrono::duration<double> since = now - last_, elapsed = now - begin_;
  if (drawn_ ? since.count() < (is_terminal_ ? 0.1 : 10.0) : since.count() < (is_terminal_ ? 0.2 : 10.0))
    return;
  last_ = now;
  drawn_ = true;
  if (total == 0) {
    std::fprintf(stderr, is_terminal_ ? "\r%s: %s\033[K" : "%s: %s\n", what_.c_str(), remark.c_str());
    return;
  }
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const double left = part > 0 ? elapsed.count() * (1 - part) / part : 0;
  if (!is_terminal_) {
    std::fprintf(stderr, "%s: %3.0f %%, %s, %.0f s left\n", what_.c_str(), 100 * part, remark.c_str(), left);
    return;
  }
  const std::string bar(static_cast<std::size_t>(30 * part), '#');
  std::fprintf(stderr, "\r%s [%-30s] %3.0f %%  %s  %.0f s left\033[K", what_.c_str(), bar.c_str(), 100 * part,
               remark.c_str(), left);
}

std::string short_number(double value) {
  const char* unit = "";
  for (const char* next : {"k", "M", "G"}) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  char text[32];
  std::snprintf(text, sizeof text, *unit ? "%.3g%s" : "%.0f%s", value, unit);
  return text;
}

}  // namespace mabert::app
