#include "mabert/app/glue_report.h"

#include "glue_fixture.h"

#include <functional>
#include <sstream>

#include <gtest/gtest.h>

namespace mabert::app {
namespace {

class GlueReportTest : public GlueFixture {};

TEST_F(GlueReportTest, UnfinishedTasksAreDashes) {
  put("small", result_of("rte", {{{0.6}}}));
  fs::create_directories(root_ / "small/mrpc/seed-1");
  testing::internal::CaptureStderr();
  const std::string table = markdown({"small"});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("small/mrpc: unfinished"), std::string::npos);
  EXPECT_EQ(line(table, "| small"), "| small | – | – | – | – | – | – | – | 60.0 | 60.0 |");
  EXPECT_EQ(json({"small"})["models"][0]["unfinished"], Json::array({"mrpc"}));
}

TEST_F(GlueReportTest, FactsThatHoldForAllTasksStandOnce) {
  put_all("small");
  const std::string table = markdown({"small"});
  EXPECT_EQ(line(table, "- Selection"), "- Selection: fixed epochs, last checkpoint; nothing chosen on dev");
  EXPECT_EQ(line(table, "- Weights"), "- Weights: runs/small");
  EXPECT_EQ(line(table, "- Pretraining"), "- Pretraining: 9,000 steps, 294,616,875 tokens");
  EXPECT_EQ(line(table, "- Seeds"), "- Seeds: 1–3");
  EXPECT_EQ(line(table, "- Learning rate"), "- Learning rate: 1e-4");
  EXPECT_EQ(line(table, "- Training time"), "- Training time, summed over runs: 20 min 12 s");
  EXPECT_NE(table.find("MRPC: 3 epochs of 3,668 examples, 345 steps"), std::string::npos) << table;
}

TEST_F(GlueReportTest, FactsThatDifferAreNamedByTask) {
  put("small", result_of("cola", {{{0.2}, {0.4}}}));
  Json rte = result_of("rte", {{{0.6}, {0.6}}});
  rte["selection"] = "dev";
  rte["learning_rate"] = 2.5e-5;
  rte["grid"] = Json::parse(R"([{"learning_rate":2.5e-5,"score":0.8},{"learning_rate":1e-4,"score":null}])");
  rte["seeds"][1]["steps"] = 400;
  put("small", rte);
  Json qnli = result_of("qnli", {{{0.6}, {0.6}}});
  qnli["selection"] = "early_stopping";
  qnli["slice_fraction"] = 0.1;
  qnli["train_examples"] = 96221;
  qnli["max_train_rows"] = 10000;
  qnli["epochs"] = 1;
  qnli["seeds"][0]["sets"]["dev"]["examples"] = qnli["seeds"][1]["sets"]["dev"]["examples"] = 1000;
  qnli.erase("pretraining");
  put("small", qnli);
  const std::string table = markdown({"small"});
  EXPECT_EQ(
      line(table, "- Selection"),
      "- Selection: CoLA: fixed epochs, last checkpoint; nothing chosen on dev; QNLI: early stopping on a "
      "seeded 10 % slice of train; nothing chosen on dev; RTE: SELECTED ON DEV (for comparison with papers)");
  EXPECT_EQ(line(table, "- Learning rate"),
            "- Learning rate: CoLA, QNLI: 1e-4; RTE: 2.5e-5 (best of 2.5e-5, 1e-4 ON DEV)");
  EXPECT_EQ(
      line(table, "- Training: "),
      "- Training: CoLA: 3 epochs of 8,551 examples, 345 steps; QNLI: 1 epoch of 10,000 examples (drawn from "
      "96,221, official: 104,743), 345 steps; RTE: 3 epochs of 2,490 examples, 345–400 steps by seed");
  EXPECT_EQ(line(table, "- Pretraining"),
            "- Pretraining: CoLA, RTE: 9,000 steps, 294,616,875 tokens; QNLI: unknown");
  EXPECT_EQ(line(table, "- Not the official"),
            "- Not the official dev sets: QNLI dev 1,000 examples (official: 5,463).");
}

TEST_F(GlueReportTest, CsvHasALineForEachMetric) {
  // Exact in binary: F1 0.25, 0.5, 0.75 deviates by 0.25, the score 0.375, 0.5, 0.625 by 0.125.
  Json mrpc = result_of("mrpc", {{{0.25, 0.5}, {0.5, 0.5}, {0.75, 0.5}}});
  mrpc["init_from"] = "runs/a, \"b\"";
  put("small", mrpc);
  GlueReportArguments given = arguments({"small"});
  given.csv = true;
  const std::string settings = "last,0.0001,3,345,3668,,\"runs/a, \"\"b\"\"\",float32,cpu,9000,294616875\n";
  EXPECT_EQ(print(given),
            "model,random_weights,task,set,metric,mean,deviation,seeds,examples,selection,learning_rate,"
            "epochs,steps,"
            "train_examples,max_train_rows,init_from,precision,device,pretraining_steps,pretraining_tokens\n"
            "small,false,mrpc,dev,f1,0.5,0.25,3,408," +
                settings + "small,false,mrpc,dev,accuracy,0.5,0,3,408," + settings +
                "small,false,mrpc,,score,0.5,0.125,3,," + settings +
                "small,false,average,mrpc,score,0.5,0.125,,,,,,,,,,,,,\n");
}

TEST_F(GlueReportTest, ConfusionIsSummedOverSeeds) {
  Json rte = result_of("rte", {{{0.5}, {0.6}}});
  rte["labels"] = {"yes|no", "b"};
  rte["seeds"][0]["sets"]["dev"]["confusion"] = {{1, 2}, {0, 0}};
  rte["seeds"][1]["sets"]["dev"]["confusion"] = {{3, 2}, {0, 0}};
  put("small", rte);
  GlueReportArguments given = arguments({"small"});
  given.confusion = true;
  const std::string text = print(given);
  EXPECT_NE(text.find("## small, RTE dev"), std::string::npos);
  EXPECT_EQ(line(text, "| yes\\|no"), "| yes\\|no | 4 | 4 | 50.0 | 50.0 |");
  EXPECT_EQ(line(text, "| b"), "| b | 0 | 0 | – | – |");
  EXPECT_EQ(json({"small"})["models"][0]["tasks"]["rte"]["sets"]["dev"]["confusion"]["counts"],
            Json::parse("[[4,4],[0,0]]"));
}

TEST_F(GlueReportTest, OutHasAllFormsAndTheFirstSeedsSubmissions) {
  Json rte = result_of("rte", {{{0.5}, {0.9}}});
  rte["seeds"][0]["submissions"] = {"seed-1/submission/RTE.tsv"};
  rte["seeds"][1]["submissions"] = {"seed-2/submission/RTE.tsv"};
  put("small", rte);
  write(root_ / "small/rte/seed-1/submission/RTE.tsv", "index\tprediction\n0\tentailment\n");
  write(root_ / "small/rte/seed-2/submission/RTE.tsv", "of the better seed\n");
  GlueReportArguments given = arguments({"small"});
  given.out = root_ / "new/report";
  const std::string printed = print(given);
  EXPECT_EQ(read(root_ / "new/report/submission/small/RTE.tsv"), "index\tprediction\n0\tentailment\n");
  const std::string page = read(root_ / "new/report/glue.md");
  EXPECT_EQ(page.rfind(printed, 0), 0u);
  EXPECT_NE(page.find("1 submission files of seed 1 (each task's first, not its best)"), std::string::npos)
      << page;
  EXPECT_EQ(Json::parse(read(root_ / "new/report/glue.json")), json({"small"}));
  EXPECT_EQ(read(root_ / "new/report/glue.csv").rfind("model,", 0), 0u);
  EXPECT_EQ(read(root_ / "new/report/confusion.md").rfind("# Confusion", 0), 0u);
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root_ / "new"))
    files += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 5u);  // and nothing half-written
}

