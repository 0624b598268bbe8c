#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mabert/nn/encoder.h"

namespace mabert::nn {

enum class PadSide { left, right };

using TokenSequences = std::vector<std::vector<std::int32_t>>;

/// How one padded run of an encoder differs from the ragged run of the same sequences.
struct PaddingDifference {
  PadSide side = PadSide::right;
  double padded_fraction = 0;   ///< of the row of the longest sequence; shorter ones have more
  std::optional<double> fill;   ///< content of the padded rows; absent: the embedding of token 0
  double hidden = 0;            ///< largest difference at valid rows / RMS of the hidden states
  double gradient = 0;          ///< largest over parameters of: largest difference / RMS of the gradient
  double gradient_l2 = 0;       ///< largest over parameters of: norm of the difference / norm of the gradient
  std::string worst_parameter;  ///< where `gradient` was found
};

struct PaddingReport {
  double hidden_rms = 0;
  std::vector<PaddingDifference> cases;  ///< (0, 50, 90 %) × (left, right) × (plain, NaN, 1e30)

  double worst_hidden() const;  ///< NaN where any difference is not a number
  double worst_gradient() const;
  double worst_gradient_l2() const;
};

/// Runs `encoder` on ragged and on padded batches of `sequences` and compares. Gradients are those of a fixed
/// random projection of the hidden states; what the parameters hold as gradients is left alone. Sequences
/// must leave room: the longest may be a tenth of the positions. Errors: UsageError otherwise. Source: own.
PaddingReport padding_report(Encoder& encoder, const TokenSequences& sequences, std::uint64_t seed);

/// What leaks through padding with some of the four masks of a Mamba mixer off.
struct MaskingCase {
  bool conv_input = true, conv_output = true, delta = true, output = true;  ///< the masks that are on
  PadSide side = PadSide::right;
  double content = 0;  ///< largest difference at valid rows between two contents of the pads / hidden RMS
  double amount = 0;   ///< largest difference at valid rows between padded (50, 90 %) and ragged / hidden RMS
};

/// All 16 combinations × side. Sequences as in padding_report.
std::vector<MaskingCase> masking_table(Encoder& encoder, const TokenSequences& sequences);

/// A three-layer Mamba encoder of width 32 whose mixers give outputs of an RMS of about 1: what the table is
/// measured on.
Encoder random_mamba_encoder(MambaDirection direction, std::uint64_t seed);

/// Random sequences over the first `vocabulary_size` tokens, of lengths in [1, longest].
TokenSequences random_sequences(std::int64_t count, std::int64_t longest, std::int64_t vocabulary_size,
                                std::uint64_t seed);

}  // namespace mabert::nn
