#include "benchmarks/compare/compare.h"
#include "benchmarks/ops/run_ops.h"
#include "benchmarks/step/run_step.h"
#include "benchmarks/sweep/run_sweep.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "mabert/core/error.h"

namespace {

using namespace mabert;

constexpr const char* kFooter =
    "Tables go to standard output, progress to standard error. Method: benchmarks/README.md.\n"
    "`mabert_bench FILE.yaml ...` is `mabert_bench sweep FILE.yaml ...`, `--compare A B` is `compare A B`.\n"
    "Exit codes: 0 ok, 1 an operator or model failed its check and was not timed, 2 usage, 3 damaged file,\n"
    "5 disk full, 6 a loss that is not finite, 7 device error.";

std::string command_line(int argc, char** argv) {
  std::string line = "mabert_bench";
  for (int i = 1; i < argc; ++i) line += std::string(" ") + argv[i];
  return line;
}

void add_json(CLI::App& command, std::optional<std::filesystem::path>& json) {
  command.add_option("--json", json, "Write the results to this file as well")->type_name("FILE");
}

void add_outputs(CLI::App& command, bench::OutputPaths& outputs) {
  add_json(command, outputs.json);
  command.add_option("--jsonl", outputs.jsonl, "As JSON lines: a header, then one record a line")
      ->type_name("FILE");
  command.add_option("--csv", outputs.csv, "As comma-separated values")->type_name("FILE");
  command.add_option("--plots", outputs.plots, "Plots of what was swept, as SVG files in this folder")
      ->type_name("DIR");
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
                   "multiples of 128; each of those given gets ragged and padded batches too, of the default "
                   "ones the first")
      ->type_name("SxLxE,...");
  command->add_option("--layout", arguments.layouts, "dense, ragged, padded, bidirectional")
      ->type_name("NAME,...")
      ->capture_default_str();
  command
      ->add_option("--padded", arguments.padded,
                   "Shares of the rows of padded batches that hold no token, at equal valid rows")
      ->type_name("SHARE,...")
      ->capture_default_str();
  command->add_option("--device", arguments.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command
      ->add_option("--dtype", arguments.dtype,
                   "bf16, fp16, fp32, several one after another (default: bf16 on CUDA, fp32 on the CPU)")
      ->type_name("NAME,...");
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
  add_outputs(*command, arguments.outputs);
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

void add_sweep(CLI::App& program, bench::SweepArguments& arguments) {
  CLI::App* command = program.add_subcommand(
      "sweep", "Check models and operators, then time them over lengths, batches, dtypes, padding, layouts");
  command->add_option("config", arguments.config, "What to measure, e.g. configs/bench/paper.yaml")
      ->type_name("SWEEP.yaml")
      ->required();
  command->add_option("overrides", arguments.overrides, "Values that replace the file's, e.g. lengths=[512]")
      ->type_name("key.path=value");
  command
      ->add_option("--from", arguments.from,
                   "Measure nothing: tables and files from the --json of an earlier run of this sweep")
      ->type_name("FILE");
  command->add_option("--merge", arguments.merge, "Records of another program to stand in the same table")
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  add_outputs(*command, arguments.outputs);
}

void add_compare(CLI::App& program, bench::CompareArguments& arguments) {
  CLI::App* command =
      program.add_subcommand("compare", "Ratios of the records of two files, with their spread");
  command
      ->add_option("a", arguments.a,
                   "Records written by --json or --jsonl, or rows that ops wrote before it had records")
      ->type_name("A")
      ->required();
  command->add_option("b", arguments.b, "The same, later or elsewhere")->type_name("B")->required();
  command->add_flag("--json", arguments.json, "Print JSON");
}

// The words after the program's name, in the order in which CLI11 takes them (last first), with the verb that
// a first word stands for.
std::vector<std::string> words(const CLI::App& program, int argc, char** argv) {
  std::vector<std::string> all(argv + 1, argv + argc), verbs;
  for (const CLI::App* verb : program.get_subcommands([](const CLI::App*) { return true; })) {
    verbs.push_back(verb->get_name());
  }
  if (!all.empty()) {
    const std::string first = all.front();
    const bool known = std::find(verbs.begin(), verbs.end(), first) != verbs.end();
    if (first == "--compare") {
      all.front() = "compare";
    } else if (!known && !first.starts_with("-")) {
      if (!first.ends_with(".yaml")) {
        std::string list;
        for (const std::string& verb : verbs) list += (list.empty() ? "" : ", ") + verb;
        throw UsageError("unknown verb '" + first + "': expected " + list + ", or the .yaml file of a sweep");
      }
      all.insert(all.begin(), "sweep");
    }
  }
  std::reverse(all.begin(), all.end());
  return all;
}

int report(const std::string& message, ExitCode code) {
  std::cerr << "mabert_bench: " << message.substr(0, message.find('\n')) << '\n';
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program("Times MaBERT's operators and models", "mabert_bench");
  program.require_subcommand(1);
  program.footer(kFooter);
  bench::OpsArguments ops;
  bench::StepArguments step;
  add_ops(program, ops);
  add_step(program, step);
  bench::SweepArguments sweep;
  bench::CompareArguments compare;
  add_sweep(program, sweep);
  add_compare(program, compare);
  try {
    program.parse(words(program, argc, argv));
    const std::string command = command_line(argc, argv);
    if (program.got_subcommand("sweep")) return bench::run_sweep(sweep, command, std::cout, std::cerr);
    if (program.got_subcommand("compare")) return bench::run_compare(compare, std::cout);
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
