// Written from the descriptions of the formats, one value at a time.
#include "support/file_block.h"

#include <cmath>
#include <limits>

namespace garam::test {
namespace {

using kernels::Format;

unsigned at(const std::byte* from, std::size_t i) {
  return static_cast<unsigned>(from[i]);
}
int signed_at(const std::byte* from, std::size_t i) {
  const int value = static_cast<int>(at(from, i));
  return value < 128 ? value : value - 256;
}
double f16_at(const std::byte* from, std::size_t i) {
  return f16_value(at(from, i) | at(from, i + 1) << 8);
}

/// Nibble i of 16 bytes: the low ones first.
unsigned nibble(const std::byte* bytes, std::size_t i) {
  return i < 16 ? at(bytes, i) % 16 : at(bytes, i - 16) / 16;
}
unsigned bit(const std::byte* bytes, std::size_t i) {
  return at(bytes, i / 8) >> i % 8 & 1;
}

/// 6-bit number j of the first (low = true) or second eight in the 12 bytes of q4_K and q5_K.
int six_bits(const std::byte* packed, std::size_t j, bool scales) {
  const std::size_t own = scales ? 0 : 4;
  if (j < 4) return static_cast<int>(at(packed, own + j) % 64);
  const unsigned low = scales ? at(packed, 4 + j) % 16 : at(packed, 4 + j) / 16;
  return static_cast<int>(low + at(packed, own + j - 4) / 64 * 16);
}

unsigned code(Format format, const std::byte* b, std::size_t i) {
  const std::size_t s = i / 32, v = i % 32;  // of blocks of 256
  switch (format) {
    case Format::kQ8_0:
      return static_cast<unsigned>(signed_at(b, 2 + i) + 128);
    case Format::kQ4_0:
    case Format::kIq4Nl:
      return nibble(b + 2, i);
    case Format::kQ4_1:
      return nibble(b + 4, i);
    case Format::kMxfp4:
      return nibble(b + 1, i);
    case Format::kQ5_0:
      return nibble(b + 6, i) + 16 * bit(b + 2, i);
    case Format::kQ5_1:
      return nibble(b + 8, i) + 16 * bit(b + 4, i);
    case Format::kIq4Xs:
      return nibble(b + 8 + 16 * s, v);
    case Format::kQ4_K:
      return s % 2 == 0 ? at(b, 16 + s / 2 * 32 + v) % 16 : at(b, 16 + s / 2 * 32 + v) / 16;
    case Format::kQ5_K:
      return (s % 2 == 0 ? at(b, 48 + s / 2 * 32 + v) % 16 : at(b, 48 + s / 2 * 32 + v) / 16) +
             16 * (at(b, 16 + v) >> s & 1);
    case Format::kQ6_K: {
      // Each 128 values: 64 bytes of low nibbles (0..63 low, 64..127 high), 32 bytes with four pairs each.
      const std::size_t part = i / 128, j = i % 128;
      const unsigned low = j < 64 ? at(b, part * 64 + j) % 16 : at(b, part * 64 + j - 64) / 16;
      return low + 16 * (at(b, 128 + part * 32 + j % 32) >> 2 * (j / 32) & 3);
    }
    case Format::kQ3_K:
      return (at(b, 32 + i / 128 * 32 + v) >> 2 * (s % 4) & 3) + 4 * (at(b, v) >> s & 1);
    case Format::kQ2_K:
      return at(b, 16 + i / 128 * 32 + v) >> 2 * (s % 4) & 3;
    default:
      return 0;
  }
}

int integer(Format format, unsigned code) {
  constexpr int kIq4[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  constexpr double kE2m1[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  const int value = static_cast<int>(code);
  switch (format) {
    case Format::kQ8_0:
      return value - 128;
    case Format::kQ4_0:
      return value - 8;
    case Format::kQ5_0:
      return value - 16;
    case Format::kQ6_K:
      return value - 32;
    case Format::kQ3_K:
      return value - 4;
    case Format::kIq4Nl:
    case Format::kIq4Xs:
      return kIq4[code];
    case Format::kMxfp4: {
      const int doubled = static_cast<int>(2 * kE2m1[code % 8]);
      return code < 8 ? doubled : -doubled;
    }
    default:
      return value;
  }
}

}  // namespace

FileBlock file_block(Format format) {
  switch (format) {
    case Format::kF32:
      return {1, 4};
    case Format::kF16:
    case Format::kBf16:
      return {1, 2};
    case Format::kQ8_0:
      return {32, 34};
    case Format::kQ4_0:
    case Format::kIq4Nl:
      return {32, 18};
    case Format::kQ4_1:
      return {32, 20};
    case Format::kQ5_0:
      return {32, 22};
    case Format::kQ5_1:
      return {32, 24};
    case Format::kMxfp4:
      return {32, 17};
    case Format::kQ2_K:
      return {256, 84};
    case Format::kQ3_K:
      return {256, 110};
    case Format::kQ4_K:
      return {256, 144};
    case Format::kQ5_K:
      return {256, 176};
    case Format::kQ6_K:
      return {256, 210};
    case Format::kIq4Xs:
      return {256, 136};
  }
  return {1, 0};
}

std::optional<Format> format_of_ggml(std::uint32_t id) {
  switch (id) {
    case 0:
      return Format::kF32;
    case 1:
      return Format::kF16;
    case 2:
      return Format::kQ4_0;
    case 3:
      return Format::kQ4_1;
    case 6:
      return Format::kQ5_0;
    case 7:
      return Format::kQ5_1;
    case 8:
      return Format::kQ8_0;
    case 10:
      return Format::kQ2_K;
    case 11:
      return Format::kQ3_K;
    case 12:
      return Format::kQ4_K;
    case 13:
      return Format::kQ5_K;
    case 14:
      return Format::kQ6_K;
    case 20:
      return Format::kIq4Nl;
    case 23:
      return Format::kIq4Xs;
    case 30:
      return Format::kBf16;
    case 39:
      return Format::kMxfp4;
    default:
      return std::nullopt;
  }
}

HalfPlaces half_places(Format format) {
  switch (format) {
    case Format::kQ4_1:
    case Format::kQ5_1:
    case Format::kQ4_K:
    case Format::kQ5_K:
      return {2, {0, 2}};
    case Format::kQ2_K:
      return {2, {80, 82}};
    case Format::kQ3_K:
      return {1, {108, 0}};
    case Format::kQ6_K:
      return {1, {208, 0}};
    case Format::kMxfp4:
      return {0, {0, 0}};
    default:
      return {1, {0, 0}};
  }
}

int file_scale(Format format, const std::byte* b, std::size_t s) {
  switch (format) {
    case Format::kQ4_K:
    case Format::kQ5_K:
      return six_bits(b + 4, s, true);
    case Format::kQ6_K:
      return signed_at(b, 192 + s);
    case Format::kQ3_K: {
      const unsigned low = s < 8 ? at(b, 96 + s) % 16 : at(b, 96 + s - 8) / 16;
      return static_cast<int>(low + 16 * (at(b, 104 + s % 4) >> 2 * (s / 4) & 3)) - 32;
    }
    case Format::kQ2_K:
      return static_cast<int>(at(b, s) % 16);
    case Format::kIq4Xs: {
      const unsigned low = s % 2 == 0 ? at(b, 4 + s / 2) % 16 : at(b, 4 + s / 2) / 16;
      return static_cast<int>(low + 16 * ((at(b, 2) | at(b, 3) << 8) >> 2 * s & 3)) - 32;
    }
    default:
      return 1;
  }
}

int file_minimum(Format format, const std::byte* b, std::size_t s) {
  switch (format) {
    case Format::kQ4_K:
    case Format::kQ5_K:
      return six_bits(b + 4, s, false);
    case Format::kQ2_K:
      return static_cast<int>(at(b, s) / 16);
    default:
      return 0;
  }
}

FileValue file_value(Format format, const std::byte* block, std::size_t i) {
  FileValue v{};
  v.code = code(format, block, i);
  v.integer = integer(format, v.code);
  if (format == Format::kMxfp4) {  // the integer is twice the value
    v.scale = std::ldexp(1.0, static_cast<int>(at(block, 0)) - 128);
    return v;
  }
  const HalfPlaces halves = half_places(format);
  const bool sixteen = format == Format::kQ6_K || format == Format::kQ3_K || format == Format::kQ2_K;
  const std::size_t s = i / (sixteen ? 16 : 32);
  v.scale = f16_at(block, halves.at[0]) * file_scale(format, block, s);
  if (halves.count == 2) {
    const double m = f16_at(block, halves.at[1]);
    v.minimum = file_block(format).values == 32 ? m : -m * file_minimum(format, block, s);
  }
  return v;
}

double f16_value(unsigned half) {
  const double sign = (half >> 15 & 1) != 0 ? -1 : 1;
  const int exponent = static_cast<int>(half >> 10 & 31);
  const double fraction = half & 1023;
  if (exponent == 31) return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * HUGE_VAL;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

}  // namespace garam::test
