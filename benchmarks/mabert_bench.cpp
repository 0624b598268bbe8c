#include "benchmarks/ops/run_ops.h"
#include "benchmarks/step/run_step.h"

#include <exception>
#include <functional>
#include <iostream>
#include <limits>
#include <string>

#include <CLI/CLI.hpp>

#include "mabert/core/error.h"

namespace {

using namespace mabert;

constexpr const char* kFooter =
    "Tables go to standard output, progress to standard error. Method: benchmarks/README.md.\n"
    "Exit codes: 0 ok, 1 an operator failed its check and was not timed, 2 usage, 7 device error.";

std::string command_line(int argc, char** argv) {
  std::string line = "mabert_bench";
  for (int i = 1; i < argc; ++i) line += std::string(" ") + argv[i];
  return line;
}

void add_json(CLI::App& command, std::optional<std::filesystem::path>& json) {
  command.add_option("--json", json, "Write the results to this file as well")->type_name("FILE");
}

void add_ops(CLI::App& program, bench::OpsArguments& arguments) {
  CLI::App* command = program.add_subcommand("ops", "Check operators against float64, then time them");
  command
      ->add_option(
          "--ops", arguments.ops,
          "selective_scan, causal_conv1d, mamba_layer, attention, attention_pool, masked_cross_entropy")
      ->type_name("NAME,...")
      ->capture_default_str();
  command
      ->add_option("--shapes", arguments.shapes,
                   "Sequences x length x channels of the inner width (default on CUDA: "
                   "32x512,64x512,16x1024,8x4096,1x512,1x4096 with 1536; on the CPU: 8x512x512); channels in "
                   "multiples of 128; ragged batches have shapes of their own")
      ->type_name("SxLxE,...");
  command->add_option("--layout", arguments.layouts, "dense, ragged, padded, bidirectional")
      ->type_name("NAME,...")
      ->capture_default_str();
  command->add_option("--device", arguments.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command->add_option("--dtype", arguments.dtype,
                      "bf16, fp16 or fp32 (default: bf16 on CUDA, fp32 on the CPU)");
  command->add_option("--samples", arguments.samples, "Samples of each time")->capture_default_str();
  command->add_option("--threads", arguments.threads, "CPU threads (default: one per core)")
      ->check(CLI::Range(1, 4096));
  command
      ->add_option("--saved-states", arguments.saved_states,
                   "What training keeps of a scan: every_8, every_4 or recompute")
      ->capture_default_str();
  command->add_flag("--wide-states", arguments.wide_states, "Keep it in float32");
  command
      ->add_option("--seed", arguments.seed,
                   "Of the random inputs (default: a fresh one, written to the JSON)")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()));
  command->add_flag("--quick-check", arguments.quick_check,
                    "Only check small batches, not those of the timed size");
  command->add_flag("!--no-deterministic", arguments.deterministic, "Allow kernels that are not repeatable");
  add_json(*command, arguments.json);
}

void add_step(CLI::App& program, bench::StepArguments& arguments) {
  CLI::App* command = program.add_subcommand(
      "step", "Time training steps of a model on random tokens, with a profile by kernel group");
  command->add_option("config", arguments.config, "Configuration of the model")
      ->type_name("CONFIG.yaml")
      ->required();
  command
      ->add_option(
          "overrides", arguments.overrides,
          "Values that replace the file's, e.g. batch.tokens=16384 samples.max_length=512 (these are "
          "the defaults)")
      ->type_name("key.path=value");
  command->add_option("--lengths", arguments.lengths, "full: samples of max_length; mixed: 16 to max_length")
      ->capture_default_str();
  command->add_option("--samples", arguments.samples, "Steps to time")->capture_default_str();
  command->add_flag("!--no-profile", arguments.profile, "Only time");
  add_json(*command, arguments.json);
}

int report(const std::string& message, ExitCode code) {
  std::cerr << "mabert_bench: " << message.substr(0, message.find('\n')) << '\n';
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program("Times MaBERT's operators and training steps", "mabert_bench");
  program.require_subcommand(1);
  program.footer(kFooter);
  bench::OpsArguments ops;
  bench::StepArguments step;
  add_ops(program, ops);
  add_step(program, step);
  try {
    program.parse(argc, argv);
    const std::string command = command_line(argc, argv);
    if (program.got_subcommand("step")) return bench::run_step(step, command, std::cout, std::cerr);
    return bench::run_ops(ops, command, std::cout, std::cerr);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);
    return report(std::string(error.what()) + "; see --help", ExitCode::usage);
  } catch (const Error& error) {
    return report(error.what(), error.code());
  } catch (const c10::Error& error) {
    return report(error.what_without_backtrace(), ExitCode::device);
  } catch (const std::exception& error) {
    return report(error.what(), ExitCode::device);
  }
}
