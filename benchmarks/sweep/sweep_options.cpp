#include "benchmarks/sweep/sweep_options.h"

#include "benchmarks/harness/table.h"
#include "benchmarks/model/model_batch.h"
#include "benchmarks/ops/workload.h"

#include <algorithm>
#include <cmath>

#include "mabert/config/read.h"
#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

// A padded fraction may differ from what was asked for by so much, as those of operators.
constexpr double kFractionMargin = 0.05;

std::string item(const char* list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

template <class Map>
std::string names_of(const Map& map) {
  std::string names;
  for (const auto& [name, value] : map) names += (names.empty() ? "" : ", ") + name;
  return names;
}

template <class T>
std::optional<config::Problem> empty_list(const char* key, const std::vector<T>& list) {
  if (!list.empty()) return std::nullopt;
  return config::Problem{key, "at least one entry", "none"};
}

std::optional<config::Problem> problem_in_operators(const SweepOptions& options) {
  std::string known;
  for (const OperatorBench& bench : all_operators()) known += (known.empty() ? "" : ", ") + bench.name;
  for (std::size_t i = 0; i < options.operators.size(); ++i) {
    const auto operators = all_operators();
    const bool found = std::any_of(operators.begin(), operators.end(), [&](const OperatorBench& bench) {
      return bench.name == options.operators[i];
    });
    if (!found) return config::Problem{item("operators", i), "one of " + known, options.operators[i]};
  }
  if (options.channels % 128 != 0) {
    return config::Problem{"channels", "a multiple of 128", std::to_string(options.channels)};
  }
  return std::nullopt;
}

// Batches of `tokens` are made of whole sequences.
std::optional<config::Problem> problem_in_sizes(const SweepOptions& options) {
  for (std::size_t i = 0; i < options.lengths.size(); ++i) {
    const std::int64_t length = options.lengths[i];
    if (length > options.tokens) {
      return config::Problem{item("lengths", i), "at most tokens (" + std::to_string(options.tokens) + ")",
                             std::to_string(length)};
    }
    if (options.tokens % length != 0) {
      return config::Problem{item("lengths", i),
                             "a divisor of tokens (" + std::to_string(options.tokens) + ")",
                             std::to_string(length)};
    }
    for (std::size_t k = 0; k < options.padded_fractions.size(); ++k) {
      const double fraction = options.padded_fractions[k];
      const std::int64_t sequences = sequences_for(options.tokens, length, fraction);
      const double found = padded_share(sequences, length, options.tokens);
      if (std::abs(found - fraction) > kFractionMargin) {
        return config::Problem{item("padded_fractions", k),
                               "a share that whole sequences can give within " +
                                   significant(kFractionMargin, 1) + " (" + std::to_string(sequences) +
                                   " x " + std::to_string(length) + " of " + std::to_string(options.tokens) +
                                   " tokens are " + percent(found) + " padded; raise tokens)",
                               significant(fraction, 3)};
      }
      if (length + (sequences - 1) * kShortestSequence <= options.tokens) continue;
      return config::Problem{item("lengths", i),
                             "a length at which tokens (" + std::to_string(options.tokens) +
                                 ") fill one sequence and some of " + std::to_string(sequences - 1) +
                                 " more, as a padded fraction wants",
                             std::to_string(length)};
    }
  }
  return std::nullopt;
}

// "pytorch/bert": both parts there.
bool names_other_program(const std::string& name) {
  const std::size_t slash = name.find('/');
  return slash != std::string::npos && slash > 0 && slash + 1 < name.size();
}

std::optional<config::Problem> problem_in_names(const SweepOptions& options) {
  if (!options.subject.empty() && !options.models.contains(options.subject)) {
    return config::Problem{"subject", "one of " + names_of(options.models), options.subject};
  }
  if (options.subject.empty() && options.models.size() > 1) {
    const auto others = std::count_if(options.models.begin(), options.models.end(),
                                      [](const auto& entry) { return !entry.second.baseline; });
    if (others != 1) {
      return config::Problem{"subject",
                             "a name, since " + std::to_string(others) + " models are no baselines", "none"};
    }
  }
  for (const auto& [name, members] : options.groups) {
    if (auto problem = empty_list(("groups." + name).c_str(), members)) return problem;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (names_other_program(members[i]) || options.models.contains(members[i])) continue;
      return config::Problem{"groups." + item(name.c_str(), i),
                             "one of " + names_of(options.models) + ", or framework/name", members[i]};
    }
  }
  for (const auto& [name, counterpart] : options.counterparts) {
    const auto found = options.models.find(name);
    if (found == options.models.end() || !found->second.baseline) {
      return config::Problem{"counterparts." + name, "the name of a baseline", name};
    }
    if (!names_other_program(counterpart)) {
      return config::Problem{"counterparts." + name, "framework/name of merged records", counterpart};
    }
  }
  return std::nullopt;
}

