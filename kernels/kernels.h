// One table of function pointers per instruction set, and the contract of every entry: shapes, aliasing and
// the order of every float operation. The portable table is the specification; every other table gives the
// same bits. docs/numerics.md is the normative text, its rule numbers are quoted here.
//
// Common to all entries: fl() is one rounding to f32, nearest even; fma is fused with one rounding. Callers
// set the float environment (rule 6). Buffers do not overlap unless an entry says so. Pointers to f32
// activation rows need no alignment beyond 4 bytes; panels, KV pages and activation blocks are 64-byte
// aligned. A NaN that comes out is NaN in every table, its payload is not part of the contract.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/features.h"
#include "kernels/layout.h"
#include "kernels/training.h"

namespace garam::kernels {

/// out[t * out_stride + p * 32 + r] = sum over k of weight(p, r, k) * x(t, k), for `rows` activation rows t
/// and `panel_count` consecutive panels p. Writes whole panels (32 floats), so out_stride is at least 32 *
/// panel_count and rows of out are padded to a multiple of 32.
///
/// Order of operations, per output, acc starting at +0 (with `accumulate`, which f32, f16 and bf16 know, at
/// what out holds: training sums gradients over batches) and k ascending:
///   f32, f16  acc = fma(w[k], x[k], acc), w converted exactly                              (rule 5)
///   bf16      per pair: acc = fma(w[2i+1], x[2i+1], acc); acc = fma(w[2i], x[2i], acc)     (rule 4)
///             both sides hold no magnitude below 2^-50 but zero
///   others    per block of 32, isum an exact integer dot, da, sa, sa0, sa1 and fl(da * sa) those of the
///             activation block, d, m, dmin converted exactly                             (rules 2, 3)
///     q8_0, q4_0, q5_0, iq4_nl   acc = fma(fl(d * da), isum, acc)
///     mxfp4                      the same with d = 2^(e - 128) and twice the values
///     iq4_xs                     acc = fma(fl(fl(d * scale) * da), isum, acc)
///     q4_1, q5_1                 acc = fma(fl(d * da), isum, acc);  acc = fma(m, fl(da * sa), acc)
///     q4_K, q5_K                 acc = fma(fl(fl(d * scale) * da), isum, acc)
///                                acc = fma(-fl(dmin * min), fl(da * sa), acc)
///     q6_K, q3_K                 isum = scale0 * sum0 + scale1 * sum1 over the halves
///                                acc = fma(fl(d * da), isum, acc)
///     q2_K                       the same, imin = min0 * sa0 + min1 * sa1, then
///                                acc = fma(-dmin, fl(da * imin), acc)
struct Matmul {
  const std::byte* panels;  // first panel, layout.h
  std::size_t panel_count;
  std::size_t k;         // whole blocks of the format's file: a multiple of 32 or of 256
  const void* x;         // f32: float; bf16: uint16_t, k rounded up to even; q8: ActivationBlock
  std::size_t x_stride;  // elements (q8: blocks) between activation rows, any number
  std::size_t rows;
  float* out;
  std::size_t out_stride;
  bool accumulate = false;
};
using MatmulFn = void (*)(const Matmul&);

/// One query row (one token, one head) of an attention chunk. `max`, `sum` and `out` are its running state:
/// before the first chunk *max = -inf, *sum = 0, out[...] = 0; of a head with a sink (rule 8) *max = sink,
/// *sum = 1.
struct AttentionRow {
  const float* q;  // [key_dim]
  float* out;      // [value_stride]
  float* max;
  float* sum;
  std::int32_t begin;  // visible keys of this chunk: begin <= key < end, relative to the chunk's first
  std::int32_t end;    // position; begin >= end: the row sees nothing here and keeps its state
};

/// One chunk of 256 absolute positions for one kv head and any number of query rows (rule 8). k and v are the
/// elements as f32: f16 converted exactly, q8_0 scale * byte, which is exact. Per row:
///   dot = 0; dot = fma(k[d], q[d], dot), d ascending; score = fl(dot * scale); invisible keys are skipped
///   where soft_cap > 0, score = fl(tanh(fl(score / soft_cap)) * soft_cap), tanh as in Table::soft_cap
///   m = largest visible score
///   p[key] = exp(fl(score - m)); l = sum of p by rule 7, stripe = key mod 16, invisible keys add nothing
///   o[d] = +0; o[d] = fma(v[key][d], p[key], o[d]), keys ascending; then o[d] = fl(o[d] + 0)
///   M' = max(M, m); a = exp(fl(M - M')); b = exp(fl(m - M'))
///   L = fma(L, a, fl(l * b)); O[d] = fma(O[d], a, fl(o[d] * b)); M = M'
/// d runs over value_stride(value_dim): V padding is zero, so is the padding of out. A row with a NaN score,
/// or whose largest visible score is infinite, ends with NaN in sum and in all of out, and stays so; its max
/// is then unspecified. The sign of a zero max is unspecified. Pages that hold no visible key of any row may
/// be null and are not read.
struct AttentionChunk {
  const void* const* k_pages;  // [kChunkPages], each this layer's and kv head's K of one page
  const void* const* v_pages;  // [kChunkPages]
  std::size_t key_dim;
  std::size_t value_dim;
  float scale;
  const AttentionRow* rows;
  std::size_t row_count;
  float* scratch;  // attention_scratch_floats(key_dim, value_dim), 64-byte aligned
  /// [kChunkPages], K of the chunk that the same rows see next, or null; so may be each page. Only a hint of
  /// what to bring into the cache: decoding waits for memory.
  const void* const* next_k_pages = nullptr;
  float soft_cap = 0;
};
using AttentionFn = void (*)(const AttentionChunk&);

/// Sixteen blocks of weights, a block a lane, tried with one scale each: what a quantiser sums to find the
/// best one. Lane l, i ascending, sums starting at +0:
///   v = fl(fl(x[i][l] * inverse[l]) + offset[l])
///   fit_integers  q = nearest even of min(max(v, low), high);  the code is q
///   fit_levels    the code is the number of j >= 1 with fl(0.5 * fl(levels[j - 1] + levels[j])) < v;
///                 q = levels[code]
///   t = fl(w[i][l] * q);  sums[0][l] += t;  sums[1][l] += fl(t * q);  sums[2][l] += fl(t * x[i][l])
/// x, w, inverse and offset are finite and aligned to 64 bytes. v is finite or infinite.
struct Fit {
  const float* x;  // [n][16]
  const float* w;  // [n][16]
  std::size_t n;
  const float* inverse;  // [16]
  const float* offset;   // [16]
  float low, high;       // fit_integers: integers in [-128, 127]
  const float* levels;   // fit_levels: ascending
  std::size_t level_count;
  float* sums;         // [3][16]
  std::int8_t* codes;  // [n][16], or null
};

/// Stores one position's K or V vector of one kv head. `slot` is the position's place in the page (0..63).
/// f16: nearest even, magnitudes above 65504 become 65504 with the sign kept.
/// q8_0: per block of 32, amax as in rule 3; scale = f16 of fl(amax / 127), nearest even, at most 65504; byte
/// = 0 where scale = 0, else nearest even of fl(x * fl(1 / scale)) clamped to [-127, 127]. NaN and infinity
/// are stored as if they were +0 and make the result false. Returns whether all n values were finite. V
/// padding up to value_stride is left untouched (pages start zeroed).
using StoreFn = bool (*)(const float* x, std::size_t n, void* page, std::size_t slot);

struct Table {
  const char* name;  // "portable", "avx2", "avx512", "neon"
  const char*
      matmul_name[kFormatCount];  // the set that serves each format, e.g. "avx512-vnni"; for --kernels
  MatmulFn matmul[kFormatCount];  // by Format
  AttentionFn attention[kKvFormatCount];  // by KvFormat
  StoreFn store_k[kKvFormatCount], store_v[kKvFormatCount];

