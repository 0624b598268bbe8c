#include <map>

#include <gtest/gtest.h>

#include "mabert/data/task_spec.h"

namespace mabert::data {
namespace {

using metrics::Metric;
using Names = std::vector<std::string>;

// "first second label id" of a source, "-" for what it lacks.
std::string columns(const RowSource& source) {
  const RowColumns& c = source.columns;
  return c.first + "|" + c.second.value_or("-") + "|" + c.label.value_or("-") + "|" + c.id.value_or("-");
}

// "set rows: file+file[columns] …; …" of all sets.
std::string layout(const std::vector<TaskSet>& sets) {
  std::string text;
  for (const TaskSet& set : sets) {
    text += set.name + " " + std::to_string(set.rows.value_or(-1)) + " " + set.submission.value_or("-") + ":";
    for (const RowSource& source : set.sources) {
      text += " ";
      for (const std::string& file : source.files) text += file;
      text += "[" + columns(source) + (source.has_header ? "]" : "] bare");
      if (source.list) text += std::string(source.list->are_kept ? " in " : " not in ") + source.list->file;
      if (source.note) text += " noted";
    }
    text += "\n";
  }
  return text;
}

const TaskSpec& task(const std::string& name) { return *find_glue_task(name); }

TEST(GlueTasksTest, NamesInOrder) {
  Names names, titles, folders;
  for (const TaskSpec& spec : glue_tasks()) {
    names.push_back(spec.name);
    titles.push_back(spec.title);
    folders.push_back(spec.folder);
    EXPECT_EQ(find_glue_task(spec.name), &spec);
  }
  EXPECT_EQ(names, (Names{"cola", "sst-2", "mrpc", "sts-b", "qqp", "mnli", "qnli", "rte", "wnli", "ax"}));
  EXPECT_EQ(titles, (Names{"CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE", "WNLI", "AX"}));
  EXPECT_EQ(folders, titles);
  EXPECT_EQ(find_glue_task("MRPC"), nullptr);
  EXPECT_EQ(find_glue_task(""), nullptr);
}

TEST(GlueTasksTest, KindsLabelsAndMetrics) {
  const Names binary{"0", "1"}, entailment{"entailment", "not_entailment"},
      inference{"entailment", "neutral", "contradiction"};
  const std::map<std::string, std::pair<Names, std::vector<Metric>>> expected{
      {"cola", {binary, {Metric::matthews}}},
      {"sst-2", {binary, {Metric::accuracy}}},
      {"mrpc", {binary, {Metric::f1, Metric::accuracy}}},
      {"sts-b", {{}, {Metric::pearson, Metric::spearman}}},
      {"qqp", {binary, {Metric::f1, Metric::accuracy}}},
      {"mnli", {inference, {Metric::accuracy}}},
      {"qnli", {entailment, {Metric::accuracy}}},
      {"rte", {entailment, {Metric::accuracy}}},
      {"wnli", {binary, {Metric::accuracy}}},
      {"ax", {inference, {Metric::matthews}}}};
  for (const TaskSpec& spec : glue_tasks()) {
    EXPECT_EQ(spec.labels, expected.at(spec.name).first) << spec.name;
    EXPECT_EQ(spec.metrics, expected.at(spec.name).second) << spec.name;
    EXPECT_EQ(spec.kind, spec.name == "sts-b" ? TaskKind::regression : TaskKind::classification);
    if (spec.labels == binary) {
      EXPECT_EQ(spec.labels[static_cast<std::size_t>(spec.positive)], "1");
    }
  }
  EXPECT_EQ(task("sts-b").minimum, 0);
  EXPECT_EQ(task("sts-b").maximum, 5);
}

TEST(GlueTasksTest, SingleTexts) {
  EXPECT_EQ(layout(task("cola").train),
            "train 8551 -: train.tsv[#4|-|#2|-] bare train.jsonl[sentence|-|label|-]\n");
  EXPECT_EQ(layout(task("cola").dev),
            "dev 1043 -: dev.tsv[#4|-|#2|-] bare dev.jsonl[sentence|-|label|-] "
            "validation.jsonl[sentence|-|label|-]\n");
  EXPECT_EQ(layout(task("cola").test),
            "test 1063 CoLA.tsv: test.tsv[sentence|-|-|index] test.jsonl[sentence|-|label|idx]\n");
  EXPECT_EQ(layout(task("sst-2").train),
            "train 67349 -: train.tsv[sentence|-|label|-] train.jsonl[sentence|-|label|-]\n");
  EXPECT_EQ(layout(task("sst-2").dev),
            "dev 872 -: dev.tsv[sentence|-|label|-] dev.jsonl[sentence|-|label|-] "
            "validation.jsonl[sentence|-|label|-]\n");
  EXPECT_EQ(layout(task("sst-2").test),
            "test 1821 SST-2.tsv: test.tsv[sentence|-|-|index] test.jsonl[sentence|-|label|idx]\n");
}

TEST(GlueTasksTest, Mrpc) {
  const std::string tsv = "[#1 String|#2 String|Quality|-]", json = "[sentence1|sentence2|label|-]";
  EXPECT_EQ(layout(task("mrpc").train), "train 3668 -: train.tsv" + tsv + " train.jsonl" + json +
                                            " msr_paraphrase_train.txt" + tsv + " not in dev_ids.tsv" +
                                            " msr_paraphrase_train.txt" + tsv + " noted\n");
  EXPECT_EQ(layout(task("mrpc").dev), "dev 408 -: dev.tsv" + tsv + " dev.jsonl" + json + " validation.jsonl" +
                                          json + " msr_paraphrase_train.txt" + tsv + " in dev_ids.tsv" +
                                          " msr_paraphrase_test.txt" + tsv + " noted\n");
  EXPECT_EQ(layout(task("mrpc").test),
            "test 1725 MRPC.tsv: test.tsv[#1 String|#2 String|-|index] "
            "test.jsonl[sentence1|sentence2|label|idx] "
            "msr_paraphrase_test.txt[#1 String|#2 String|-|-]\n");
}

TEST(GlueTasksTest, Pairs) {
  struct Expected {
    std::string name, texts, label, json_texts, id, submission;
    std::int64_t train, dev, test;
  };
  const std::string sentences = "sentence1|sentence2", questions = "question1|question2";
  const Expected table[] = {
      {"sts-b", sentences, "score", sentences, "index", "STS-B.tsv", 5749, 1500, 1379},
      {"qqp", questions, "is_duplicate", questions, "id", "QQP.tsv", 363846, 40430, 390965},
      {"qnli", "question|sentence", "label", "question|sentence", "index", "QNLI.tsv", 104743, 5463, 5463},
      {"rte", sentences, "label", sentences, "index", "RTE.tsv", 2490, 277, 3000},
      {"wnli", sentences, "label", sentences, "index", "WNLI.tsv", 635, 71, 146}};
  for (const Expected& e : table) {
    const std::string tsv = "[" + e.texts + "|" + e.label + "|-]", json = "[" + e.json_texts + "|label|-]";
    EXPECT_EQ(layout(task(e.name).train),
              "train " + std::to_string(e.train) + " -: train.tsv" + tsv + " train.jsonl" + json + "\n");
    EXPECT_EQ(layout(task(e.name).dev), "dev " + std::to_string(e.dev) + " -: dev.tsv" + tsv + " dev.jsonl" +
                                            json + " validation.jsonl" + json + "\n");
    EXPECT_EQ(layout(task(e.name).test), "test " + std::to_string(e.test) + " " + e.submission +
                                             ": test.tsv[" + e.texts + "|-|" + e.id + "] test.jsonl[" +
                                             e.json_texts + "|label|idx]\n");
  }
}

TEST(GlueTasksTest, MnliAndAx) {
  const std::string tsv = "[sentence1|sentence2|gold_label|-]", json = "[premise|hypothesis|label|-]";
  const std::string test = "[sentence1|sentence2|-|index]", test_json = "[premise|hypothesis|label|idx]";
  EXPECT_EQ(layout(task("mnli").train), "train 392702 -: train.tsv" + tsv + " train.jsonl" + json + "\n");
  EXPECT_EQ(layout(task("mnli").dev),
            "dev_matched 9815 -: dev_matched.tsv" + tsv + " dev_matched.jsonl" + json +
                " validation_matched.jsonl" + json + "\ndev_mismatched 9832 -: dev_mismatched.tsv" + tsv +
                " dev_mismatched.jsonl" + json + " validation_mismatched.jsonl" + json + "\n");
  EXPECT_EQ(layout(task("mnli").test), "test_matched 9796 MNLI-m.tsv: test_matched.tsv" + test +
                                           " test_matched.jsonl" + test_json +
                                           "\ntest_mismatched 9847 MNLI-mm.tsv: test_mismatched.tsv" + test +
                                           " test_mismatched.jsonl" + test_json + "\n");
  EXPECT_TRUE(task("ax").train.empty());
  EXPECT_TRUE(task("ax").dev.empty());
  EXPECT_EQ(layout(task("ax").test),
            "test 1104 AX.tsv: diagnostic.tsv" + test + " AX.tsv" + test + " test.jsonl" + test_json + "\n");
}

}  // namespace
}  // namespace mabert::data
