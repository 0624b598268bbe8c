#include "benchmarks/ops/scalar_scan.h"

#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace mabert::bench {
namespace {

float softplus(float x) { return x > 20.0f ? x : std::log1p(std::exp(x)); }
float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

struct Rows {
  explicit Rows(const at::Tensor& x) : data(x.const_data_ptr<float>()), stride(x.stride(0)) {}
  const float* operator[](std::int64_t row) const { return data + row * stride; }
  const float* data;
  std::int64_t stride;
};

}  // namespace

at::Tensor scalar_scan_forward(const ops::ScanInputs& in, std::int64_t sequences) {
  const std::int64_t rows = in.u.size(0), channels = in.u.size(1), states = in.a.size(1),
                     length = rows / sequences;
  const at::Tensor out = at::empty({rows, channels}, in.u.options());
  const Rows u(in.u), delta(in.delta), b(in.b), c(in.c), z(*in.z), a(in.a);
  const float* const d = in.d->const_data_ptr<float>();
  const float* const bias = in.delta_bias->const_data_ptr<float>();
  float* const y = out.mutable_data_ptr<float>();
  at::parallel_for(0, sequences * channels, 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> h(static_cast<std::size_t>(states));
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t begin = i / channels * length, e = i % channels;
      std::fill(h.begin(), h.end(), 0.0f);
      for (std::int64_t t = begin; t < begin + length; ++t) {
        const float dt = softplus(delta[t][e] + bias[e]);
        float sum = d[e] * u[t][e];
        for (std::int64_t n = 0; n < states; ++n) {
          float& state = h[static_cast<std::size_t>(n)];
          state = std::exp(dt * a[e][n]) * state + dt * b[t][n] * u[t][e];
          sum += c[t][n] * state;
        }
        y[t * channels + e] = sum * z[t][e] * sigmoid(z[t][e]);
      }
    }
  });
  return out;
}

std::vector<NamedTensor> scalar_scan_backward(const ops::ScanInputs& in, const at::Tensor& grad,
                                              std::int64_t sequences) {
  const std::int64_t rows = in.u.size(0), channels = in.u.size(1), states = in.a.size(1),
                     length = rows / sequences;
  const Rows u(in.u), delta(in.delta), b(in.b), c(in.c), z(*in.z), a(in.a), g(grad);
  const float* const d = in.d->const_data_ptr<float>();
  const float* const bias = in.delta_bias->const_data_ptr<float>();
  const at::Tensor du = at::empty({rows, channels}, in.u.options()), ddelta = at::empty_like(du),
                   dz = at::empty_like(du);
  float* const du_data = du.mutable_data_ptr<float>();
  float* const ddelta_data = ddelta.mutable_data_ptr<float>();
  float* const dz_data = dz.mutable_data_ptr<float>();
  // B and C are shared by all channels of a row: each thread sums its own part.
  const std::int64_t threads = at::get_num_threads(), items = sequences * channels;
  const at::Tensor db = at::zeros({threads, rows, states}, in.u.options()), dc = at::zeros_like(db);
  const at::Tensor da = at::zeros({sequences, channels, states}, in.u.options());
  const at::Tensor dd = at::zeros({sequences, channels}, in.u.options()), dbias = at::zeros_like(dd);
  at::parallel_for(0, threads, 1, [&](std::int64_t first_part, std::int64_t last_part) {
    std::vector<float> history(static_cast<std::size_t>((length + 1) * states));
    std::vector<float> carry(static_cast<std::size_t>(states));
    for (std::int64_t part = first_part; part < last_part; ++part) {
      float* const db_part = db.mutable_data_ptr<float>() + part * rows * states;
      float* const dc_part = dc.mutable_data_ptr<float>() + part * rows * states;
      for (std::int64_t i = items * part / threads; i < items * (part + 1) / threads; ++i) {
        const std::int64_t begin = i / channels * length, e = i % channels;
        float* const da_row = da.mutable_data_ptr<float>() + i * states;
        float& dd_item = dd.mutable_data_ptr<float>()[i];
        float& dbias_item = dbias.mutable_data_ptr<float>()[i];
        std::fill(history.begin(), history.begin() + states, 0.0f);
        for (std::int64_t t = 0; t < length; ++t) {
          const std::int64_t row = begin + t;
          const float dt = softplus(delta[row][e] + bias[e]);
          const float* const before = history.data() + t * states;
          float* const after = history.data() + (t + 1) * states;
          for (std::int64_t n = 0; n < states; ++n) {
            after[n] = std::exp(dt * a[e][n]) * before[n] + dt * b[row][n] * u[row][e];
          }
        }
        std::fill(carry.begin(), carry.end(), 0.0f);
        for (std::int64_t t = length - 1; t >= 0; --t) {
          const std::int64_t row = begin + t;
          const float* const before = history.data() + t * states;
          const float* const after = history.data() + (t + 1) * states;
          const float x = delta[row][e] + bias[e], dt = softplus(x), gate = sigmoid(z[row][e]);
          const float dy = g[row][e] * z[row][e] * gate;
          float y = d[e] * u[row][e], through_u = 0, through_dt = 0;
          for (std::int64_t n = 0; n < states; ++n) {
            const float decay = std::exp(dt * a[e][n]);
            const float dh = dy * c[row][n] + carry[static_cast<std::size_t>(n)];
            y += c[row][n] * after[n];
            dc_part[row * states + n] += dy * after[n];
            db_part[row * states + n] += dh * dt * u[row][e];
            through_u += dh * b[row][n];
            through_dt += dh * a[e][n] * decay * before[n];
            da_row[n] += dh * dt * decay * before[n];
            carry[static_cast<std::size_t>(n)] = decay * dh;
          }
          du_data[row * channels + e] = dt * through_u + d[e] * dy;
          const float dx = (through_dt + through_u * u[row][e]) * sigmoid(x);
          ddelta_data[row * channels + e] = dx;
          dz_data[row * channels + e] = g[row][e] * y * gate * (1.0f + z[row][e] * (1.0f - gate));
          dd_item += dy * u[row][e];
          dbias_item += dx;
        }
      }
    }
  });
  const at::Tensor db_sum = db.sum(0).unsqueeze(1), dc_sum = dc.sum(0).unsqueeze(1);
  return {{"du", du},
          {"ddelta", ddelta},
          {"da", da.sum(0)},
          {"db", db_sum},
          {"dc", dc_sum},
          {"dd", dd.sum(0)},
          {"ddelta_bias", dbias.sum(0)},
          {"dz", dz}};
}

}  // namespace mabert::bench
