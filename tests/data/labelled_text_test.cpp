#include "mabert/data/labelled_text.h"

#include "labelled_fixtures.h"

namespace mabert::data {
namespace {

using LabelledTextTest = RowsTest;
using Names = std::vector<std::string>;
using Classes = std::vector<std::int32_t>;

// Header with a byte order mark, as in the release.
const std::string kMrpcHeader = "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";

TEST_F(LabelledTextTest, ColaWithoutHeader) {
  folder_.write("train.tsv", "gj04\t1\t\tThe sailors rode.\ngj04\t0\t*\tThe \"sailor rode.");
  EXPECT_EQ(shown(train("cola")), (Names{"The sailors rode.|-|1|0", "The \"sailor rode.|-|0|1"}));
  EXPECT_EQ(report_.rows, 2u);
  EXPECT_EQ(report_.skipped, 0u);
  EXPECT_EQ(report_.notes, Names{path("train.tsv") + ": 2 rows; the official train set of CoLA has 8551"});
  folder_.write("test.tsv", "index\tsentence\n7\tBill whistled.\n");
  EXPECT_EQ(shown(test("cola")), Names{"Bill whistled.|-|-|7"});
}

TEST_F(LabelledTextTest, QuotesAreLiteralAndLineEndsAreNot) {
  folder_.write("train.tsv", kMrpcHeader +
                                 "1\t10\t11\tHe said \"yes.\t\"No\"\r\n"
                                 "0\t12\t13\tA 'b\"\tc \"\" d\r\n");
  EXPECT_EQ(shown(train("mrpc")), (Names{"He said \"yes.|\"No\"|1|0", "A 'b\"|c \"\" d|0|1"}));
}

TEST_F(LabelledTextTest, MrpcAsReleasedWithTheIdsOfGluesSplit) {
  folder_.write("msr_paraphrase_train.txt",
                kMrpcHeader + "1\t1\t2\ta\tb\n0\t3\t4\tc\td\n1\t2\t1\te\tf\n0\t5\t6\tg\th\n");
  folder_.write("msr_paraphrase_test.txt", kMrpcHeader + "0\t7\t8\ti\tj\n");
  folder_.write("dev_ids.tsv", "3\t4\r\n2\t1\r\n\n");
  EXPECT_EQ(shown(train("mrpc")), (Names{"a|b|1|0", "g|h|0|1"}));
  EXPECT_EQ(report_.notes.size(), 1u);
  EXPECT_EQ(shown(dev("mrpc")), (Names{"c|d|0|0", "e|f|1|1"}));
  EXPECT_EQ(shown(test("mrpc")), Names{"i|j|-|0"});
}

TEST_F(LabelledTextTest, MrpcAsReleasedWithoutThem) {
  folder_.write("msr_paraphrase_train.txt", kMrpcHeader + "1\t1\t2\ta\tb\n0\t3\t4\tc\td\n");
  folder_.write("msr_paraphrase_test.txt", kMrpcHeader + "0\t7\t8\ti\tj\n");
  const std::string note =
      ": MRPC's own split, not GLUE's: msr_paraphrase_test.txt serves as dev; GLUE's needs dev_ids.tsv "
      "beside it";
  EXPECT_EQ(train("mrpc").size(), 2u);
  EXPECT_EQ(report_.notes.at(0), path("msr_paraphrase_train.txt") + note);
  EXPECT_EQ(shown(dev("mrpc")), Names{"i|j|0|0"});
  EXPECT_EQ(report_.notes.at(0), path("msr_paraphrase_test.txt") + note);
  folder_.write("dev.tsv", kMrpcHeader + "1\t1\t2\tx\ty\n");
  EXPECT_EQ(shown(dev("mrpc")), Names{"x|y|1|0"});
}

TEST_F(LabelledTextTest, ColumnsAreFoundByName) {
  folder_.write("train.tsv",
                "index\tgold_label\tgenre\tsentence2\tsentence1\n5\tneutral\tx\tb\ta\n6\t0\ty\td\tc\n");
  EXPECT_EQ(shown(train("mnli")), (Names{"a|b|1|0", "c|d|0|1"}));
}

TEST_F(LabelledTextTest, Scores) {
  folder_.write("dev.tsv", "sentence1\tsentence2\tscore\na\tb\t3.25\nc\td\t0\ne\tf\t5.000\n");
  EXPECT_EQ(shown(dev("sts-b")), (Names{"a|b|3.250000|0", "c|d|0.000000|1", "e|f|5.000000|2"}));
}

TEST_F(LabelledTextTest, LabelsThatAreNumbersAreNotIndices) {
  const TaskSpec stars = own(TaskKind::classification, {"1", "2", "3"});
  folder_.write("a.tsv", "text\tlabel\nx\t1\ny\t3\n");
  EXPECT_EQ(shown(read(stars, set_of("a.tsv", {"text", {}, "label", {}}))), (Names{"x|-|0|0", "y|-|2|1"}));
}

TEST_F(LabelledTextTest, SetsWithoutLabels) {
  const TaskSpec& task = *find_glue_task("rte");
  folder_.write("dev.tsv", "index\tsentence1\tsentence2\n0\ta\tb\n");
  EXPECT_EQ(shown(dev("rte", {.needs_labels = false})), Names{"a|b|-|0"});
  folder_.write("dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tnot_entailment\n1\tc\td\t\n");
  EXPECT_EQ(shown(dev("rte", {.needs_labels = false})), (Names{"a|b|1|0", "c|d|-|1"}));
  folder_.write("a.tsv", "one\ntwo\n");
  EXPECT_EQ(shown(read(task, set_of("a.tsv", {"#1", {}, "#2", {}}, false), {.needs_labels = false})),
            (Names{"one|-|-|0", "two|-|-|1"}));
}

TEST_F(LabelledTextTest, JsonLines) {
  folder_.write("train.jsonl",
                "{\"premise\": \"a\\tb\", \"hypothesis\": \"c\\u00e9\", \"label\": 2, \"idx\": 9}\n\n"
                "{\"label\": \"neutral\", \"hypothesis\": \"e\", \"premise\": \"d\"}");
  EXPECT_EQ(shown(train("mnli")), (Names{"a\tb|cé|2|0", "d|e|1|1"}));
  folder_.write("validation_matched.jsonl", "{\"premise\": \"p\", \"hypothesis\": \"h\", \"label\": 0}\n");
  EXPECT_EQ(shown(dev("mnli")), Names{"p|h|0|0"});
  folder_.write("dev_matched.jsonl", "{\"premise\": \"q\", \"hypothesis\": \"h\", \"label\": 0}\n");
  EXPECT_EQ(shown(dev("mnli")), Names{"q|h|0|0"});
  folder_.write("test_matched.jsonl",
                "{\"premise\": \"p\", \"hypothesis\": \"h\", \"label\": -1, \"idx\": 40}\n"
                "{\"premise\": \"p\", \"hypothesis\": \"h\", \"label\": null, \"idx\": \"x\"}\n"
                "{\"premise\": \"p\", \"hypothesis\": \"h\", \"label\": 1, \"idx\": 3}\n"
                "{\"premise\": \"p\", \"hypothesis\": \"h\", \"idx\": 4}\n");
  EXPECT_EQ(shown(test("mnli")), (Names{"p|h|-|40", "p|h|-|x", "p|h|1|3", "p|h|-|4"}));
}

TEST_F(LabelledTextTest, JsonScores) {
  folder_.write("train.jsonl",
                "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 3.25}\n"
                "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 5}\n");
  EXPECT_EQ(shown(train("sts-b")), (Names{"a|b|3.250000|0", "a|b|5.000000|1"}));
  folder_.write("test.jsonl", "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": -1.0, \"idx\": 0}\n");
  EXPECT_EQ(shown(test("sts-b")), Names{"a|b|-|0"});
}

TEST_F(LabelledTextTest, MinusOneMayBeALabel) {
  const TaskSpec task = own(TaskKind::classification, {"-1", "1"});
  folder_.write("a.jsonl", "{\"text\": \"x\", \"label\": -1}\n");
  EXPECT_EQ(shown(read(task, set_of("a.jsonl", {"text", {}, "label", {}}))), Names{"x|-|0|0"});
}

TEST_F(LabelledTextTest, XzAndSeveralFiles) {
  folder_.write("dev.tsv.xz", compress("sentence\tlabel\nx\t1\n"));
  EXPECT_EQ(shown(dev("sst-2")), Names{"x|-|1|0"});
  EXPECT_EQ(report_.notes.at(0), path("dev.tsv.xz") + ": 1 rows; the official dev set of SST-2 has 872");
  folder_.write("more.tsv", "label\tsentence\n0\ty\n0\tz\n");
  const TaskSpec& task = *find_glue_task("sst-2");
  TaskSet set = task.dev[0];
  set.sources = {RowSource{{"dev.tsv", path("more.tsv")}, set.sources[0].columns}};
  EXPECT_EQ(shown(read(task, set)), (Names{"x|-|1|0", "y|-|0|1", "z|-|0|2"}));
}

TEST_F(LabelledTextTest, OfficialRowCountGivesNoNote) {
  std::string rows = "sentence1\tsentence2\tlabel\n";
  for (int i = 0; i < 71; ++i) rows += "a\tb\t1\n";
  folder_.write("dev.tsv", rows);
  EXPECT_EQ(dev("wnli").size(), 71u);
  EXPECT_TRUE(report_.notes.empty());
}

TEST_F(LabelledTextTest, LongTexts) {
  const std::string sentence(100'000, 'x');
  folder_.write("train.tsv", "sentence\tlabel\n" + sentence + "\t1\n");
  EXPECT_EQ(train("sst-2").at(0).first, sentence);
}

TEST_F(LabelledTextTest, WordsOfSentences) {
  const TaskSpec task = own(TaskKind::tokens, {"O", "B-X", "I-X"});
  folder_.write("a.tsv", "\nAnna\tx\tB-X\nsings\tx\tO\n\n\nBob\tx\t1\nB.\tx\tI-X");
  const auto rows = read(task, set_of("a.tsv", {"#1", {}, "#3", {}}, false));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(report_.rows, 2u);
  EXPECT_EQ(rows[0].words, (Names{"Anna", "sings"}));
  EXPECT_EQ(rows[0].word_labels, (Classes{1, 0}));
  EXPECT_EQ(rows[1].words, (Names{"Bob", "B."}));
  EXPECT_EQ(rows[1].word_labels, (Classes{1, 2}));
  EXPECT_EQ(rows[1].id, "1");

  folder_.write("b.jsonl",
                "{\"tokens\": [\"Anna\", \"sings\"], \"tags\": [\"B-X\", 0], \"id\": \"s1\"}\n"
                "{\"tokens\": [\"Bob\"], \"id\": \"s2\"}\n");
  const auto json = read(task, set_of("b.jsonl", {"tokens", {}, "tags", "id"}), {.needs_labels = false});
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0].words, rows[0].words);
  EXPECT_EQ(json[0].word_labels, rows[0].word_labels);
  EXPECT_EQ(json[0].id, "s1");
  EXPECT_EQ(json[1].words, Names{"Bob"});
  EXPECT_TRUE(json[1].word_labels.empty());
}

TEST_F(LabelledTextTest, PresentOnceALayoutIsComplete) {
  const TaskSet& set = find_glue_task("mrpc")->dev.at(0);
  EXPECT_FALSE(is_present(set, folder_ / "nowhere"));
  folder_.write("msr_paraphrase_train.txt", "");
  std::filesystem::create_directory(folder_ / "dev.tsv");
  EXPECT_FALSE(is_present(set, folder_.path()));
  folder_.write("dev_ids.tsv", "");
  EXPECT_TRUE(is_present(set, folder_.path()));
  EXPECT_TRUE(is_present(set_of(path("dev_ids.tsv"), {}), "elsewhere"));
}

TEST_F(LabelledTextTest, OverlapWithADevSet) {
  const std::vector<LabelledText> dev{{"a", "b"}, {"c", std::nullopt}, {"", {}, {"x", "y"}}};
  const std::vector<LabelledText> train{{"a", "b"},          {"a", "z"}, {"b", "a"},
                                        {"c", std::nullopt}, {"c", "d"}, {"", {}, {"x", "y"}},
                                        {"", {}, {"x y"}},   {"e", "f"}};
  auto kept = train;
  EXPECT_EQ(drop_overlap(kept, dev, Overlap::keep), 0u);
  EXPECT_EQ(kept.size(), train.size());
  EXPECT_EQ(drop_overlap(kept, dev, Overlap::drop_rows), 3u);
  ASSERT_EQ(kept.size(), 5u);
  EXPECT_EQ(kept[0].second, "z");
  EXPECT_EQ(kept[1].first, "b");
  EXPECT_EQ(kept[3].words, Names{"x y"});
  kept = train;
  EXPECT_EQ(drop_overlap(kept, dev, Overlap::drop_first_texts), 5u);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].first, "b");
  EXPECT_EQ(kept[2].first, "e");
}

}  // namespace
}  // namespace mabert::data
