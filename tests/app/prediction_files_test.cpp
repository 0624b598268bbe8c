#include "src/app/prediction_files.h"

#include "support/word_tokenizer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mabert::app {
namespace {

data::TaskSpec spec(data::TaskKind kind, std::vector<std::string> labels) {
  data::TaskSpec task;
  task.name = "own";
  task.kind = kind;
  task.labels = std::move(labels);
  task.maximum = 5;
  return task;
}

TEST(PredictionFilesTest, ClassesByName) {
  const auto task = spec(data::TaskKind::classification, {"no", "yes"});
  std::vector<data::LabelledText> rows(2);
  rows[0] = {.first = "a", .label = 0, .id = "7"};
  rows[1] = {.first = "b", .id = "8"};
  const data::LabelledSet set(task.kind, rows, WordTokenizer(), 16);
  train::Predictions predictions{.kind = task.kind, .columns = 2, .values = {0.25F, 0.75F, 0.875F, 0.125F}};
  EXPECT_EQ(submission_text(task, set, predictions), "index\tprediction\n7\tyes\n8\tno\n");
  EXPECT_EQ(
      prediction_table(task, set, predictions),
      "id\tlabel\tprediction\tp(no)\tp(yes)\n7\tno\tyes\t0.250000\t0.750000\n8\t\tno\t0.875000\t0.125000\n");
}

TEST(PredictionFilesTest, NumbersWithThreeDecimals) {
  const auto task = spec(data::TaskKind::regression, {});
  std::vector<data::LabelledText> rows(1);
  rows[0] = {.first = "a", .second = "b", .score = 2.5F, .id = "0"};
  const data::LabelledSet set(task.kind, rows, WordTokenizer(), 16);
  train::Predictions predictions{.kind = task.kind, .columns = 1, .values = {4.0625F}};
  EXPECT_EQ(submission_text(task, set, predictions), "index\tprediction\n0\t4.062\n");
  EXPECT_EQ(prediction_table(task, set, predictions), "id\tlabel\tprediction\n0\t2.500\t4.062\n");
}

TEST(PredictionFilesTest, WordsCutOffHaveNoPrediction) {
  const auto task = spec(data::TaskKind::tokens, {"O", "B-X"});
  std::vector<data::LabelledText> rows(1);
  rows[0].words = {"w", "w", "w", "w", "w"};
  rows[0].word_labels = {1, 0, 1, 0, 1};
  rows[0].id = "0";
  const data::LabelledSet set(task.kind, rows, WordTokenizer(), 5);  // [CLS], three words, [SEP]
  ASSERT_EQ(set[0].word_rows.size(), 3U);
  train::Predictions predictions{
      .kind = task.kind, .columns = 2, .values = {0.5F, 0.25F, 0.25F, 0.5F, 0.75F, 0.25F}, .begin = {0, 3}};
  EXPECT_EQ(prediction_table(task, set, predictions),
            "word\tlabel\tprediction\tp(O)\tp(B-X)\n"
            "0\tB-X\tO\t0.500000\t0.250000\n1\tO\tB-X\t0.250000\t0.500000\n2\tB-X\tO\t0.750000\t0.250000\n"
            "3\tO\t-\n4\tB-X\t-\n\n");
}

}  // namespace
}  // namespace mabert::app
