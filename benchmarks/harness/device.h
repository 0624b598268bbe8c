#pragma once

#include "benchmarks/harness/limits.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

namespace mabert::bench {

/// A point in the device's work.
class Mark {
 public:
  virtual ~Mark() = default;
  /// Milliseconds from the earlier mark to this one; waits for this one.
  virtual double since(const Mark& earlier) const = 0;
};

/// Work recorded once that can be run again without the host.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void replay() = 0;
};

struct DeviceFacts {
  std::string name, driver;
  int multiprocessors = 0;        ///< 0: not a GPU
  std::int64_t memory_bytes = 0;  ///< all of it, in use or not; 0: not known
};

/// The device under test and its clock.
class BenchDevice {
 public:
  virtual ~BenchDevice() = default;
  virtual c10::Device device() const = 0;
  virtual DeviceFacts facts() const = 0;
  virtual void synchronize() const = 0;
  virtual std::unique_ptr<Mark> mark() const = 0;
  /// Null where the device has nothing of the kind.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work) const = 0;
  /// Fills clock, exponentials and issue, where they mean something.
  virtual void measure_units(Limits& limits) const = 0;
  /// Largest number of bytes in tensors at once since the last reset; absent if not counted.
  virtual std::optional<std::int64_t> peak_memory() const = 0;
  virtual void reset_peak_memory() const = 0;
  /// Gives unused cached memory back, so that one measurement's buffers do not crowd the next's.
  virtual void release_memory() const = 0;

  /// Milliseconds that `work` takes on the device.
  double time(const std::function<void()>& work) const;
};

/// Errors: DeviceError when the program was built without that device.
std::unique_ptr<BenchDevice> open_device(c10::Device device);

/// Bandwidth by a 4 GiB copy (CPU: 256 MiB), a large square matrix product in `dtype`, and the units.
Limits measure_limits(const BenchDevice& device, at::ScalarType dtype);

/// For open_device: device_cuda.cpp, or no_cuda.cpp in programs built without CUDA.
std::unique_ptr<BenchDevice> open_cuda_device(c10::Device device);

}  // namespace mabert::bench
