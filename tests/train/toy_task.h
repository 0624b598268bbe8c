#pragma once

#include <limits>
#include <set>
#include <string>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tanh.h>

#include "mabert/core/random.h"
#include "mabert/train/task.h"

namespace mabert::train::testing {

/// A small regression whose data is a function of the position; rows of a step are shared out unevenly.
class ToyTask : public Task {
 public:
  static constexpr std::int64_t kRows = 24, kInputs = 6, kWidth = 10, kStepsPerEpoch = 7, kGradedSteps = 5;

  explicit ToyTask(std::vector<std::int64_t> shares = {24}) : shares_(std::move(shares)) {
    const auto make = [&](const char* name, std::vector<std::int64_t> shape) {
      const at::Tensor parameter = random(std::move(shape), 1, parameters_.size()).mul_(0.5);
      parameters_.push_back({name, parameter.requires_grad_(true)});
    };
    make("first.weight", {kInputs, kWidth});
    make("first.bias", {kWidth});
    make("second.weight", {kWidth, 1});
  }

  NamedTensors parameters() const override { return parameters_; }
  bool is_decayed(const std::string& name, const at::Tensor&) const override {
    return name.ends_with("weight");
  }
  std::int64_t steps_in_epoch(std::int64_t) override { return kStepsPerEpoch; }

  StepPlan load(const Position& position) override {
    loaded_.push_back(position);
    const auto key = static_cast<std::uint64_t>(position.epoch * 1000 + position.step);
    inputs_ = random({kRows, kInputs}, 2, key);
    begin_ = 0;
    step_ = position.epoch * kStepsPerEpoch + position.step + 1;
    StepPlan plan{
        .micro_batches = static_cast<std::int64_t>(shares_.size()), .predicted = kRows, .tokens = 2 * kRows};
    plan.next = {position.epoch, position.step + 1};
    if (plan.next.step == kStepsPerEpoch) plan.next = {position.epoch + 1, 0};
    ++steps_loaded;
    return plan;
  }

  PartialLoss forward(std::int64_t micro_batch, const at::Tensor& pass) override {
    passes.push_back(pass.item<std::int64_t>());
    const std::int64_t rows = shares_.at(static_cast<std::size_t>(micro_batch));
    at::Tensor sum = error(inputs_.narrow(0, begin_, rows));
    begin_ += rows;
    if (poisoned.count(static_cast<std::int64_t>(steps_loaded)) != 0) {
      sum = sum.mul(std::numeric_limits<double>::quiet_NaN());
    }
    return {sum, correct};
  }

  std::optional<Evaluation> validate() override {
    const double loss = error(random({kRows, kInputs}, 3, 0)).item<double>() / kRows;
    Evaluation made{.loss = loss, .values = {{"rows", kRows}}, .predicted = kRows, .tokens = kRows};
    if (!grades.empty()) {
      // By the step, so that a resumed run sees the same.
      const auto at = static_cast<std::size_t>(step_) / kGradedSteps - 1;
      made.values.push_back({"grade", grades.at(at)});
      made.selects = "grade";
      made.higher_is_better = true;
    }
    ++validations;
    return made;
  }
  bool has_validation() const override { return held_out; }
  std::string accuracy_name() const override { return "hits"; }

  std::string data_fingerprint() const override { return fingerprint; }

  std::string fingerprint = "numbers";
  std::vector<double>
      grades;  ///< what the validation of each kGradedSteps-th step gives; empty: the loss selects
  bool held_out = true;
  at::Tensor correct;               ///< of every micro-batch
  std::set<std::int64_t> poisoned;  ///< steps of this process, from 1, whose loss is NaN
  std::int64_t steps_loaded = 0, validations = 0;
  std::vector<std::int64_t> passes;
  std::vector<Position> loaded_;

 private:
  static at::Tensor random(std::vector<std::int64_t> shape, std::uint64_t key, std::uint64_t purpose) {
    at::Tensor made = at::empty(shape);
    float* data = made.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < made.numel(); ++i) {
      data[i] = static_cast<float>(normal_pair(Philox::draw(key, purpose, static_cast<std::uint64_t>(i)))[0]);
    }
    return made;
  }
  at::Tensor error(const at::Tensor& inputs) const {
    const at::Tensor hidden = at::tanh(inputs.matmul(parameters_[0].tensor).add(parameters_[1].tensor));
    const at::Tensor target = inputs.sum(1, /*keepdim=*/true).sin();
    return hidden.matmul(parameters_[2].tensor).sub(target).square().sum();
  }

  std::vector<std::int64_t> shares_;
  NamedTensors parameters_;
  at::Tensor inputs_;
  std::int64_t begin_ = 0, step_ = 0;
};

}  // namespace mabert::train::testing
