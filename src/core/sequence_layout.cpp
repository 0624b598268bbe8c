#include "mabert/core/sequence_layout.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>

#include <ATen/ops/empty.h>

#include "mabert/core/error.h"
#include "mabert/core/select_rows.h"

namespace mabert {
namespace {

constexpr std::int64_t kMaxRows = std::numeric_limits<std::int32_t>::max() - 1;

std::int32_t narrow(std::int64_t value) { return static_cast<std::int32_t>(value); }

void check_rows(std::int64_t rows) {
  if (rows > kMaxRows) {
    throw UsageError("[layout] rows: expected at most " + std::to_string(kMaxRows) + ", got " +
                     std::to_string(rows));
  }
}

}  // namespace

SequenceLayout SequenceLayout::ragged(std::span<const std::int64_t> lengths, const Capacity& capacity) {
  std::int64_t used = 0, longest = 0;
  for (const std::int64_t length : lengths) {
    if (length < 0) throw UsageError("[layout] lengths: expected at least 0, got " + std::to_string(length));
    used += length;
    longest = std::max(longest, length);
    check_rows(used);
  }
  for (const auto& [name, value, least] : {std::tuple{"rows", capacity.rows, 0},
                                           {"sequences", capacity.sequences, 0},
                                           {"max_length", capacity.max_length, 1}}) {
    if (value && *value < least) {
      throw UsageError(std::string("[layout] ") + name + ": expected at least " + std::to_string(least) +
                       ", got " + std::to_string(*value));
    }
  }
  SequenceLayout layout;
  layout.rows_ = capacity.rows.value_or(used);
  layout.may_have_slack_ = capacity.rows.has_value();
  check_rows(layout.rows_);
  layout.max_length_ = capacity.max_length.value_or(std::max(longest, std::int64_t{1}));
  if (used > layout.rows_) {
    throw UsageError("[layout] rows: expected at most " + std::to_string(layout.rows_) + ", got " +
                     std::to_string(used));
  }
  if (longest > layout.max_length_) {
    throw UsageError("[layout] length: expected at most " + std::to_string(layout.max_length_) + ", got " +
                     std::to_string(longest));
  }
  const std::int64_t slack = layout.rows_ - used;
  const std::int64_t slack_sequences = slack == 0 ? 0 : (slack + layout.max_length_ - 1) / layout.max_length_;
  const std::int64_t real = static_cast<std::int64_t>(lengths.size());
  const std::int64_t sequences = capacity.sequences.value_or(real + slack_sequences);
  if (real + slack_sequences > sequences) {
    throw UsageError("[layout] sequences: expected at most " + std::to_string(sequences) +
                     " (slack included), got " + std::to_string(real + slack_sequences));
  }
  layout.host_offsets_.assign(static_cast<std::size_t>(sequences) + 1, narrow(layout.rows_));
  std::int64_t row = 0;
  for (std::int64_t s = 0; s < real + slack_sequences; ++s) {
    layout.host_offsets_[static_cast<std::size_t>(s)] = narrow(row);
    row = s < real ? row + lengths[static_cast<std::size_t>(s)]
                   : std::min(row + layout.max_length_, layout.rows_);
  }
  std::vector<bool> valid(static_cast<std::size_t>(layout.rows_), false);
  std::fill_n(valid.begin(), used, true);
  layout.build(valid, real);
  return layout;
}

SequenceLayout SequenceLayout::padded(const at::Tensor& mask) {
  if (mask.dim() != 2 || mask.scalar_type() != at::kBool || !mask.device().is_cpu()) {
    throw UsageError("[layout] mask: expected a (B, L) bool tensor on the CPU");
  }
  const std::int64_t batch = mask.size(0), length = mask.size(1);
  SequenceLayout layout;
  layout.rows_ = batch * length;
  check_rows(layout.rows_);
  layout.max_length_ = std::max(length, std::int64_t{1});
  layout.host_offsets_.resize(static_cast<std::size_t>(batch) + 1);
  for (std::int64_t s = 0; s <= batch; ++s)
    layout.host_offsets_[static_cast<std::size_t>(s)] = narrow(s * length);
  const at::Tensor dense = mask.contiguous();
  const bool* bits = dense.const_data_ptr<bool>();
  layout.build(std::vector<bool>(bits, bits + layout.rows_), batch);
  return layout;
}

void SequenceLayout::build(const std::vector<bool>& valid, std::int64_t num_sequences) {
  num_sequences_ = num_sequences;
  const std::int64_t sequences = static_cast<std::int64_t>(host_offsets_.size()) - 1;
  host_begin_.resize(static_cast<std::size_t>(sequences));
  host_end_.resize(static_cast<std::size_t>(sequences));
  num_valid_ = std::count(valid.begin(), valid.end(), true);
  has_holes_ = false;

  const bool masked = !all_valid();
  const std::int64_t words = (sequences + 1) * (masked ? 2 : 1) + 3 * sequences + 2 * rows_ +
                             (masked ? num_valid_ + (rows_ + 3) / 4 : 0);
  const at::Tensor packed = at::empty({words}, at::TensorOptions().dtype(at::kInt));
  name_views(packed);

  std::vector<std::int32_t> compact_offsets;
  auto* position = position_.mutable_data_ptr<std::int32_t>();
  auto* owner = sequence_.mutable_data_ptr<std::int32_t>();
  auto* compact = masked ? compact_.mutable_data_ptr<std::int32_t>() : nullptr;
  std::int32_t seen = 0;
  for (std::int64_t s = 0; s < sequences; ++s) {
    const std::size_t at = static_cast<std::size_t>(s);
    std::int32_t first = host_offsets_[at], last = first, count = 0;
    compact_offsets.push_back(seen);
    for (std::int32_t row = host_offsets_[at]; row < host_offsets_[at + 1]; ++row) {
      position[row] = count;
      owner[row] = narrow(s);
      if (!valid[static_cast<std::size_t>(row)]) continue;
      if (count == 0) first = row;
      last = row + 1;
      ++count;
      if (masked) compact[seen] = row;
      ++seen;
    }
    host_begin_[at] = first;
    host_end_[at] = last;
    has_holes_ = has_holes_ || last - first != count;
  }
  std::copy(host_offsets_.begin(), host_offsets_.end(), offsets_.mutable_data_ptr<std::int32_t>());
  std::copy(host_begin_.begin(), host_begin_.end(), begin_.mutable_data_ptr<std::int32_t>());
  std::copy(host_end_.begin(), host_end_.end(), end_.mutable_data_ptr<std::int32_t>());
  auto* order = order_.mutable_data_ptr<std::int32_t>();
  std::iota(order, order + sequences, 0);
  const auto length = [&](std::int32_t s) {
    return host_end_[static_cast<std::size_t>(s)] - host_begin_[static_cast<std::size_t>(s)];
  };
  std::stable_sort(order, order + sequences,
                   [&](std::int32_t x, std::int32_t y) { return length(x) > length(y); });
  if (masked) {
    compact_offsets.push_back(seen);
    std::copy(compact_offsets.begin(), compact_offsets.end(),
              compact_offsets_.mutable_data_ptr<std::int32_t>());
    std::copy(valid.begin(), valid.end(), row_mask_.mutable_data_ptr<bool>());
  }
}

void SequenceLayout::name_views(const at::Tensor& packed) {
  packed_ = packed;
  const std::int64_t sequences = static_cast<std::int64_t>(host_begin_.size());
  std::int64_t at = 0;
  const auto take = [&](std::int64_t count) {
    at += count;
    return packed.narrow(0, at - count, count);
  };
  offsets_ = take(sequences + 1);
  begin_ = take(sequences);
  end_ = take(sequences);
  position_ = take(rows_);
  sequence_ = take(rows_);
  order_ = take(sequences);
  if (all_valid()) {
    compact_ = compact_offsets_ = row_mask_ = at::Tensor();
    return;
  }
  row_mask_ = take((rows_ + 3) / 4).view(at::kBool).narrow(0, 0, rows_);
  compact_offsets_ = take(sequences + 1);
  compact_ = take(num_valid_);  // last: the one view whose size depends on the content
}

SequenceLayout SequenceLayout::to(c10::Device device) const {
  SequenceLayout moved = *this;
  // Only from pinned memory does the copy make nobody wait.
  const at::Tensor source = device.is_cuda() && packed_.device().is_cpu() ? packed_.pin_memory() : packed_;
  moved.name_views(source.to(device, /*non_blocking=*/true));
  return moved;
}

SequenceLayout SequenceLayout::without_padding_mask() const {
  SequenceLayout open = *this;
  std::vector<bool> valid(static_cast<std::size_t>(rows_), false);
  std::fill_n(valid.begin(), host_offsets_[static_cast<std::size_t>(num_sequences_)], true);
  open.build(valid, num_sequences_);
  return device().is_cpu() ? open : open.to(device());
}

at::Tensor SequenceLayout::select_valid(const at::Tensor& x) const {
  return all_valid() ? x : select_rows(x, row_mask_);
}

at::Tensor to_rows(const at::Tensor& padded) { return padded.flatten(0, 1); }

at::Tensor to_padded(const at::Tensor& rows, std::int64_t batch, std::int64_t length) {
  return rows.unflatten(0, {batch, length});
}

}  // namespace mabert
