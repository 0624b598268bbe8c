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
  ASSERT_EQ(batches.size(), 4U);
  EXPECT_EQ(batches[1].rows(), 62);
  const Batch& ragged = batches[2];
  const Batch& padded = batches[3];
  EXPECT_EQ(ragged.rows(), 4096);
  EXPECT_TRUE(ragged.layout.all_valid());
  EXPECT_LE(ragged.layout.max_length(), 512);
  EXPECT_EQ(padded.layout.num_valid(), 4096);
  EXPECT_EQ(padded.rows(), 8192);
  // Both are compared with the dense batch of as many valid rows, which is one of those asked for.
  EXPECT_EQ(dense_baseline(resolve(arguments, kCpu)), "dense " + to_string(batches[0].shape));
}

}  // namespace
}  // namespace mabert::bench
