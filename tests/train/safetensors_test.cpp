#include "mabert/train/safetensors.h"

#include "support.h"

#include <cstring>
#include <fstream>

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "mabert/core/error.h"
#include "mabert/core/random.h"

namespace mabert::train {
namespace {

class SafetensorsTest : public testing::DirectoryTest {
 protected:
  NamedTensors sample() const {
    NamedTensors tensors;
    for (const auto dtype :
         {at::kBool, at::kByte, at::kHalf, at::kBFloat16, at::kInt, at::kFloat, at::kLong, at::kDouble}) {
      tensors.push_back({c10::toString(dtype), at::arange(6).to(dtype).view({2, 3})});
    }
    tensors.push_back({"scalar", at::full({}, 7.5)});
    tensors.push_back({"empty", at::zeros({0, 4})});
    tensors.push_back({"weird \"name\"\n", at::arange(5).to(at::kFloat)});
    return tensors;
  }
  std::string file_of(std::string header, std::size_t data_bytes) const {
    const std::uint64_t length = header.size();
    std::string text(8, '\0');
    std::memcpy(text.data(), &length, 8);
    return text + header + std::string(data_bytes, 'x');
  }
  void expect_damaged(const std::string& content) const {
    std::ofstream(directory_ / "d", std::ios::binary) << content;
    EXPECT_THROW(SafetensorsFile(directory_ / "d"), CheckpointError) << content.substr(8, 120);
  }
};

TEST_F(SafetensorsTest, RoundTripKeepsEveryDtypeShapeAndByte) {
  const NamedTensors tensors = sample();
  write_safetensors(directory_ / "a", tensors, {{"format", "pt"}});
  const SafetensorsFile file(directory_ / "a");
  EXPECT_EQ(file.entries().size(), tensors.size());
  EXPECT_EQ(file.metadata().at("format"), "pt");
  for (const NamedTensor& item : tensors) {
    const at::Tensor got = file.tensor(item.name);
    EXPECT_EQ(got.scalar_type(), item.tensor.scalar_type()) << item.name;
    EXPECT_EQ(got.sizes(), item.tensor.sizes()) << item.name;
    EXPECT_TRUE(at::equal(got, item.tensor)) << item.name;
  }
  EXPECT_THROW(file.tensor("absent"), CheckpointError);
}

TEST_F(SafetensorsTest, LayoutIsThePublicFormat) {
  // Written out by hand from the format's description.
  write_file_atomically(directory_ / "a",
                        file_of(R"({"x":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]}})", 2));
  const SafetensorsFile file(directory_ / "a");
  EXPECT_TRUE(at::equal(file.tensor("x"), at::full({2, 1}, 'x', at::kByte)));
  write_safetensors(directory_ / "b", {{"x", at::full({2, 1}, 'x', at::kByte)}});
  const std::string text = read_text_file(directory_ / "b", 1000);
  std::uint64_t length = 0;
  std::memcpy(&length, text.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(text.size(), 8 + length + 2);
  EXPECT_EQ(text[8], '{');
}

TEST_F(SafetensorsTest, RejectsHeadersThatLie) {
  const auto entry = [](const char* name, const char* dtype, const char* shape, const char* offsets) {
    return std::string("\"") + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape +
           R"(,"data_offsets":)" + offsets + "}";
  };
  const auto one = [&](const std::string& text, std::size_t bytes) {
    expect_damaged(file_of("{" + text + "}", bytes));
  };
  one(entry("a", "F99", "[1]", "[0,4]"), 4);
  one(entry("a", "F32", "[2]", "[0,4]"), 4);
  one(entry("a", "F32", "[-1]", "[0,4]"), 4);
  one(entry("a", "F32", "[1.5]", "[0,4]"), 4);
  one(entry("a", "F32", "[4611686018427387905]", "[0,4]"), 4);
  one(entry("a", "F32", "[1099511627776,1099511627776,1099511627776]", "[0,0]"), 0);
  one(entry("a", "F32", "[1]", "[4,8]"), 8);
  one(entry("a", "F32", "[1]", "[4,0]"), 4);
  one(entry("a", "F32", "[1]", "[0,4]"), 8);
  one(entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[0,4]"), 4);
  one(entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[8,12]"), 12);
  one(entry("a", "F32", "[1]", "[0,4]") + "," + entry("a", "F32", "[1]", "[4,8]"), 8);
  one(R"("__metadata__":{"k":1})", 0);
  one(R"("a":[1])", 0);
  expect_damaged(file_of("[]", 0));
  expect_damaged(file_of("{\"a\":" + std::string(10000, '['), 0));
  expect_damaged("short");
  expect_damaged(std::string(8, '\xff') + "{}");
  EXPECT_THROW(SafetensorsFile(directory_ / "absent"), CheckpointError);
}

TEST_F(SafetensorsTest, DamageIsAnErrorOrLeavesTheHeaderEqual) {
  write_safetensors(directory_ / "a", sample());
  const std::string good = read_text_file(directory_ / "a", 1 << 20);
  for (std::size_t size = 0; size < good.size(); size += 29) expect_damaged(good.substr(0, size));
  int rejected = 0;
  constexpr int kTrials = 1000;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Philox draw = Philox::draw(1, 0, static_cast<std::uint64_t>(trial));
    std::string text = good;
    text[draw.words[0] % text.size()] = static_cast<char>(draw.words[1]);
    text[draw.words[2] % text.size()] ^= static_cast<char>(1u << (draw.words[3] % 8));
    std::ofstream(directory_ / "d", std::ios::binary) << text;
    try {
      const SafetensorsFile file(directory_ / "d");
      for (const auto& item : file.entries()) file.tensor(item.name);
    } catch (const CheckpointError&) {
      ++rejected;
    }
  }
  EXPECT_GT(rejected, kTrials / 2);
}

TEST_F(SafetensorsTest, CopyIntoWantsTheSameNamesShapesAndDtypes) {
  write_safetensors(directory_ / "a", {{"x", at::full({2}, 3.0f)}, {"y", at::full({1}, 4.0f)}});
  const SafetensorsFile file(directory_ / "a");
  const at::Tensor x = at::zeros({2}), y = at::zeros({1});
  copy_into(file, {{"x", x}, {"y", y}});
  EXPECT_TRUE(at::equal(x, at::full({2}, 3.0f)));
  x.zero_();
  EXPECT_THROW(copy_into(file, {{"x", x}}), CheckpointError);
  EXPECT_THROW(copy_into(file, {{"x", x}, {"y", y}, {"z", y}}), CheckpointError);
  EXPECT_THROW(copy_into(file, {{"x", x}, {"y", at::zeros({2})}}), CheckpointError);
  EXPECT_THROW(copy_into(file, {{"x", x}, {"y", at::zeros({1}, at::kDouble)}}), CheckpointError);
  EXPECT_TRUE(at::equal(x, at::zeros({2})));
}

TEST_F(SafetensorsTest, CopyIntoWidensHalfPrecisionAndNothingElse) {
  const at::Tensor values = at::arange(6).to(at::kFloat).mul_(0.5);
  for (const auto dtype : {at::kBFloat16, at::kHalf}) {
    write_safetensors(directory_ / "a", {{"x", values.to(dtype)}});
    const SafetensorsFile file(directory_ / "a");
    const at::Tensor x = at::zeros({6});
    copy_into(file, {{"x", x}});
    EXPECT_TRUE(at::equal(x, values));
    EXPECT_THROW(copy_into(file, {{"x", at::zeros({6}, at::kDouble)}}), CheckpointError);
    EXPECT_THROW(copy_into(file, {{"x", at::zeros({5})}}), CheckpointError);
  }
  write_safetensors(directory_ / "a", {{"x", values}});
  EXPECT_THROW(copy_into(SafetensorsFile(directory_ / "a"), {{"x", at::zeros({6}, at::kBFloat16)}}),
               CheckpointError);
}

TEST_F(SafetensorsTest, WriterRefusesWhatTheFormatCannotHold) {
  EXPECT_THROW(write_safetensors(directory_ / "a", {{"x", at::zeros({1})}, {"x", at::zeros({1})}}),
               UsageError);
  EXPECT_THROW(write_safetensors(directory_ / "a", {{"x", at::zeros({1}, at::kComplexFloat)}}), UsageError);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "a"));
}

}  // namespace
}  // namespace mabert::train
