#include "mabert/data/task_options.h"

#include "fixtures.h"

namespace mabert::data {
namespace {

using metrics::Metric;
using Names = std::vector<std::string>;

const std::string kGlue = "cola, sst-2, mrpc, sts-b, qqp, mnli, qnli, rte, wnli, ax";

TaskOptions own() {
  TaskOptions options;
  options.name = "imdb";
  options.train = {"a.tsv", "b.tsv.xz"};
  options.dev = {"dev.tsv"};
  options.labels = {"neg", "pos"};
  return options;
}

void expect_refused(const TaskOptions& options, const std::string& message) {
  expect_message<UsageError>([&] { resolve_task(options); }, message);
  const auto problem = options.validate();
  ASSERT_TRUE(problem);
  EXPECT_EQ("task." + problem->key + ": expected " + problem->expected +
                (problem->got.empty() ? "" : ", got " + problem->got),
            message);
}

TEST(TaskOptionsTest, GlueTaskAsItIs) {
  TaskOptions options;
  options.name = "mnli";
  EXPECT_FALSE(options.validate());
  const TaskSpec task = resolve_task(options);
  EXPECT_EQ(task.title, "MNLI");
  EXPECT_EQ(task.dev.size(), 2u);
  EXPECT_EQ(task.dev[1].sources.size(), 3u);
}

TEST(TaskOptionsTest, FilesReplaceThoseOfAGlueTask) {
  TaskOptions options;
  options.name = "qnli";
  options.train = {"train_sample.tsv", "derived.tsv.xz"};
  options.dev = {"my.jsonl"};
  const TaskSpec task = resolve_task(options);
  ASSERT_EQ(task.train.size(), 1u);
  ASSERT_EQ(task.train[0].sources.size(), 1u);
  EXPECT_EQ(task.train[0].name, "train");
  EXPECT_EQ(task.train[0].rows, 104743);
  EXPECT_EQ(task.train[0].sources[0].files, options.train);
  EXPECT_EQ(task.train[0].sources[0].columns.first, "question");
  EXPECT_TRUE(task.train[0].sources[0].has_header);
  ASSERT_EQ(task.dev[0].sources.size(), 1u);
  EXPECT_EQ(task.dev[0].sources[0].files, options.dev);
  EXPECT_EQ(task.test[0].sources.size(), 2u);
  EXPECT_EQ(task.test[0].submission, "QNLI.tsv");

  options.name = "cola";
  options.train = {"mine.tsv"};
  EXPECT_FALSE(resolve_task(options).train[0].sources[0].has_header);
  EXPECT_EQ(resolve_task(options).train[0].sources[0].columns.first, "#4");
  EXPECT_EQ(resolve_task(options).dev[0].sources[0].columns.first, "sentence");
}

TEST(TaskOptionsTest, FilesOfATaskWithTwoDevSets) {
  TaskOptions options;
  options.name = "mnli";
  options.dev = {"m.tsv", "mm.tsv"};
  options.test = {"one.tsv"};
  const TaskSpec task = resolve_task(options);
  ASSERT_EQ(task.dev.size(), 2u);
  EXPECT_EQ(task.dev[0].name, "dev_matched");
  EXPECT_EQ(task.dev[0].sources[0].files, Names{"m.tsv"});
  EXPECT_EQ(task.dev[1].name, "dev_mismatched");
  EXPECT_EQ(task.dev[1].sources[0].files, Names{"mm.tsv"});
  ASSERT_EQ(task.test.size(), 1u);
  EXPECT_EQ(task.test[0].name, "test");
  EXPECT_EQ(task.test[0].sources[0].files, options.test);
  EXPECT_FALSE(task.test[0].submission);
  EXPECT_FALSE(task.test[0].rows);
}

TEST(TaskOptionsTest, OwnClassification) {
  TaskOptions options = own();
  options.second = "title";
  options.id = "id";
  EXPECT_FALSE(options.validate());
  TaskSpec task = resolve_task(options);
  EXPECT_EQ(task.name, "imdb");
  EXPECT_EQ(task.title, "imdb");
  EXPECT_EQ(task.labels, options.labels);
  EXPECT_EQ(task.metrics, std::vector{Metric::accuracy});
  ASSERT_EQ(task.train.size(), 1u);
  EXPECT_EQ(task.train[0].name, "train");
  EXPECT_EQ(task.train[0].sources[0].files, options.train);
  const RowColumns& columns = task.train[0].sources[0].columns;
  EXPECT_EQ(columns.first, "text");
  EXPECT_EQ(columns.second, "title");
  EXPECT_EQ(columns.label, "label");
  EXPECT_EQ(columns.id, "id");
  EXPECT_TRUE(task.test.empty());
  options.metrics = {"f1", "accuracy", "matthews", "macro_f1"};
  task = resolve_task(options);
  EXPECT_EQ(task.metrics, (std::vector{Metric::f1, Metric::accuracy, Metric::matthews, Metric::macro_f1}));
  EXPECT_EQ(task.positive, 1);
}

TEST(TaskOptionsTest, OwnRegressionAndTokens) {
  TaskOptions options = own();
  options.labels.clear();
  options.kind = TaskKind::regression;
  options.minimum = -1;
  TaskSpec task = resolve_task(options);
  EXPECT_EQ(task.kind, TaskKind::regression);
  EXPECT_EQ(task.minimum, -1);
  EXPECT_EQ(task.metrics, (std::vector{Metric::pearson, Metric::spearman}));

  options = own();
  options.kind = TaskKind::tokens;
  options.header = false;
  options.first = "#1";
  options.label = "#4";
  EXPECT_EQ(resolve_task(options).metrics, std::vector{Metric::accuracy});
  EXPECT_FALSE(resolve_task(options).train[0].sources[0].has_header);
  options.labels = {"O", "B-PER", "I-PER"};
  EXPECT_EQ(resolve_task(options).metrics, std::vector{Metric::entity_f1});
}

TEST(TaskOptionsTest, Names) {
  TaskOptions options;
  EXPECT_FALSE(options.validate());  // a run of another kind
  expect_message<UsageError>([&] { resolve_task(options); },
                             "task.name: expected one of " + kGlue + ", or a name of your own, got none");
  const std::pair<std::string, std::string> meant[] = {
      {"sst2", "sst-2"}, {"STS_B", "sts-b"}, {"MRPC", "mrpc"}, {"mprc", "mrpc"},
      {"cloa", "cola"},  {"mnlii", "mnli"},  {"AX", "ax"},     {"ret", "rte"}};
  for (const auto& [name, task] : meant) {
    options.name = name;
    expect_refused(options, "task.name: expected one of " + kGlue +
                                ", or labels for a task of your own, got \"" + name + "\"; did you mean \"" +
                                task + "\"?");
  }
  options.name = "imdb";
  expect_refused(options,
                 "task.labels: expected at least 2, since \"imdb\" is not one of " + kGlue + ", got none");
}

TEST(TaskOptionsTest, OwnFieldsOfAGlueTask) {
  TaskOptions options;
  options.name = "rte";
  const std::string rest = ": expected none, since rte is a GLUE task; give a task of your own another name";
  options.labels = {"a", "b"};
  expect_refused(options, "task.labels" + rest);
  options.labels.clear();
  options.first = "premise";
  expect_refused(options, "task.first" + rest);
  options.first = "text";
  options.metrics = {"accuracy"};
  expect_refused(options, "task.metrics" + rest);
}

TEST(TaskOptionsTest, Labels) {
  TaskOptions options = own();
  options.labels = {"a"};
  expect_refused(options, "task.labels: expected at least 2, got \"a\"");
  options.labels = {"a", "b", "a"};
  expect_refused(options, "task.labels: expected each label once, got \"a\" twice");
  options.labels = {"a", " "};
  expect_refused(options, "task.labels: expected names, got \" \"");
  options.kind = TaskKind::regression;
  options.labels = {"a", "b"};
  expect_refused(options, "task.labels: expected none for a regression, got \"a\", \"b\"");
  options.labels.clear();
  options.minimum = 1;
  expect_refused(options, "task.maximum: expected more than minimum (1.000000), got 1.000000");
}

TEST(TaskOptionsTest, Metrics) {
  TaskOptions options = own();
  options.metrics = {"accuracy", "auc"};
  expect_refused(
      options,
      "task.metrics: expected accuracy, f1, macro_f1, matthews, pearson, spearman or entity_f1, got "
      "\"auc\"");
  options.metrics = {"f1", "f1"};
  expect_refused(options, "task.metrics: expected each metric once, got f1 twice");
  options.metrics = {"pearson"};
  expect_refused(options, "task.metrics: expected metrics that suit classification, got pearson");
  options.metrics = {"entity_f1"};
  expect_refused(options, "task.metrics: expected metrics that suit classification, got entity_f1");
  options.metrics = {"f1"};
  options.labels.push_back("neutral");
  expect_refused(options,
                 "task.metrics: expected f1 with 2 labels only, the second being the positive one (macro_f1 "
                 "takes more), got 3 labels");
  options.kind = TaskKind::tokens;
  options.metrics = {"entity_f1"};
  for (const Names& labels : {Names{"B-X", "O"}, Names{"O", "X"}, Names{"O", "B-"}}) {
    options.labels = labels;
    expect_refused(
        options,
        "task.labels: expected \"O\" first and then \"B-TYPE\" or \"I-TYPE\" only, for entity_f1, got "
        "\"" +
            labels[0] + "\", \"" + labels[1] + "\"");
  }
  options.labels.clear();
  options.kind = TaskKind::regression;
  options.metrics = {"accuracy"};
  expect_refused(options, "task.metrics: expected metrics that suit regression, got accuracy");
}

TEST(TaskOptionsTest, Columns) {
  TaskOptions options = own();
  options.second = "text";
  expect_refused(options, "task.second: expected a column that is nothing else yet, got \"text\"");
  options.second.reset();
  options.header = false;
  expect_refused(options, "task.first: expected '#N', since there is no header, got \"text\"");
  options.first = "#2";
  options.label = "#0";
  expect_refused(options, "task.label: expected columns counted from #1, got \"#0\"");
  options.label = "#1 ID";
  expect_refused(options, "task.label: expected '#N', since there is no header, got \"#1 ID\"");
  options = own();
  options.id = "";
  expect_refused(options, "task.id: expected the name of a column, got nothing");
  options = own();
  options.train = options.dev = {"x.jsonl"};
  options.label = "#1";
  expect_refused(options, "task.label: expected the key of a JSON object, got \"#1\"");
  options = own();
  options.kind = TaskKind::tokens;
  options.second = "b";
  expect_refused(options, "task.second: expected none for a task of kind tokens, got \"b\"");
}

TEST(TaskOptionsTest, Files) {
  TaskOptions options = own();
  options.train = {"a.tsv", "b.jsonl.xz"};
  expect_refused(options,
                 "task.train: expected files that are all TSV or all JSONL, got \"a.tsv\", \"b.jsonl.xz\"");
  options.train = {""};
  expect_refused(options, "task.train: expected names of files, got \"\"");
  options = {};
  options.name = "ax";
  options.dev = {"dev.tsv"};
  expect_refused(options, "task.dev: expected none, since AX has only a test set, got \"dev.tsv\"");
}

}  // namespace
}  // namespace mabert::data
