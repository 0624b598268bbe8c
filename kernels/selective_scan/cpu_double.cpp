#include "kernels/selective_scan/cpu.h"

#include <cmath>
#include <vector>

// The definition, step by step, with the whole history of the state kept: what every other body is compared
// with.
namespace mabert::kernels {
namespace {

double at(const void* x, std::int64_t index) { return static_cast<const double*>(x)[index]; }
double& ref(void* x, std::int64_t index) { return static_cast<double*>(x)[index]; }
double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

/// One channel of one sequence: its rows in the order of the scan and the state after each.
struct History {
  std::vector<std::int32_t> rows;
  std::vector<double> dt;
  std::vector<double> h;  // (rows + 1, state_size)
};

std::int64_t group_of(const ScanParams& p, std::int64_t e) { return e / (p.channels / p.groups); }

History run(const ScanParams& p, std::int64_t s, std::int64_t e) {
  const std::int64_t group = group_of(p, e), states = p.state_size;
  History history;
  const std::int32_t count = count_valid(p.layout, s);
  ScanRows rows(p.layout, s, (p.reverse >> group) & 1, /*from_start=*/true);
  for (std::int32_t i = 0; i < count; ++i) history.rows.push_back(rows.next());
  history.h.assign(static_cast<std::size_t>((count + 1) * states), 0.0);
  for (std::int64_t n = 0; n < states && p.initial_state != nullptr; ++n) {
    history.h[static_cast<std::size_t>(n)] = at(p.initial_state, (s * states + n) * p.channels + e);
  }
  for (std::int32_t i = 0; i < count; ++i) {
    const std::int64_t row = history.rows[static_cast<std::size_t>(i)];
    const double bias = p.delta_bias != nullptr ? at(p.delta_bias, e) : 0.0;
    const double dt = softplus(at(p.delta, row * p.delta_stride + e) + bias);
    history.dt.push_back(dt);
    double* const h = history.h.data() + i * states;
    for (std::int64_t n = 0; n < states; ++n) {
      const double b = at(p.b, (row * p.groups + group) * states + n);
      h[states + n] =
          std::exp(dt * at(p.a, n * p.channels + e)) * h[n] + dt * b * at(p.u, row * p.u_stride + e);
    }
  }
  return history;
}

// y before the gate, from the state after a step.
double read_out(const ScanParams& p, std::int64_t row, std::int64_t e, const double* h) {
  double y = p.d != nullptr ? at(p.d, e) * at(p.u, row * p.u_stride + e) : 0.0;
  for (std::int64_t n = 0; n < p.state_size; ++n) {
    y += at(p.c, (row * p.groups + group_of(p, e)) * p.state_size + n) * h[n];
  }
  return y;
}

void backward_channel(const ScanParams& p, const ScanGradients& g, std::int64_t s, std::int64_t e) {
  const std::int64_t states = p.state_size, group = group_of(p, e);
  const History history = run(p, s, e);
  std::vector<double> carry(static_cast<std::size_t>(states), 0.0);
  for (std::int64_t i = static_cast<std::int64_t>(history.rows.size()) - 1; i >= 0; --i) {
    const std::int64_t row = history.rows[static_cast<std::size_t>(i)];
    const double* const before = history.h.data() + i * states;
    const double* const h = before + states;
    const double dt = history.dt[static_cast<std::size_t>(i)], u = at(p.u, row * p.u_stride + e);
    double dy = at(g.grad_out, row * g.grad_out_stride + e);
    if (p.z != nullptr) {
      const double z = at(p.z, row * p.z_stride + e), gate = sigmoid(z);
      ref(g.dz, row * p.channels + e) = dy * gate * (1.0 + z * (1.0 - gate)) * read_out(p, row, e, h);
      dy *= z * gate;
    }
    double du = p.d != nullptr ? at(p.d, e) * dy : 0.0, ddt = 0.0;
    for (std::int64_t n = 0; n < states; ++n) {
      const std::int64_t bc = (row * p.groups + group) * states + n;
      const double a = at(p.a, n * p.channels + e), decay = std::exp(dt * a), b = at(p.b, bc);
      const double dh = carry[static_cast<std::size_t>(n)] + dy * at(p.c, bc);
      ref(g.dc, bc) += dy * h[n];
      ref(g.db, bc) += dh * dt * u;
      ref(g.da, n * p.channels + e) += dh * before[n] * decay * dt;
      ddt += dh * (before[n] * decay * a + b * u);
      du += dh * dt * b;
      carry[static_cast<std::size_t>(n)] = dh * decay;
    }
    const double bias = p.delta_bias != nullptr ? at(p.delta_bias, e) : 0.0;
    const double ddelta = ddt * sigmoid(at(p.delta, row * p.delta_stride + e) + bias);
    ref(g.du, row * p.channels + e) = du;
    ref(g.ddelta, row * p.channels + e) = ddelta;
    ref(g.ddelta_bias, e) += ddelta;
    ref(g.dd, e) += dy * u;
  }
  for (std::int64_t n = 0; n < states && g.dinitial_state != nullptr; ++n) {
    ref(g.dinitial_state, (s * states + n) * p.channels + e) = carry[static_cast<std::size_t>(n)];
  }
}

}  // namespace

void scan_forward_double(const ScanParams& p) {
  for (std::int64_t s = 0; s < p.layout.sequences; ++s) {
    for (std::int64_t e = 0; e < p.channels; ++e) {
      const History history = run(p, s, e);
      for (std::size_t i = 0; i < history.rows.size(); ++i) {
        const std::int64_t row = history.rows[i];
        const double y =
            read_out(p, row, e, history.h.data() + (i + 1) * static_cast<std::size_t>(p.state_size));
        const double z = p.z != nullptr ? at(p.z, row * p.z_stride + e) : 0.0;
        ref(p.out, row * p.channels + e) = p.z != nullptr ? y * z * sigmoid(z) : y;
      }
      const double* const last =
          history.h.data() + history.rows.size() * static_cast<std::size_t>(p.state_size);
      for (std::int64_t n = 0; n < p.state_size; ++n)
        ref(p.last_state, (s * p.state_size + n) * p.channels + e) = last[n];
    }
  }
}

void scan_backward_double(const ScanParams& p, const ScanGradients& g) {
  for (std::int64_t s = 0; s < p.layout.sequences; ++s) {
    for (std::int64_t e = 0; e < p.channels; ++e) backward_channel(p, g, s, e);
  }
}

}  // namespace mabert::kernels
