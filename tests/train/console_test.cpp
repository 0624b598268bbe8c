#include "mabert/train/console.h"

#include "support.h"

#include <sstream>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::train {
namespace {

class ConsoleTest : public testing::DirectoryTest {
 protected:
  std::string run(bool is_terminal) {
    std::ostringstream terminal;
    {
      auto log = open_log(directory_ / "log.txt", terminal, is_terminal);
      Console console(log, terminal, is_terminal, 100);
      console.on_step(1);
      console.on_metrics({.step = 1, .loss = 3.25, .lr = 0.001, .tokens_per_second = 12345.0});
      console.on_metrics(
          {.step = 1,
           .split = Split::valid,
           .loss = 2.0,
           .values = {{"masked_accuracy", 0.25}, {"perplexity", 7.39}, {"matthews", 0.52134}}});
      console.on_step(100);
      log->warn("a warning");
    }
    return terminal.str();
  }
};

TEST_F(ConsoleTest, PlainLinesWithoutATerminal) {
  const std::string text = run(false);
  EXPECT_NE(text.find("step 1/100 train loss 3.2500 lr 0.001 12.3k tokens/s"), std::string::npos) << text;
  EXPECT_NE(text.find("valid loss 2.0000 accuracy 25.00% perplexity 7.39 matthews 0.5213"), std::string::npos)
      << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\033'), std::string::npos);
}

TEST_F(ConsoleTest, BarWithTimeLeftOnATerminal) {
  const std::string text = run(true);
  EXPECT_NE(text.find("[########################] 100/100 left 0:00 loss 3.2500"), std::string::npos) << text;
  EXPECT_EQ(text.find("train loss"), std::string::npos) << "training lines belong in the log file";
  EXPECT_NE(text.find("valid loss 2.0000"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\033[K")) << "the bar is cleared at the end";
}

TEST_F(ConsoleTest, LogFileHoldsEverything) {
  run(true);
  const std::string text = read_text_file(directory_ / "log.txt", 1 << 16);
  for (const char* part : {"train loss 3.2500", "valid loss 2.0000", "warning a warning"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
  std::ostringstream terminal;
  EXPECT_THROW(open_log(directory_, terminal, false), DataError);
}

}  // namespace
}  // namespace mabert::train
