#include <array>
#include <cstdint>
#include <string>

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

#include "mabert/core/error.h"
#include "mabert/train/step_graph.h"

namespace mabert::train {
namespace {

// The libraries make their handles, plans and workspaces at their first calls, which a recording forbids.
constexpr std::int64_t kEagerSteps = 3;
constexpr std::size_t kAhead = 2;

class CudaStepGraph final : public StepGraph {
 public:
  explicit CudaStepGraph(c10::Device device)
      : stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())) {}

  void run(const Function& prepare, const Function& work) override {
    c10::cuda::CUDAEvent& done = done_[static_cast<std::size_t>(steps_) % kAhead];
    done.synchronize();
    const c10::cuda::CUDAStream caller = c10::cuda::getCurrentCUDAStream(stream_.device_index());
    before_.record(caller);
    before_.block(stream_);
    {
      const c10::cuda::CUDAStreamGuard guard(stream_);
      prepare();
      if (steps_ < kEagerSteps) {
        work();
      } else {
        if (steps_ == kEagerSteps) record(work);
        graph_.replay();
      }
    }
    done.record(stream_);
    done.block(caller);
    ++steps_;
  }

 private:
  void record(const Function& work) {
    // What the eager steps left would stand unused beside the graph's own memory.
    c10::cuda::device_synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();
    try {
      graph_.capture_begin();
      try {
        work();
      } catch (...) {
        try {
          graph_.capture_end();
        } catch (const c10::Error&) {  // the recording is broken already: the first error says why
        }
        throw;
      }
      graph_.capture_end();
    } catch (const c10::Error& error) {
      const std::string what = error.what_without_backtrace();
      throw DeviceError("[train] graph: the step cannot be recorded (" + what.substr(0, what.find('\n')) +
                        "); use train.graph=off");
    }
  }

  c10::cuda::CUDAStream stream_;
  at::cuda::CUDAGraph graph_;
  // The first orders work only; waiting for the others lets the processor sleep.
  c10::cuda::CUDAEvent before_;
  std::array<c10::cuda::CUDAEvent, kAhead> done_{
      c10::cuda::CUDAEvent(cudaEventDisableTiming | cudaEventBlockingSync),
      c10::cuda::CUDAEvent(cudaEventDisableTiming | cudaEventBlockingSync)};
  std::int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<StepGraph> make_step_graph(c10::Device device) {
  return std::make_unique<CudaStepGraph>(device);
}

}  // namespace mabert::train
