// What training adds to the forward entries, on 16 lanes (kernels/training.h). Lane i of a sum is stripe i of
// numerics rule 7. Lanes outside a tail read as +0 and are kept out of sums where that would change them.
#pragma once

#include "kernels/simd/each.h"
#include "kernels/simd/exp.h"
#include "kernels/training.h"

namespace garam::kernels::simd {

template <typename L>
void softmax(float* x, std::size_t n, float* max, float* sum) {
  auto lanes = L::set(x[0]);
  each<L>(n, [&](std::size_t i, auto part) {
    // The lanes of a tail that are not there read as 0, which could be the largest.
    if constexpr (requires { part.mask; }) {
      lanes = L::max(lanes, L::select(part.mask, L::load(x + i, part), lanes));
    } else {
      lanes = L::max(L::load(x + i, part), lanes);
    }
  });
  const float m = L::largest(lanes);
  const auto largest = L::set(m);
  auto s = L::zero();
  each<L>(n, [&](std::size_t i, auto part) {
    const auto p = exp<L>(L::sub(L::load(x + i, part), largest));
    L::store(x + i, p, part);
    s = L::add(s, L::keep(p, part));
  });
  *max = m;
  *sum = L::sum_of_stripes(s);
  const auto inverse = L::set(1.0f / *sum);
  each<L>(n, [&](std::size_t i, auto part) { L::store(x + i, L::mul(L::load(x + i, part), inverse), part); });
}

template <typename L>
void softmax_backward(const float* p, const float* dp, std::size_t n, float scale, float* dx) {
  auto s = L::zero();
  each<L>(n, [&](std::size_t i, auto part) { s = L::fma(L::load(p + i, part), L::load(dp + i, part), s); });
  const auto d = L::set(L::sum_of_stripes(s));
  const auto factor = L::set(scale);
  each<L>(n, [&](std::size_t i, auto part) {
    const auto slope = L::mul(L::load(p + i, part), L::sub(L::load(dp + i, part), d));
    L::store(dx + i, L::mul(slope, factor), part);
  });
}

template <typename L>
void rms_norm_backward(const float* x, const float* w, const float* dy, std::size_t n, float eps, float* dx,
                       float* r_out) {
  const auto count = static_cast<float>(n);
  auto ss = L::zero(), s = L::zero();
  each<L>(n, [&](std::size_t i, auto part) {
    const auto v = L::load(x + i, part);
    ss = L::fma(v, v, ss);
    s = L::fma(L::mul(L::load(dy + i, part), L::load(w + i, part)), v, s);
  });
  const float mean = L::sum_of_stripes(ss) / count;
  const float r = 1.0f / L::sqrt(mean + eps);
  const float c = ((L::sum_of_stripes(s) * r) / count) * (r * r);
  const auto rs = L::set(r), minus_c = L::set(-c);
  each<L>(n, [&](std::size_t i, auto part) {
    const auto g = L::mul(L::load(dy + i, part), L::load(w + i, part));
    const auto sum = L::fma(rs, g, L::load(dx + i, part));
    L::store(dx + i, L::fma(minus_c, L::load(x + i, part), sum), part);
  });
  *r_out = r;
}

template <typename L>
void layer_norm_backward(const float* x, const float* w, const float* dy, std::size_t n, float eps, float* dx,
                         float* mean_out, float* r_out) {
  const auto count = static_cast<float>(n);
  auto s = L::zero();
  each<L>(n, [&](std::size_t i, auto part) { s = L::add(s, L::load(x + i, part)); });
  const float m = L::sum_of_stripes(s) / count;
  const auto mean = L::set(m);
  auto ss = L::zero();
  each<L>(n, [&](std::size_t i, auto part) {
    const auto d = L::keep(L::sub(L::load(x + i, part), mean), part);
    ss = L::fma(d, d, ss);
  });
  const float variance = L::sum_of_stripes(ss) / count;
  const float r = 1.0f / L::sqrt(variance + eps);
  const auto rs = L::set(r);
  auto sa = L::zero(), sb = L::zero();
  each<L>(n, [&](std::size_t i, auto part) {
    const auto g = L::mul(L::load(dy + i, part), L::load(w + i, part));
    sa = L::add(sa, g);
    sb = L::fma(g, L::mul(L::sub(L::load(x + i, part), mean), rs), sb);
  });
  const auto a = L::set(L::sum_of_stripes(sa) / count);
  const auto minus_b = L::set(-(L::sum_of_stripes(sb) / count));
  each<L>(n, [&](std::size_t i, auto part) {
    const auto h = L::mul(L::sub(L::load(x + i, part), mean), rs);
    const auto g = L::mul(L::load(dy + i, part), L::load(w + i, part));
    L::store(dx + i, L::fma(rs, L::fma(minus_b, h, L::sub(g, a)), L::load(dx + i, part)), part);
  });
  *mean_out = m;
  *r_out = r;
}

template <typename L>
void norm_weight_backward(const float* x, const float* dy, std::size_t n, float mean, float r, float* dw) {
  const auto means = L::set(mean), rs = L::set(r);
  each<L>(n, [&](std::size_t i, auto part) {
    const auto h = L::mul(L::sub(L::load(x + i, part), means), rs);
    L::store(dw + i, L::fma(L::load(dy + i, part), h, L::load(dw + i, part)), part);
  });
}

/// 1 / (1 + exp(-u)).
template <typename L>
inline typename L::F sigmoid(typename L::F u) {
  return times_sigmoid<L>(L::set(1.0f), u);
}

template <typename L>
void silu_mul_backward(const float* gate, const float* up, const float* dy, std::size_t n, float* dgate,
                       float* dup) {
  const auto one = L::set(1.0f);
  each<L>(n, [&](std::size_t i, auto part) {
    const auto g = L::load(gate + i, part), d = L::load(dy + i, part), u = L::load(up + i, part);
    const auto s = sigmoid<L>(g);
    const auto a = L::mul(g, s);
    L::store(dup + i, L::mul(d, a), part);
    L::store(dgate + i, L::mul(L::mul(d, u), L::fma(a, L::sub(one, s), s)), part);
  });
}

template <typename L>
void gelu_tanh_backward(const float* x, const float* dy, std::size_t n, float* dx) {
  const auto one = L::set(1.0f), first = L::set(0x1.988454p+0f);
  each<L>(n, [&](std::size_t i, auto part) {
    const auto v = L::load(x + i, part);
    const auto t = L::mul(v, v);
    const auto s = sigmoid<L>(L::mul(v, L::fma(t, L::set(0x1.2444f2p-4f), first)));
    const auto q = L::fma(t, L::set(0x1.b6676cp-3f), first);
    const auto slope = L::fma(L::mul(L::mul(v, s), L::sub(one, s)), q, s);
    L::store(dx + i, L::mul(L::load(dy + i, part), slope), part);
  });
}

template <typename L>
void adamw(const AdamW& a) {
  const auto clip = L::set(a.clip), beta1 = L::set(a.beta1), beta2 = L::set(a.beta2);
  const auto rest1 = L::set(a.one_minus_beta1), rest2 = L::set(a.one_minus_beta2);
  const auto correction = L::set(a.correction), epsilon = L::set(a.epsilon);
  const auto minus_rate = L::set(-a.rate), keep = L::set(a.keep);
  each<L>(a.n, [&](std::size_t i, auto part) {
    const auto g = L::mul(L::load(a.gradients + i, part), clip);
    const auto m = L::fma(beta1, L::load(a.m + i, part), L::mul(rest1, g));
    const auto v = L::fma(beta2, L::load(a.v + i, part), L::mul(L::mul(rest2, g), g));
    const auto d = L::add(L::mul(L::sqrt(v), correction), epsilon);
    const auto w = L::mul(L::load(a.weights + i, part), keep);
    L::store(a.weights + i, L::fma(minus_rate, L::div(m, d), w), part);
    L::store(a.m + i, m, part);
    L::store(a.v + i, v, part);
  });
}

template <typename L>
void fill_training(Training& t) {
  t.softmax = softmax<L>;
  t.softmax_backward = softmax_backward<L>;
  t.rms_norm_backward = rms_norm_backward<L>;
  t.layer_norm_backward = layer_norm_backward<L>;
  t.norm_weight_backward = norm_weight_backward<L>;
  t.silu_mul_backward = silu_mul_backward<L>;
  t.gelu_tanh_backward = gelu_tanh_backward<L>;
  t.adamw = adamw<L>;
}

}  // namespace garam::kernels::simd
