// q4_1 weights. File block of 32: f16 scale and minimum, 16 bytes as those of q4_0.
#include "tensor/block_format.h"

namespace garam {
namespace {

struct Q4_1 {
  static constexpr kernels::Format kFormat = kernels::Format::kQ4_1;
  static constexpr const char* kName = "q4_1";
  static constexpr std::uint32_t kGgmlId = 3;
  static constexpr std::size_t kFileValues = 32, kFileBytes = 20;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    put_file_nibbles(to.planes, to.row, in + 4);
    return put_f16(to.f16(0), in) && put_f16(to.f16(1), in + 2);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const double d = get_f16(from.f16(0)), m = get_f16(from.f16(1));
    const Codes codes = get_nibbles(from.planes, from.row);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      out[i] = static_cast<float>(d * static_cast<double>(code_of(codes, i)) + m);
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    write_f16(out, parts.scale);
    write_f16(out + 2, parts.minimum);
    write_nibbles(out + 4, parts.codes.data());
  }
};

}  // namespace

const WeightFormat kFormatQ4_1 = block_format<Q4_1>();

}  // namespace garam
