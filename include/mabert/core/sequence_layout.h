#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

namespace mabert {

/// What the rows of a batch are: which sequence each belongs to, and which of them are real tokens.
///
/// Inside the model a batch is always T rows. A *ragged* batch has only valid rows (and slack rows at the end
/// when it was given a larger capacity); a *padded* batch (B, L) has B·L rows of which a mask says which are
/// valid. Sequence s owns the rows [offsets[s], offsets[s+1]); its valid rows lie in [begin[s], end[s]) and,
/// only where pads stand between valid rows, are further picked by `valid`. Slack rows are covered by slack
/// sequences with empty spans, so that every row belongs to a sequence; unused entries of `offsets` repeat T.
///
/// Built on the host with the batch, once, at a fixed capacity, and copied to the device in one piece. The
/// host keeps its own copy for planning. Source: own.
class SequenceLayout {
 public:
  /// Fixed sizes of a ragged batch; what is absent is taken from the lengths.
  struct Capacity {
    std::optional<std::int64_t> rows;
    std::optional<std::int64_t> sequences;
    std::optional<std::int64_t> max_length;
  };

  /// An empty layout, to be assigned to.
  SequenceLayout() = default;

  /// No padding: sequence s is the next lengths[s] rows (0 allowed). Rows beyond their sum are slack. Errors:
  /// UsageError when the lengths exceed the capacity or the slack sequences do not fit in it.
  static SequenceLayout ragged(std::span<const std::int64_t> lengths, const Capacity& capacity);
  static SequenceLayout ragged(std::span<const std::int64_t> lengths) { return ragged(lengths, Capacity{}); }

  /// The rows of a (B, L) batch in row-major order; mask: (B, L) bool on the CPU, true at valid tokens
  /// (anywhere).
  static SequenceLayout padded(const at::Tensor& mask);

  /// The same layout with its tensors on `device`.
  SequenceLayout to(c10::Device device) const;

  /// The same rows and sequences with every row of a non-slack sequence valid: for studying what a mask is
  /// needed for.
  SequenceLayout without_padding_mask() const;

  std::int64_t rows() const { return rows_; }
  /// S_cap: entries of begin and end, slack and unused ones included.
  std::int64_t capacity() const { return static_cast<std::int64_t>(host_begin_.size()); }
  /// The first so many sequences are real.
  std::int64_t num_sequences() const { return num_sequences_; }
  /// Upper bound of the length (in rows) of any sequence.
  std::int64_t max_length() const { return max_length_; }
  std::int64_t num_valid() const { return num_valid_; }
  /// Every row is a valid token: nothing needs selecting. A ragged layout of given row capacity never says
  /// so, even when it happens to be full: what is computed must not depend on the batch.
  bool all_valid() const { return num_valid_ == rows_ && !may_have_slack_; }
  bool has_holes() const { return has_holes_; }
  c10::Device device() const { return offsets_.device(); }

  const at::Tensor& offsets() const { return offsets_; }  ///< (S_cap+1) int32
  const at::Tensor& begin() const { return begin_; }      ///< (S_cap) int32
  const at::Tensor& end() const { return end_; }          ///< (S_cap) int32
  const at::Tensor& position() const {
    return position_;
  }  ///< (T) int32: valid rows of the sequence before this one
  const at::Tensor& sequence() const { return sequence_; }  ///< (T) int32: the sequence that owns the row
  /// (S_cap) int32: the sequences from the longest span to the shortest, in which kernels take them up.
  const at::Tensor& order() const { return order_; }
  /// (T) bool, only where spans do not suffice (has_holes()); else undefined.
  at::Tensor valid() const { return has_holes_ ? row_mask_ : at::Tensor(); }
  /// (T) bool, true at valid rows; undefined if all_valid().
  const at::Tensor& row_mask() const { return row_mask_; }
  /// (num_valid) int32: the valid rows in order; undefined if all_valid().
  const at::Tensor& compact() const { return compact_; }
  /// (S_cap+1) int32: first compact row of each sequence; undefined if all_valid().
  const at::Tensor& compact_offsets() const { return compact_offsets_; }

  std::span<const std::int32_t> host_offsets() const { return host_offsets_; }
  std::span<const std::int32_t> host_begin() const { return host_begin_; }
  std::span<const std::int32_t> host_end() const { return host_end_; }

  /// x (T, …) with its invalid rows replaced by 0 (selected, never multiplied: 0·NaN is NaN); x itself if all
  /// are valid.
  at::Tensor select_valid(const at::Tensor& x) const;

 private:
  void build(const std::vector<bool>& valid, std::int64_t num_sequences);
  void name_views(const at::Tensor& packed);

  std::int64_t rows_ = 0, num_sequences_ = 0, max_length_ = 0, num_valid_ = 0;
  bool has_holes_ = false, may_have_slack_ = false;
  std::vector<std::int32_t> host_offsets_, host_begin_, host_end_;
  at::Tensor packed_;  // one int32 buffer; everything below is a view of it
  at::Tensor offsets_, begin_, end_, position_, sequence_, order_, compact_, compact_offsets_, row_mask_;
};

/// (B, L, …) to rows (B·L, …) and back: the one place that converts between the two.
at::Tensor to_rows(const at::Tensor& padded);
at::Tensor to_padded(const at::Tensor& rows, std::int64_t batch, std::int64_t length);

}  // namespace mabert
