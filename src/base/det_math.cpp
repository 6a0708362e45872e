// Reductions to a small interval and Taylor series long enough for the last bit of a double.
#include "base/det_math.h"

#include <bit>
#include <cstdint>
#include <limits>

namespace garam {
namespace {

constexpr double kRound = 0x1.8p52;  // adding and subtracting rounds to the nearest integer
// ln 2 with 32 significant bits, so that n * kLn2High is exact for |n| < 2^20, and the rest.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
// pi / 2 in parts of 22 bits: n * part is exact for |n| < 2^31.
constexpr double kHalfPi[4] = {0x1.921fb0p+0, 0x1.5110b0p-22, 0x1.184698p-44, 0x1.3198a2e037073p-69};

double polynomial(double x, const double* coefficients, int count) {
  double sum = coefficients[count - 1];
  for (int i = count - 2; i >= 0; --i) sum = sum * x + coefficients[i];
  return sum;
}

constexpr int kExpTerms = 15;
constexpr int kTrigTerms = 10;

struct Series {
  double exp[kExpTerms];
  double sin[kTrigTerms];
  double cos[kTrigTerms];
};

constexpr Series make_series() {
  Series s{};
  double factorial = 1;
  for (int i = 0; i < kExpTerms; ++i) {
    s.exp[i] = 1 / factorial;
    factorial *= i + 1;
  }
  double sine = 1, cosine = 1;
  for (int i = 0; i < kTrigTerms; ++i) {
    const double sign = i % 2 == 0 ? 1 : -1;
    s.sin[i] = sign / sine;
    s.cos[i] = sign / cosine;
    sine *= (2 * i + 2) * (2 * i + 3);
    cosine *= (2 * i + 1) * (2 * i + 2);
  }
  return s;
}

constexpr Series kSeries = make_series();

}  // namespace

double det_exp(double x) {
  if (x != x) return x;
  if (x < -708) return 0;
  if (x > 709) return std::numeric_limits<double>::infinity();
  const double n = (x * 0x1.71547652b82fep+0 + kRound) - kRound;
  const double r = (x - n * kLn2High) - n * kLn2Low;
  const double p = polynomial(r, kSeries.exp, kExpTerms);
  const auto scale = static_cast<std::uint64_t>(static_cast<std::int64_t>(n) + 1023) << 52;
  return p * std::bit_cast<double>(scale);
}

double det_log(double x) {
  if (!(x >= 0)) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -std::numeric_limits<double>::infinity();
  if (x == std::numeric_limits<double>::infinity()) return x;
  double exponent = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    exponent = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  exponent += static_cast<double>(static_cast<int>(bits >> 52) - 1023);
  double m = std::bit_cast<double>((bits & 0xfffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 0x1.6a09e667f3bcdp+0) {
    m *= 0.5;
    exponent += 1;
  }
  const double f = (m - 1) / (m + 1);
  const double square = f * f;
  double sum = 0;
  for (int k = 12; k >= 1; --k) sum = (sum + 1.0 / (2 * k + 1)) * square;
  return exponent * kLn2High + (2 * (f + f * sum) + exponent * kLn2Low);
}

double det_pow(double base, double exponent) {
  return det_exp(exponent * det_log(base));
}

SinCos det_sincos(double x) {
  const double n = (x * 0x1.45f306dc9c883p-1 + kRound) - kRound;
  double r = x;
  for (const double part : kHalfPi) r -= n * part;
  const double square = r * r;
  const double sine = r * polynomial(square, kSeries.sin, kTrigTerms);
  const double cosine = polynomial(square, kSeries.cos, kTrigTerms);
  switch (static_cast<std::int64_t>(n) & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace garam
