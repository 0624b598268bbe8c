#include "mabert/ops/masked_cross_entropy.h"

#include "support/device_cases.h"
#include "support/finite_difference.h"
#include "support/references.h"

#include <limits>

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/log_softmax.h>
#include <gtest/gtest.h>

#include "mabert/core/error.h"

namespace mabert {
namespace {

using namespace mabert::testing;

class MaskedCrossEntropyTest : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, MaskedCrossEntropyTest, ::testing::ValuesIn(device_cases()), case_name);

/// Labels 0, 7, 14, ... modulo the vocabulary, -1 at every third row.
at::Tensor make_labels(std::int64_t rows, std::int64_t vocabulary) {
  const at::Tensor labels = at::empty({rows}, at::TensorOptions().dtype(at::kInt));
  for (std::int64_t i = 0; i < rows; ++i) {
    labels.mutable_data_ptr<std::int32_t>()[i] =
        i % 3 == 2 ? -1 : static_cast<std::int32_t>(7 * i % vocabulary);
  }
  return labels;
}

at::Tensor reference(const at::Tensor& logits, const at::Tensor& labels, std::int64_t vocabulary) {
  const at::Tensor rows = labels.ge(0).nonzero().squeeze(1);
  const at::Tensor picked = at::log_softmax(logits.index_select(0, rows).narrow(1, 0, vocabulary), 1);
  return -picked.gather(1, labels.index_select(0, rows).to(at::kLong).unsqueeze(1)).sum();
}

struct Result {
  at::Tensor loss, correct, grad;
};

Result run(const at::Tensor& logits, const at::Tensor& labels, std::int64_t vocabulary, double scale = 0.25) {
  const at::Tensor leaf = logits.detach().requires_grad_();
  const auto result = ops::masked_cross_entropy(leaf, labels, vocabulary);
  (result.loss_sum * scale).backward();
  return {result.loss_sum.detach(), result.correct, leaf.grad()};
}

TEST_P(MaskedCrossEntropyTest, MatchesReferenceForwardAndBackward) {
  const DeviceCase& where = GetParam();
  for (const auto& [rows, columns, vocabulary] :
       std::vector<std::array<std::int64_t, 3>>{{1, 1, 1}, {31, 64, 50}, {127, 320, 320}, {8, 3008, 3000}}) {
    SCOPED_TRACE(::testing::Message() << rows << " rows, vocabulary " << vocabulary);
    const at::Tensor logits = where.place(random_tensor({rows, columns}, 1, 4.0));
    const at::Tensor labels = make_labels(rows, vocabulary);
    const at::Tensor wide = logits.to(at::Device(at::kCPU), at::kDouble).requires_grad_();
    const at::Tensor loss = reference(wide, labels, vocabulary);
    (loss * 0.25).backward();
    const Result actual = run(logits, labels.to(where.device), vocabulary);
    EXPECT_LE(relative_error(actual.loss, loss), std::min(where.tolerance, 1e-6));
    EXPECT_LE(relative_error(actual.grad, wide.grad()), where.tolerance);
    const at::Tensor hits = wide.narrow(1, 0, vocabulary).argmax(1).eq(labels);
    EXPECT_EQ(actual.correct.item<std::int64_t>(), hits.sum().item<std::int64_t>());
  }
}

TEST_P(MaskedCrossEntropyTest, SlackRowsAndPaddedColumnsAreFree) {
  const DeviceCase& where = GetParam();
  const at::Tensor logits = where.place(random_tensor({30, 64}, 1)),
                   labels = make_labels(30, 50).to(where.device);
  const Result clean = run(logits, labels, 50);
  for (const double fill : {std::numeric_limits<double>::quiet_NaN(), 1e30}) {
    const at::Tensor dirty = logits.clone();
    const at::Tensor content =
        at::full({}, fill, at::kDouble);  // copied, not filled: infinity in half precision
    for (std::int64_t i = 2; i < 30; i += 3) dirty.select(0, i).copy_(content);
    dirty.narrow(1, 50, 14).copy_(content);
    const Result actual = run(dirty, labels, 50);
    EXPECT_TRUE(at::equal(actual.loss, clean.loss));
    EXPECT_TRUE(at::equal(actual.grad, clean.grad));
    EXPECT_TRUE(actual.grad.narrow(1, 50, 14).eq(0).all().item<bool>());
    EXPECT_TRUE(actual.grad.select(0, 2).eq(0).all().item<bool>());
  }
}

TEST_P(MaskedCrossEntropyTest, NothingToPredictIsZero) {
  const DeviceCase& where = GetParam();
  const at::Tensor logits = where.place(random_tensor({5, 8}, 1));
  const Result result =
      run(logits, at::full({5}, -1, at::TensorOptions().dtype(at::kInt).device(where.device)), 8);
  EXPECT_EQ(result.loss.item<double>(), 0.0);
  EXPECT_EQ(result.correct.item<std::int64_t>(), 0);
  EXPECT_TRUE(result.grad.eq(0).all().item<bool>());
}

TEST_P(MaskedCrossEntropyTest, ANaNLogitReachesTheLoss) {
  const DeviceCase& where = GetParam();
  for (const std::int64_t column : {0, 5, 32, 49}) {
    const at::Tensor logits = where.place(random_tensor({3, 50}, 1));
    logits.select(0, 1).select(0, column).fill_(std::numeric_limits<double>::quiet_NaN());
    EXPECT_TRUE(run(logits, make_labels(3, 50).to(where.device), 50).loss.isnan().item<bool>()) << column;
  }
}

TEST_P(MaskedCrossEntropyTest, EqualLogitsAreNotAllHits) {
  const DeviceCase& where = GetParam();
  const at::Tensor logits = where.place(at::zeros({9, 50}, at::TensorOptions().dtype(at::kDouble)));
  EXPECT_EQ(run(logits, make_labels(9, 50).to(where.device), 50).correct.item<std::int64_t>(), 1);
}

TEST_P(MaskedCrossEntropyTest, RepeatsBitForBitWithAnyNumberOfThreadsAndStrides) {
  const DeviceCase& where = GetParam();
  const at::Tensor logits = where.place(random_tensor({200, 77}, 1)),
                   labels = make_labels(200, 70).to(where.device);
  const Result first = run(logits, labels, 70);
  at::set_num_threads(2);
  for (const at::Tensor& same : {logits, logits.t().contiguous().t()}) {
    const Result again = run(same, labels.to(at::kLong), 70);
    EXPECT_TRUE(at::equal(first.loss, again.loss));
    EXPECT_TRUE(at::equal(first.grad, again.grad));
  }
}

TEST(MaskedCrossEntropyFiniteDifferenceTest, Logits) {
  const at::Tensor logits = random_tensor({6, 9}, 1), labels = make_labels(6, 7);
  const auto value = [&] { return ops::masked_cross_entropy(logits, labels, 7).loss_sum.item<double>(); };
  EXPECT_LE(relative_error(run(logits, labels, 7, 1.0).grad, finite_difference(logits, value)), 1e-7);
}

TEST(MaskedCrossEntropyArgumentsTest, WrongArgumentsAreNamed) {
  const auto message = [&](const at::Tensor& logits, const at::Tensor& labels,
                           std::int64_t vocabulary) -> std::string {
    try {
      ops::masked_cross_entropy(logits, labels, vocabulary);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  const at::Tensor logits = random_tensor({4, 9}, 1), labels = make_labels(4, 9);
  EXPECT_EQ(message(logits, labels.narrow(0, 0, 3), 9),
            "[masked_cross_entropy] labels: expected (4), got (3)");
  EXPECT_EQ(message(logits, logits.select(1, 0), 9),
            "[masked_cross_entropy] labels: expected int32 or int64, got Double");
  EXPECT_EQ(message(logits, labels, 10), "[masked_cross_entropy] vocabulary: expected 1 to 9, got 10");
  EXPECT_EQ(message(logits, labels, 7), "[masked_cross_entropy] labels: expected -1 to 6, got 7 at row 1");
}

}  // namespace
}  // namespace mabert
