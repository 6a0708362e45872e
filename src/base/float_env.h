// The floating-point environment of numerics rule 6: nearest even, no flush to zero, no denormals-are-zero,
// exceptions masked. A host program may have set anything; every public entry and every worker holds one of
// these, so that the caller's state changes no bit and is as it was afterwards.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace garam {

class FloatEnvironment {
 public:
  FloatEnvironment() noexcept : saved_(read()) { write(kDefault); }
  ~FloatEnvironment() { write(saved_); }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr std::uint64_t kDefault = 0x1f80;  // all six exceptions masked, nothing else
  static std::uint64_t read() noexcept {
    return _mm_getcsr();
  }
  static void write(std::uint64_t value) noexcept {
    _mm_setcsr(static_cast<unsigned>(value));
  }
#elif defined(__aarch64__)
  static constexpr std::uint64_t kDefault = 0;
  static std::uint64_t read() noexcept {
    std::uint64_t value;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void write(std::uint64_t value) noexcept {
    asm volatile("msr fpcr, %0" : : "r"(value));
  }
#else
#error "garam: tell FloatEnvironment how this processor's rounding mode is saved and set"
#endif
  std::uint64_t saved_;
};

}  // namespace garam
