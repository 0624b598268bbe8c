#include <array>
#include <cstdio>
#include <ostream>

#include <nlohmann/json.hpp>

#include "mabert/app/loaded_model.h"
#include "mabert/app/verbs.h"
#include "mabert/nn/initialize.h"
#include "mabert/nn/padding_report.h"

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::uint64_t kSeed = 1;
constexpr std::array kDirections{nn::MambaDirection::forward, nn::MambaDirection::backward,
                                 nn::MambaDirection::alternate, nn::MambaDirection::bidirectional};

const char* side_name(nn::PadSide side) { return side == nn::PadSide::left ? "left" : "right"; }

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

Json difference_json(const nn::PaddingDifference& difference) {
  Json json{{"side", side_name(difference.side)},
            {"padded_fraction", difference.padded_fraction},
            {"content", difference.fill ? Json(number(*difference.fill)) : Json("token 0")},
            {"hidden", difference.hidden},
            {"gradient", difference.gradient},
            {"gradient_l2", difference.gradient_l2},
            {"worst_parameter", difference.worst_parameter}};
  return json;
}

Json masking_json(nn::MambaDirection direction, const nn::MaskingCase& row) {
  return {{"direction", config::enum_name(direction)},
          {"conv_input", row.conv_input},
          {"conv_output", row.conv_output},
          {"delta", row.delta},
          {"output", row.output},
          {"side", side_name(row.side)},
          {"content", row.content},
          {"amount", row.amount}};
}

std::string on(const Json& value) { return value.get<bool>() ? "on " : "off"; }

void print_text(const Json& report, std::ostream& out) {
  out << "padded against ragged: largest difference relative to the RMS; l2: norm of the difference / norm\n"
         "side   padded  content  hidden     gradient   gradient l2  worst parameter\n";
  for (const auto& row : report["cases"]) {
    char line[256];
    std::snprintf(line, sizeof line, "%-6s %4.0f %%  %-8s %-10s %-10s %-12s %s\n",
                  row["side"].get<std::string>().c_str(), 100 * row["padded_fraction"].get<double>(),
                  row["content"].get<std::string>().c_str(), number(row["hidden"].get<double>()).c_str(),
                  number(row["gradient"].get<double>()).c_str(),
                  number(row["gradient_l2"].get<double>()).c_str(),
                  row["worst_parameter"].get<std::string>().c_str());
    out << line;
  }
  out << "worst: hidden " << number(report["worst_hidden"]) << ", gradient "
      << number(report["worst_gradient"]) << ", gradient l2 " << number(report["worst_gradient_l2"])
      << "\n\n";
  out << "masks of a Mamba mixer switched off (random 3-layer model): what leaks into valid rows, relative "
         "to the RMS\n"
         "direction      conv_in  conv_out  delta  output  side   content    amount\n";
  for (const auto& row : report["masking"]) {
    char line[256];
    std::snprintf(line, sizeof line, "%-14s %-8s %-9s %-6s %-7s %-6s %-10s %s\n",
                  row["direction"].get<std::string>().c_str(), on(row["conv_input"]).c_str(),
                  on(row["conv_output"]).c_str(), on(row["delta"]).c_str(), on(row["output"]).c_str(),
                  row["side"].get<std::string>().c_str(), number(row["content"].get<double>()).c_str(),
                  number(row["amount"].get<double>()).c_str());
    out << line;
  }
}

}  // namespace

int run_inspect_padding(const InspectArguments& arguments, std::ostream& out) {
  LoadedModel loaded = load_model(arguments.subject, "cpu", arguments.overrides);
  const auto& model = loaded.config.model;
  const std::int64_t longest =
      std::max<std::int64_t>(1, std::min<std::int64_t>(model.positions.max_length / 10, 48));
  const auto report = nn::padding_report(
      loaded.model->encoder, nn::random_sequences(4, longest, model.vocabulary_size, kSeed), kSeed);
  Json json{{"checkpoint", loaded.checkpoint.string()},
            {"hidden_rms", report.hidden_rms},
            {"worst_hidden", report.worst_hidden()},
            {"worst_gradient", report.worst_gradient()},
            {"worst_gradient_l2", report.worst_gradient_l2()},
            {"cases", Json::array()},
            {"masking", Json::array()}};
  for (const auto& difference : report.cases) json["cases"].push_back(difference_json(difference));
  for (const nn::MambaDirection direction : kDirections) {
    nn::Encoder encoder = nn::random_mamba_encoder(direction, kSeed);
    const std::int64_t positions = encoder->options().positions.max_length;
    for (const auto& row :
         nn::masking_table(encoder, nn::random_sequences(4, std::max<std::int64_t>(1, positions / 10),
                                                         encoder->options().vocabulary_size, kSeed))) {
      json["masking"].push_back(masking_json(direction, row));
    }
  }
  if (arguments.json) {
    out << json.dump(2) << '\n';
  } else {
    print_text(json, out);
  }
  return 0;
}

}  // namespace mabert::app
