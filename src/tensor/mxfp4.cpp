// mxfp4 weights (OCP Microscaling 1.0, e2m1 under a shared e8m0). File block of 32: the exponent, 16 bytes as
// those of q4_0, whose nibbles number a table of twice the values. Exponent 255 means NaN and is refused.
#include <bit>
#include "tensor/block_format.h"

namespace garam {
namespace {

struct Mxfp4 {
  static constexpr kernels::Format kFormat = kernels::Format::kMxfp4;
  static constexpr const char* kName = "mxfp4";
  static constexpr std::uint32_t kGgmlId = 39;
  static constexpr std::size_t kFileValues = 32, kFileBytes = 17;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    to.header[to.s * kernels::kPanelRows + to.row] = in[0];
    put_file_nibbles(to.planes, to.row, in + 1);
    return in[0] != std::byte{255};
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const auto exponent = static_cast<std::uint64_t>(from.header[from.s * kernels::kPanelRows + from.row]);
    const auto d = std::bit_cast<double>((exponent + 1023 - 128) << 52);
    const Codes codes = get_nibbles(from.planes, from.row);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      out[i] = static_cast<float>(d * kernels::kMxfp4Values[code_of(codes, i)]);
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    out[0] = static_cast<std::byte>(parts.scale);
    write_nibbles(out + 1, parts.codes.data());
  }
};

}  // namespace

const WeightFormat kFormatMxfp4 = block_format<Mxfp4>();

}  // namespace garam
