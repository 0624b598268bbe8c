#include "mabert/nn/model_options.h"

#include <algorithm>

#include "mabert/core/error.h"

namespace mabert::nn {
namespace {

std::string names_of(const std::map<std::string, LayerOptions>& blocks) {
  std::string names;
  for (const auto& [name, block] : blocks) names += (names.empty() ? "" : ", ") + name;
  return names;
}

template <class Options>
void check(const std::string& section, const Options& options) {
  if (const auto problem = options.validate()) {
    throw UsageError("[" + section + "] " + problem->key + ": expected " + problem->expected +
                     (problem->got.empty() ? "" : ", got " + problem->got));
  }
}

}  // namespace

std::optional<config::Problem> ModelOptions::validate() const {
  if (layer_pattern.empty()) return config::Problem{"layer_pattern", "at least one name", "an empty list"};
  for (std::size_t i = 0; i < layer_pattern.size(); ++i) {
    if (!blocks.contains(layer_pattern[i])) {
      return config::Problem{"layer_pattern[" + std::to_string(i) + "]",
                             "a name among blocks (" + names_of(blocks) + ")", layer_pattern[i]};
    }
  }
  MixerSettings settings{.width = width};
  if (positions.type == PositionType::rotary) settings.rotary_base = positions.rotary_base;
  for (const auto& [name, block] : blocks) {
    // A block that no layer uses may stay behind from an extended file.
    if (std::find(layer_pattern.begin(), layer_pattern.end(), name) == layer_pattern.end()) continue;
    if (auto problem = block.mixer.problem_in(settings)) {
      problem->key = "blocks." + name + ".mixer." + problem->key;
      return problem;
    }
  }
  return std::nullopt;
}

const std::string& ModelOptions::block_name(std::int64_t index) const {
  return layer_pattern[static_cast<std::size_t>(index) % layer_pattern.size()];
}

MixerSettings ModelOptions::mixer_settings(std::int64_t index) const {
  MixerSettings settings{.width = width};
  if (positions.type == PositionType::rotary) settings.rotary_base = positions.rotary_base;
  for (std::int64_t before = 0; before < index; ++before)
    settings.occurrence += block_name(before) == block_name(index);
  return settings;
}

std::int64_t ModelOptions::distinct_layers() const {
  return share_layers ? std::min(num_layers, static_cast<std::int64_t>(layer_pattern.size())) : num_layers;
}

std::int64_t ModelOptions::residual_branches() const {
  std::int64_t branches = 0;
  for (std::int64_t i = 0; i < num_layers; ++i) branches += layer(i).feed_forward ? 2 : 1;
  return branches;
}

std::optional<config::Problem> HeadOptions::validate() const {
  if (regression && num_labels != 1)
    return config::Problem{"num_labels", "1 for regression", std::to_string(num_labels)};
  return std::nullopt;
}

void check_options(const ModelOptions& options) { check("model", options); }
void check_options(const HeadOptions& options) { check("head", options); }

}  // namespace mabert::nn
