#pragma once

#include <functional>
#include <memory>

#include <c10/core/Device.h>

namespace mabert::train {

/// Work on a CUDA device that is the same in every step: carried out a few times, then recorded as one CUDA
/// graph and replayed, so that the host issues one launch instead of thousands. Runs on a stream of its own,
/// in order with what the caller's stream holds before and after. Source: own.
class StepGraph {
 public:
  using Function = std::function<void()>;

  virtual ~StepGraph() = default;
  /// prepare(): what the host gives this step; it writes tensors that `work` reads, always the same ones.
  /// work(): issues the work; called in the first steps only, and for the recording. The host stays at most
  /// two steps ahead of the device. Errors: DeviceError when the work cannot be recorded, after which the
  /// process can record nothing more; what the two throw.
  virtual void run(const Function& prepare, const Function& work) = 0;
};

/// Errors: DeviceError without CUDA.
std::unique_ptr<StepGraph> make_step_graph(c10::Device device);

}  // namespace mabert::train
