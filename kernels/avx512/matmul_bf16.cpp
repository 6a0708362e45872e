// bf16 products with vdpbf16ps, and the check that it does what the contract says: two chained fma, the odd
// element first. It ignores MXCSR, rounds to nearest even and takes subnormal numbers for zero; operands of
// at least 2^-50 never make one (docs/numerics.md, rule 4).
#include "kernels/avx512/matmul_steps.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {
namespace {

struct Bf16Dot {
  using X = std::uint16_t;
  static constexpr std::size_t kElements = 2;
  static constexpr std::size_t kRegisterBytes = 64;
  static constexpr std::size_t kFetchFrom = 2;  // 1 row loses 8 %, 2 gain 9, 16 gain 25 (Zen 5)
  static __m512i load(const std::byte* panel) { return load_weights(panel); }
  static __m512i broadcast(const std::uint16_t* x) { return broadcast_4_bytes(x); }
  static __m512 add(__m512i w, __m512i x, __m512 acc) {
    return _mm512_dpbf16_ps(acc, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
  }
};

/// One row of plain reading: 1.18, without fetching 0.88; 2 to 4 rows are the same (Emerald Rapids).
struct Bf16DotOnIntel : Bf16Dot {
  static constexpr std::size_t kFetchFrom = 1;
};

constexpr int kTriples = 4096;

/// Random 32-bit numbers, one generator per lane.
struct Noise {
  __m512i state = _mm512_setr_epi32(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);

  __m512i next() {
    state = _mm512_xor_si512(state, _mm512_slli_epi32(state, 13));
    state = _mm512_xor_si512(state, _mm512_srli_epi32(state, 17));
    state = _mm512_xor_si512(state, _mm512_slli_epi32(state, 5));
    return _mm512_mullo_epi32(state, _mm512_set1_epi32(static_cast<int>(0x9e3779b1u)));
  }

  /// Any sign, any of the mantissa bits in `mantissa`, exponents from `lowest` to lowest + 3.
  __m512i floats(int mantissa, int lowest) {
    const __m512i fraction = _mm512_and_si512(next(), _mm512_set1_epi32(mantissa));
    const __m512i sign = _mm512_slli_epi32(next(), 31);
    const __m512i exponent = _mm512_add_epi32(_mm512_srli_epi32(next(), 30), _mm512_set1_epi32(lowest + 127));
    return _mm512_or_si512(_mm512_or_si512(sign, _mm512_slli_epi32(exponent, 23)), fraction);
  }
};

/// Operands around 1, around 2^50, and at the limit of rule 4, where accumulators are multiples of 2^-114.
struct Magnitude {
  int operand;
  int accumulator;  // the smallest of several
};
constexpr Magnitude kMagnitudes[] = {{-2, -12}, {48, 88}, {-50, -91}};

}  // namespace

bool bf16_dot_agrees() {
  constexpr int kBf16 = 0x007f0000;
  constexpr int kSingle = 0x007fffff;
  constexpr int kRounding = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  const __m512i sign = _mm512_set1_epi32(static_cast<int>(0x80000000u));
  const __m512i step = _mm512_set1_epi32(0x10000);  // of a bf16 mantissa
  Noise noise;
  __mmask16 differs = 0;
  for (int i = 0; i < kTriples / 16; ++i) {
    const Magnitude magnitude = kMagnitudes[i % 3];
    const __m512i w_odd = noise.floats(kBf16, magnitude.operand);
    const __m512i x_odd = noise.floats(kBf16, magnitude.operand);
    __m512i w_even = noise.floats(kBf16, magnitude.operand);
    __m512i x_even = noise.floats(kBf16, magnitude.operand);
    if (i % 2 != 0) {  // the products nearly cancel
      w_even = _mm512_add_epi32(_mm512_xor_si512(w_odd, sign), step);
      x_even = x_odd;
    }
    const __m512 acc = _mm512_castsi512_ps(noise.floats(kSingle, magnitude.accumulator + i / 6 % 4 * 6));
    const __m512 odd =
        _mm512_fmadd_round_ps(_mm512_castsi512_ps(w_odd), _mm512_castsi512_ps(x_odd), acc, kRounding);
    const __m512 both =
        _mm512_fmadd_round_ps(_mm512_castsi512_ps(w_even), _mm512_castsi512_ps(x_even), odd, kRounding);
    const __m512 found = Bf16Dot::add(_mm512_or_si512(w_odd, _mm512_srli_epi32(w_even, 16)),
                                      _mm512_or_si512(x_odd, _mm512_srli_epi32(x_even, 16)), acc);
    const __mmask16 wrong = _mm512_cmpneq_epi32_mask(_mm512_castps_si512(both), _mm512_castps_si512(found));
    differs = static_cast<__mmask16>(differs | wrong);
  }
  return differs == 0;
}

void matmul_bf16_dot(const Matmul& m) {
  steps_matmul<Bf16Dot>(m);
}

void matmul_bf16_dot_on_intel(const Matmul& m) {
  m.rows < 3 ? steps_matmul<Bf16DotOnIntel>(m) : matmul_bf16_by_fma(m);
}

}  // namespace garam::kernels::avx512
