#pragma once

#include <optional>

namespace mabert::bench {

/// What the device can do at most, measured in the run; absent where that means nothing on this device.
struct Limits {
  double copy_bytes_per_second = 0;               ///< read + write of a large copy
  std::optional<double> matmul_flops;             ///< in the dtype under test
  std::optional<double> exps_per_second;          ///< of the special function unit
  std::optional<double> instructions_per_second;  ///< of single threads: 4 warp instructions a cycle and SM
  std::optional<double> clock_hz;                 ///< of an SM while the exponentials were measured
};

/// What one call must do, whatever the implementation; 0: not limited by it.
struct Cost {
  double bytes = 0;         ///< inputs read once, outputs written once
  double exps = 0;          ///< exponentials, logarithms, reciprocals
  double instructions = 0;  ///< of single threads, by the model constants beside each operator
  double flops = 0;         ///< of matrix products
};

/// Least time that each limit allows over the time taken; absent where limit or cost is.
struct Shares {
  std::optional<double> bandwidth, exponentials, issue, matmul;
};

Shares shares(const Cost& cost, const Limits& limits, double seconds);

/// Thread instructions per second: 4 schedulers of each SM, 32 threads each.
double issue_rate(int multiprocessors, double clock_hz);

}  // namespace mabert::bench
