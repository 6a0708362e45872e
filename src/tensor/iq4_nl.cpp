// iq4_nl weights. File block of 32: f16 scale, 16 bytes as those of q4_0, whose nibbles number a table.
#include "tensor/block_format.h"

namespace garam {
namespace {

struct Iq4Nl {
  static constexpr kernels::Format kFormat = kernels::Format::kIq4Nl;
  static constexpr const char* kName = "iq4_nl";
  static constexpr std::uint32_t kGgmlId = 20;
  static constexpr std::size_t kFileValues = 32, kFileBytes = 18;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    put_file_nibbles(to.planes, to.row, in + 2);
    return put_f16(to.f16(0), in);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const double d = get_f16(from.f16(0));
    const Codes codes = get_nibbles(from.planes, from.row);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      out[i] = static_cast<float>(d * kernels::kIq4Values[code_of(codes, i)]);
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    write_f16(out, parts.scale);
    write_nibbles(out + 2, parts.codes.data());
  }
};

}  // namespace

const WeightFormat kFormatIq4Nl = block_format<Iq4Nl>();

}  // namespace garam