TEST_F(GlueReportTest, FoldersOfOneNameAreToldApart) {
  put("x/small", result_of("rte", {{{0.5}}}));
  put("y/small", result_of("rte", {{{0.6}}}));
  const std::string table = markdown({"x/small", "y/small/"});
  EXPECT_NE(line(table, "| x/small"), "");
  EXPECT_NE(line(table, "| y/small"), "");
  expect_error("given twice", {"x/small", "x/small/"});
}

TEST_F(GlueReportTest, CheckNamesWhatIsNotLikeWithLike) {
  const auto with_summary = [](Json& result) {
    for (const auto& [set, numbers] : result["seeds"][0]["sets"].items()) {
      for (const auto& metric : {"accuracy", "f1", "matthews", "pearson", "spearman"}) {
        if (numbers.contains(metric)) result["summary"][set][metric] = {{"mean", 0.6}, {"deviation", 0.1}};
      }
    }
  };
  put_all("a", with_summary);
  put_all("b", with_summary);
  GlueReportArguments given = arguments({"a", "b"});
  given.check = true;
  std::ostringstream out;
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_report_glue(given, out), 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");

  put_all("b", [&](Json& result) {
    with_summary(result);
    if (result["task"] == "cola") result["selection"] = "dev";
    if (result["task"] == "qnli") result["max_train_rows"] = 100;
    if (result["task"] == "mrpc") result["summary"]["dev"]["f1"]["mean"] = 0.7;
    if (result["task"] == "mnli") result["seeds"].erase(2);
    if (result["task"] == "sts-b") result["seeds"][0]["sets"]["dev"]["pearson"] = nullptr;
  });
  fs::remove_all(root_ / "b/rte");
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_report_glue(given, out), 4);
  const std::string said = testing::internal::GetCapturedStderr();
  for (const char* problem : {"b: RTE is missing", "b: CoLA was selected on dev", "QNLI: the rows differ",
                              "CoLA: the rows differ", "b/mrpc/result.json: summary.dev.f1 is not the mean",
                              "b: the tasks have different seeds", "b: STS-B has no score"})
    EXPECT_NE(said.find(problem), std::string::npos) << problem << " is not in\n" << said;
  EXPECT_EQ(said.find("SST-2"), std::string::npos) << said;
}

