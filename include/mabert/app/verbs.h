#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace mabert::app {

/// What the verbs that read a configuration share: `mabert VERB CONFIG.yaml [key.path=value …]`.
struct ConfigArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
};

/// Each verb prints results to `out`, everything else to stderr, and throws mabert::Error; it returns the
/// exit code.
int run_tokenizer(const ConfigArguments& arguments, std::ostream& out);
int run_shard(const ConfigArguments& arguments, std::ostream& out);
int run_pretrain(const ConfigArguments& arguments, std::ostream& out);
/// Teaches a pretrained model longer texts, stage by stage.
int run_extend(const ConfigArguments& arguments, std::ostream& out);

struct FinetuneArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::int64_t seeds = 1;  ///< train.seed and the next ones
  bool json = false;
};
int run_finetune(const FinetuneArguments& arguments, std::ostream& out);

struct EvaluateArguments {
  std::filesystem::path run;                    ///< run directory or one checkpoint
  std::optional<std::filesystem::path> shards;  ///< pretrained; absent: the validation shards of the run
  std::vector<std::filesystem::path> files;     ///< fine-tuned; absent: the dev sets of the run
  std::optional<std::filesystem::path>
      predictions;  ///< fine-tuned: folder for a table of predictions of each set
  std::vector<std::string> overrides;
  std::string device = "auto";
  bool reset_scan_state = false;  ///< h = 0 before every token
  bool zero_attention = false;
  bool baseline = false;  ///< also the best prediction without context, from the training shards
  bool json = false;
};
/// Of a pretrained model at masked tokens, of a fine-tuned one on labelled files.
int run_evaluate(const EvaluateArguments& arguments, std::ostream& out);

struct PredictArguments {
  std::filesystem::path run;
  std::optional<std::filesystem::path> input;  ///< absent: standard input
  std::int64_t top = 5;
  std::string device = "auto";
  bool json = false;
};
/// A pretrained model fills masks; a fine-tuned one labels lines, or pairs separated by a tab.
int run_predict(const PredictArguments& arguments, std::istream& in, std::ostream& out);

struct ExportArguments {
  std::filesystem::path run, directory;
  std::string dtype = "bfloat16";
};
/// Writes a checkpoint without optimizer state, its weights in another precision.
int run_export(const ExportArguments& arguments, std::ostream& out);

struct InspectArguments {
  std::filesystem::path subject;  ///< a configuration (model), a run or a checkpoint
  std::vector<std::string> overrides;
  bool json = false;
};
int run_inspect_model(const InspectArguments& arguments, std::ostream& out);
int run_inspect_checkpoint(const InspectArguments& arguments, std::ostream& out);
int run_inspect_padding(const InspectArguments& arguments, std::ostream& out);

/// Facts about this machine and build: libraries, devices, threads, SIMD.
int run_doctor(bool json, std::ostream& out);

/// The commented list of every configuration key, its type, default and meaning.
std::string describe_config();

/// Parses a command line, runs its verb, prints errors as one line each, and returns the exit code.
int run_command_line(int argc, char** argv);

}  // namespace mabert::app
