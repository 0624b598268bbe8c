#include "glue_result.h"

#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::uint64_t kMaxBytes = 16 << 20;
constexpr std::size_t kMaxSeeds = 1000, kMaxLabels = 100;

/// A value of the file and where it stands, for messages.
class Field {
 public:
  Field(const Json& json, std::string file, std::string key)
      : json_(&json), file_(std::move(file)), key_(std::move(key)) {}

  [[noreturn]] void reject(const std::string& expected) const {
    std::string got = json_->type_name();
    if (json_->is_primitive()) got = json_->dump(-1, ' ', true).substr(0, 60);
    throw DataError(file_ + ": " + key_ + ": expected " + expected + ", got " + got +
                    "; remove the file and fine-tune this task again");
  }

  std::optional<Field> find(const std::string& key) const {
    if (!json_->is_object()) reject("an object");
    const auto found = json_->find(key);
    if (found == json_->end()) return std::nullopt;
    return Field(*found, file_, key_.empty() ? key : key_ + "." + key);
  }
  Field operator[](const std::string& key) const {
    if (auto found = find(key)) return *found;
    throw DataError(
        file_ + ": expected " + (key_.empty() ? key : key_ + "." + key) +
        ", got nothing; it is no result of `mabert finetune`, or damaged: fine-tune this task again");
  }
  /// Every element of an array, or value of an object with its key.
  std::vector<Field> elements(std::size_t most) const {
    if (!json_->is_array() || json_->size() > most) reject("a list of at most " + std::to_string(most));
    std::vector<Field> fields;
    for (std::size_t i = 0; i < json_->size(); ++i)
      fields.emplace_back((*json_)[i], file_, key_ + "[" + std::to_string(i) + "]");
    return fields;
  }
  std::vector<std::pair<std::string, Field>> members() const {
    if (!json_->is_object()) reject("an object");
    std::vector<std::pair<std::string, Field>> fields;
    for (const auto& [key, value] : json_->items())
      fields.emplace_back(key, Field(value, file_, key_ + "." + key));
    return fields;
  }

  bool is_null() const { return json_->is_null(); }
  std::string text() const {
    if (!json_->is_string()) reject("text");
    return json_->get<std::string>();
  }
  bool flag() const {
    if (!json_->is_boolean()) reject("true or false");
    return json_->get<bool>();
  }
  std::int64_t count() const {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 50;  // sums of many stay exact
    if (!json_->is_number_unsigned() || json_->get<std::uint64_t>() > kMost) reject("a count");
    return json_->get<std::int64_t>();
  }
  std::uint64_t seed() const {
    if (!json_->is_number_unsigned()) reject("a seed");
    return json_->get<std::uint64_t>();
  }
  double amount() const {
    if (!json_->is_number() || !(json_->get<double>() >= 0) || !std::isfinite(json_->get<double>()))
      reject("a number, 0 or more");
    return json_->get<double>();
  }
  /// A metric; null stands for what is not finite.
  std::optional<double> score() const {
    if (is_null()) return std::nullopt;
    if (!json_->is_number() || !(std::abs(json_->get<double>()) <= 1 + 1e-6))
      reject("a number from -1 to 1, or null");
    return json_->get<double>();
  }

 private:
  const Json* json_;
  std::string file_, key_;
};

template <class Enum>
Enum choice(const Field& field) {
  const std::string text = field.text();
  std::string expected;
  for (const auto& [name, value] : config::EnumNames<Enum>::names) {
    if (text == name) return value;
    expected += (expected.empty() ? "" : ", ") + std::string(name);
  }
  field.reject("one of " + expected);
}

std::vector<std::vector<std::int64_t>> read_confusion(const Field& field, std::size_t labels) {
  std::vector<std::vector<std::int64_t>> matrix;
  for (const Field& row : field.elements(kMaxLabels)) {
    auto& counts = matrix.emplace_back();
    for (const Field& count : row.elements(kMaxLabels)) counts.push_back(count.count());
    if (counts.size() != labels) row.reject("a count for each of the " + std::to_string(labels) + " labels");
  }
  if (matrix.size() != labels) field.reject("a row for each of the " + std::to_string(labels) + " labels");
  return matrix;
}

