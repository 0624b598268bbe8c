#include "memory.h"

#include <fstream>
#include <unistd.h>

#include <c10/core/CachingDeviceAllocator.h>

namespace mabert::train {

std::int64_t memory_in_use(c10::Device device) {
  if (device.is_cuda()) {
    auto* allocator = c10::GetAllocator(device.type());
    auto* caching = dynamic_cast<c10::DeviceAllocator*>(allocator);
    if (caching == nullptr) return 0;
    const auto stats = caching->getDeviceStats(device.has_index() ? device.index() : c10::DeviceIndex{0});
    return stats.reserved_bytes[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)].current;
  }
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0, resident = 0;
  if (!(file >> total >> resident)) return 0;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace mabert::train
