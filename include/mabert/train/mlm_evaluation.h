#pragma once

#include <cstdint>

#include <c10/core/Device.h>

#include "mabert/data/loader.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/train/task.h"

namespace mabert::train {

struct MlmEvaluationOptions {
  std::int64_t max_batches = 0;  ///< 0: all; else so many, evenly spread over the data
  nn::ForwardContext::Ablation ablation;
};

/// Loss (mean negative log-likelihood, nats), "masked_accuracy" (part of the masked tokens whose likeliest
/// token is right) and "perplexity" (exp(loss)) of a model, by token: sums over all batches divided by the
/// number predicted. The model and the batches' tensors are used on `device`. Errors: what the model and the
/// data throw.
Evaluation evaluate_mlm(nn::MaskedLanguageModel& model, const data::MlmEvaluation& data, c10::Device device,
                        const MlmEvaluationOptions& options = {});

/// The best prediction that sees no context, for comparison: p(token) = (count + 1) / (total + V) over the
/// training tokens, always answering the most frequent one. Source: add-one smoothing (Laplace).
Evaluation unigram_baseline(const data::ShardSet& train, const data::MlmEvaluation& data);

}  // namespace mabert::train
