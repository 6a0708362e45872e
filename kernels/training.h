// What training computes besides matrix products and the forward entries of kernels.h: the backward of each,
// and the optimiser. A part of every table, with the same contract: fl() is one rounding to f32, each output
// is made of the operations written here, sums over a row by rule 7 of docs/numerics.md (16 stripes). Rows
// need no alignment.
#pragma once

#include <cstddef>

namespace garam::kernels {

/// One step of AdamW (Loshchilov and Hutter, 2017) over n weights. Per element:
///   g = fl(gradient * clip)
///   m = fma(beta1, m, fl((1 - beta1) * g))
///   v = fma(beta2, v, fl(fl((1 - beta2) * g) * g))
///   d = fl(fl(sqrt(v) * correction) + epsilon)
///   w = fma(-rate, fl(m / d), fl(w * keep))
struct AdamW {
  float* weights;
  const float* gradients;
  float* m;
  float* v;
  std::size_t n;
  float clip;  // 1, or what brings the norm of all gradients to its limit
  float beta1, one_minus_beta1;
  float beta2, one_minus_beta2;
  float correction;  // 1 / sqrt(1 - beta2^step)
  float epsilon;
  float rate;  // learning rate / (1 - beta1^step)
  float keep;  // 1 - learning rate * weight decay
};

struct Training {
  /// m = largest x; x[i] = exp(fl(x[i] - m)); s = sum of them by rule 7; x[i] = fl(x[i] * fl(1 / s)). n > 0.
  /// Gives m and s. A NaN in x gives NaN in s; m is then unspecified.
  void (*softmax)(float* x, std::size_t n, float* max, float* sum);
  /// d = sum of fma(p, dp) by rule 7; dx[i] = fl(fl(p[i] * fl(dp[i] - d)) * scale). dx may equal dp.
  void (*softmax_backward)(const float* p, const float* dp, std::size_t n, float scale, float* dx);

  /// Of Table::rms_norm, with its r: g = fl(dy * w); t = sum of fma(g, x) by rule 7; c = fl(fl(fl(t * r) / n)
  /// * fl(r * r)); dx[i] = fma(-c, x[i], fma(r, g, dx[i])). Gives r.
  void (*rms_norm_backward)(const float* x, const float* w, const float* dy, std::size_t n, float eps,
                            float* dx, float* r);
  /// Of Table::layer_norm, with its mean and r: g = fl(dy * w); h = fl(fl(x - mean) * r); a = fl(sum of g /
  /// n); b = fl(sum of fma(g, h) / n), both by rule 7; dx[i] = fma(r, fma(-b, h, fl(g - a)), dx[i]). Gives
  /// mean and r.
  void (*layer_norm_backward)(const float* x, const float* w, const float* dy, std::size_t n, float eps,
                              float* dx, float* mean, float* r);
  /// Of the weights of both, one row: dw[i] = fma(dy[i], fl(fl(x[i] - mean) * r), dw[i]). RMSNorm has mean 0.
  void (*norm_weight_backward)(const float* x, const float* dy, std::size_t n, float mean, float r,
                               float* dw);

  /// Of Table::silu_mul: s = fl(1 / fl(1 + exp(-gate))); a = fl(gate * s); dup = fl(dy * a);
  /// dgate = fl(fl(dy * up) * fma(a, fl(1 - s), s)). dgate may equal gate or dy, dup may equal up.
  void (*silu_mul_backward)(const float* gate, const float* up, const float* dy, std::size_t n, float* dgate,
                            float* dup);
  /// Of Table::gelu_tanh: t = fl(x * x); p = fma(t, 0x1.2444f2p-4f, 0x1.988454p+0f);
  /// s = fl(1 / fl(1 + exp(-fl(x * p)))); q = fma(t, 0x1.b6676cp-3f, 0x1.988454p+0f), the slope of fl(x * p);
  /// dx[i] = fl(dy[i] * fma(fl(fl(x * s) * fl(1 - s)), q, s)). dx may equal x or dy.
  void (*gelu_tanh_backward)(const float* x, const float* dy, std::size_t n, float* dx);

  void (*adamw)(const AdamW&);

  /// to[c * to_stride + r] = from[r * from_stride + c]. Overlaps nothing.
  void (*transpose)(const float* from, std::size_t from_stride, std::size_t rows, std::size_t columns,
                    float* to, std::size_t to_stride);
};

}  // namespace garam::kernels
