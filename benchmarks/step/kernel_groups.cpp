#include "benchmarks/step/kernel_groups.h"

#include <algorithm>
#include <map>
#include <span>

namespace mabert::bench {
namespace {

constexpr const char* kShared = "";

// First match wins: a part of the kernel's name, and its group.
struct Group {
  std::string_view part;
  const char* name;
};

// Of our own kernels; those not listed (sums over parts) serve several operators.
constexpr Group kOwnGroups[] = {
    {"scan_forward", "selective scan forward"},
    {"scan_", "selective scan backward"},
    {"conv_forward", "convolution forward"},
    {"conv_", "convolution backward"},
    {"cross_entropy", "loss"},
    {"pool_", "pooling"},
    {"dropout", "dropout"},
    {"rotary", "rotary"},
};

constexpr Group kLibraryGroups[] = {
    {"flash_bwd", "attention"},
    {"flash_fwd", "attention"},
    {"fmha", "attention"},
    {"gemm", "matrix products"},
    {"gemv", "matrix products"},
    {"nvjet", "matrix products"},
    {"cutlass", "matrix products"},
    {"cublas", "matrix products"},
    {"xmma", "matrix products"},
    {"splitKreduce", "matrix products"},
    {"FusedAdam", "optimizer"},
    {"fused_adam", "optimizer"},
    {"multi_tensor_apply", "optimizer"},
    {"NormTwoOps", "optimizer"},
    {"layer_norm", "norms"},
    {"LayerNorm", "norms"},
    {"GammaBeta", "norms"},
    {"embedding", "embedding"},
    {"indexSelect", "embedding"},
    {"index_", "embedding"},
    {"indexing_", "embedding"},
    {"DeviceRadixSort", "embedding"},
    {"sum_and_scatter", "embedding"},
    {"krn_partial", "embedding"},
    {"Memcpy", "copies and fills"},
    {"Memset", "copies and fills"},
    {"copy_kernel", "casts and copies"},
    {"CatArray", "casts and copies"},
    {"elementwise_kernel", "elementwise"},
    {"reduce_kernel", "reductions"},
};

std::string find_group(std::span<const Group> groups, std::string_view name, const char* otherwise) {
  for (const Group& group : groups) {
    if (name.find(group.part) != std::string_view::npos) return group.name;
  }
  return otherwise;
}

std::vector<GroupTime> sorted(const std::map<std::string, GroupTime>& by_name) {
  std::vector<GroupTime> all;
  for (const auto& [name, time] : by_name) all.push_back(time);
  std::stable_sort(all.begin(), all.end(),
                   [](const GroupTime& a, const GroupTime& b) { return a.ms > b.ms; });
  return all;
}

void add(std::map<std::string, GroupTime>& by_name, const std::string& name, const KernelTime& kernel) {
  GroupTime& time = by_name[name];
  time.group = name;
  time.ms += static_cast<double>(kernel.end_ns - kernel.begin_ns) / 1e6;
  ++time.launches;
}

}  // namespace

std::string kernel_group(std::string_view name) {
  if (name.find("mabert::") != std::string_view::npos) return find_group(kOwnGroups, name, kShared);
  return find_group(kLibraryGroups, name, "other");
}

std::vector<GroupTime> group_times(std::vector<KernelTime> kernels) {
  std::sort(kernels.begin(), kernels.end(),
            [](const KernelTime& a, const KernelTime& b) { return a.begin_ns < b.begin_ns; });
  std::map<std::string, GroupTime> by_group;
  std::string previous = "other";
  for (const KernelTime& kernel : kernels) {
    const std::string group = kernel_group(kernel.name);
    if (group != kShared) previous = group;
    add(by_group, previous, kernel);
  }
  return sorted(by_group);
}

std::vector<GroupTime> longest_kernels(const std::vector<KernelTime>& kernels, std::size_t most) {
  std::map<std::string, GroupTime> by_name;
  for (const KernelTime& kernel : kernels) add(by_name, kernel.name, kernel);
  std::vector<GroupTime> all = sorted(by_name);
  if (all.size() > most) all.resize(most);
  return all;
}

double busy_ms(std::vector<KernelTime> kernels) {
  std::sort(kernels.begin(), kernels.end(),
            [](const KernelTime& a, const KernelTime& b) { return a.begin_ns < b.begin_ns; });
  std::int64_t total = 0, until = 0;
  for (const KernelTime& kernel : kernels) {
    if (kernel.end_ns <= until) continue;
    total += kernel.end_ns - std::max(kernel.begin_ns, until);
    until = kernel.end_ns;
  }
  return static_cast<double>(total) / 1e6;
}

}  // namespace mabert::bench
