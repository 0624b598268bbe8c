#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "mabert/app/context_report.h"
#include "mabert/app/glue_report.h"
#include "mabert/app/verbs.h"
#include "mabert/core/error.h"

namespace mabert::app {
namespace {

constexpr const char* kFooter =
    "Results go to standard output, everything else to standard error.\n"
    "Exit codes: 0 ok, 2 usage or configuration, 3 damaged or missing data, 4 no usable checkpoint, 5 disk "
    "full,\n"
    "6 training stopped being finite, 7 device error, 130/143 stopped by SIGINT/SIGTERM after saving.";

/// One callback's result, filled when CLI11 has parsed the verb.
struct Dispatch {
  CLI::App& program;
  std::function<int()> action;
};

void add_config_verb(Dispatch& dispatch, const char* name, const char* what,
                     int (*verb)(const ConfigArguments&, std::ostream&)) {
  CLI::App* command = dispatch.program.add_subcommand(name, what);
  auto arguments = std::make_shared<ConfigArguments>();
  auto help_config = std::make_shared<bool>(false);
  command->add_flag("--help-config", *help_config,
                    "Print every configuration key with its default and meaning");
  command->add_option("config", arguments->config, "Configuration file")->type_name("CONFIG.yaml");
  command
      ->add_option("overrides", arguments->overrides,
                   "Values that replace the file's, e.g. run_dir=runs/mine")
      ->type_name("key.path=value");
  command->callback([&dispatch, arguments, help_config, verb] {
    dispatch.action = [arguments, help_config, verb] {
      if (*help_config) {
        std::cout << describe_config();
        return 0;
      }
      if (arguments->config.empty()) throw UsageError("expected a configuration file; see --help");
      return verb(*arguments, std::cout);
    };
  });
}

void add_finetune(Dispatch& dispatch) {
  CLI::App* command = dispatch.program.add_subcommand(
      "finetune", "Fine-tune a pretrained model on labelled rows (GLUE or your own), over several seeds");
  auto arguments = std::make_shared<FinetuneArguments>();
  auto help_config = std::make_shared<bool>(false);
  command->add_flag("--help-config", *help_config,
                    "Print every configuration key with its default and meaning");
  command->add_option("config", arguments->config, "Configuration file")->type_name("CONFIG.yaml");
  command
      ->add_option("overrides", arguments->overrides,
                   "Values that replace the file's; model.init_from=RUN names the model to start from")
      ->type_name("key.path=value");
  command->add_option("--seeds", arguments->seeds, "Seeds: train.seed and the ones after it")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Print the result as JSON");
  command->callback([&dispatch, arguments, help_config] {
    dispatch.action = [arguments, help_config] {
      if (*help_config) {
        std::cout << describe_config();
        return 0;
      }
      if (arguments->config.empty()) throw UsageError("expected a configuration file; see --help");
      return run_finetune(*arguments, std::cout);
    };
  });
}

void add_evaluate(Dispatch& dispatch) {
  CLI::App* command = dispatch.program.add_subcommand(
      "evaluate", "Metrics of a checkpoint: at masked tokens, or on a task's labelled rows");
  auto arguments = std::make_shared<EvaluateArguments>();
  command->add_option("run", arguments->run, "Run directory (its best, else last checkpoint) or checkpoint")
      ->required();
  command->add_option("overrides", arguments->overrides, "Values that replace the run's configuration")
      ->type_name("key.path=value");
  command->add_option("--shards", arguments->shards,
                      "Pretrained: shard set to evaluate on (default: the run's validation shards)");
  command
      ->add_option(
          "--file", arguments->files,
          "Fine-tuned: a labelled file of the task's layout; may be repeated (default: the dev sets)")
      ->allow_extra_args(false);
  command->add_option("--predictions", arguments->predictions,
                      "Fine-tuned: folder to write what is predicted for every example into");
  command->add_option("--device", arguments->device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command->add_flag("--reset-scan-state", arguments->reset_scan_state,
                    "Pretrained, ablation: forget the scan state at every token");
  command->add_flag("--zero-attention", arguments->zero_attention,
                    "Pretrained, ablation: attention contributes nothing");
  command->add_flag("--baseline", arguments->baseline,
                    "Pretrained: also print the best prediction without context (unigram)");
  command->add_flag("--json", arguments->json, "Print JSON");
  command->callback([&dispatch, arguments] {
    dispatch.action = [arguments] { return run_evaluate(*arguments, std::cout); };
  });
}

void add_predict(Dispatch& dispatch) {
  CLI::App* command = dispatch.program.add_subcommand(
      "predict", "Fill the [MASK]s of lines of text, or label lines (a pair: two texts separated by a tab)");
  auto arguments = std::make_shared<PredictArguments>();
  command->add_option("run", arguments->run, "Run directory (its best, else last checkpoint) or checkpoint")
      ->required();
  command->add_option("--input", arguments->input,
                      "File with one text or pair per line (default: standard input)");
  command->add_option("--top", arguments->top, "Pretrained: candidates per mask")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--device", arguments->device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command->add_flag("--json", arguments->json, "Print one JSON object per line of input");
  command->callback([&dispatch, arguments] {
    dispatch.action = [arguments] { return run_predict(*arguments, std::cin, std::cout); };
  });
}

void add_export(Dispatch& dispatch) {
  CLI::App* command = dispatch.program.add_subcommand(
      "export", "Write a checkpoint's weights alone, in another precision, as a checkpoint of their own");
  auto arguments = std::make_shared<ExportArguments>();
  command->add_option("run", arguments->run, "Run directory (its best, else last checkpoint) or checkpoint")
      ->required();
  command->add_option("directory", arguments->directory, "Directory to write; must not exist")->required();
  command->add_option("--dtype", arguments->dtype, "float32, bfloat16 or float16")->capture_default_str();
  command->callback([&dispatch, arguments] {
    dispatch.action = [arguments] { return run_export(*arguments, std::cout); };
  });
}

void add_report_context(Dispatch& dispatch, CLI::App& report) {
  CLI::App* context = report.add_subcommand(
      "context", "Masked-LM loss by visible context: the same masked tokens, the text around them cut");
  auto arguments = std::make_shared<ContextReportArguments>();
  context->add_option("runs", arguments->runs, "Run directories or checkpoints of pretrained models")
      ->required();
  context->add_option("--names", arguments->names, "Names of the rows, one for each run, separated by commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  context->add_option("--shards", arguments->shards,
                      "Shard set of held-out text (default: the first run's validation shards)");
  context
      ->add_option("--lengths", arguments->lengths,
                   "Visible tokens, [CLS] and [SEP] included, rising, separated by commas: 512,1024")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  context->add_option("--window", arguments->window, "Tokens of a target window")->capture_default_str();
  context->add_option("--windows", arguments->windows, "Target windows, evenly spread; 0: all")
      ->capture_default_str();
  context->add_option("--batch-tokens", arguments->batch_tokens, "Most tokens computed at once")
      ->capture_default_str();
  auto growth = std::make_shared<std::string>("tile");
  context
      ->add_option("--growth", *growth,
                   "How learned positions are continued that are fewer than the longest context")
      ->check(CLI::IsMember({"tile", "interpolate"}))
      ->capture_default_str();
  context->add_option("--device", arguments->device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  context->add_option("--out", arguments->out,
                      "Folder to write context.json, context.md and context.svg into");
  context->add_flag("--json", arguments->json, "Print JSON");
  context->callback([&dispatch, arguments, growth] {
    arguments->growth = *growth == "tile" ? nn::PositionGrowth::tile : nn::PositionGrowth::interpolate;
    dispatch.action = [arguments] { return run_report_context(*arguments, std::cout); };
  });
}

void add_report(Dispatch& dispatch) {
  CLI::App* report = dispatch.program.add_subcommand("report", "Tables of finished runs");
  report->require_subcommand(1);
  add_report_context(dispatch, *report);
  CLI::App* glue = report->add_subcommand("glue", "The GLUE table of fine-tuned models, one row for each");
  auto arguments = std::make_shared<GlueReportArguments>();
  glue->add_option("folders", arguments->folders,
                   "Folders with a subfolder for each task (see tools/glue.sh)")
      ->required();
  glue->add_flag("--json", arguments->json, "Print JSON");
  glue->add_flag("--csv", arguments->csv, "Print CSV");
  glue->add_flag("--confusion", arguments->confusion, "Also print the confusion matrices");
  glue->add_flag("--check", arguments->check,
                 "Exit code 4 unless the table is complete and compares like with like");
  glue->add_option("--out", arguments->out, "Folder to write table, JSON, CSV and submission files into");
  glue->callback([&dispatch, arguments] {
    dispatch.action = [arguments] { return run_report_glue(*arguments, std::cout); };
  });
}

void add_inspect(Dispatch& dispatch) {
  CLI::App* inspect =
      dispatch.program.add_subcommand("inspect", "Look inside a model, a checkpoint, or padding safety");
  inspect->require_subcommand(1);
  const auto add = [&](const char* name, const char* what,
                       int (*verb)(const InspectArguments&, std::ostream&)) {
    CLI::App* command = inspect->add_subcommand(name, what);
    auto arguments = std::make_shared<InspectArguments>();
    command->add_option("subject", arguments->subject, "Configuration file, run directory or checkpoint")
        ->required();
    command->add_option("overrides", arguments->overrides, "Configuration values")
        ->type_name("key.path=value");
    command->add_flag("--json", arguments->json, "Print JSON");
    command->callback([&dispatch, arguments, verb] {
      dispatch.action = [arguments, verb] { return verb(*arguments, std::cout); };
    });
  };
  add("model", "Parameters, their shapes and decay groups", run_inspect_model);
  add("checkpoint", "What a checkpoint holds, verified", run_inspect_checkpoint);
  add("padding", "How far padding changes results at valid tokens, and the table of masking ablations",
      run_inspect_padding);
}

void add_doctor(Dispatch& dispatch) {
  CLI::App* command = dispatch.program.add_subcommand("doctor", "Facts about this machine and build");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "Print JSON");
  command->callback([&dispatch, json] { dispatch.action = [json] { return run_doctor(*json, std::cout); }; });
}

int report(const char* kind, const std::string& message, ExitCode code) {
  std::cerr << "mabert: " << kind << message << '\n';
  return static_cast<int>(code);
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App program("MaBERT: pretrain, evaluate and use hybrid Mamba-Transformer encoders", "mabert");
  program.footer(kFooter);
  program.require_subcommand(1);
  program.set_version_flag("--version", MABERT_VERSION);
  Dispatch dispatch{program, {}};
  add_config_verb(dispatch, "tokenizer", "Train a tokenizer from text", run_tokenizer);
  add_config_verb(dispatch, "shard", "Turn text into token shards", run_shard);
  add_config_verb(dispatch, "pretrain", "Pretrain with masked language modelling", run_pretrain);
  add_config_verb(dispatch, "extend",
                  "Teach a pretrained model longer texts, length by length (model.init_from=RUN names it)",
                  run_extend);
  add_finetune(dispatch);
  add_evaluate(dispatch);
  add_predict(dispatch);
  add_export(dispatch);
  add_report(dispatch);
  add_inspect(dispatch);
  add_doctor(dispatch);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return program.exit(help);
  } catch (const CLI::ParseError& error) {
    return report("", std::string(error.what()) + "; see 'mabert --help'", ExitCode::usage);
  }
  try {
    const int code = dispatch.action();
    std::cout.flush();
    if (!std::cout) return report("", "standard output: cannot write", ExitCode::disk_full);
    return code;
  } catch (const Error& error) {
    return report("", error.what(), error.code());
  } catch (const std::filesystem::filesystem_error& error) {
    const bool full = error.code() == std::errc::no_space_on_device;
    return report("", error.path1().string() + ": " + error.code().message(),
                  full ? ExitCode::disk_full : ExitCode::damaged_data);
  } catch (const std::bad_alloc&) {
    return report("", "out of memory: lower batch.tokens or samples.max_length", ExitCode::device);
  } catch (const std::exception& error) {
    // LibTorch's messages carry a stack trace after the first line.
    const std::string text = error.what();
    return report("internal error: ", text.substr(0, text.find('\n')), ExitCode::device);
  }
}

}  // namespace mabert::app
