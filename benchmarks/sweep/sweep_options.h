#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include "mabert/config/fields.h"
#include "mabert/data/batch_plan.h"

namespace mabert::bench {

enum class SweepMeasure { latency, throughput, training_step };
enum class SweepDtype { automatic, bf16, fp16, fp32 };
enum class SweepPath { eager, graph };

}  // namespace mabert::bench

namespace mabert::config {
template <>
struct EnumNames<bench::SweepMeasure> {
  static constexpr std::array names{EnumName{"latency", bench::SweepMeasure::latency},
                                    EnumName{"throughput", bench::SweepMeasure::throughput},
                                    EnumName{"training_step", bench::SweepMeasure::training_step}};
};
template <>
struct EnumNames<bench::SweepDtype> {
  static constexpr std::array names{
      EnumName{"auto", bench::SweepDtype::automatic}, EnumName{"bf16", bench::SweepDtype::bf16},
      EnumName{"fp16", bench::SweepDtype::fp16}, EnumName{"fp32", bench::SweepDtype::fp32}};
};
template <>
struct EnumNames<bench::SweepPath> {
  static constexpr std::array names{EnumName{"eager", bench::SweepPath::eager},
                                    EnumName{"graph", bench::SweepPath::graph}};
};
}  // namespace mabert::config

namespace mabert::bench {

/// One column of the table.
struct SweepModel {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  bool baseline = false;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("config", self.config, "Configuration of the model, relative to the sweep's file.");
    visit("overrides", self.overrides, "key.path=value over it.");
    visit("baseline", self.baseline, "Whether it belongs to the average of the baselines.");
  }
};

/// What `mabert_bench sweep` measures: the product of models (and operators), lengths, dtypes, layouts,
/// padded fractions, measures and paths.
struct SweepOptions {
  std::map<std::string, SweepModel> models;
  std::vector<std::string> operators;
  std::int64_t channels = 1536;
  std::vector<SweepMeasure> measures{SweepMeasure::latency, SweepMeasure::throughput,
                                     SweepMeasure::training_step};
  std::vector<std::int64_t> lengths{512};
  std::int64_t tokens = 16384;
  std::vector<std::int64_t> latency_sequences{1};
  std::vector<SweepDtype> dtypes{SweepDtype::automatic};
  std::vector<data::BatchLayout> layouts{data::BatchLayout::ragged};
  std::vector<double> padded_fractions{0.0};
  std::vector<SweepPath> paths{SweepPath::eager, SweepPath::graph};
  std::string subject;
  std::map<std::string, std::vector<std::string>> groups;
  std::map<std::string, std::string> counterparts;
  std::optional<std::filesystem::path> peers;
  std::int64_t samples = 15;
  std::int64_t latency_samples = 101;
  std::int64_t warm_up = 5;
  std::string device = "auto";
  std::int64_t threads = 0;
  bool deterministic = true;
  std::uint64_t seed = 1;

  template <class Self, class Visitor>
  static void visit_fields(Self& self, Visitor& visit) {
    visit("models", self.models, "Columns of the table by name.");
    visit("operators", self.operators, "Operators to time as well, by the names that `ops` knows.");
    visit("channels", self.channels, config::between(128, 1 << 16),
          "Of the operators' inner width; a multiple of 128.");
    visit("measures", self.measures, "latency, throughput, training_step.");
    visit("lengths", self.lengths, config::between(16, 1 << 20),
          "Of the longest sequence. model.positions.max_length is raised to it where it is smaller.");
    visit("tokens", self.tokens, config::between(16, 1 << 28),
          "Valid tokens of a throughput batch, of a training step and of an operator's batch.");
    visit("latency_sequences", self.latency_sequences, config::between(1, 1 << 16),
          "Sequences in a batch whose latency is measured; one sequence has no padded fraction.");
    visit("dtypes", self.dtypes, "auto: bf16 on CUDA, fp32 on the CPU.");
    visit("layouts", self.layouts,
          "ragged: valid tokens only; padded: the (B, L) rows go through the model, pads included.");
    visit(
        "padded_fractions", self.padded_fractions, config::between(0.0, 0.9),
        "Share of the (B, L) rows that hold no token, at the same valid tokens: sequences of mixed lengths, "
        "more of them. With the ragged layout the same sequences are packed.");
    visit("paths", self.paths,
          "eager: issued by the host; graph: replayed from a CUDA graph (only on CUDA).");
    visit("subject", self.subject,
          "The model that others are compared with; empty: the only one that is no baseline.");
    visit("groups", self.groups,
          "More averages: names of models, or framework/name of merged records, by the name of the average.");
    visit(
        "counterparts", self.counterparts,
        "Of our baselines, by name: framework/name of merged records of the same architecture and size, for "
        "the average of the baselines in which each is as fast as any of the two.");
    visit("peers", self.peers, "Records of other programs to stand beside ours, relative to this file.");
    visit("samples", self.samples, config::between(3, 100000), "Times taken of throughput, step, operator.");
    visit("latency_samples", self.latency_samples, config::between(3, 100000), "Times taken of latency.");
    visit("warm_up", self.warm_up, config::between(2, 10000), "Calls or steps before.");
    visit("device", self.device, "auto, cpu, cuda or cuda:N.");
    visit("threads", self.threads, config::between(0, 4096), "CPU threads; 0: one per core.");
    visit("deterministic", self.deterministic,
          "Repeatable kernels only, as in training by default; false: each on its fastest.");
    visit("seed", self.seed, "Of weights and tokens.");
  }

  std::optional<config::Problem> validate() const;
};

/// Sequences of (B, L) rows that hold `tokens` valid ones, a share `fraction` of the rows being pads.
std::int64_t sequences_for(std::int64_t tokens, std::int64_t length, double fraction);

/// Share of (sequences, length) rows without a token.
double padded_share(std::int64_t sequences, std::int64_t length, std::int64_t tokens);

/// Reads a sweep with its overrides; paths in it become relative to the working directory, lengths are sorted
/// and the subject is filled in. Errors: UsageError with file, line and key.
SweepOptions load_sweep(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// auto resolved. Errors: UsageError for what the device cannot compute in.
at::ScalarType resolve_dtype(SweepDtype dtype, c10::Device device);

/// The paths that the device has. Errors: UsageError when none is left.
std::vector<SweepPath> resolve_paths(const std::vector<SweepPath>& paths, c10::Device device);

}  // namespace mabert::bench
