#include "mabert/train/metrics.h"

#include "support.h"

#include <fstream>
#include <limits>
#include <sstream>

#include "mabert/core/error.h"
#include "mabert/core/files.h"

namespace mabert::train {
namespace {

class MetricsTest : public testing::DirectoryTest {
 protected:
  std::string text() const { return read_text_file(path_, 1 << 20); }
  static Metrics at_step(std::int64_t step) {
    return {.step = step, .loss = 1.0 / static_cast<double>(step)};
  }
  std::filesystem::path path_ = directory_ / "metrics.jsonl";
};

TEST_F(MetricsTest, LineHoldsWhatAppliesAndNothingElse) {
  Metrics metrics{.step = 7, .split = Split::valid, .loss = 2.5, .seconds = 1.25};
  metrics.values = {{"masked_accuracy", 0.5}, {"perplexity", 12.0}};
  metrics.predicted = 3;
  EXPECT_EQ(to_json(metrics), R"({"step":7,"split":"valid","loss":2.5,"seconds":1.25,)"
                              R"("masked_accuracy":0.5,"perplexity":12.0,"predicted":3})");
  metrics.loss = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(to_json(metrics).find("\"loss\":null"), std::string::npos);
}

TEST_F(MetricsTest, ResumingLeavesEachStepOnce) {
  {
    MetricsLog log(path_, 0);
    for (std::int64_t step = 1; step <= 5; ++step) log.on_metrics(at_step(step));
  }
  const std::string all = text();
  std::ofstream(path_, std::ios::app) << R"({"step":6,"spl)";  // cut short by a kill
  {
    MetricsLog log(path_, 3);
    log.on_metrics(at_step(4));
    log.on_metrics(at_step(5));
  }
  EXPECT_EQ(text(), all);
  MetricsLog fresh(path_, 0);
  EXPECT_EQ(text(), "");
}

TEST_F(MetricsTest, FullDiskIsADiskFullError) {
  MetricsLog log(path_, 0);
  testing::SystemCalls::arm(testing::SystemCalls::Fault::disk_full, 0);
  EXPECT_THROW(log.on_metrics(at_step(1)), DiskFullError);
  testing::SystemCalls::disarm();
}

}  // namespace
}  // namespace mabert::train
