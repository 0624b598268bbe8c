#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "mabert/train/metrics.h"

namespace mabert::train {

/// CRC-32C (Castagnoli) of bytes. Source: RFC 3720, appendix B.4.
std::uint32_t crc32c(std::string_view bytes);

/// Scalars for TensorBoard: `events.out.tfevents.SECONDS.HOST.PID` in a directory. A resumed run opens
/// another file, which TensorBoard joins. A file that cannot be written ends the plots, not the run. Source:
/// the public TFRecord framing and the Event, Summary and Value protocol buffer messages.
class EventFile final : public Observer {
 public:
  explicit EventFile(const std::filesystem::path& directory);
  void on_metrics(const Metrics& metrics) override;
  void scalar(const std::string& tag, std::int64_t step, double value);
  const std::filesystem::path& path() const { return path_; }

 private:
  void record(std::string_view event);
  std::filesystem::path path_;
  std::ofstream out_;
};

}  // namespace mabert::train
