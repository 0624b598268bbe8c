#include <torch/library.h>

// Conventions: `layout` is {offsets, begin, end, position, sequence, order} of a SequenceLayout and, only
// where spans do not suffice, its row mask; max_length its bound on the rows of a sequence; `reverse` has bit
// g set where channel group g runs from right to left. A backward returns one gradient for each tensor input
// of its forward, undefined for an absent one.
TORCH_LIBRARY_FRAGMENT(mabert, m) {
  // save_every: states to save for the backward, one in so many rows (a body may have an interval of its
  // own); 0: none, which through autograd means that the backward runs the forward again. states: opaque.
  m.def(
      "selective_scan(Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c, Tensor? d, Tensor? z, Tensor? "
      "delta_bias, "
      "Tensor? initial_state, Tensor[] layout, int max_length, int reverse, int save_every, bool "
      "wide_states, "
      "bool last_state) -> (Tensor out, Tensor states, Tensor last_state)");
  m.def(
      "selective_scan_backward(Tensor grad_out, Tensor u, Tensor delta, Tensor a, Tensor b, Tensor c, "
      "Tensor? d, "
      "Tensor? z, Tensor? delta_bias, Tensor? initial_state, Tensor states, Tensor[] layout, int max_length, "
      "int reverse, int save_every) -> Tensor[]");

  m.def(
      "causal_conv1d(Tensor x, Tensor weight, Tensor? bias, Tensor[] layout, int groups, int reverse) -> "
      "Tensor");
  m.def(
      "causal_conv1d_backward(Tensor grad_out, Tensor x, Tensor weight, Tensor? bias, Tensor[] layout, int "
      "groups, "
      "int reverse) -> Tensor[]");

  // rows: the valid rows that `offsets` counts, where they must be gathered; keep: rows whose results are
  // kept, where sequences are dense but some are slack. log_sum_exp, random, unused: opaque, for the
  // backward.
  m.def(
      "attention(Tensor q, Tensor k, Tensor v, Tensor offsets, Tensor? rows, Tensor? keep, int max_length, "
      "bool causal, "
      "int? left, int? right, float scale) -> (Tensor out, Tensor log_sum_exp, Tensor random, Tensor "
      "unused)");
  m.def(
      "attention_backward(Tensor grad_out, Tensor q, Tensor k, Tensor v, Tensor out, Tensor log_sum_exp, "
      "Tensor random, "
      "Tensor unused, Tensor offsets, Tensor? rows, Tensor? keep, int max_length, bool causal, int? left, "
      "int? right, "
      "float scale) -> (Tensor, Tensor, Tensor)");

  m.def("attention_pool(Tensor x, Tensor scores, Tensor[] layout) -> (Tensor out, Tensor probabilities)");
  m.def(
      "attention_pool_backward(Tensor grad_out, Tensor x, Tensor probabilities, Tensor out, Tensor[] layout) "
      "-> (Tensor, Tensor)");

  m.def(
      "masked_cross_entropy(Tensor logits, Tensor labels, int vocabulary) "
      "-> (Tensor loss_sum, Tensor correct, Tensor log_sum_exp)");
  m.def(
      "masked_cross_entropy_backward(Tensor grad_loss_sum, Tensor logits, Tensor labels, Tensor log_sum_exp, "
      "int vocabulary) -> Tensor");

  m.def("dropout(Tensor x, Tensor[] layout, float rate, int key, Tensor step, Tensor samples) -> Tensor");

  // The values pass through, so that the backward writes one gradient for the whole product.
  m.def("rotary(Tensor(a) qkv, Tensor positions, float base) -> (Tensor q, Tensor k, Tensor(a) v)");
  m.def(
      "rotary_backward(Tensor grad_q, Tensor grad_k, Tensor grad_v, Tensor positions, float base) -> "
      "Tensor");
}
