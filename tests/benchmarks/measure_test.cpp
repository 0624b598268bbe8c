#include "benchmarks/harness/measure.h"

#include <thread>

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

namespace mabert::bench {
namespace {

TEST(MeasureTest, SetsTogetherAreLargerThanCaches) {
  const MeasureOptions options;
  EXPECT_EQ(count_sets(100'000'000, options), 4);
  EXPECT_EQ(count_sets(150'000'000, options), 3);
  EXPECT_EQ(count_sets(900'000'000, options), 2);
  EXPECT_EQ(count_sets(1000, options), options.most_sets);
  EXPECT_EQ(count_sets(0, options), options.most_sets);
}

TEST(MeasureTest, ASampleIsWholeRoundsOverTheSets) {
  const MeasureOptions options;
  EXPECT_EQ(count_calls(1.0, 3, options), 6);      // 4 ms wanted
  EXPECT_EQ(count_calls(0.02, 48, options), 240);  // 200 at most, then whole rounds
  EXPECT_EQ(count_calls(50.0, 2, options), 2);
  EXPECT_EQ(count_calls(0.0, 2, options), 200);
}

TEST(MeasureTest, EveryCallGetsTheNextSetAndOutputsStayAlive) {
  const auto device = open_device(c10::Device(c10::kCPU));
  const MeasureOptions options{.samples = 3, .sample_ms = 1e-9};
  std::vector<std::int64_t> order;
  std::vector<const void*> alive(3, nullptr);
  const Measured measured = measure(
      *device, 3,
      [&](std::int64_t set) -> Outputs {
        order.push_back(set);
        const at::Tensor out = at::full({1000}, static_cast<double>(set));
        for (std::int64_t other = 0; other < 3; ++other) {
          if (other == set) continue;
          EXPECT_NE(out.const_data_ptr(), alive[static_cast<std::size_t>(other)]);
        }
        alive[static_cast<std::size_t>(set)] = out.const_data_ptr();
        return {out};
      },
      options);
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], static_cast<std::int64_t>(i % 3));
  EXPECT_EQ(measured.sets, 3);
  EXPECT_EQ(measured.calls, 3);
  EXPECT_EQ(measured.call.samples, 3);
  EXPECT_FALSE(measured.graph);
  EXPECT_TRUE(measured.no_graph.empty());
}

TEST(MeasureTest, TimesAreOfOneCall) {
  const auto device = open_device(c10::Device(c10::kCPU));
  const Measured measured = measure(*device, 2,
                                    [](std::int64_t) {
                                      std::this_thread::sleep_for(std::chrono::milliseconds(2));
                                      return Outputs();
                                    },
                                    {.samples = 3, .sample_ms = 8});
  EXPECT_GE(measured.call.low, 2.0);
  EXPECT_LT(measured.call.median, 2.0 * static_cast<double>(measured.calls));
}

TEST(MeasureTest, SamplesAreKept) {
  const auto device = open_device(c10::Device(c10::kCPU));
  const Measured measured =
      measure(*device, 2, [](std::int64_t) { return Outputs(); }, {.samples = 5, .sample_ms = 1e-9});
  EXPECT_EQ(measured.call_times.size(), 5U);
  EXPECT_DOUBLE_EQ(summarize(measured.call_times).median, measured.call.median);
  EXPECT_TRUE(measured.graph_times.empty());
}

// A device whose work is done only when someone waits for it.
class LazyDevice final : public BenchDevice {
 public:
  c10::Device device() const override { return c10::Device(c10::kCPU); }
  DeviceFacts facts() const override { return {}; }
  void synchronize() const override {
    for (; pending > 0; --pending) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ++waits;
  }
  std::unique_ptr<Mark> mark() const override { return nullptr; }
  std::unique_ptr<Recording> record(const std::function<void()>&) const override { return nullptr; }
  void measure_units(Limits&) const override {}
  std::optional<std::int64_t> peak_memory() const override { return std::nullopt; }
  void reset_peak_memory() const override {}
  void release_memory() const override {}
  mutable int pending = 0, waits = 0;
};

TEST(MeasureTest, LatencyIsOfOneCallUpToItsCompletion) {
  LazyDevice device;
  int calls = 0;
  const std::vector<double> times = measure_latency(
      device,
      [&] {
        EXPECT_EQ(device.pending,
                  calls < 2 ? calls : 0);  // each waits for its own, those of the warm-up for none
        ++calls;
        ++device.pending;
      },
      4, 2);
  EXPECT_EQ(calls, 6);
  EXPECT_EQ(device.waits, 5);
  ASSERT_EQ(times.size(), 4U);
  for (const double ms : times) EXPECT_GE(ms, 2.0);
}

}  // namespace
}  // namespace mabert::bench
