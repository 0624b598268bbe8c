#include "benchmarks/sweep/progress.h"

#include <cstdio>

namespace mabert::bench {

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

void Progress::line(const std::string& text) {
  char time[32];
  std::snprintf(time, sizeof time, "%6.1f s  ", seconds());
  log_ << time << text << std::endl;
}

}  // namespace mabert::bench
