#include <algorithm>
#include <cstdio>
#include <ostream>

#include <nlohmann/json.hpp>

#include "mabert/app/run_config.h"
#include "mabert/app/verbs.h"
#include "mabert/nn/masked_language_model.h"
#include "mabert/nn/parameter_groups.h"
#include "mabert/train/checkpoint_store.h"
#include "mabert/train/module_state.h"

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

bool is_config(const std::filesystem::path& subject) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(subject, ignored) || subject.extension() == ".yaml";
}

}  // namespace

int run_inspect_model(const InspectArguments& arguments, std::ostream& out) {
  RunConfig config;
  if (is_config(arguments.subject)) {
    config = load_run_config(arguments.subject, arguments.overrides);
    if (config.model.vocabulary_size == 0) config.model.vocabulary_size = config.tokenizer.vocabulary_size;
  } else {
    const train::Checkpoint checkpoint(train::resolve_checkpoint(arguments.subject));
    config = parse_run_config(checkpoint.config_yaml(), (checkpoint.directory() / "config.yaml").string(),
                              arguments.overrides);
  }
  const nn::MaskedLanguageModel model(config.model);
  std::int64_t total = 0, decayed = 0, embedding = 0;
  Json table = Json::array();
  for (const auto& [name, tensor] : train::module_parameters(*model)) {
    const bool decay = nn::is_decayed(name, tensor);
    total += tensor.numel();
    if (decay) decayed += tensor.numel();
    if (name.find("embeddings.") != std::string::npos) embedding += tensor.numel();
    table.push_back(Json{
        {"name", name}, {"shape", tensor.sizes().vec()}, {"parameters", tensor.numel()}, {"decayed", decay}});
  }
  if (arguments.json) {
    out << Json{{"parameters", total}, {"decayed", decayed}, {"embeddings", embedding}, {"tensors", table}}
               .dump(2)
        << '\n';
    return 0;
  }
  for (const auto& row : table) {
    out << format("%-56s %-18s %12lld  %s\n", row["name"].get<std::string>().c_str(),
                  shape_text(row["shape"].get<std::vector<std::int64_t>>()).c_str(),
                  row["parameters"].get<long long>(), row["decayed"].get<bool>() ? "decay" : "-");
  }
  out << format("total %lld parameters (%.1fM), %lld in embeddings, %lld with weight decay\n",
                static_cast<long long>(total), static_cast<double>(total) / 1e6,
                static_cast<long long>(embedding), static_cast<long long>(decayed));
  return 0;
}

int run_inspect_checkpoint(const InspectArguments& arguments, std::ostream& out) {
  const train::Checkpoint checkpoint(train::resolve_checkpoint(arguments.subject));
  const Json state = Json::parse(checkpoint.state_json()), manifest = Json::parse(checkpoint.manifest_json());
  Json tensors = Json::array();
  std::int64_t total = 0;
  const train::SafetensorsFile model = checkpoint.model();
  for (const auto& entry : model.entries()) {
    std::int64_t count = 1;
    for (const std::int64_t size : entry.shape) count *= size;
    total += count;
    tensors.push_back(
        Json{{"name", entry.name}, {"dtype", c10::toString(entry.dtype)}, {"shape", entry.shape}});
  }
  if (arguments.json) {
    out << Json{{"checkpoint", checkpoint.directory().string()},
                {"verified", true},
                {"parameters", total},
                {"state", state},
                {"manifest", manifest},
                {"tensors", tensors}}
               .dump(2)
        << '\n';
    return 0;
  }
  out << "checkpoint " << checkpoint.directory().string() << ": verified (sizes and checksums)\n";
  for (const auto& [key, value] : state.items()) {
    if (!value.is_object()) out << "  " << key << ": " << value.dump() << '\n';
  }
  for (const auto& tensor : tensors) {
    out << format("%-56s %-9s %s\n", tensor["name"].get<std::string>().c_str(),
                  tensor["dtype"].get<std::string>().c_str(),
                  shape_text(tensor["shape"].get<std::vector<std::int64_t>>()).c_str());
  }
  out << tensors.size() << " tensors, " << total << " parameters\n";
  return 0;
}

}  // namespace mabert::app
