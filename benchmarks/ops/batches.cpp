#include "benchmarks/ops/workload.h"

#include <algorithm>

#include <ATen/ops/zeros.h>

#include "mabert/core/random.h"

namespace mabert::bench {
namespace {

// The draw of the ragged batch is fixed, so that runs can be compared.
constexpr std::uint64_t kLengthSeed = 1;
constexpr std::int64_t kShortest = 16, kLongest = 512;

std::int64_t mixed_rows(const OpsRequest& request) { return request.device.is_cuda() ? 16384 : 4096; }

std::int64_t channels(const OpsRequest& request) {
  return request.shapes.empty() ? 1536 : request.shapes.front().channels;
}

// Uniform lengths; the last is cut so that they sum to `rows`.
std::vector<std::int64_t> mixed_lengths(std::int64_t rows) {
  std::vector<std::int64_t> lengths;
  for (std::uint64_t i = 0; rows > 0; ++i) {
    const auto draw = static_cast<std::int64_t>(Philox::draw(kLengthSeed, 0, i).word64(0) >> 1);
    lengths.push_back(std::min(kShortest + draw % (kLongest - kShortest + 1), rows));
    rows -= lengths.back();
  }
  return lengths;
}

// (rows / 256, 512) with pairs of sequences that hold 512 tokens together.
SequenceLayout half_padded(std::int64_t rows) {
  const std::int64_t sequences = rows / kLongest * 2;
  const at::Tensor mask = at::zeros({sequences, kLongest}, at::TensorOptions().dtype(at::kBool));
  for (std::int64_t s = 0; s < sequences; ++s) {
    const auto draw = static_cast<std::int64_t>(
        Philox::draw(kLengthSeed, 1, static_cast<std::uint64_t>(s / 2)).word64(0) >> 1);
    const std::int64_t first = 1 + draw % (kLongest - 1);
    mask.select(0, s).narrow(0, 0, s % 2 == 0 ? first : kLongest - first).fill_(true);
  }
  return SequenceLayout::padded(mask);
}

}  // namespace

std::vector<Batch> make_batches(const OpsRequest& request) {
  const auto wants = [&](const char* name) {
    return std::find(request.layouts.begin(), request.layouts.end(), name) != request.layouts.end();
  };
  std::vector<Batch> batches;
  if (wants("dense")) {
    for (const Shape& shape : request.shapes) {
      const std::vector<std::int64_t> lengths(static_cast<std::size_t>(shape.sequences), shape.length);
      batches.push_back({"dense", shape, SequenceLayout::ragged(lengths).to(request.device)});
    }
  }
  if (wants("ragged")) {
    const std::vector<std::int64_t> lengths = mixed_lengths(mixed_rows(request));
    const Shape shape{static_cast<std::int64_t>(lengths.size()), kLongest, channels(request)};
    batches.push_back({"ragged", shape, SequenceLayout::ragged(lengths).to(request.device)});
  }
  if (wants("padded")) {
    const SequenceLayout layout = half_padded(mixed_rows(request));
    const Shape shape{layout.capacity(), kLongest, channels(request)};
    batches.push_back({"padded", shape, layout.to(request.device)});
  }
  return batches;
}

std::string dense_baseline(const OpsRequest& request) {
  return "dense " + to_string(Shape{mixed_rows(request) / kLongest, kLongest, channels(request)});
}

std::vector<OperatorBench> all_operators() {
  return {selective_scan_bench(), causal_conv1d_bench(),  mamba_layer_bench(),
          attention_bench(),      attention_pool_bench(), masked_cross_entropy_bench()};
}

}  // namespace mabert::bench
