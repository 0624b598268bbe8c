#include "evaluation_json.h"

#include <nlohmann/json.hpp>

#include "mabert/train/console.h"
#include "mabert/train/event_file.h"
#include "mabert/train/trainer.h"

namespace mabert::train {

TrainResult train(Task& task, const OptimizationOptions& options, const RunContext& context,
                  std::ostream& terminal, bool is_terminal) {
  Trainer trainer(task, options, context);
  trainer.add_observer(
      std::make_unique<MetricsLog>(context.directory / "metrics.jsonl", trainer.state().step));
  trainer.add_observer(std::make_unique<EventFile>(context.directory));
  trainer.add_observer(std::make_unique<Console>(context.log, terminal, is_terminal, trainer.total_steps()));
  return trainer.run();
}

std::string to_json(const TrainResult& result) {
  constexpr const char* kOutcomes[] = {"finished", "stopped_early", "time_limit", "interrupted"};
  nlohmann::ordered_json json;
  json["outcome"] = kOutcomes[static_cast<int>(result.outcome)];
  if (result.signal != 0) json["signal"] = result.signal;
  json["step"] = result.step;
  json["tokens"] = result.tokens;
  json["seconds"] = result.seconds;
  if (result.train_loss) json["train_loss"] = *result.train_loss;
  if (result.validation) json["validation"] = describe(*result.validation);
  if (result.best) json["best_" + result.best->name] = result.best->value;
  if (result.best_step) json["best_step"] = *result.best_step;
  return json.dump(2) + "\n";
}

}  // namespace mabert::train
