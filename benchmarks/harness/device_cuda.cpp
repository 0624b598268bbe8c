#include "benchmarks/harness/device.h"
#include "benchmarks/harness/probe.h"

#include <fstream>
#include <regex>

#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAContextLight.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

namespace mabert::bench {
namespace {

class CudaMark final : public Mark {
 public:
  CudaMark() : event_(cudaEventDefault) { event_.record(); }
  double since(const Mark& earlier) const override {
    event_.synchronize();
    return dynamic_cast<const CudaMark&>(earlier).event_.elapsed_time(event_);
  }

 private:
  c10::cuda::CUDAEvent event_;
};

class CudaGraph final : public Recording {
 public:
  CudaGraph(const std::function<void()>& work, c10::cuda::CUDAStream stream) {
    c10::cuda::device_synchronize();
    const c10::cuda::CUDAStreamGuard guard(stream);
    graph_.capture_begin();
    try {
      work();
    } catch (...) {
      try {
        graph_.capture_end();
      } catch (...) {  // the capture is already broken: the first error says why
      }
      throw;
    }
    graph_.capture_end();
  }
  void replay() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

std::string driver_version() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string line;
  std::getline(file, line);
  std::smatch match;
  return std::regex_search(line, match, std::regex("([0-9]+\\.[0-9.]+)")) ? match[1].str() : "unknown";
}

class CudaDevice final : public BenchDevice {
 public:
  explicit CudaDevice(c10::Device device) : device_(device), guard_(device) {
    C10_CUDA_CHECK(cudaGetDeviceProperties(&properties_, device.has_index() ? device.index() : 0));
  }
  c10::Device device() const override { return device_; }
  DeviceFacts facts() const override {
    return {.name = properties_.name,
            .driver = driver_version(),
            .multiprocessors = properties_.multiProcessorCount,
            .memory_bytes = static_cast<std::int64_t>(properties_.totalGlobalMem)};
  }
  void synchronize() const override { c10::cuda::device_synchronize(); }
  std::unique_ptr<Mark> mark() const override { return std::make_unique<CudaMark>(); }
  std::unique_ptr<Recording> record(const std::function<void()>& work) const override {
    return std::make_unique<CudaGraph>(work, stream_);
  }
  void measure_units(Limits& limits) const override;
  std::optional<std::int64_t> peak_memory() const override {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
    return stats.allocated_bytes[0].peak;
  }
  void reset_peak_memory() const override {
    c10::cuda::CUDACachingAllocator::resetPeakStats(c10::cuda::current_device());
  }
  void release_memory() const override {
    synchronize();
    at::cuda::clearCublasWorkspaces();  // else what ran before would count in the next measurement's peak
    c10::cuda::CUDACachingAllocator::emptyCache();
  }

 private:
  c10::Device device_;
  c10::cuda::CUDAGuard guard_;
  c10::cuda::CUDAStream stream_ = c10::cuda::getStreamFromPool();  // of all recordings
  cudaDeviceProp properties_{};
};

void CudaDevice::measure_units(Limits& limits) const {
  const int multiprocessors = properties_.multiProcessorCount;
  const at::Tensor result = at::zeros({2}, at::TensorOptions().dtype(at::kLong).device(device_));
  auto* const data = reinterpret_cast<std::uint64_t*>(result.mutable_data_ptr<std::int64_t>());
  const auto launch = [&] {
    C10_CUDA_CHECK(launch_probe(multiprocessors, data, c10::cuda::getCurrentCUDAStream()));
  };
  for (int i = 0; i < 10; ++i) launch();
  double seconds = 1e9;
  for (int i = 0; i < 10; ++i) seconds = std::min(seconds, time(launch) / 1e3);
  const at::Tensor host = result.to(at::kCPU);
  const double clock = static_cast<double>(host.const_data_ptr<std::int64_t>()[0]) /
                       static_cast<double>(host.const_data_ptr<std::int64_t>()[1]) * 1e9;
  limits.clock_hz = clock;
  limits.exps_per_second = static_cast<double>(probe_exps(multiprocessors)) / seconds;
  limits.instructions_per_second = issue_rate(multiprocessors, clock);
}

}  // namespace

std::unique_ptr<BenchDevice> open_cuda_device(c10::Device device) {
  return std::make_unique<CudaDevice>(device);
}

}  // namespace mabert::bench
