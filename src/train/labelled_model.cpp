#include "mabert/train/labelled_model.h"

#include <map>
#include <string_view>
#include <utility>

#include "mabert/core/error.h"
#include "mabert/train/module_state.h"

namespace mabert::train {
namespace {

constexpr std::string_view kEncoder = "encoder.", kClassifier = "classifier.";

nn::HeadOptions head_options(const data::TaskSpec& task, double dropout) {
  nn::HeadOptions head;
  head.dropout = dropout;
  head.regression = task.kind == data::TaskKind::regression;
  if (head.regression) {
    if (!(task.minimum < task.maximum)) {
      throw UsageError("[task " + task.name + "] minimum: expected less than maximum (" +
                       std::to_string(task.maximum) + "), got " + std::to_string(task.minimum));
    }
    head.num_labels = 1;
    return head;
  }
  if (task.labels.empty())
    throw UsageError("[task " + task.name + "] labels: expected at least one, got none");
  head.num_labels = static_cast<std::int64_t>(task.labels.size());
  return head;
}

}  // namespace

LabelledModel::LabelledModel(const data::TaskSpec& task, const nn::ModelOptions& options, double head_dropout)
    : kind_(task.kind) {
  const nn::HeadOptions head = head_options(task, head_dropout);
  if (kind_ == data::TaskKind::tokens) {
    token_ = nn::TokenClassifier(options, head);
  } else {
    sequence_ = nn::SequenceClassifier(options, head);
  }
}

torch::nn::Module& LabelledModel::module() const {
  if (kind_ == data::TaskKind::tokens) return *token_.ptr();
  return *sequence_.ptr();
}

const nn::ModelOptions& LabelledModel::options() const {
  return kind_ == data::TaskKind::tokens ? token_->options() : sequence_->options();
}

bool LabelledModel::has_dropout() const {
  const nn::HeadOptions& head =
      kind_ == data::TaskKind::tokens ? token_->head_options() : sequence_->head_options();
  return options().dropout > 0 || head.dropout > 0;
}

at::Tensor LabelledModel::scores(const data::LabelledBatch& batch, const nn::ForwardContext& context) {
  if (kind_ == data::TaskKind::tokens) {
    return token_(batch.token_ids, batch.segment_ids, batch.word_rows, batch.layout, context);
  }
  return sequence_(batch.token_ids, batch.segment_ids, batch.layout, context);
}

std::vector<std::string> start_from(const Checkpoint& checkpoint, torch::nn::Module& module,
                                    bool with_classifier) {
  const SafetensorsFile file = checkpoint.model();
  std::map<std::string_view, const SafetensorsFile::Entry*> unused;
  for (const SafetensorsFile::Entry& entry : file.entries()) unused[entry.name] = &entry;
  const auto reject = [&](const std::string& name, const std::string& what) {
    throw CheckpointError(file.path().string() + ": tensor '" + name + "': " + what +
                          "; the encoder must be configured as the checkpoint's own");
  };
  NamedTensors tensors = module_parameters(module), shared;
  for (NamedTensor& buffer : module_buffers(module)) tensors.push_back(std::move(buffer));
  std::vector<std::string> kept;
  for (const NamedTensor& target : tensors) {
    const auto found = unused.find(target.name);
    const bool is_wanted = with_classifier || !target.name.starts_with(kClassifier);
    const bool does_fit = is_wanted && found != unused.end() && fits(*found->second, target.tensor);
    if (!does_fit && target.name.starts_with(kEncoder)) {
      const std::string expected = "expected " + c10::str(target.tensor.sizes()) + ", got ";
      reject(target.name,
             expected + (found == unused.end() ? std::string("none")
                                               : c10::str(at::IntArrayRef(found->second->shape)) + " " +
                                                     c10::toString(found->second->dtype)));
    }
    if (does_fit) {
      shared.push_back(target);
    } else {
      kept.push_back(target.name);
    }
    if (found != unused.end()) unused.erase(found);
  }
  for (const auto& [name, entry] : unused) {
    if (name.starts_with(kEncoder)) reject(std::string(name), "has no place in this model");
  }
  for (const NamedTensor& target : shared) {
    target.tensor.detach().copy_(file.tensor(target.name).to(target.tensor.scalar_type()));
  }
  return kept;
}

}  // namespace mabert::train
