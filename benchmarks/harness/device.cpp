#include "benchmarks/harness/device.h"

#include "benchmarks/harness/statistics.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <unistd.h>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>

namespace mabert::bench {
namespace {

using Clock = std::chrono::steady_clock;

class HostMark final : public Mark {
 public:
  double since(const Mark& earlier) const override {
    const auto& other = dynamic_cast<const HostMark&>(earlier);
    return std::chrono::duration<double, std::milli>(at_ - other.at_).count();
  }

 private:
  Clock::time_point at_ = Clock::now();
};

class HostDevice final : public BenchDevice {
 public:
  c10::Device device() const override { return c10::Device(c10::kCPU); }
  DeviceFacts facts() const override {
    DeviceFacts facts{.name = "CPU", .driver = "", .multiprocessors = 0};
    facts.memory_bytes = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
      if (line.rfind("model name", 0) != 0) continue;
      const std::size_t colon = line.find(':');
      if (colon != std::string::npos && colon + 2 < line.size()) facts.name = line.substr(colon + 2);
      break;
    }
    return facts;
  }
  void synchronize() const override {}
  std::unique_ptr<Mark> mark() const override { return std::make_unique<HostMark>(); }
  std::unique_ptr<Recording> record(const std::function<void()>& /*work*/) const override { return nullptr; }
  void measure_units(Limits& /*limits*/) const override {}
  std::optional<std::int64_t> peak_memory() const override { return std::nullopt; }
  void reset_peak_memory() const override {}
  void release_memory() const override {}
};

constexpr int kLimitSamples = 7;

double median_seconds(const BenchDevice& device, int repeats, const std::function<void()>& work) {
  work();
  std::vector<double> times;
  for (int i = 0; i < kLimitSamples; ++i) {
    times.push_back(device.time([&] {
      for (int k = 0; k < repeats; ++k) work();
    }) / repeats / 1e3);
  }
  return quantile(times, 0.5);
}

// Other programs take a CPU's cores at times.
double best_seconds(const BenchDevice& device, const std::function<void()>& work) {
  work();
  double seconds = device.time(work) / 1e3;
  for (int i = 1; i < kLimitSamples; ++i) seconds = std::min(seconds, device.time(work) / 1e3);
  return seconds;
}

// A GPU reaches its clock under load only after a while.
void warm_up(const BenchDevice& device, const std::function<void()>& work) {
  constexpr std::chrono::duration<double> kWarmUp(0.3);
  for (const auto begin = Clock::now(); Clock::now() - begin < kWarmUp;) {
    work();
    device.synchronize();
  }
}

}  // namespace

double BenchDevice::time(const std::function<void()>& work) const {
  const std::unique_ptr<Mark> begin = mark();
  work();
  const std::unique_ptr<Mark> end = mark();
  return end->since(*begin);
}

std::unique_ptr<BenchDevice> open_device(c10::Device device) {
  if (device.is_cuda()) return open_cuda_device(device);
  return std::make_unique<HostDevice>();
}

Limits measure_limits(const BenchDevice& device, at::ScalarType dtype) {
  const bool cuda = device.device().is_cuda();
  const auto options = at::TensorOptions().device(device.device());
  Limits limits;
  device.measure_units(limits);  // first: a large matrix product lowers the clock for a while
  {
    const std::int64_t bytes = cuda ? std::int64_t{4} << 30 : std::int64_t{256} << 20;
    const at::Tensor from = at::empty({bytes}, options.dtype(at::kByte)).zero_();
    at::Tensor to = at::empty_like(from);
    limits.copy_bytes_per_second =
        2.0 * static_cast<double>(bytes) / median_seconds(device, 3, [&] { to.copy_(from); });
  }
  {
    const std::int64_t size = cuda ? 8192 : 1024;
    const at::Tensor a = at::randn({size, size}, options.dtype(dtype));
    const at::Tensor b = at::randn({size, size}, options.dtype(dtype));
    at::Tensor c = at::empty({size, size}, options.dtype(dtype));
    const double flops =
        2.0 * static_cast<double>(size) * static_cast<double>(size) * static_cast<double>(size);
    const auto product = [&] { at::mm_out(c, a, b); };
    if (cuda) warm_up(device, product);
    limits.matmul_flops =
        flops / (cuda ? median_seconds(device, 10, product) : best_seconds(device, product));
  }
  device.release_memory();
  return limits;
}

}  // namespace mabert::bench
