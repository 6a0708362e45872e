// q3_K weights. File block of 256: 32 bytes of high bits (bit s of byte i is that of value 32 s + i), 64
// bytes of low pairs of bits (32 for each 128 values, pair s of byte i being value 32 s + i), 16 scales of 16
// values in 12 bytes, stored plus 32, f16 scale of scales. Low nibbles of scales are those of the first 8
// bytes, scales 8 to 15 in their upper halves; pair j / 4 of byte 8 + j % 4 is above that of scale j.
#include "tensor/block_format.h"
#include "tensor/k_scales.h"

namespace garam {
namespace {

constexpr std::size_t kScales = 2 * kernels::kPanelRows;  // behind d

struct Q3_K {
  static constexpr kernels::Format kFormat = kernels::Format::kQ3_K;
  static constexpr const char* kName = "q3_K";
  static constexpr std::uint32_t kGgmlId = 11;
  static constexpr std::size_t kFileValues = 256, kFileBytes = 110;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    const std::byte* packed = in + 96;
    for (std::size_t j = 0; j < 16; ++j) {
      const int low = static_cast<int>(packed[j % 8]) >> (j < 8 ? 0 : 4) & 15;
      const int high = static_cast<int>(packed[8 + j % 4]) >> 2 * (j / 4) & 3;
      write_as(half_scale(to.header + kScales, j / 2, to.row, j % 2),
               static_cast<std::int8_t>((low | high << 4) - 32));
    }
    for (std::size_t s = 0; s < 8; ++s) {
      Codes pairs, bits;
      for (std::size_t g = 0; g < 8; ++g) {
        pairs[g] = read_as<std::uint32_t>(in + 32 + s / 4 * 32 + 4 * g) >> 2 * (s % 4) & kLowPairs;
        bits[g] = read_as<std::uint32_t>(in + 4 * g) >> s & kLowBits;
      }
      put_pairs(to.planes_at(s), to.row, pairs);
      put_bits(to.planes_at(s) + kPairPlane, to.row, bits);
    }
    return put_f16(to.f16(0), in + 108);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const double d = get_f16(from.f16(0));
    const Codes codes =
        joined<2>(get_pairs(from.planes, from.row), get_bits(from.planes + kPairPlane, from.row));
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      const auto scale = read_as<std::int8_t>(half_scale(from.header + kScales, from.s, from.row, i / 16));
      out[i] = static_cast<float>(d * (scale * (static_cast<int>(code_of(codes, i)) - 4)));
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    write_wide_bits(out, parts.codes.data(), 2);
    write_wide_pairs(out + 32, parts.codes.data(), 0);
    std::memset(out + 96, 0, 12);
    for (std::size_t j = 0; j < 16; ++j) {
      out[96 + j % 8] |= static_cast<std::byte>((parts.scales[j] & 15) << (j < 8 ? 0 : 4));
      out[104 + j % 4] |= static_cast<std::byte>(parts.scales[j] >> 4 << 2 * (j / 4));
    }
    write_f16(out + 108, parts.scale);
  }
};

}  // namespace

const WeightFormat kFormatQ3_K = block_format<Q3_K>();

}  // namespace garam
