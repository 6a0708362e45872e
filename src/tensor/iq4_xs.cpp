// iq4_xs weights. File block of 256: f16 scale, a 16-bit word with the high two bits of 8 scales, 4 bytes
// with their low nibbles, then 16 bytes for each 32 values as those of iq4_nl. Scales are stored plus 32.
#include "tensor/block_format.h"

namespace garam {
namespace {

constexpr std::size_t kScales = 2 * kernels::kPanelRows;  // behind d

struct Iq4Xs {
  static constexpr kernels::Format kFormat = kernels::Format::kIq4Xs;
  static constexpr const char* kName = "iq4_xs";
  static constexpr std::uint32_t kGgmlId = 23;
  static constexpr std::size_t kFileValues = 256, kFileBytes = 136;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    const auto high = read_as<std::uint16_t>(in + 2);
    for (std::size_t s = 0; s < 8; ++s) {
      const int low = static_cast<int>(in[4 + s / 2]) >> 4 * (s % 2) & 15;
      const int scale = (low | (high >> 2 * s & 3) << 4) - 32;
      write_as(to.header + kScales + s * kernels::kPanelRows + to.row, static_cast<std::int8_t>(scale));
      put_file_nibbles(to.planes_at(s), to.row, in + 8 + 16 * s);
    }
    return put_f16(to.f16(0), in);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const auto scale = read_as<std::int8_t>(from.header + kScales + from.s * kernels::kPanelRows + from.row);
    const double d = get_f16(from.f16(0)) * scale;
    const Codes codes = get_nibbles(from.planes, from.row);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      out[i] = static_cast<float>(d * kernels::kIq4Values[code_of(codes, i)]);
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    write_f16(out, parts.scale);
    std::uint16_t high = 0;
    for (std::size_t s = 0; s < 8; ++s)
      high = static_cast<std::uint16_t>(high | (parts.scales[s] >> 4 & 3) << 2 * s);
    std::memcpy(out + 2, &high, 2);
    for (std::size_t i = 0; i < 4; ++i) {
      out[4 + i] = static_cast<std::byte>((parts.scales[2 * i] & 15) | (parts.scales[2 * i + 1] & 15) << 4);
    }
    for (std::size_t s = 0; s < 8; ++s) write_nibbles(out + 8 + 16 * s, parts.codes.data() + 32 * s);
  }
};

}  // namespace

const WeightFormat kFormatIq4Xs = block_format<Iq4Xs>();

}  // namespace garam
