#pragma once

#include <cstdint>
#include <span>

#include "mabert/nn/model_options.h"

namespace mabert::bench {

/// Floating-point operations (a product and a sum are two) of one forward pass over valid tokens.
struct ModelFlops {
  double matrix = 0;     ///< projections and decoder: 2 · rows · columns · tokens of every weight matrix
  double attention = 0;  ///< q kᵀ and the weighted sum: 4 · D for every pair of positions that see each other
  double scan = 0;       ///< of scan and convolution: E (6 N + 5 + 2 W) a token; exponentials not counted

  /// What a device's rate of matrix products bounds.
  double products() const { return matrix + attention; }
};

ModelFlops operator+(const ModelFlops& a, const ModelFlops& b);

/// Of the encoder over sequences of these lengths, without its head.
ModelFlops encoder_flops(const nn::ModelOptions& options, std::span<const std::int64_t> lengths);

/// Of the language-model head for so many predicted rows; the decoder has the vocabulary rounded up to a
/// multiple of 64, as it is computed.
ModelFlops head_flops(const nn::ModelOptions& options, double predicted_rows);

/// Forward and backward: each product has two of its size in the backward.
double training_products(const ModelFlops& forward);

/// Pairs (i, j) of a sequence of `length` with i - left <= j <= i + right, left and right absent for all.
double visible_pairs(std::int64_t length, const nn::AttentionOptions& attention);

}  // namespace mabert::bench