GlueSetResult read_set(const Field& field, const GlueTaskResult& result) {
  GlueSetResult set;
  set.examples = field["examples"].count();
  for (const metrics::Metric metric : result.task->metrics) {
    const std::string name(metrics::metric_name(metric));
    set.values[name] = field[name].score();
  }
  if (const auto confusion = field.find("confusion"); confusion && !confusion->is_null())
    set.confusion = read_confusion(*confusion, result.labels.size());
  return set;
}

GlueSeedResult read_seed(const Field& field, const GlueTaskResult& result) {
  GlueSeedResult seed;
  seed.seed = field["seed"].seed();
  seed.steps = field["steps"].count();
  seed.tokens = field["tokens"].count();
  seed.seconds = field["seconds"].amount();
  for (const auto& [name, set] : field["sets"].members()) seed.sets[name] = read_set(set, result);
  if (const auto submissions = field.find("submissions"); submissions && !submissions->is_null()) {
    for (const Field& path : submissions->elements(16)) {
      const fs::path relative = fs::path(path.text()).lexically_normal();
      if (relative.empty() || relative.is_absolute() || *relative.begin() == ".." ||
          relative.extension() != ".tsv")
        path.reject("a .tsv file inside the task's folder");
      seed.submissions.push_back(relative);
    }
  }
  return seed;
}

void read_settings(const Field& root, GlueTaskResult& result) {
  result.init_from = root["init_from"].text();
  result.model = root["model"].text();
  result.random_weights = root["random_weights"].flag();
  result.selection = choice<Selection>(root["selection"]);
  if (const auto fraction = root.find("slice_fraction"); fraction && !fraction->is_null())
    result.slice_fraction = fraction->amount();
  result.learning_rate = root["learning_rate"].amount();
  if (const auto grid = root.find("grid"); grid && !grid->is_null()) {
    for (const Field& point : grid->elements(kMaxSeeds))
      result.grid.push_back(point["learning_rate"].amount());
  }
  if (const Field epochs = root["epochs"]; !epochs.is_null()) result.epochs = epochs.amount();
  result.steps = root["steps"].count();
  result.train_examples = root["train_examples"].count();
  if (const auto rows = root.find("max_train_rows"); rows && !rows->is_null())
    result.max_train_rows = rows->count();
  result.precision = root["precision"].text();
  result.device = root["device"].text();
  if (const auto pretraining = root.find("pretraining"); pretraining && !pretraining->is_null())
    result.pretraining = GluePretraining{(*pretraining)["steps"].count(), (*pretraining)["tokens"].count()};
}

void read_summary(const Field& root, GlueTaskResult& result) {
  for (const auto& [set, metrics] : root["summary"].members()) {
    for (const auto& [metric, statistic] : metrics.members()) {
      if (metric == "loss" || metric == "examples") continue;  // no metric
      result.stated_means[set][metric] = statistic["mean"].score();
    }
  }
}

}  // namespace

GlueTaskResult read_glue_result(const fs::path& folder, const data::TaskSpec& task) {
  const std::string file = (folder / "result.json").string();
  Json json;
  try {
    json = Json::parse(read_text_file(file, kMaxBytes));
  } catch (const Json::exception&) {
    throw DataError(file + ": damaged (not JSON); remove it and fine-tune this task again");
  }
  const Field root(json, file, "");
  if (!json.is_object())
    throw DataError(file + ": no result of `mabert finetune`; fine-tune this task again");
  if (const std::string name = root["task"].text(); name != task.name) {
    root["task"].reject(task.name + ", as the folder is called");
  }
  GlueTaskResult result;
  result.task = &task;
  result.folder = folder;
  for (const Field& label : root["labels"].elements(kMaxLabels)) result.labels.push_back(label.text());
  read_settings(root, result);
  std::set<std::uint64_t> seen;
  for (const Field& seed : root["seeds"].elements(kMaxSeeds)) {
    result.seeds.push_back(read_seed(seed, result));
    if (!seen.insert(result.seeds.back().seed).second) seed["seed"].reject("every seed once");
  }
  read_summary(root, result);
  return result;
}

}  // namespace mabert::app