config::Position position_of(const config::Document& document, const std::string& model) {
  const config::Node* models = document.root.find("models");
  const config::Node* entry = models ? models->find(model) : nullptr;
  const config::Node* config = entry ? entry->find("config") : nullptr;
  return config ? config->position : entry ? entry->position : document.root.position;
}

}  // namespace

std::int64_t sequences_for(std::int64_t tokens, std::int64_t length, double fraction) {
  return std::llround(static_cast<double>(tokens) / (static_cast<double>(length) * (1 - fraction)));
}

double padded_share(std::int64_t sequences, std::int64_t length, std::int64_t tokens) {
  return 1 - static_cast<double>(tokens) / static_cast<double>(sequences * length);
}

std::optional<config::Problem> SweepOptions::validate() const {
  if (models.empty() && operators.empty()) {
    return config::Problem{"models", "at least one model or operator", "none"};
  }
  for (auto problem :
       {empty_list("measures", measures), empty_list("lengths", lengths), empty_list("dtypes", dtypes),
        empty_list("layouts", layouts), empty_list("padded_fractions", padded_fractions),
        empty_list("paths", paths), empty_list("latency_sequences", latency_sequences)}) {
    if (problem) return problem;
  }
  for (const auto& [name, model] : models) {
    if (model.config.empty()) return config::Problem{"models." + name + ".config", "a file", "none"};
  }
  if (auto problem = problem_in_sizes(*this)) return problem;
  if (auto problem = problem_in_operators(*this)) return problem;
  return problem_in_names(*this);
}

SweepOptions load_sweep(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  const config::Document document = config::load(path, overrides);
  auto options = config::read<SweepOptions>(document);
  const auto from_here = [&](const std::filesystem::path& named) {
    return named.is_absolute() ? named : (path.parent_path() / named).lexically_normal();
  };
  for (auto& [name, model] : options.models) {
    const std::filesystem::path found = from_here(model.config);
    if (!std::filesystem::is_regular_file(found)) {
      throw UsageError(config::to_string(position_of(document, name)) + ": models." + name +
                       ".config: expected a file, relative to the sweep's, got '" + model.config.string() +
                       "'");
    }
    model.config = found;
  }
  if (options.peers) options.peers = from_here(*options.peers);
  for (const auto& [name, model] : options.models) {
    if (options.subject.empty() && (!model.baseline || options.models.size() == 1)) options.subject = name;
  }
  std::sort(options.lengths.begin(), options.lengths.end());
  options.lengths.erase(std::unique(options.lengths.begin(), options.lengths.end()), options.lengths.end());
  return options;
}

at::ScalarType resolve_dtype(SweepDtype dtype, c10::Device device) {
  if (dtype == SweepDtype::automatic) dtype = device.is_cuda() ? SweepDtype::bf16 : SweepDtype::fp32;
  if (!device.is_cuda() && dtype != SweepDtype::fp32) {
    throw UsageError("dtypes: expected auto or fp32 on the CPU, got " +
                     std::string(config::enum_name(dtype)));
  }
  return dtype == SweepDtype::bf16 ? at::kBFloat16 : dtype == SweepDtype::fp16 ? at::kHalf : at::kFloat;
}

std::vector<SweepPath> resolve_paths(const std::vector<SweepPath>& paths, c10::Device device) {
  std::vector<SweepPath> known = paths;
  if (!device.is_cuda()) std::erase(known, SweepPath::graph);
  if (known.empty()) throw UsageError("paths: expected eager on the CPU, which has no graphs, got graph");
  return known;
}

}  // namespace mabert::bench
