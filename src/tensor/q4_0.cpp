// q4_0 weights. File block of 32: f16 scale, 16 bytes with value i in the low and i + 16 in the high nibble
// of byte i.
#include <cmath>
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
};

void encode(const float* values, std::size_t k, std::byte* row) {
  for (std::size_t b = 0; b < k / kernels::kBlock; ++b, values += kernels::kBlock, row += Q4_0::kFileBytes) {
    float extreme = 0;  // of largest magnitude, with its sign: it becomes -8, the widest code
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
    }
    const std::uint16_t scale = float_to_half(extreme / -8.0f);
    const float step = half_to_float(scale);
    std::memcpy(row, &scale, 2);
    const auto code = [&](float value) {
      const float q = step != 0 ? std::nearbyint(value / step) + 8.0f : 8.0f;
      return static_cast<unsigned>(std::fmin(15.0f, std::fmax(0.0f, q)));
    };
    for (std::size_t i = 0; i < 16; ++i) {
      row[2 + i] = static_cast<std::byte>(code(values[i]) | code(values[i + 16]) << 4);
    }
  }
}

}  // namespace

const WeightFormat kFormatQ4_0 = block_format<Q4_0>(encode);

}  // namespace garam
