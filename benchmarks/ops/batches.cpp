#include "benchmarks/harness/table.h"
#include "benchmarks/ops/workload.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ops/zeros.h>

#include "mabert/core/error.h"
#include "mabert/core/random.h"

namespace mabert::bench {
namespace {

// The draws of lengths are fixed, so that runs can be compared.
constexpr std::uint64_t kLengthSeed = 1;
constexpr std::int64_t kShortest = 16;

std::int64_t draw(std::uint64_t stream, std::uint64_t index) {
  return static_cast<std::int64_t>(Philox::draw(kLengthSeed, stream, index).word64(0) >> 1);
}

// Uniform lengths up to `longest`; the last is cut so that they sum to `rows`.
std::vector<std::int64_t> mixed_lengths(std::int64_t rows, std::int64_t longest) {
  const std::int64_t shortest = std::min(kShortest, longest);
  std::vector<std::int64_t> lengths;
  for (std::uint64_t i = 0; rows > 0; ++i) {
    lengths.push_back(std::min(shortest + draw(0, i) % (longest - shortest + 1), rows));
    rows -= lengths.back();
  }
  return lengths;
}

// `sequences` lengths of at most `longest` with `tokens` in all: equal shares, then one of each pair gives
// the other as much as a draw says.
std::vector<std::int64_t> padded_lengths(std::int64_t tokens, std::int64_t sequences, std::int64_t longest) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t s = 0; s < sequences; ++s) {
    lengths.push_back(tokens * (s + 1) / sequences - tokens * s / sequences);
  }
  for (std::size_t s = 0; s + 1 < lengths.size(); s += 2) {
    std::int64_t &first = lengths[s], &second = lengths[s + 1];
    const std::int64_t most =
        std::max<std::int64_t>(0, std::min(std::min(first, second) - 1, longest - std::max(first, second)));
    const std::int64_t moved = draw(1, s / 2) % (2 * most + 1) - most;
    first += moved;
    second -= moved;
  }
  return lengths;
}

SequenceLayout padded_layout(const Shape& shape, std::int64_t sequences) {
  const at::Tensor mask = at::zeros({sequences, shape.length}, at::TensorOptions().dtype(at::kBool));
  const auto lengths = padded_lengths(shape.sequences * shape.length, sequences, shape.length);
  for (std::int64_t s = 0; s < sequences; ++s) {
    mask.select(0, s).narrow(0, 0, lengths[static_cast<std::size_t>(s)]).fill_(true);
  }
  return SequenceLayout::padded(mask);
}

}  // namespace

std::int64_t padded_sequences(const Shape& shape, double fraction) {
  const std::int64_t sequences = std::llround(static_cast<double>(shape.sequences) / (1 - fraction));
  const double found = 1 - static_cast<double>(shape.sequences) / static_cast<double>(sequences);
  if (std::abs(found - fraction) > 0.05) {
    throw UsageError("padded " + significant(fraction, 3) + ": the tokens of " + to_string(shape) +
                     " among " + std::to_string(sequences) + " sequences leave " + percent(found) +
                     " padded; use more sequences in that shape");
  }
  return sequences;
}

std::vector<Batch> make_batches(const OpsRequest& request) {
  const auto wants = [&](const char* name) {
    return std::find(request.layouts.begin(), request.layouts.end(), name) != request.layouts.end();
  };
  std::vector<Batch> batches;
  const auto add = [&](const char* name, const Shape& shape, const SequenceLayout& layout,
                       const std::string& baseline) {
    batches.push_back({name, shape, layout.to(request.device), baseline});
  };
  if (wants("dense")) {
    for (const Shape& shape : request.shapes) {
      const std::vector<std::int64_t> lengths(static_cast<std::size_t>(shape.sequences), shape.length);
      add("dense", shape, SequenceLayout::ragged(lengths), "");
    }
  }
  for (const Shape& shape : request.mixed_shapes) {
    const std::string baseline = "dense " + to_string(shape);
    if (wants("ragged")) {
      const auto lengths = mixed_lengths(shape.sequences * shape.length, shape.length);
      add("ragged", {static_cast<std::int64_t>(lengths.size()), shape.length, shape.channels},
          SequenceLayout::ragged(lengths), baseline);
    }
    if (!wants("padded")) continue;
    for (const double fraction : request.padded) {
      const std::int64_t sequences = padded_sequences(shape, fraction);
      add("padded", {sequences, shape.length, shape.channels}, padded_layout(shape, sequences), baseline);
    }
  }
  return batches;
}

std::vector<OperatorBench> all_operators() {
  return {selective_scan_bench(), causal_conv1d_bench(),  mamba_layer_bench(),
          attention_bench(),      attention_pool_bench(), masked_cross_entropy_bench()};
}

}  // namespace mabert::bench
