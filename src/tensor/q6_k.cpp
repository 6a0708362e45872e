// q6_K weights. File block of 256: 128 bytes of low nibbles, 64 bytes of high pairs of bits, 16 signed scales
// of 16 values, f16 scale of scales. Of each half of 128 values, values 0 to 63 are the low nibbles of 64
// bytes, 64 to 127 the high ones; byte i of 32 has the pairs of values i, i + 32, i + 64 and i + 96.
#include "tensor/block_format.h"
#include "tensor/k_scales.h"

namespace garam {
namespace {

constexpr std::size_t kScales = 2 * kernels::kPanelRows;  // behind d

struct Q6_K {
  static constexpr kernels::Format kFormat = kernels::Format::kQ6_K;
  static constexpr const char* kName = "q6_K";
  static constexpr std::uint32_t kGgmlId = 14;
  static constexpr std::size_t kFileValues = 256, kFileBytes = 210;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    for (std::size_t s = 0; s < 8; ++s) {
      const std::byte* nibble_bytes = in + s / 4 * 64 + s % 2 * 32;
      const std::byte* pair_bytes = in + 128 + s / 4 * 32;
      Codes nibbles, pairs;
      for (std::size_t g = 0; g < 8; ++g) {
        nibbles[g] = read_as<std::uint32_t>(nibble_bytes + 4 * g) >> 4 * (s % 4 / 2) & kLowNibbles;
        pairs[g] = read_as<std::uint32_t>(pair_bytes + 4 * g) >> 2 * (s % 4) & kLowPairs;
      }
      put_nibbles(to.planes_at(s), to.row, nibbles);
      put_pairs(to.planes_at(s) + kNibblePlane, to.row, pairs);
      std::memcpy(half_scale(to.header + kScales, s, to.row, 0), in + 192 + 2 * s, 2);
    }
    return put_f16(to.f16(0), in + 208);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const double d = get_f16(from.f16(0));
    const Codes codes =
        joined<4>(get_nibbles(from.planes, from.row), get_pairs(from.planes + kNibblePlane, from.row));
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      const auto scale = read_as<std::int8_t>(half_scale(from.header + kScales, from.s, from.row, i / 16));
      out[i] = static_cast<float>(d * (scale * (static_cast<int>(code_of(codes, i)) - 32)));
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    for (std::size_t half = 0; half < 2; ++half) {
      const std::uint8_t* codes = parts.codes.data() + 128 * half;
      for (std::size_t i = 0; i < 64; ++i) {
        out[64 * half + i] = static_cast<std::byte>((codes[i] & 15) | (codes[i + 64] & 15) << 4);
      }
    }
    write_wide_pairs(out + 128, parts.codes.data(), 4);
    std::memcpy(out + 192, parts.scales.data(), 16);
    write_f16(out + 208, parts.scale);
  }
};

}  // namespace

const WeightFormat kFormatQ6_K = block_format<Q6_K>();

}  // namespace garam
