#include "mabert/app/fill_mask.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros_like.h>

#include "mabert/core/error.h"

namespace mabert::app {
namespace {

constexpr std::string_view kMask = "[MASK]";

at::Tensor int_tensor(const std::vector<std::int32_t>& values, c10::Device device) {
  return at::tensor(values, at::kInt).to(device);
}

}  // namespace

MaskedText encode_masked(const data::Tokenizer& tokenizer, std::string_view text) {
  const data::SpecialIds special = tokenizer.special();
  MaskedText result;
  result.ids.push_back(special.cls);
  bool first = true;
  while (true) {
    const std::size_t end = text.find(kMask);
    const std::string_view part = text.substr(0, end);
    const auto ids = first ? tokenizer.encode(part) : tokenizer.encode_continuation(part);
    result.ids.insert(result.ids.end(), ids.begin(), ids.end());
    if (end == std::string_view::npos) break;
    result.mask_rows.push_back(static_cast<std::int32_t>(result.ids.size()));
    result.ids.push_back(special.mask);
    text.remove_prefix(end + kMask.size());
    first = false;
  }
  result.ids.push_back(special.sep);
  return result;
}

std::vector<std::vector<std::vector<Candidate>>> fill_masks(LoadedModel& loaded,
                                                            const std::vector<MaskedText>& texts,
                                                            std::int64_t top) {
  std::vector<std::int64_t> lengths;
  std::vector<std::int32_t> ids, rows;
  for (const MaskedText& text : texts) {
    const auto first = static_cast<std::int32_t>(ids.size());
    for (const std::int32_t row : text.mask_rows) rows.push_back(first + row);
    ids.insert(ids.end(), text.ids.begin(), text.ids.end());
    lengths.push_back(static_cast<std::int64_t>(text.ids.size()));
  }
  std::vector<std::vector<std::vector<Candidate>>> results(texts.size());
  if (rows.empty()) return results;

  const at::NoGradGuard no_gradients;
  const SequenceLayout layout = SequenceLayout::ragged(lengths).to(loaded.device);
  const at::Tensor tokens = int_tensor(ids, loaded.device);
  const at::Tensor hidden =
      loaded.model->hidden(tokens, at::zeros_like(tokens), layout, nn::ForwardContext{});
  // A model may have more rows than the tokenizer has pieces; those mean nothing.
  const std::int64_t vocabulary =
      std::min(loaded.config.model.vocabulary_size, loaded.tokenizer->vocabulary_size());
  const std::int32_t ordinary = loaded.tokenizer->special().first_ordinary;
  const at::Tensor probabilities = loaded.model->logits(hidden, int_tensor(rows, loaded.device))
                                       .narrow(1, 0, vocabulary)
                                       .to(at::kFloat)
                                       .softmax(-1);
  const std::int64_t count = std::min(top, vocabulary - ordinary);
  auto [values, indices] = probabilities.narrow(1, ordinary, vocabulary - ordinary).topk(count, 1);
  values = values.cpu().contiguous();
  indices = indices.cpu().contiguous();
  std::int64_t row = 0;
  for (std::size_t text = 0; text < texts.size(); ++text) {
    for (std::size_t mask = 0; mask < texts[text].mask_rows.size(); ++mask, ++row) {
      auto& candidates = results[text].emplace_back();
      for (std::int64_t k = 0; k < count; ++k) {
        candidates.push_back(
            {static_cast<std::int32_t>(indices.const_data_ptr<std::int64_t>()[row * count + k]) + ordinary,
             values.const_data_ptr<float>()[row * count + k]});
      }
    }
  }
  return results;
}

}  // namespace mabert::app
