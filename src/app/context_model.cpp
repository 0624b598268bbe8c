#include "context_model.h"

#include "table_text.h"

#include <utility>

#include <c10/core/GradMode.h>

#include "mabert/nn/module_base.h"
#include "mabert/train/module_state.h"

namespace mabert::app {
namespace {

/// `from` with a longer table of positions: the one parameter whose shape differs between the two.
nn::MaskedLanguageModel grow(nn::MaskedLanguageModel& from, const nn::ModelOptions& options,
                             nn::PositionGrowth growth) {
  const c10::NoGradGuard no_grad;
  nn::MaskedLanguageModel grown(options);
  const train::NamedTensors old_weights = train::module_parameters(*from);
  const train::NamedTensors weights = train::module_parameters(*grown);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const at::Tensor& old = old_weights[i].tensor;
    const at::Tensor& weight = weights[i].tensor;
    weight.copy_(old.sizes() == weight.sizes() ? old : nn::grow_positions(old, weight.size(0), growth));
  }
  return grown;
}

}  // namespace

std::string growth_name(nn::PositionGrowth growth) {
  return growth == nn::PositionGrowth::tile ? "tiled" : "interpolated";
}

std::string growth_remark(const nn::PositionOptions& positions, std::int64_t length,
                          nn::PositionGrowth growth) {
  if (length <= positions.max_length) return "";
  if (positions.type == nn::PositionType::learned) return ", positions " + growth_name(growth);
  return ", beyond its " + count_text(positions.max_length) + " positions";
}

ContextModel load_context_model(const std::filesystem::path& run, const std::string& name,
                                const std::string& device) {
  ContextModel model{name, run, load_model(run, device, {}), 0, std::nullopt};
  model.trained_positions = model.loaded.config.model.positions.max_length;
  return model;
}

void extend_positions(ContextModel& model, std::int64_t length, nn::PositionGrowth growth) {
  LoadedModel& loaded = model.loaded;
  nn::ModelOptions& options = loaded.config.model;
  if (options.positions.max_length >= length) return;
  options.positions.max_length = length;
  if (options.positions.type == nn::PositionType::learned) model.grown = growth;
  loaded.model = grow(loaded.model, options, growth);
  place(*loaded.model, loaded.config, loaded.device);
  loaded.model->eval();
  nn::cache_compute_weights(*loaded.model, true);
}

std::string positions_text(const ContextModel& model) {
  const nn::PositionOptions& positions = model.loaded.config.model.positions;
  const std::string trained = count_text(model.trained_positions), now = count_text(positions.max_length);
  switch (positions.type) {
    case nn::PositionType::learned:
      if (!model.grown) return "learned, " + trained;
      return "learned, " + trained + " " + growth_name(*model.grown) + " to " + now;
    case nn::PositionType::rotary:
      return "rotary, " + trained + (now == trained ? "" : " used up to " + now);
    case nn::PositionType::none:
      return "none, " + trained + (now == trained ? "" : " used up to " + now);
  }
  return "";
}

}  // namespace mabert::app