  /// Rule 3. x[k] -> blocks[k / 32], k a multiple of 32. Per block: amax = integer maximum of
  /// bits & 0x7fffffff. amax < 2^-100: scale = 0, q = 0. Not finite: scale = NaN, q = 0. Else
  /// scale = fl(amax / 127), q = nearest even of fl(x * fl(127 / amax)), clamped to [-127, 127].
  void (*quantize_q8)(const float* x, std::size_t k, ActivationBlock* blocks);
  /// Rule 4. x[k] -> bf16 y[k rounded up to even]: nearest even, then magnitudes below 2^-50 become +0, an
  /// odd k is padded with +0. NaN stays NaN (made quiet), infinity stays; a finite value may round to
  /// infinity.
  void (*round_bf16)(const float* x, std::size_t k, std::uint16_t* y);

  /// Rule 7. ss by fma(x, x, s) in 16 stripes; r = 1 / sqrt(fl(fl(ss / n) + eps)); y = fl(fl(x * r) * w).
  /// y may equal x.
  void (*rms_norm)(const float* x, const float* w, std::size_t n, float eps, float* y);
  /// Rule 7. mean = fl(sum / n), sum in 16 stripes; d = fl(x - mean); var = fl(ss / n), ss by fma(d, d, s) in
  /// 16 stripes; r = 1 / sqrt(fl(var + eps)); y = fma(fl(d * r), w, b). b may be null: y = fl(fl(d * r) * w).
  /// y may equal x.
  void (*layer_norm)(const float* x, const float* w, const float* b, std::size_t n, float eps, float* y);
  /// x[i] = fl(x[i] + y[i]).
  void (*add)(float* x, const float* y, std::size_t n);
  /// out[i] = fl(silu(gate[i]) * up[i]), silu(x) = fl(x / fl(1 + exp(-x))). out may equal gate or up.
  void (*silu_mul)(const float* gate, const float* up, std::size_t n, float* out);
  /// The clamped gate of gpt-oss: g = gate[i], limit where above it; u = up[i], limit where above it and
  /// -limit where below that; out[i] = fl(fl(g / fl(1 + exp(-fl(alpha * g)))) * fl(u + 1)). out may equal
  /// gate or up.
  void (*swiglu_clamped)(const float* gate, const float* up, std::size_t n, float alpha, float limit,
                         float* out);
  /// GELU, tanh form, as x * sigmoid(2u): t = fl(x * x); p = fma(t, 0x1.2444f2p-4f, 0x1.988454p+0f);
  /// y = fl(x / fl(1 + exp(-fl(x * p)))). The constants are 2 sqrt(2/pi) 0.044715 and 2 sqrt(2/pi) to f32.
  /// y may equal x.
  void (*gelu_tanh)(const float* x, std::size_t n, float* y);
  /// y[i] = exp(x[i]), the one exp of the project (kernels/portable/exp.h is its definition):
  /// exp(+-0) = 1, exp(x < -87) = 0, exp(x > 88.72) = +inf, NaN gives NaN, never subnormal. y may equal x.
  void (*exp)(const float* x, std::size_t n, float* y);
  /// Rotates `heads` consecutive vectors of head_dim in place, the first 2 * pairs dimensions of each.
  /// Pair i is (x[2i], x[2i+1]) for rope_adjacent, (x[i], x[i + pairs]) for rope_halves:
  /// a' = fma(a, cos[i], -fl(b * sin[i])), b' = fma(a, sin[i], fl(b * cos[i])).
  void (*rope_adjacent)(float* x, std::size_t heads, std::size_t head_dim, const float* cos, const float* sin,
                        std::size_t pairs);
  void (*rope_halves)(float* x, std::size_t heads, std::size_t head_dim, const float* cos, const float* sin,
                      std::size_t pairs);
  /// x[i] = fl(x[i] / divisor): the end of attention.
  void (*divide)(float* x, std::size_t n, float divisor);
  /// x[i] = fl(x[i] * y[i]).
  void (*multiply)(float* x, const float* y, std::size_t n);
  /// x[i] = fma(factor, y[i], x[i]).
  void (*add_scaled)(float* x, const float* y, std::size_t n, float factor);
  /// x[i] = fl(x[i] * factor).
  void (*scale)(float* x, std::size_t n, float factor);
  /// x[i] = fl(tanh(u) * cap), u = fl(x[i] / cap). tanh(u), where |u| < 0.625, after Cephes: s = fl(u * u),
  /// p = -0x1.75e1d4p-8f, then by fma(p, s, c) c = 0x1.52269cp-6f, -0x1.b83c5ap-5f, 0x1.110726p-3f,
  /// -0x1.555532p-2f; fma(fl(u * s), p, u). Elsewhere, NaN included, fl(1 - fl(2 / fl(exp(fl(2 |u|)) + 1)))
  /// with the sign of u.
  void (*soft_cap)(float* x, std::size_t n, float cap);
  /// Whether no element is infinite or NaN.
  bool (*all_finite)(const float* x, std::size_t n);

  void (*fit_integers)(const Fit&);
  void (*fit_levels)(const Fit&);

  Training training;
};

namespace portable {
void fill(Table& table);
}
namespace avx2 {
/// Overrides what AVX2 + FMA + F16C compute faster. Precondition: features.avx2.
void fill(Table& table, const Features& features);
}  // namespace avx2
namespace avx512 {
/// Overrides further. Precondition: features.avx512; VNNI and BF16 kernels only where features has them.
void fill(Table& table, const Features& features);
/// Runs a few thousand discriminating triples through vdpbf16ps and compares with fma(odd) then fma(even).
bool bf16_dot_agrees();
}  // namespace avx512
namespace neon {
/// Overrides what AArch64's vectors compute faster. Precondition: features.neon; sdot kernels only where
/// features has dotprod.
void fill(Table& table, const Features& features);
}  // namespace neon

}  // namespace garam::kernels
