#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mabert/core/sequence_layout.h"

namespace mabert::ops {

/// Tensors of a selective scan. E = channels, N = state size, G = channel groups (channel e belongs to e / (E
/// / G)).
struct ScanInputs {
  at::Tensor u;                             ///< (T, E)
  at::Tensor delta;                         ///< (T, E), before bias and softplus; Δ itself is fp32 (fp64)
  at::Tensor a;                             ///< (E, N) fp32 (fp64 with fp64 inputs), negative
  at::Tensor b;                             ///< (T, G, N)
  at::Tensor c;                             ///< (T, G, N)
  std::optional<at::Tensor> d;              ///< (E) fp32: skip connection
  std::optional<at::Tensor> z;              ///< (T, E): gate
  std::optional<at::Tensor> delta_bias;     ///< (E) fp32
  std::optional<at::Tensor> initial_state;  ///< (S_cap, E, N) fp32; absent: 0
};

/// What the forward keeps for the backward: states of E·N values, from which the backward rebuilds the
/// others.
struct SavedStates {
  /// Rows between them in the CUDA kernels for N = 16 in bf16 and fp32: 8, or 4 (faster backward of large
  /// batches, twice the memory, and a few sequences are not cut in time in the forward). With pads between
  /// valid rows always 8; other bodies save every 16.
  std::int64_t every = 8;
  bool wide = false;       ///< fp32, where u's dtype is narrower and the kernels have the choice
  bool recompute = false;  ///< keep none: the backward runs the forward again
};

struct ScanOptions {
  std::vector<bool> reverse{false};  ///< one entry per group: scan its channels from right to left
  SavedStates saved;
  bool last_state = true;  ///< false: the output's last_state may be empty, which saves S_cap·E·N values
};

struct ScanOutput {
  at::Tensor out;         ///< (T, E) in u's dtype
  at::Tensor last_state;  ///< (S_cap, E, N) fp32 (fp64): h after the last valid row of each sequence (maybe
                          ///< empty, see ScanOptions); carries no gradient
};

/// Selective scan, for each sequence of the layout and each channel:
///   Δ = softplus(delta + delta_bias), 0 at invalid rows;  h ← exp(Δ·A) ⊙ h + Δ·B·u;  y = Σ_n C_n·h_n + D·u;
///   out = y · silu(z) (y without z), 0 at invalid rows; h = initial_state at each sequence start.
/// State and sums are fp32 for fp32, bf16 and fp16 inputs, fp64 for fp64. Deterministic; gradients of every
/// input. Errors: UsageError naming the argument with expected and given shape or dtype. Source: Gu & Dao
/// 2023, "Mamba", equations 2a-2b with zero-order hold for A and Euler for B (section 3.2, algorithm 2).
ScanOutput selective_scan(const ScanInputs& inputs, const SequenceLayout& layout,
                          const ScanOptions& options = {});

}  // namespace mabert::ops
