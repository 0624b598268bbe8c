#include "row_source.h"

#include <algorithm>

#include "mabert/data/task_spec.h"

namespace mabert::data {
namespace {

using metrics::Metric;

RowSource source(std::string file, RowColumns columns) {
  const bool has_header = !column_number(columns.first);
  return {{std::move(file)}, std::move(columns), has_header};
}

// A set as NAME.tsv or as NAME.jsonl; exports of Hugging Face call a dev set validation and have an "idx",
// which only a test set's predictions need.
TaskSet stored(std::string name, RowColumns tsv, RowColumns json, std::int64_t rows,
               std::optional<std::string> submission = {}) {
  if (name.starts_with("test")) json.id = "idx";
  TaskSet set{name, {source(name + ".tsv", std::move(tsv)), source(name + ".jsonl", json)}, rows, submission};
  if (name.starts_with("dev")) set.sources.push_back(source("validation" + name.substr(3) + ".jsonl", json));
  return set;
}

// `more`: layouts that count where the usual ones are not there.
TaskSet with(TaskSet set, std::vector<RowSource> more) {
  set.sources.insert(set.sources.end(), more.begin(), more.end());
  return set;
}

RowSource noted(RowSource source, std::string note) {
  source.note = std::move(note);
  return source;
}

RowSource listed(RowSource source, bool are_kept) {
  source.list = RowList{"dev_ids.tsv", {"#1 ID", "#2 ID"}, are_kept};
  return source;
}

RowColumns one(std::string text, std::optional<std::string> label, std::optional<std::string> id = {}) {
  return {std::move(text), {}, std::move(label), std::move(id)};
}

RowColumns two(std::string first, std::string second, std::optional<std::string> label,
               std::optional<std::string> id = {}) {
  return {std::move(first), std::move(second), std::move(label), std::move(id)};
}

std::vector<TaskSpec> make_tasks() {
  const std::vector<std::string> binary{"0", "1"}, entailment{"entailment", "not_entailment"},
      inference{"entailment", "neutral", "contradiction"};
  const std::string msr_train = "msr_paraphrase_train.txt", msr_test = "msr_paraphrase_test.txt",
                    msr_split = "MRPC's own split, not GLUE's: " + msr_test +
                                " serves as dev; GLUE's needs dev_ids.tsv beside it";
  const auto none = std::nullopt;
  const RowColumns sentence = one("sentence", "label"), sentence_test = one("sentence", none, "index"),
                   pair = two("sentence1", "sentence2", "label"),
                   pair_test = two("sentence1", "sentence2", none, "index"),
                   score = two("sentence1", "sentence2", "score"),
                   gold = two("sentence1", "sentence2", "gold_label"),
                   gold_json = two("premise", "hypothesis", "label"),
                   mrpc = two("#1 String", "#2 String", "Quality"),
                   qqp = two("question1", "question2", "is_duplicate"),
                   qqp_json = two("question1", "question2", "label"),
                   qnli = two("question", "sentence", "label"),
                   ax_json = two("premise", "hypothesis", "label", "idx");
  return {
      {.name = "cola",
       .title = "CoLA",
       .labels = binary,
       .metrics = {Metric::matthews},
       .train = {stored("train", one("#4", "#2"), sentence, 8551)},
       .dev = {stored("dev", one("#4", "#2"), sentence, 1043)},
       .test = {stored("test", sentence_test, sentence, 1063, "CoLA.tsv")},
       .folder = "CoLA"},
      {.name = "sst-2",
       .title = "SST-2",
       .labels = binary,
       .metrics = {Metric::accuracy},
       .train = {stored("train", sentence, sentence, 67349)},
       .dev = {stored("dev", sentence, sentence, 872)},
       .test = {stored("test", sentence_test, sentence, 1821, "SST-2.tsv")},
       .folder = "SST-2"},
      {.name = "mrpc",
       .title = "MRPC",
       .labels = binary,
       .metrics = {Metric::f1, Metric::accuracy},
       .train = {with(stored("train", mrpc, pair, 3668),
                      {listed(source(msr_train, mrpc), false), noted(source(msr_train, mrpc), msr_split)})},
       .dev = {with(stored("dev", mrpc, pair, 408),
                    {listed(source(msr_train, mrpc), true), noted(source(msr_test, mrpc), msr_split)})},
       .test = {with(stored("test", two("#1 String", "#2 String", none, "index"), pair, 1725, "MRPC.tsv"),
                     {source(msr_test, two("#1 String", "#2 String", none))})},
       .folder = "MRPC"},
      {.name = "sts-b",
       .title = "STS-B",
       .kind = TaskKind::regression,
       .minimum = 0,
       .maximum = 5,
       .metrics = {Metric::pearson, Metric::spearman},
       .train = {stored("train", score, pair, 5749)},
       .dev = {stored("dev", score, pair, 1500)},
       .test = {stored("test", pair_test, pair, 1379, "STS-B.tsv")},
       .folder = "STS-B"},
      {.name = "qqp",
       .title = "QQP",
       .labels = binary,
       .metrics = {Metric::f1, Metric::accuracy},
       .train = {stored("train", qqp, qqp_json, 363846)},
       .dev = {stored("dev", qqp, qqp_json, 40430)},
       .test = {stored("test", two("question1", "question2", none, "id"), qqp_json, 390965, "QQP.tsv")},
       .folder = "QQP"},
      {.name = "mnli",
       .title = "MNLI",
       .labels = inference,
       .metrics = {Metric::accuracy},
       .train = {stored("train", gold, gold_json, 392702)},
       .dev = {stored("dev_matched", gold, gold_json, 9815), stored("dev_mismatched", gold, gold_json, 9832)},
       .test = {stored("test_matched", pair_test, gold_json, 9796, "MNLI-m.tsv"),
                stored("test_mismatched", pair_test, gold_json, 9847, "MNLI-mm.tsv")},
       .folder = "MNLI"},
      {.name = "qnli",
       .title = "QNLI",
       .labels = entailment,
       .metrics = {Metric::accuracy},
       .train = {stored("train", qnli, qnli, 104743)},
       .dev = {stored("dev", qnli, qnli, 5463)},
       .test = {stored("test", two("question", "sentence", none, "index"), qnli, 5463, "QNLI.tsv")},
       .folder = "QNLI"},
      {.name = "rte",
       .title = "RTE",
       .labels = entailment,
       .metrics = {Metric::accuracy},
       .train = {stored("train", pair, pair, 2490)},
       .dev = {stored("dev", pair, pair, 277)},
       .test = {stored("test", pair_test, pair, 3000, "RTE.tsv")},
       .folder = "RTE"},
      {.name = "wnli",
       .title = "WNLI",
       .labels = binary,
       .metrics = {Metric::accuracy},
       .train = {stored("train", pair, pair, 635)},
       .dev = {stored("dev", pair, pair, 71)},
       .test = {stored("test", pair_test, pair, 146, "WNLI.tsv")},
       .folder = "WNLI"},
      {.name = "ax",
       .title = "AX",
       .labels = inference,
       .metrics = {Metric::matthews},
       .test = {{"test",
                 {source("diagnostic.tsv", pair_test), source("AX.tsv", pair_test),
                  source("test.jsonl", ax_json)},
                 1104,
                 "AX.tsv"}},
       .folder = "AX"},
  };
}

}  // namespace

std::span<const TaskSpec> glue_tasks() {
  static const std::vector<TaskSpec> tasks = make_tasks();
  return tasks;
}

const TaskSpec* find_glue_task(const std::string& name) {
  const auto tasks = glue_tasks();
  const auto found =
      std::find_if(tasks.begin(), tasks.end(), [&](const TaskSpec& t) { return t.name == name; });
  return found == tasks.end() ? nullptr : &*found;
}

}  // namespace mabert::data
