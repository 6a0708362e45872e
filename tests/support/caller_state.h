// The floating-point state of a hostile caller: MXCSR on x86-64, FPCR on AArch64. Numerics rule 6 says that
// none of it changes a bit, and that the caller finds it as it was.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace garam::test {

#if defined(__x86_64__)
inline std::uint64_t float_state() {
  return _mm_getcsr();
}
inline void set_float_state(std::uint64_t state) {
  _mm_setcsr(static_cast<unsigned>(state));
}
/// Nearest even, subnormal numbers, exceptions masked.
inline constexpr std::uint64_t kUsualState = 0x1f80;
/// The first rounds upwards and takes subnormal numbers for zero, then downwards, then towards zero with
/// exceptions unmasked.
inline constexpr std::uint64_t kHostileStates[] = {kUsualState | 0x8000 | 0x0040 | 0x4000,
                                                   kUsualState | 0x2000,
                                                   (kUsualState & ~std::uint64_t{0x0680}) | 0x6000};
#elif defined(__aarch64__)
inline std::uint64_t float_state() {
  std::uint64_t state;
  asm volatile("mrs %0, fpcr" : "=r"(state));
  return state;
}
inline void set_float_state(std::uint64_t state) {
  asm volatile("msr fpcr, %0" : : "r"(state));
}
/// Nearest even, subnormal numbers, IEEE's f16.
inline constexpr std::uint64_t kUsualState = 0;
/// The first rounds upwards and takes subnormal numbers for zero, then downwards with f16 that has no
/// infinities, then towards zero with one NaN for all.
inline constexpr std::uint64_t kHostileStates[] = {1u << 24 | 1u << 22, 1u << 26 | 2u << 22,
                                                   1u << 25 | 3u << 22};
#endif

/// Sets the caller's state for a while.
class CallerState {
 public:
  explicit CallerState(std::uint64_t state) : saved_(float_state()) { set_float_state(state); }
  ~CallerState() { set_float_state(saved_); }
  CallerState(const CallerState&) = delete;
  CallerState& operator=(const CallerState&) = delete;

 private:
  std::uint64_t saved_;
};

}  // namespace garam::test
