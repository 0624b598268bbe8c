#include "mabert/train/extension.h"

#include <map>
#include <string_view>
#include <utility>

#include <ATen/ops/zeros_like.h>

#include "mabert/core/error.h"
#include "mabert/train/module_state.h"
#include "mabert/train/run_state.h"

namespace mabert::train {
namespace {

constexpr std::string_view kPositions = "encoder.embeddings.positions.weight";
constexpr std::string_view kMoments[] = {"exp_avg/", "exp_avg_sq/"};
constexpr std::string_view kStep = "step";

/// The parameter whose moment a tensor of the optimizer's state is; empty for any other tensor.
std::string_view parameter_of(std::string_view name) {
  for (const std::string_view moment : kMoments) {
    if (name.starts_with(moment)) return name.substr(moment.size());
  }
  return "";
}

NamedTensors extend_weights(const Checkpoint& from, const ExtensionOptions& options) {
  NamedTensors weights = read_tensors(from.model());
  for (NamedTensor& item : weights) {
    if (item.tensor.is_floating_point()) item.tensor = item.tensor.to(at::kFloat);
    if (item.name == kPositions)
      item.tensor = nn::grow_positions(item.tensor, options.length, options.growth);
  }
  return weights;
}

NamedTensors extend_optimizer(const Checkpoint& from, const ExtensionOptions& options) {
  NamedTensors state = read_tensors(from.optimizer());
  if (state.empty()) {
    throw CheckpointError(from.directory().string() +
                          ": holds weights only, no optimizer state to go on with; set "
                          "extend.carry.optimizer=false, or name a checkpoint that has it");
  }
  for (NamedTensor& item : state) {
    const std::string_view parameter = parameter_of(item.name);
    if (parameter == kPositions) {
      item.tensor = nn::grow_positions(item.tensor, options.length, options.growth);
    } else if (parameter.empty() && item.name != kStep) {
      item.tensor = at::zeros_like(item.tensor);
    }
  }
  return state;
}

RunState extend_state(const Checkpoint& from, const ExtensionOptions& options) {
  RunState state;
  state.seed = options.seed;
  if (!options.carry_data_position) return state;
  const RunState before = parse_run_state(from.state_json(), (from.directory() / "state.json").string());
  state.position.epoch = before.position.epoch + (before.position.step > 0 ? 1 : 0);
  state.passes = before.passes;
  return state;
}

}  // namespace

CheckpointContent extend_checkpoint(const Checkpoint& from, const ExtensionOptions& options) {
  CheckpointContent content;
  if (options.carry_optimizer) content.optimizer = extend_optimizer(from, options);
  content.model = extend_weights(from, options);
  content.state_json = to_json(extend_state(from, options));
  content.config_yaml = from.config_yaml();
  content.tokenizer = from.tokenizer();
  return content;
}

void require_weights_of(const torch::nn::Module& model, const NamedTensors& weights,
                        const std::string& where) {
  std::map<std::string_view, at::IntArrayRef> shapes;
  for (const NamedTensor& item : weights) shapes[item.name] = item.tensor.sizes();
  const auto reject = [&](const std::string& name, const std::string& what) {
    throw CheckpointError(where + ": tensor '" + name + "': " + what +
                          "; the model must be configured as the checkpoint's own");
  };
  NamedTensors targets = module_parameters(model);
  for (NamedTensor& buffer : module_buffers(model)) targets.push_back(std::move(buffer));
  for (const NamedTensor& target : targets) {
    const auto found = shapes.find(target.name);
    if (found == shapes.end()) reject(target.name, "not there");
    if (found->second != target.tensor.sizes()) {
      reject(target.name, "expected " + c10::str(target.tensor.sizes()) + ", got " + c10::str(found->second));
    }
    shapes.erase(found);
  }
  if (!shapes.empty()) reject(std::string(shapes.begin()->first), "has no place in this model");
}

}  // namespace mabert::train
