#include "labelled_verbs.h"

#include <cstdio>
#include <ostream>

#include <nlohmann/json.hpp>

#include "mabert/app/loaded_model.h"
#include "mabert/app/run_data.h"
#include "mabert/app/verbs.h"
#include "mabert/core/error.h"
#include "mabert/train/mlm_evaluation.h"

namespace mabert::app {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const train::Evaluation& evaluation) {
  Json json{{"loss", evaluation.loss}};
  for (const train::NamedValue& item : evaluation.values) json[item.name] = item.value;
  json["predicted"] = evaluation.predicted;
  json["tokens"] = evaluation.tokens;
  return json;
}

void print(const char* name, const train::Evaluation& evaluation, std::ostream& out) {
  char line[256];
  std::snprintf(line, sizeof line,
                "%s: loss %.4f  perplexity %.2f  masked accuracy %.2f %%  (%lld predicted of %lld tokens)\n",
                name, evaluation.loss, evaluation.find("perplexity").value_or(0),
                100 * evaluation.find("masked_accuracy").value_or(0),
                static_cast<long long>(evaluation.predicted), static_cast<long long>(evaluation.tokens));
  out << line;
}

}  // namespace

int run_evaluate(const EvaluateArguments& arguments, std::ostream& out) {
  const std::filesystem::path checkpoint = find_checkpoint(arguments.run);
  if (!checkpoint_config(checkpoint, {}).task.name.empty()) return evaluate_labelled(arguments, out);
  if (!arguments.files.empty() || arguments.predictions) {
    throw UsageError(checkpoint.string() +
                     ": --file and --predictions are for fine-tuned models; this one is pretrained");
  }
  LoadedModel loaded = load_model(arguments.run, arguments.device, arguments.overrides);
  const std::filesystem::path folder = arguments.shards.value_or(loaded.config.data.shards / "valid");
  const auto shards = open_shards(folder, *loaded.tokenizer);
  const auto data = make_evaluation(loaded.config, shards);
  train::MlmEvaluationOptions options;
  options.ablation.reset_scan_state = arguments.reset_scan_state;
  options.ablation.zero_attention = arguments.zero_attention;
  const train::Evaluation result = train::evaluate_mlm(loaded.model, *data, loaded.device, options);
  Json json{{"checkpoint", loaded.checkpoint.string()},
            {"shards", folder.string()},
            {"reset_scan_state", arguments.reset_scan_state},
            {"zero_attention", arguments.zero_attention}};
  json.update(to_json(result));
  std::optional<train::Evaluation> baseline;
  if (arguments.baseline) {
    const auto train = open_shards(loaded.config.data.shards / "train", *loaded.tokenizer);
    baseline = train::unigram_baseline(*train, *data);
    json["unigram"] = to_json(*baseline);
  }
  if (arguments.json) {
    out << json.dump(2) << '\n';
    return 0;
  }
  out << loaded.checkpoint.string() << " on " << folder.string() << '\n';
  const char* name = arguments.reset_scan_state && arguments.zero_attention
                         ? "model, scan state reset, attention zero"
                     : arguments.reset_scan_state ? "model, scan state reset"
                     : arguments.zero_attention   ? "model, attention zero"
                                                  : "model";
  print(name, result, out);
  if (baseline) print("unigram", *baseline, out);
  return 0;
}

}  // namespace mabert::app
