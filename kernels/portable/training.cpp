// Portable kernels of training: plain loops in the order that kernels/training.h writes down. The
// specification.
#include "kernels/training.h"

#include <cmath>

#include "kernels/portable/exp.h"
#include "kernels/portable/float_ops.h"
#include "kernels/portable/parts.h"

namespace garam::kernels::portable {
namespace {

void softmax(float* x, std::size_t n, float* max, float* sum) {
  float largest = x[0];
  for (std::size_t i = 1; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  float s[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = exp(x[i] - largest);
    s[i % kLanes] += x[i];
  }
  *max = largest;
  *sum = sum_of_stripes(s);
  const float inverse = 1.0f / *sum;
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] * inverse;
}

void softmax_backward(const float* p, const float* dp, std::size_t n, float scale, float* dx) {
  float s[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) s[i % kLanes] = fma(p[i], dp[i], s[i % kLanes]);
  const float d = sum_of_stripes(s);
  for (std::size_t i = 0; i < n; ++i) dx[i] = (p[i] * (dp[i] - d)) * scale;
}

void rms_norm_backward(const float* x, const float* w, const float* dy, std::size_t n, float eps, float* dx,
                       float* r_out) {
  const auto count = static_cast<float>(n);
  float ss[kLanes] = {}, s[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) {
    ss[i % kLanes] = fma(x[i], x[i], ss[i % kLanes]);
    s[i % kLanes] = fma(dy[i] * w[i], x[i], s[i % kLanes]);
  }
  const float r = 1.0f / std::sqrt(sum_of_stripes(ss) / count + eps);
  const float c = ((sum_of_stripes(s) * r) / count) * (r * r);
  for (std::size_t i = 0; i < n; ++i) dx[i] = fma(-c, x[i], fma(r, dy[i] * w[i], dx[i]));
  *r_out = r;
}

void layer_norm_backward(const float* x, const float* w, const float* dy, std::size_t n, float eps, float* dx,
                         float* mean_out, float* r_out) {
  const auto count = static_cast<float>(n);
  float s[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) s[i % kLanes] += x[i];
  const float mean = sum_of_stripes(s) / count;
  float ss[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) {
    const float d = x[i] - mean;
    ss[i % kLanes] = fma(d, d, ss[i % kLanes]);
  }
  const float r = 1.0f / std::sqrt(sum_of_stripes(ss) / count + eps);
  float sa[kLanes] = {}, sb[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) {
    const float g = dy[i] * w[i];
    sa[i % kLanes] += g;
    sb[i % kLanes] = fma(g, (x[i] - mean) * r, sb[i % kLanes]);
  }
  const float a = sum_of_stripes(sa) / count;
  const float b = sum_of_stripes(sb) / count;
  for (std::size_t i = 0; i < n; ++i) {
    const float h = (x[i] - mean) * r;
    dx[i] = fma(r, fma(-b, h, dy[i] * w[i] - a), dx[i]);
  }
  *mean_out = mean;
  *r_out = r;
}

void norm_weight_backward(const float* x, const float* dy, std::size_t n, float mean, float r, float* dw) {
  for (std::size_t i = 0; i < n; ++i) dw[i] = fma(dy[i], (x[i] - mean) * r, dw[i]);
}

void silu_mul_backward(const float* gate, const float* up, const float* dy, std::size_t n, float* dgate,
                       float* dup) {
  for (std::size_t i = 0; i < n; ++i) {
    const float s = 1.0f / (1.0f + exp(-gate[i]));
    const float a = gate[i] * s;
    const float dg = (dy[i] * up[i]) * fma(a, 1.0f - s, s);
    dup[i] = dy[i] * a;
    dgate[i] = dg;
  }
}

void gelu_tanh_backward(const float* x, const float* dy, std::size_t n, float* dx) {
  for (std::size_t i = 0; i < n; ++i) {
    const float t = x[i] * x[i];
    const float p = fma(t, 0x1.2444f2p-4f, 0x1.988454p+0f);
    const float s = 1.0f / (1.0f + exp(-(x[i] * p)));
    const float q = fma(t, 0x1.b6676cp-3f, 0x1.988454p+0f);
    dx[i] = dy[i] * fma((x[i] * s) * (1.0f - s), q, s);
  }
}

void adamw(const AdamW& a) {
  for (std::size_t i = 0; i < a.n; ++i) {
    const float g = a.gradients[i] * a.clip;
    const float m = fma(a.beta1, a.m[i], a.one_minus_beta1 * g);
    const float v = fma(a.beta2, a.v[i], (a.one_minus_beta2 * g) * g);
    const float d = std::sqrt(v) * a.correction + a.epsilon;
    a.weights[i] = fma(-a.rate, m / d, a.weights[i] * a.keep);
    a.m[i] = m;
    a.v[i] = v;
  }
}

void transpose(const float* from, std::size_t from_stride, std::size_t rows, std::size_t columns, float* to,
               std::size_t to_stride) {
  // In pieces whose lines stay in the cache.
  constexpr std::size_t kRows = 32, kColumns = 16;
  for (std::size_t first = 0; first < rows; first += kRows) {
    const std::size_t last = rows < first + kRows ? rows : first + kRows;
    for (std::size_t column = 0; column < columns; column += kColumns) {
      const std::size_t end = columns < column + kColumns ? columns : column + kColumns;
      for (std::size_t c = column; c < end; ++c) {
        for (std::size_t r = first; r < last; ++r) to[c * to_stride + r] = from[r * from_stride + c];
      }
    }
  }
}

}  // namespace

void fill_training(Table& table) {
  Training& t = table.training;
  t.softmax = softmax;
  t.softmax_backward = softmax_backward;
  t.rms_norm_backward = rms_norm_backward;
  t.layer_norm_backward = layer_norm_backward;
  t.norm_weight_backward = norm_weight_backward;
  t.silu_mul_backward = silu_mul_backward;
  t.gelu_tanh_backward = gelu_tanh_backward;
  t.adamw = adamw;
  t.transpose = transpose;
}

}  // namespace garam::kernels::portable
