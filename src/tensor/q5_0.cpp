// q5_0 weights. File block of 32: f16 scale, a word of fifth bits, 16 bytes as those of q4_0.
#include "tensor/block_format.h"
#include "tensor/fifth_bits.h"

namespace garam {
namespace {

struct Q5_0 {
  static constexpr kernels::Format kFormat = kernels::Format::kQ5_0;
  static constexpr const char* kName = "q5_0";
  static constexpr std::uint32_t kGgmlId = 6;
  static constexpr std::size_t kFileValues = 32, kFileBytes = 22;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    put_file_nibbles(to.planes, to.row, in + 6);
    put_fifth_bits(to.planes + kNibblePlane, to.row, read_as<std::uint32_t>(in + 2));
    return put_f16(to.f16(0), in);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const double d = get_f16(from.f16(0));
    const Codes codes = get_five_bits(from.planes, from.row);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      out[i] = static_cast<float>(d * (static_cast<double>(code_of(codes, i)) - 16));
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    write_f16(out, parts.scale);
    write_fifth_bits(out + 2, parts.codes.data());
    write_nibbles(out + 6, parts.codes.data());
  }
};

}  // namespace

const WeightFormat kFormatQ5_0 = block_format<Q5_0>();

}  // namespace garam
