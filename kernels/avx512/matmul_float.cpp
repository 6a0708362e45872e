// Products of f32 and f16 weights, and of bf16 weights on CPUs whose bf16 dot product is missing or rounds
// otherwise.
#include "kernels/avx512/matmul_steps.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {
namespace {

/// What f32 and f16 have in common once the weights are loaded.
struct Single {
  using X = float;
  static constexpr std::size_t kElements = 1;
  static __m512 broadcast(const float* x) { return _mm512_set1_ps(*x); }
  static __m512 add(__m512 w, __m512 x, __m512 acc) { return _mm512_fmadd_ps(w, x, acc); }
};

struct F32 : Single {
  static constexpr std::size_t kRegisterBytes = 64;
  static constexpr std::size_t kFetchFrom = 5;  // 1 to 4 rows lose 2 to 12 %, 8 gain 21, 64 gain 11 (Zen 5)
  static __m512 load(const std::byte* panel) { return _mm512_load_ps(panel); }
};

struct F16 : Single {
  static constexpr std::size_t kRegisterBytes = 32;
  static constexpr std::size_t kFetchFrom = 1;  // 1 to 8 rows gain 35 to 40 % (Zen 5)
  static __m512 load(const std::byte* panel) { return load_f16(panel); }
};

/// Each bf16 is the upper half of its f32.
struct Bf16 {
  struct Pair {
    __m512 even, odd;
  };
  using X = std::uint16_t;
  static constexpr std::size_t kElements = 2;
  static constexpr std::size_t kRegisterBytes = 64;
  static constexpr std::size_t kFetchFrom = 2;
  static Pair split(__m512i pairs) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
            _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000u))))};
  }
  static Pair load(const std::byte* panel) { return split(load_weights(panel)); }
  static Pair broadcast(const std::uint16_t* x) { return split(broadcast_4_bytes(x)); }
  static __m512 add(const Pair& w, const Pair& x, __m512 acc) {
    return _mm512_fmadd_ps(w.even, x.even, _mm512_fmadd_ps(w.odd, x.odd, acc));
  }
};

}  // namespace

void matmul_f32(const Matmul& m) {
  steps_matmul<F32>(m);
}

void matmul_f16(const Matmul& m) {
  steps_matmul<F16>(m);
}

void matmul_bf16_by_fma(const Matmul& m) {
  steps_matmul<Bf16>(m);
}

}  // namespace garam::kernels::avx512
