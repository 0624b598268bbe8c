#include "benchmarks/harness/arguments.h"

#include "benchmarks/ops/run_ops.h"

#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert::bench {
namespace {

const c10::Device kCpu(c10::kCPU), kCuda(c10::kCUDA, 0);

// The message of the UsageError that `action` throws.
template <class Action>
std::string usage_error(const Action& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no UsageError";
  return "";
}

TEST(ArgumentsTest, ShapesAreSizesJoinedByX) {
  EXPECT_EQ(parse_shape("32x512x1536", 7), (Shape{32, 512, 1536}));
  EXPECT_EQ(parse_shape("1x4096", 1536), (Shape{1, 4096, 1536}));
  EXPECT_EQ(to_string(Shape{8, 512, 128}), "8x512x128");
}

TEST(ArgumentsTest, WrongShapesAreNamed) {
  for (const char* text :
       {"", "32", "32x", "x512", "32x512x1536x2", "32x-1", "32x0", "3ax512", "32x512 ", "32x99999999999"}) {
    EXPECT_NE(usage_error([&] { parse_shape(text, 1536); }).find("'" + std::string(text) + "'"),
              std::string::npos)
        << text;
  }
}

TEST(ArgumentsTest, DtypesHaveShortNames) {
  for (const char* name : {"bf16", "fp16", "fp32"}) EXPECT_EQ(dtype_name(parse_dtype(name)), name);
  EXPECT_NE(usage_error([] { parse_dtype("int8"); }).find("'int8'"), std::string::npos);
}

TEST(ArgumentsTest, NamesComeFromAList) {
  const std::vector<std::string> known{"a", "b", "c"};
  EXPECT_EQ(parse_names("--x", "all", known), known);
  EXPECT_EQ(parse_names("--x", "c,a,c", known), (std::vector<std::string>{"c", "a"}));
  EXPECT_EQ(usage_error([&] { parse_names("--x", "a,d", known); }), "--x: expected all, a, b, c, got 'd'");
  EXPECT_NE(usage_error([&] { parse_names("--x", "", known); }).find("''"), std::string::npos);
}

TEST(ArgumentsTest, DefaultsDependOnTheDevice) {
  const OpsRequest cpu = resolve({}, kCpu), cuda = resolve({}, kCuda);
  EXPECT_EQ(cpu.shapes, (std::vector<Shape>{{8, 512, 512}}));
  EXPECT_EQ(cpu.dtype, at::kFloat);
  EXPECT_EQ(cpu.mixed_shapes, cpu.shapes);
  EXPECT_EQ(cuda.mixed_shapes, (std::vector<Shape>{{32, 512, 1536}}));
  EXPECT_EQ(cpu.padded, (std::vector<double>{0.5}));
  EXPECT_EQ(cuda.shapes.size(), 6U);
  EXPECT_EQ(cuda.shapes.front(), (Shape{32, 512, 1536}));
  EXPECT_EQ(cuda.dtype, at::kBFloat16);
  EXPECT_EQ(cuda.ops.size(), all_operators().size());
}

TEST(ArgumentsTest, ResolveRefusesWhatCannotRun) {
  OpsArguments arguments;
  arguments.dtype = "bf16";
  EXPECT_NE(usage_error([&] { resolve(arguments, kCpu); }).find("--dtype"), std::string::npos);
  arguments = {};
  arguments.shapes = "2x8x100";
  EXPECT_NE(usage_error([&] { resolve(arguments, kCpu); }).find("--shapes"), std::string::npos);
  arguments = {};
  arguments.samples = 2;
  EXPECT_NE(usage_error([&] { resolve(arguments, kCpu); }).find("--samples"), std::string::npos);
  arguments = {};
  arguments.saved_states = "every_7";
  EXPECT_NE(usage_error([&] { resolve(arguments, kCpu); }).find("recompute, got 'every_7'"),
            std::string::npos);
  arguments = {};
  arguments.layouts = "square";
  EXPECT_NE(usage_error([&] { resolve(arguments, kCpu); }).find("--layout"), std::string::npos);
}

TEST(ArgumentsTest, BatchesHoldWhatTheirNamesSay) {
  OpsArguments arguments;
  arguments.shapes = "8x512x128,2x31x128";
  const std::vector<Batch> batches = make_batches(resolve(arguments, kCpu));
  ASSERT_EQ(batches.size(), 6U);
  EXPECT_EQ(batches[1].rows(), 62);
  EXPECT_EQ(batches[0].baseline, "");
  const Batch& ragged = batches[2];
  const Batch& padded = batches[3];
  EXPECT_EQ(ragged.rows(), 4096);
  EXPECT_TRUE(ragged.layout.all_valid());
  EXPECT_LE(ragged.layout.max_length(), 512);
  EXPECT_EQ(padded.layout.num_valid(), 4096);
  EXPECT_EQ(padded.rows(), 8192);
  // Both are compared with the dense batch of as many valid rows.
  for (const Batch* batch : {&ragged, &padded}) EXPECT_EQ(batch->baseline, "dense 8x512x128");
  EXPECT_EQ(batches[4].layout.num_valid(), 62);
  EXPECT_EQ(batches[5].baseline, "dense 2x31x128");
}

TEST(ArgumentsTest, EveryPaddedFractionHoldsTheSameValidRows) {
  OpsArguments arguments;
  arguments.shapes = "8x64x128";
  arguments.layouts = "padded";
  arguments.padded = "0,0.25,0.5,0.9";
  const std::vector<Batch> batches = make_batches(resolve(arguments, kCpu));
  ASSERT_EQ(batches.size(), 4U);
  std::vector<std::int64_t> sequences;
  for (const Batch& batch : batches) {
    EXPECT_EQ(batch.layout.num_valid(), 8 * 64);
    EXPECT_EQ(batch.rows(), batch.shape.sequences * 64);
    EXPECT_FALSE(batch.layout.has_holes());
    sequences.push_back(batch.shape.sequences);
  }
  EXPECT_EQ(sequences, (std::vector<std::int64_t>{8, 11, 16, 80}));
  const auto begin = batches[2].layout.host_begin(), end = batches[2].layout.host_end();
  for (std::size_t s = 0; s < 16; s += 2) {  // pairs that share a row's worth of tokens, not all alike
    EXPECT_EQ(end[s] - begin[s] + end[s + 1] - begin[s + 1], 64);
  }
  EXPECT_NE(end[0] - begin[0], end[2] - begin[2]);
}

TEST(ArgumentsTest, PaddedFractionsThatCannotBeAreNamed) {
  OpsArguments arguments;
  for (const char* text : {"", "half", "1", "-0.1", "0.5,0.5x", "nan"}) {
    arguments.padded = text;
    EXPECT_NE(usage_error([&] { resolve(arguments, kCpu); }).find("--padded: expected shares"),
              std::string::npos)
        << text;
  }
  EXPECT_EQ(padded_sequences({1, 512, 128}, 0.5), 2);
  EXPECT_NE(usage_error([] { padded_sequences({1, 512, 128}, 0.25); }).find("1x512x128"), std::string::npos);
}

TEST(ArgumentsTest, ShapesTooLargeAreRefusedWithWhatToLower) {
  OpsArguments arguments;
  arguments.shapes = "64x4096x1536";
  const OpsRequest request = resolve(arguments, kCuda);
  check_sizes(request, 0, "a GPU");  // its memory is not known
  check_sizes(request, std::int64_t{1} << 40, "a GPU");
  const std::string error = usage_error([&] { check_sizes(request, 16'000'000'000, "a GPU"); });
  EXPECT_EQ(error.rfind("shape 64x4096x1536: takes about ", 0), 0U) << error;
  EXPECT_NE(error.find("a GPU has 16.0; lower its sequences, length or channels"), std::string::npos)
      << error;
  // The padded batch is the larger one.
  arguments.layouts = "dense";
  const double bytes = 64 * 4096 * 1536.0 * 110;
  check_sizes(resolve(arguments, kCuda), static_cast<std::int64_t>(bytes * 1.5), "a GPU");
  arguments.layouts = "padded";
  usage_error(
      [&] { check_sizes(resolve(arguments, kCuda), static_cast<std::int64_t>(bytes * 1.5), "a GPU"); });
  arguments.shapes = "65536x65536";
  EXPECT_NE(usage_error([&] { check_sizes(resolve(arguments, kCuda), 0, "a GPU"); }).find("int32"),
            std::string::npos);
}

TEST(ArgumentsTest, SeveralDtypesComeOneAfterAnother) {
  OpsArguments arguments;
  arguments.dtype = "fp32,bf16,fp32";
  const OpsRequest request = resolve(arguments, kCuda);
  EXPECT_EQ(request.dtypes, (std::vector<at::ScalarType>{at::kFloat, at::kBFloat16}));
  EXPECT_EQ(request.dtype, at::kFloat);
}

}  // namespace
}  // namespace mabert::bench
