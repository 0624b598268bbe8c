// Every bad input of labelled files: where it is and what was expected.
#include "labelled_fixtures.h"

namespace mabert::data {
namespace {

const std::string kSkip = " (data.on_bad_row=skip leaves bad rows out)";

class BadRowsTest : public RowsTest {
 protected:
  /// Expects that one more row in RTE's TSV layout fails so; line 2 is fine.
  void expect_bad(const std::string& row, const std::string& problem) {
    folder_.write("train.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n" + row + "\n");
    const std::string message = path("train.tsv") + ":3: " + problem;
    expect_message<DataError>([&] { train("rte"); }, message + kSkip);
    EXPECT_EQ(train("rte", {.on_bad_row = OnBadRow::skip}).size(), 1u);
    EXPECT_EQ(report_.skipped, 1u);
    EXPECT_EQ(report_.problems, Names{message});
  }
  void expect_bad_json(const std::string& row, const std::string& problem) {
    folder_.write("train.jsonl",
                  "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 0}\n\n" + row + "\n");
    expect_message<DataError>([&] { train("rte"); }, path("train.jsonl") + ":3: " + problem + kSkip);
    EXPECT_EQ(train("rte", {.on_bad_row = OnBadRow::skip}).size(), 1u);
  }
};

TEST_F(BadRowsTest, RaggedRows) {
  expect_bad("1\tc\td", "expected 4 fields between tabs, as in the header, got 3");
  expect_bad("1\tc\td\te\tentailment", "expected 4 fields between tabs, as in the header, got 5");
  expect_bad("", "expected 4 fields between tabs, as in the header, got an empty line");
  folder_.write("train.tsv", "gj04\t1\t\tfine\ngj04\t1\t\ta tab\tmore\n");
  expect_message<DataError>(
      [&] { train("cola"); },
      path("train.tsv") + ":2: expected 4 fields between tabs, as in line 1, got 5" + kSkip);
}

TEST_F(BadRowsTest, Texts) {
  expect_bad("1\t\td\tentailment", "sentence1: expected a text, got an empty one");
  expect_bad("1\tc\t \tentailment", "sentence2: expected a text, got white space only");
}

TEST_F(BadRowsTest, Labels) {
  expect_bad("1\tc\td\tmaybe", "label: expected one of \"entailment\", \"not_entailment\", got \"maybe\"");
  expect_bad("1\tc\td\t2",
             "label: expected one of \"entailment\", \"not_entailment\" or a class from 0 to 1, got \"2\"");
  expect_bad("1\tc\td\t-1",
             "label: expected one of \"entailment\", \"not_entailment\" or a class from 0 to 1, got \"-1\"");
  expect_bad("1\tc\td\t", "label: expected one of \"entailment\", \"not_entailment\", got none");
  expect_bad("1\tc\td\t\x1b[2J" + std::string(80, 'y'),
             "label: expected one of \"entailment\", \"not_entailment\", got \"\\x1B[2J" +
                 std::string(56, 'y') + "...\"");
  folder_.write("dev.tsv", "sentence\tlabel\nfine\t1\nx\t2\n");
  expect_message<DataError>([&] { dev("sst-2"); },
                            path("dev.tsv") + ":3: label: expected one of \"0\", \"1\", got \"2\"" + kSkip);
}

TEST_F(BadRowsTest, AtMostTenLabelsAreNamed) {
  Names labels;
  for (char c = 'a'; c <= 'l'; ++c) labels.push_back(std::string(1, c));
  const TaskSpec task = own(TaskKind::classification, labels);
  folder_.write("a.tsv", "text\tlabel\nx\tz\n");
  expect_message<DataError>(
      [&] {
        read(task, set_of("a.tsv", {"text", {}, "label", {}}));
      },
      path("a.tsv") +
          ":2: label: expected one of \"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\", "
          "... (12 in "
          "all), got \"z\"" +
          kSkip);
}

TEST_F(BadRowsTest, Scores) {
  for (const std::string bad : {"5.1", "-0.5", "nan", "inf", "3,5", "3.5 ", "high", "1e400"}) {
    folder_.write("train.tsv", "sentence1\tsentence2\tscore\na\tb\t" + bad + "\n");
    expect_message<DataError>(
        [&] { train("sts-b"); },
        path("train.tsv") + ":2: score: expected a number from 0 to 5, got \"" + bad + "\"" + kSkip);
  }
}

TEST_F(BadRowsTest, Bytes) {
  // The two lines before have 32 + 17 bytes.
  expect_bad("1\tc\xFF\td\tentailment",
             "byte 52 (0xFF) is not valid UTF-8; convert the file, e.g. with iconv");
  expect_bad("1\tc" + std::string(1, '\0') + "\td\tentailment", "byte 52 is NUL; expected text, remove it");
  expect_bad("1\tc\td\xC3", "byte 54 (0xC3) is not valid UTF-8; convert the file, e.g. with iconv");
}

TEST_F(BadRowsTest, ReadingGoesOnBehindALineThatIsTooLong) {
  const std::string huge(3'000'000, 'x');
  folder_.write("train.tsv", "sentence\tlabel\na\t1\n" + huge + "\t1\nb\t0\n" + huge);
  const std::string problem = ": longer than 1048576 bytes; break or shorten the line";
  expect_message<DataError>([&] { train("sst-2"); }, path("train.tsv") + ":3" + problem + kSkip);
  EXPECT_EQ(shown(train("sst-2", {.on_bad_row = OnBadRow::skip})), (Names{"a|-|1|0", "b|-|0|2"}));
  EXPECT_EQ(report_.problems,
            (Names{path("train.tsv") + ":3" + problem, path("train.tsv") + ":5" + problem}));
  EXPECT_EQ(report_.rows, 2u);
  EXPECT_EQ(report_.skipped, 2u);
}

TEST_F(BadRowsTest, TenProblemsAreKept) {
  std::string rows = "sentence\tlabel\nfine\t1\n";
  for (int i = 0; i < 25; ++i) rows += "bad" + std::to_string(i) + "\n";
  folder_.write("train.tsv", rows);
  EXPECT_EQ(train("sst-2", {.on_bad_row = OnBadRow::skip}).size(), 1u);
  EXPECT_EQ(report_.skipped, 25u);
  ASSERT_EQ(report_.problems.size(), 10u);
  EXPECT_EQ(report_.problems[9],
            path("train.tsv") + ":12: expected 2 fields between tabs, as in the header, got 1");
}

TEST_F(BadRowsTest, NoRowLeft) {
  folder_.write("train.tsv", "sentence\tlabel\n");
  expect_message<DataError>([&] { train("sst-2"); }, path("train.tsv") + ": expected rows, got none");
  folder_.write("train.tsv", "sentence\tlabel\nx\n");
  expect_message<DataError>([&] { train("sst-2", {.on_bad_row = OnBadRow::skip}); },
                            path("train.tsv") + ": expected rows, got bad ones only (1); " +
                                path("train.tsv") +
                                ":2: expected 2 fields between tabs, as in the header, got 1");
}

TEST_F(BadRowsTest, Headers) {
  const ReadRowsOptions skip{.on_bad_row = OnBadRow::skip};  // does not help
  folder_.write("train.tsv", "index\tsentence\n0\ta\n");
  expect_message<DataError>(
      [&] { train("sst-2", skip); },
      path("train.tsv") +
          ":1: expected a header with \"sentence\", \"label\", got one without \"label\": "
          "\"index\", \"sentence\"");
  folder_.write("train.tsv", "it 's charming\t1\n");
  expect_message<DataError>(
      [&] { train("sst-2", skip); },
      path("train.tsv") +
          ":1: expected a header with \"sentence\", \"label\", got one without \"sentence\", "
          "\"label\": \"it 's charming\", \"1\"");
  folder_.write("train.tsv", "sentence\tlabel\tlabel\n");
  expect_message<DataError>([&] { train("sst-2", skip); },
                            path("train.tsv") + ":1: expected each column once, got \"label\" twice");
  folder_.write("train.tsv", "");
  expect_message<DataError>([&] { train("sst-2", skip); },
                            path("train.tsv") + ": expected a header and rows, got an empty file");
  folder_.write("train.tsv", "sentence\tlabel\n0\ta\n");
  expect_message<DataError>([&] { train("cola", skip); },
                            path("train.tsv") + ":1: expected fields between tabs up to \"#4\", got 2");
}

TEST_F(BadRowsTest, MissingFiles) {
  const std::string wanted =
      "expected MRPC's dev set as dev.tsv, or dev.jsonl, or validation.jsonl, or msr_paraphrase_train.txt "
      "and "
      "dev_ids.tsv";
  const std::string rest =
      ", or msr_paraphrase_test.txt (each also with .xz); put it there, change task.folder, or name the "
      "files in task.dev";
  expect_message<DataError>([&] { dev("mrpc"); }, folder_.path().string() + ": " + wanted + rest);
  folder_.write("dev_ids.tsv", "1\t2\n");
  expect_message<DataError>([&] { dev("mrpc"); }, folder_.path().string() + ": " + wanted +
                                                      " (msr_paraphrase_train.txt is missing)" + rest);
  const TaskSpec& task = *find_glue_task("sst-2");
  TaskSet set{"train", {RowSource{{"a.tsv", "b.tsv"}, task.train[0].sources[0].columns}}};
  folder_.write("a.tsv", "sentence\tlabel\nx\t1\n");
  std::filesystem::create_directory(folder_ / "b.tsv");
  expect_message<DataError>(
      [&] { read(task, set); },
      folder_.path().string() +
          ": expected SST-2's train set as a.tsv and b.tsv (b.tsv is missing) (each also with "
          ".xz); put it there, change task.folder, or name the files in task.train");
  RowReport report;
  expect_error<DataError>(
      [&] { read_rows(task, task.train[0], folder_ / "nowhere", {}, report); },
      {"/nowhere: no such folder; expected SST-2's train set as train.tsv, or train.jsonl"});
}

TEST_F(BadRowsTest, ListsOfRows) {
  folder_.write("msr_paraphrase_train.txt", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\ta\tb\n");
  folder_.write("dev_ids.tsv", "1\t2\n3\n");
  expect_message<DataError>([&] { train("mrpc"); },
                            path("dev_ids.tsv") + ":2: expected 2 ids with a tab between, got 1");
}

TEST_F(BadRowsTest, Json) {
  expect_bad_json("{\"sentence1\": ", "expected a JSON object, got what is not valid JSON");
  expect_bad_json("[1]", "expected a JSON object, got an array");
  expect_bad_json("null", "expected a JSON object, got null");
  expect_bad_json("{}", "expected the key \"sentence1\", got an empty object");
  expect_bad_json("{\"sentence1\": \"c\", \"label\": 0}",
                  "expected the key \"sentence2\", got only \"label\", \"sentence1\"");
  expect_bad_json("{\"sentence1\": 3, \"sentence2\": \"b\", \"label\": 0}",
                  "sentence1: expected a string, got a number");
  expect_bad_json("{\"sentence1\": \"a\", \"sentence2\": \"\\n\", \"label\": 0}",
                  "sentence2: expected a text, got white space only");
  expect_bad_json("{\"sentence1\": \"a\\u0000\", \"sentence2\": \"b\", \"label\": 0}",
                  "sentence1: expected a text, got one with NUL");
  expect_bad_json("{\"sentence1\": \"\\ud800\", \"sentence2\": \"b\", \"label\": 0}",
                  "expected a JSON object, got what is not valid JSON");
  const std::string pair = "{\"sentence1\": \"a\", \"sentence2\": \"b\"", one_of = "label: expected one of ",
                    labels = "\"entailment\", \"not_entailment\"";
  expect_bad_json(pair + "}", "expected the key \"label\", got only \"sentence1\", \"sentence2\"");
  expect_bad_json(pair + ", \"label\": [0]}", "label: expected a string or number, got an array");
  expect_bad_json(pair + ", \"label\": null}", one_of + labels + ", got none");
  expect_bad_json(pair + ", \"label\": -1}", one_of + labels + ", got none");
  expect_bad_json(pair + ", \"label\": 2}", one_of + labels + " or a class from 0 to 1, got \"2\"");
  expect_bad_json(pair + ", \"label\": 0.5}", one_of + labels + ", got \"0.5\"");
  expect_bad_json(pair + ", \"label\": \"yes\"}", one_of + labels + ", got \"yes\"");
  folder_.write("test.jsonl", "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"idx\": \"1\\t2\"}\n");
  expect_message<DataError>([&] { test("rte"); },
                            path("test.jsonl") +
                                ":1: idx: expected a row's name on one line, without tabs, got \"1\\x092\"" +
                                kSkip);
}

TEST_F(BadRowsTest, WordsInTsv) {
  const TaskSpec task = own(TaskKind::tokens, {"O", "B-X"});
  const TaskSet set = set_of("a.tsv", {"word", {}, "tag", {}});
  folder_.write("a.tsv", "word\ttag\na\tO\n\nb\tO\nc\tB-Y\nd\tE\nf\tO\n\ng\tB-X\n");
  const std::string problem = path("a.tsv") + ":5: tag: expected one of \"O\", \"B-X\", got \"B-Y\"";
  expect_message<DataError>([&] { read(task, set); }, problem + kSkip);
  const auto rows = read(task, set, {.on_bad_row = OnBadRow::skip});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].words, Names{"g"});
  EXPECT_EQ(rows[1].id, "2");
  EXPECT_EQ(report_.problems, Names{problem});
}

TEST_F(BadRowsTest, WordsInJson) {
  const TaskSpec task = own(TaskKind::tokens, {"O", "B-X"});
  const TaskSet set = set_of("a.jsonl", {"words", {}, "tags", {}});
  const auto expect = [&](const std::string& row, const std::string& problem) {
    folder_.write("a.jsonl", row + "\n");
    expect_message<DataError>([&] { read(task, set); }, path("a.jsonl") + ":1: " + problem + kSkip);
  };
  expect("{\"words\": \"a b\", \"tags\": [0]}", "words: expected a list, got a string");
  expect("{\"words\": [], \"tags\": []}", "words: expected words, got an empty list");
  expect("{\"words\": [1], \"tags\": [0]}", "words: expected a list of strings, got a number in it");
  expect("{\"words\": [\"a\", \"\"], \"tags\": [0, 0]}", "words: expected a text, got an empty one");
  expect("{\"words\": [\"a\", \"b\"], \"tags\": [0]}", "tags: expected 2 labels, one for each word, got 1");
  expect("{\"words\": [\"a\"], \"tags\": [2]}",
         "tags: expected one of \"O\", \"B-X\" or a class from 0 to 1, got \"2\"");
  expect("{\"words\": [\"a\"]}", "expected the key \"tags\", got only \"words\"");
}

TEST_F(BadRowsTest, DamagedXzIsNotARow) {
  // Digits by chance, so that it is damaged far behind the header.
  std::string text = "sentence\tlabel\n";
  for (std::uint64_t i = 0; i < 100'000; ++i) text += std::to_string(random_below(1'000'000, 3, i)) + "\t1\n";
  const std::string packed = compress(text);
  folder_.write("train.tsv.xz", packed.substr(0, packed.size() * 3 / 4));
  expect_error<DataError>([&] { train("sst-2", {.on_bad_row = OnBadRow::skip}); },
                          {path("train.tsv.xz") + ": byte ", "damaged or cut off xz data"});
  EXPECT_GT(report_.rows, 10'000u);
}

}  // namespace
}  // namespace mabert::data
