// q2_K weights. File block of 256: 16 bytes with scale (low nibble) and minimum of 16 values, 64 bytes of
// pairs of bits as those of q3_K, f16 scale of scales and of minimums.
#include "tensor/block_format.h"
#include "tensor/k_scales.h"

namespace garam {
namespace {

constexpr std::size_t kScales = 4 * kernels::kPanelRows;  // behind d and dmin

struct Q2_K {
  static constexpr kernels::Format kFormat = kernels::Format::kQ2_K;
  static constexpr const char* kName = "q2_K";
  static constexpr std::uint32_t kGgmlId = 10;
  static constexpr std::size_t kFileValues = 256, kFileBytes = 84;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    for (std::size_t s = 0; s < 8; ++s) {
      Codes pairs;
      for (std::size_t g = 0; g < 8; ++g) {
        pairs[g] = read_as<std::uint32_t>(in + 16 + s / 4 * 32 + 4 * g) >> 2 * (s % 4) & kLowPairs;
      }
      put_pairs(to.planes_at(s), to.row, pairs);
      std::memcpy(half_scale(to.header + kScales, s, to.row, 0), in + 2 * s, 2);
    }
    return put_f16(to.f16(0), in + 80) && put_f16(to.f16(1), in + 82);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const double d = get_f16(from.f16(0)), m = get_f16(from.f16(1));
    const Codes codes = get_pairs(from.planes, from.row);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      const int both = static_cast<int>(*half_scale(from.header + kScales, from.s, from.row, i / 16));
      out[i] = static_cast<float>(d * ((both & 15) * static_cast<int>(code_of(codes, i))) - m * (both >> 4));
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    for (std::size_t j = 0; j < 16; ++j) {
      out[j] = static_cast<std::byte>(parts.scales[j] | parts.minimums[j] << 4);
    }
    write_wide_pairs(out + 16, parts.codes.data(), 0);
    write_f16(out + 80, parts.scale);
    write_f16(out + 82, parts.minimum);
  }
};

}  // namespace

const WeightFormat kFormatQ2_K = block_format<Q2_K>();

}  // namespace garam
