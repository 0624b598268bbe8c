#include "benchmarks/harness/table.h"
#include "benchmarks/ops/run_ops.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <random>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

constexpr const char* kCudaShapes = "32x512,64x512,16x1024,8x4096,1x512,1x4096";
constexpr const char* kCpuShapes = "8x512x512";
constexpr std::int64_t kChannels = 1536;

// What a row takes at least: two sets of a backward pass of the scan with what it works with, in values of
// the dtype per channel (by count); its check in float64, in bytes per channel (by the peak on the CPU); and
// the logits of the loss with their gradient, whose vocabulary does not depend on the channels.
constexpr double kValuesPerChannel = 22, kCheckBytesPerChannel = 110, kLogitValues = 0.15 * 30528 * 4;

nn::SavedScanStates parse_saved_states(const std::string& name) {
  std::string known;
  for (const auto& item : config::EnumNames<nn::SavedScanStates>::names) {
    if (item.name == name) return item.value;
    known += (known.empty() ? "" : ", ") + std::string(item.name);
  }
  throw UsageError("--saved-states: expected one of " + known + ", got '" + name + "'");
}

std::vector<double> parse_fractions(const std::string& text) {
  std::vector<double> fractions;
  for (const std::string& part : split(text, ',')) {
    double value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || !(value >= 0 && value <= 0.95)) {
      throw UsageError("--padded: expected shares of padded rows from 0 to 0.95 such as 0,0.25,0.5, got '" +
                       part + "'");
    }
    if (std::find(fractions.begin(), fractions.end(), value) == fractions.end()) fractions.push_back(value);
  }
  return fractions;
}

std::vector<Shape> parse_shapes(const std::string& text) {
  std::vector<Shape> shapes;
  for (const std::string& part : split(text, ',')) {
    const Shape shape = parse_shape(part, kChannels);
    if (shape.channels % 128 != 0) {
      throw UsageError(
          "--shapes: expected channels that are a multiple of 128 (two for each of a model's heads of "
          "64), got '" +
          part + "'");
    }
    if (std::find(shapes.begin(), shapes.end(), shape) == shapes.end()) shapes.push_back(shape);
  }
  return shapes;
}

}  // namespace

OpsRequest resolve(const OpsArguments& arguments, c10::Device device,
                   const std::vector<OperatorBench>& operators) {
  const bool cuda = device.is_cuda();
  std::vector<std::string> names;
  for (const OperatorBench& bench : operators) names.push_back(bench.name);
  OpsRequest request;
  request.device = device;
  request.ops = parse_names("--ops", arguments.ops, names);
  request.layouts =
      parse_names("--layout", arguments.layouts, {"dense", "ragged", "padded", "bidirectional"});
  request.dtypes.clear();
  for (const std::string& name :
       split(arguments.dtype.empty() ? (cuda ? "bf16" : "fp32") : arguments.dtype, ',')) {
    const at::ScalarType dtype = parse_dtype(name);
    if (!cuda && dtype != at::kFloat) {
      throw UsageError("--dtype: expected fp32 on the CPU, got '" + name + "'");
    }
    if (std::find(request.dtypes.begin(), request.dtypes.end(), dtype) == request.dtypes.end())
      request.dtypes.push_back(dtype);
  }
  request.dtype = request.dtypes.front();
  const std::string shapes = arguments.shapes.empty() ? (cuda ? kCudaShapes : kCpuShapes) : arguments.shapes;
  request.shapes = request.mixed_shapes = parse_shapes(shapes);
  if (arguments.shapes.empty()) request.mixed_shapes.resize(1);
  request.padded = parse_fractions(arguments.padded);
  request.saved_states = parse_saved_states(arguments.saved_states);
  request.wide_states = arguments.wide_states;
  if (arguments.samples < 3) {
    throw UsageError("--samples: expected at least 3, got " + std::to_string(arguments.samples));
  }
  request.seed = arguments.seed != 0 ? arguments.seed : std::random_device()();
  request.quick_check = arguments.quick_check;
  return request;
}

void check_sizes(const OpsRequest& request, std::int64_t memory_bytes, const std::string& device) {
  const auto wants = [&](const char* name) {
    return std::find(request.layouts.begin(), request.layouts.end(), name) != request.layouts.end();
  };
  double value_bytes = 0;
  for (const at::ScalarType dtype : request.dtypes)
    value_bytes = std::max(value_bytes, static_cast<double>(c10::elementSize(dtype)));
  const double check = request.quick_check ? 0 : kCheckBytesPerChannel;
  const auto refuse = [](const Shape& shape, const std::string& why) {
    throw UsageError("shape " + to_string(shape) + ": " + why + "; lower its sequences, length or channels");
  };
  const auto examine = [&](const Shape& shape, double sequences) {
    const double rows = sequences * static_cast<double>(shape.length);
    if (rows > static_cast<double>(std::numeric_limits<std::int32_t>::max())) {
      refuse(shape, "its batch has " + significant(rows, 10) + " rows, more than int32 can count");
    }
    const auto channels = static_cast<double>(shape.channels);
    const double bytes = rows * std::max({channels * kValuesPerChannel * value_bytes, channels * check,
                                          kLogitValues * value_bytes});
    if (memory_bytes <= 0 || bytes <= static_cast<double>(memory_bytes)) return;
    refuse(shape, "takes about " + significant(bytes / 1e9, 3) + " GB, " + device + " has " +
                      significant(static_cast<double>(memory_bytes) / 1e9, 3));
  };
  for (const Shape& shape : request.shapes) examine(shape, static_cast<double>(shape.sequences));
  if (!wants("padded")) return;
  for (const Shape& shape : request.mixed_shapes) {
    for (const double fraction : request.padded) {
      examine(shape, static_cast<double>(padded_sequences(shape, fraction)));
    }
  }
}

}  // namespace mabert::bench
