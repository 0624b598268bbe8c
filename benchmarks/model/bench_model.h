#pragma once

#include "benchmarks/model/model_batch.h"
#include "benchmarks/ops/workload.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mabert/app/run_config.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/nn/module_base.h"

namespace mabert::bench {

/// The configuration of a model to measure: of the file with its overrides, a vocabulary where it leaves that
/// to a tokenizer, and no validations or checkpoints. Errors: UsageError with file, line and key.
app::RunConfig load_model_config(const std::filesystem::path& path,
                                 const std::vector<std::string>& overrides);

/// Sequences of up to `length` tokens: model.positions.max_length raised to it where it is smaller.
void raise_positions(app::RunConfig& config, std::int64_t length);

/// On the CPU in fp32. The weights' standard deviation is D^-1/2, at which every branch changes the stream
/// much, so that a comparison of outputs sees an error in any of them.
nn::MaskedLanguageModel build_model(const app::RunConfig& config, std::uint64_t seed);

/// Last hidden state, (T, D). No gradients are recorded.
at::Tensor encode(nn::MaskedLanguageModel& model, const ModelBatch& batch);

/// A small batch and what the model's forward makes of it in float64 on the CPU.
struct ModelReference {
  ModelBatch ragged, padded;
  at::Tensor hidden;  ///< (T, D) of the ragged batch
};

/// The model is in fp32 on the CPU, and is so again afterwards. longest: of a sequence.
ModelReference reference_forward(nn::MaskedLanguageModel& model, std::int64_t longest);

/// The model on its device in the dtype it computes in, against the reference; and the padded batch, its pads
/// holding NaN, against the ragged one at the valid rows.
std::vector<Check> check_forward(nn::MaskedLanguageModel& model, const ModelReference& reference,
                                 at::ScalarType dtype);

/// Relative L2 error allowed for a whole model.
double model_tolerance(at::ScalarType dtype);

/// Bytes of the weights that a forward of one sequence must read: all but the embeddings, of which it reads
/// rows.
double weight_bytes(const nn::MaskedLanguageModel& model, at::ScalarType dtype);

/// Inference reads its weights in the compute dtype; training must see the parameters again.
class CachedWeights {
 public:
  explicit CachedWeights(nn::MaskedLanguageModel& model) : model_(model) {
    nn::cache_compute_weights(*model_, true);
  }
  ~CachedWeights() { nn::cache_compute_weights(*model_, false); }
  CachedWeights(const CachedWeights&) = delete;
  CachedWeights& operator=(const CachedWeights&) = delete;

 private:
  nn::MaskedLanguageModel& model_;
};

/// The kernel that computes the model's attention there; empty for a model without.
std::string attention_kernel(const nn::ModelOptions& options, c10::Device device, at::ScalarType dtype);

}  // namespace mabert::bench
