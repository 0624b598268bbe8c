#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "mabert/app/loaded_model.h"
#include "mabert/nn/position_table.h"

namespace mabert::app {

/// A model that is given texts of lengths it may not have been trained at.
struct ContextModel {
  std::string name;
  std::filesystem::path run;
  LoadedModel loaded;
  std::int64_t trained_positions = 0;       ///< model.positions.max_length as saved
  std::optional<nn::PositionGrowth> grown;  ///< what was done to a learned table; absent: nothing
};

/// "tiled" or "interpolated".
std::string growth_name(nn::PositionGrowth growth);

/// What a row of a report must say of a model with these positions under a context of `length`:
/// ", positions tiled", ", beyond its 512 positions" where there is no table to grow, or nothing.
std::string growth_remark(const nn::PositionOptions& positions, std::int64_t length,
                          nn::PositionGrowth growth);

/// Loads what RUN means. Errors: as load_model.
ContextModel load_context_model(const std::filesystem::path& run, const std::string& name,
                                const std::string& device);

/// Makes the model's positions at least `length`: a learned table is grown, with others only
/// model.positions.max_length is raised.
void extend_positions(ContextModel& model, std::int64_t length, nn::PositionGrowth growth);

/// "learned, 512 tiled to 4,096".
std::string positions_text(const ContextModel& model);

}  // namespace mabert::app
