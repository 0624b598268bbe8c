#include "benchmarks/harness/limits.h"

namespace mabert::bench {
namespace {

std::optional<double> share(double amount, const std::optional<double>& rate, double seconds) {
  if (amount <= 0 || !rate || *rate <= 0 || seconds <= 0) return std::nullopt;
  return amount / *rate / seconds;
}

}  // namespace

Shares shares(const Cost& cost, const Limits& limits, double seconds) {
  return {.bandwidth = share(cost.bytes, limits.copy_bytes_per_second, seconds),
          .exponentials = share(cost.exps, limits.exps_per_second, seconds),
          .issue = share(cost.instructions, limits.instructions_per_second, seconds),
          .matmul = share(cost.flops, limits.matmul_flops, seconds)};
}

double issue_rate(int multiprocessors, double clock_hz) { return 4.0 * 32.0 * multiprocessors * clock_hz; }

}  // namespace mabert::bench
