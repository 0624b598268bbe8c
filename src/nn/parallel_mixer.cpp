#include "mabert/nn/parallel_mixer.h"

#include <string>

namespace mabert::nn {

std::optional<config::Problem> ParallelOptions::problem_in(const MixerSettings& settings) const {
  if (children.empty()) return config::Problem{"children", "at least one mixer", "an empty list"};
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (auto problem = children[i].problem_in(settings)) {
      problem->key = "children[" + std::to_string(i) + "]." + problem->key;
      return problem;
    }
  }
  return std::nullopt;
}

std::shared_ptr<SequenceMixer> ParallelOptions::build(const MixerSettings& settings) const {
  return std::make_shared<ParallelMixer>(*this, settings);
}

ParallelMixer::ParallelMixer(const ParallelOptions& options, const MixerSettings& settings)
    : aggregator_(options.aggregator) {
  const auto list = register_module("branches", std::make_shared<torch::nn::Module>("branches"));
  for (std::size_t i = 0; i < options.children.size(); ++i) {
    branches_.push_back(list->register_module(std::to_string(i), options.children[i].build(settings)));
  }
}

bool ParallelMixer::can_be_causal() const {
  for (const auto& branch : branches_) {
    if (!branch->can_be_causal()) return false;
  }
  return true;
}

at::Tensor ParallelMixer::mix(const at::Tensor& rows, const SequenceLayout& layout,
                              const ForwardContext& context) {
  at::Tensor total;
  for (const auto& branch : branches_) {
    const at::Tensor out = branch->forward(rows, layout, context);  // (T, D)
    total = total.defined() ? total + out : out;
  }
  return aggregator_ == Aggregator::sum ? total : total / static_cast<double>(branches_.size());
}

}  // namespace mabert::nn
