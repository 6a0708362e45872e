// q5_K weights. File block of 256: f16 scale of scales and of minimums, 12 bytes of 6-bit numbers, 32 bytes
// of fifth bits (bit s of byte i is that of value 32 s + i), then nibbles as those of q4_K.
#include "tensor/block_format.h"
#include "tensor/fifth_bits.h"
#include "tensor/k_scales.h"

namespace garam {
namespace {

struct Q5_K {
  static constexpr kernels::Format kFormat = kernels::Format::kQ5_K;
  static constexpr const char* kName = "q5_K";
  static constexpr std::uint32_t kGgmlId = 13;
  static constexpr std::size_t kFileValues = 256, kFileBytes = 176;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    for (std::size_t s = 0; s < 8; ++s) {
      Codes nibbles, bits;
      for (std::size_t g = 0; g < 8; ++g) {
        nibbles[g] = read_as<std::uint32_t>(in + 48 + s / 2 * 32 + 4 * g) >> 4 * (s % 2) & kLowNibbles;
        bits[g] = read_as<std::uint32_t>(in + 16 + 4 * g) >> s & kLowBits;
      }
      put_nibbles(to.planes_at(s), to.row, nibbles);
      put_bits(to.planes_at(s) + kNibblePlane, to.row, bits);
    }
    put_six_bit_scales(to, in + 4);
    return put_f16(to.f16(0), in) && put_f16(to.f16(1), in + 2);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const auto [scale, minimum] = get_six_bit_scales(from);
    const double d = get_f16(from.f16(0)) * scale, m = get_f16(from.f16(1)) * minimum;
    const Codes codes = get_five_bits(from.planes, from.row);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      out[i] = static_cast<float>(d * static_cast<double>(code_of(codes, i)) - m);
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    write_f16(out, parts.scale);
    write_f16(out + 2, parts.minimum);
    write_six_bit_scales(out + 4, parts);
    write_wide_bits(out + 16, parts.codes.data(), 4);
    write_wide_nibbles(out + 48, parts.codes.data());
  }
};

}  // namespace

const WeightFormat kFormatQ5_K = block_format<Q5_K>();

}  // namespace garam
