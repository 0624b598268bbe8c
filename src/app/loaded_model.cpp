#include "mabert/app/loaded_model.h"

#include "mabert/nn/module_base.h"
#include "mabert/train/checkpoint_store.h"
#include "mabert/train/module_state.h"

namespace mabert::app {

LoadedModel load_model(const std::filesystem::path& run, const std::string& device,
                       const std::vector<std::string>& overrides) {
  LoadedModel loaded{.checkpoint = train::resolve_checkpoint(run), .device = c10::Device(c10::kCPU)};
  const train::Checkpoint checkpoint(loaded.checkpoint);
  const std::string where = loaded.checkpoint.string();
  loaded.config = parse_run_config(checkpoint.config_yaml(), where + "/config.yaml", overrides);
  loaded.config.train.device = device;
  loaded.device = train::prepare_device(loaded.config.train);
  loaded.tokenizer = data::parse_tokenizer(checkpoint.tokenizer(), where + "/tokenizer.model");
  loaded.model = nn::MaskedLanguageModel(loaded.config.model);
  train::load_weights(checkpoint, *loaded.model);
  loaded.model->to(loaded.device);
  loaded.model->eval();
  nn::set_compute_dtype(*loaded.model, train::compute_dtype(loaded.config.train.precision, loaded.device));
  return loaded;
}

}  // namespace mabert::app
