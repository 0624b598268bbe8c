#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mabert::bench {

/// Work of the device between a start and an end.
struct KernelTime {
  std::string name;
  std::int64_t begin_ns = 0, end_ns = 0;
};

struct GroupTime {
  std::string group;
  double ms = 0;
  std::int64_t launches = 0;
};

/// The group of a kernel by its name; "" for kernels that several operators share (sums over parts), which
/// belong to whatever ran before them.
std::string kernel_group(std::string_view name);

/// Time per group, largest first.
std::vector<GroupTime> group_times(std::vector<KernelTime> kernels);

/// Time per kernel name, largest first, at most `most`.
std::vector<GroupTime> longest_kernels(const std::vector<KernelTime>& kernels, std::size_t most);

/// Time in which at least one kernel ran.
double busy_ms(std::vector<KernelTime> kernels);

}  // namespace mabert::bench