TEST_F(GlueReportTest, FoldersWithoutResultsAreErrors) {
  expect_error("expected a folder", {"absent"});
  fs::create_directories(root_ / "empty/logs");
  expect_error("tools/glue.sh RUN", {"empty"});
  fs::create_directories(root_ / "begun/rte");
  expect_error("no task is finished", {"begun"});
  expect_error("expected a folder", {});
}

TEST_F(GlueReportTest, BadFilesAreOneLine) {
  const auto spoil = [&](const std::string& pattern, const std::function<void(Json&)>& change) {
    Json result = result_of("rte", {{{0.5}, {0.6}}});
    change(result);
    write(root_ / "small/rte/result.json", result.dump());
    expect_error(pattern, {"small"});
  };
  write(root_ / "small/rte/result.json", "{\"task\": \"rte\", ");
  expect_error("small/rte/result.json: damaged (not JSON)", {"small"});
  write(root_ / "small/rte/result.json", "[1, 2]");
  expect_error("no result of `mabert finetune`", {"small"});
  write(root_ / "small/rte/result.json", "{\"outcome\": \"finished\", \"step\": 4}");  // of a pretraining run
  expect_error("expected task, got nothing", {"small"});
  write(root_ / "small/rte/result.json", std::string((16 << 20) + 1, ' '));
  expect_error("at most 16777216 bytes", {"small"});
  spoil("task: expected rte, as the folder is called, got \"cola\"", [](Json& r) { r["task"] = "cola"; });
  spoil("seeds[1].sets.dev.accuracy: expected a number from -1 to 1, or null, got 60",
        [](Json& r) { r["seeds"][1]["sets"]["dev"]["accuracy"] = 60; });
  spoil("expected seeds[0].sets.dev.accuracy, got nothing",
        [](Json& r) { r["seeds"][0]["sets"]["dev"].erase("accuracy"); });
  spoil("seeds[0].steps: expected a count, got -3", [](Json& r) { r["seeds"][0]["steps"] = -3; });
  spoil("seeds[1].seed: expected every seed once, got 1", [](Json& r) { r["seeds"][1]["seed"] = 1; });
  spoil("selection: expected one of last, early_stopping, dev, got \"best\"",
        [](Json& r) { r["selection"] = "best"; });
  spoil("confusion[0]: expected a count for each of the 2 labels", [](Json& r) {
    r["seeds"][0]["sets"]["dev"]["confusion"] = {{1}, {2}};
  });
  spoil("submissions[0]: expected a .tsv file inside",
        [](Json& r) { r["seeds"][0]["submissions"] = {"seed-1/../../../x.tsv"}; });
  spoil("learning_rate: expected a number", [](Json& r) { r["learning_rate"] = "1e-4"; });
  spoil("seeds: expected a list", [](Json& r) { r["seeds"] = Json::object(); });
}

}  // namespace
}  // namespace mabert::app
