// q4_0 weights. File block of 32: f16 scale, 16 bytes with value i in the low and i + 16 in the high nibble
// of byte i.
#include "tensor/block_format.h"

namespace garam {
namespace {

struct Q4_0 {
  static constexpr kernels::Format kFormat = kernels::Format::kQ4_0;
  static constexpr const char* kName = "q4_0";
  static constexpr std::uint32_t kGgmlId = 2;
  static constexpr std::size_t kFileValues = 32, kFileBytes = 18;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    put_file_nibbles(to.planes, to.row, in + 2);
    return put_f16(to.f16(0), in);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const double d = get_f16(from.f16(0));
    const Codes codes = get_nibbles(from.planes, from.row);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      out[i] = static_cast<float>(d * (static_cast<double>(code_of(codes, i)) - 8));
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    write_f16(out, parts.scale);
    write_nibbles(out + 2, parts.codes.data());
  }
};

}  // namespace

const WeightFormat kFormatQ4_0 = block_format<Q4_0>();

}  // namespace garam
