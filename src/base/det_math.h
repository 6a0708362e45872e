// exp, log, pow, sin and cos in double, made of IEEE additions, multiplications and divisions only, so that
// they give the same bits on every platform and with every libm. For tables and samplers; accurate to a few
// units in the last place of a double. Callers hold a FloatEnvironment.
#pragma once

namespace garam {

/// e^x. 0 below -708, +inf above 709.
double det_exp(double x);
/// Natural logarithm of a positive finite x; -inf for 0, NaN for negative x or NaN.
double det_log(double x);
/// base^exponent for a positive base.
double det_pow(double base, double exponent);

struct SinCos {
  double sin;
  double cos;
};
/// Sine and cosine of x radians, |x| < 2^30.
SinCos det_sincos(double x);

}  // namespace garam
