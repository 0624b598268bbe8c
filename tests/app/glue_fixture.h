#pragma once

#include <fstream>
#include <functional>
#include <sstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mabert/app/glue_report.h"
#include "mabert/core/error.h"
#include "mabert/data/task_spec.h"

namespace mabert::app {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

inline std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

inline void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

/// As `mabert finetune` writes it, with the given metrics of each seed (from 1) on each dev set.
using Numbers = std::vector<std::vector<Json>>;  // [seed][metric]
inline Json result_of(const std::string& name, const std::vector<Numbers>& sets) {
  const data::TaskSpec& task = *data::find_glue_task(name);
  Json json{{"task", name},
            {"title", task.title},
            {"kind", "classification"},
            {"labels", task.labels},
            {"metrics", Json::array()},
            {"init_from", "runs/small"},
            {"model", "small"},
            {"random_weights", false},
            {"selection", "last"},
            {"learning_rate", 1e-4},
            {"epochs", 3},
            {"steps", 345},
            {"train_examples", *task.train.front().rows},
            {"max_train_rows", nullptr},
            {"precision", "float32"},
            {"device", "cpu"},
            {"pretraining", {{"steps", 9000}, {"tokens", 294616875}}},
            {"seeds", Json::array()},
            {"summary", Json::object()}};
  for (std::size_t seed = 0; seed < sets.front().size(); ++seed) {
    Json entry{
        {"seed", seed + 1}, {"steps", 345}, {"tokens", 12345}, {"seconds", 50.5}, {"sets", Json::object()}};
    for (std::size_t i = 0; i < sets.size(); ++i) {
      Json& set = entry["sets"][task.dev.at(i).name];
      set = {{"examples", *task.dev[i].rows}, {"loss", 0.5}};
      for (std::size_t m = 0; m < task.metrics.size(); ++m)
        set[std::string(metrics::metric_name(task.metrics[m]))] = sets[i][seed].at(m);
      set["score"] = nullptr;
    }
    json["seeds"].push_back(entry);
  }
  return json;
}

/// Folders as tools/glue.sh leaves them, with results that a test makes up.
class GlueFixture : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("mabert-glue-" + std::to_string(::getpid()));
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& folder, const Json& result) {
    write(root_ / folder / result.at("task").get<std::string>() / "result.json", result.dump(2));
  }
  GlueReportArguments arguments(const std::vector<std::string>& folders) const {
    GlueReportArguments arguments;
    for (const std::string& folder : folders) arguments.folders.push_back(root_ / folder);
    return arguments;
  }
  std::string markdown(const std::vector<std::string>& folders) const { return print(arguments(folders)); }
  Json json(const std::vector<std::string>& folders) const {
    GlueReportArguments given = arguments(folders);
    given.json = true;
    return Json::parse(print(given));
  }
  static std::string print(const GlueReportArguments& arguments) {
    std::ostringstream out;
    EXPECT_EQ(run_report_glue(arguments, out), 0);
    return out.str();
  }
  /// The one line that begins so, without what pads it.
  static std::string line(const std::string& text, const std::string& beginning) {
    std::istringstream lines(text);
    std::string found, all;
    while (std::getline(lines, all)) {
      if (all.rfind(beginning, 0) != 0) continue;
      EXPECT_EQ(found, "") << beginning << " stands twice in\n" << text;
      for (const char c : all) {
        if (c != ' ' || found.empty() || found.back() != ' ') found += c;
      }
    }
    return found;
  }
  void expect_error(const std::string& pattern, const std::vector<std::string>& folders) const {
    try {
      markdown(folders);
      ADD_FAILURE() << "no error; expected " << pattern;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(pattern), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }
  /// All eight tasks: each metric 0.5 for seed 1, 0.6 for seed 2 and 0.7 for seed 3.
  void put_all(const std::string& folder, const std::function<void(Json&)>& change = {}) {
    for (const data::TaskSpec& task : data::glue_tasks()) {
      if (task.name == "wnli" || task.name == "ax") continue;
      const std::size_t width = task.metrics.size();
      const Numbers seeds{std::vector<Json>(width, 0.5), std::vector<Json>(width, 0.6),
                          std::vector<Json>(width, 0.7)};
      Json result = result_of(task.name, std::vector<Numbers>(task.dev.size(), seeds));
      if (change) change(result);
      put(folder, result);
    }
  }

  fs::path root_;
};

}  // namespace mabert::app
