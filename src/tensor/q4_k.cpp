// q4_K weights. File block of 256: f16 scale of scales and of minimums, 12 bytes of 6-bit numbers, then 32
// bytes for each 64 values, the first 32 of which are the low nibbles.
#include "tensor/block_format.h"
#include "tensor/k_scales.h"

namespace garam {
namespace {

struct Q4_K {
  static constexpr kernels::Format kFormat = kernels::Format::kQ4_K;
  static constexpr const char* kName = "q4_K";
  static constexpr std::uint32_t kGgmlId = 12;
  static constexpr std::size_t kFileValues = 256, kFileBytes = 144;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    for (std::size_t s = 0; s < 8; ++s) {
      Codes codes;
      for (std::size_t g = 0; g < 8; ++g) {
        codes[g] = read_as<std::uint32_t>(in + 16 + s / 2 * 32 + 4 * g) >> 4 * (s % 2) & kLowNibbles;
      }
      put_nibbles(to.planes_at(s), to.row, codes);
    }
    put_six_bit_scales(to, in + 4);
    return put_f16(to.f16(0), in) && put_f16(to.f16(1), in + 2);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const auto [scale, minimum] = get_six_bit_scales(from);
    const double d = get_f16(from.f16(0)) * scale, m = get_f16(from.f16(1)) * minimum;
    const Codes codes = get_nibbles(from.planes, from.row);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      out[i] = static_cast<float>(d * static_cast<double>(code_of(codes, i)) - m);
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    write_f16(out, parts.scale);
    write_f16(out + 2, parts.minimum);
    write_six_bit_scales(out + 4, parts);
    write_wide_nibbles(out + 16, parts.codes.data());
  }
};

}  // namespace

const WeightFormat kFormatQ4_K = block_format<Q4_K>();

}  // namespace garam
