// q8_0 weights. File block of 32: f16 scale, 32 signed bytes.
#include "tensor/block_format.h"

namespace garam {
namespace {

constexpr std::uint32_t kBias = 0x80808080;  // four weights at once: w + 128 is w with its sign bit flipped

struct Q8_0 {
  static constexpr kernels::Format kFormat = kernels::Format::kQ8_0;
  static constexpr const char* kName = "q8_0";
  static constexpr std::uint32_t kGgmlId = 8;
  static constexpr std::size_t kFileValues = 32, kFileBytes = 34;

  static bool pack(const std::byte* in, const RowOfUnit& to) {
    for (std::size_t g = 0; g < 8; ++g) {
      write_as(word_of(to.planes, g, to.row), read_as<std::uint32_t>(in + 2 + 4 * g) ^ kBias);
    }
    return put_f16(to.f16(0), in);
  }
  static void unpack(const ConstRowOfUnit& from, float* out) {
    const double d = get_f16(from.f16(0));
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      const int biased = static_cast<int>(word_of(from.planes, i / 4, from.row)[i % 4]);
      out[i] = static_cast<float>(d * (biased - 128));
    }
  }
  static void write(const BlockParts& parts, std::byte* out) {
    write_f16(out, parts.scale);
    std::memcpy(out + 2, parts.codes.data(), kernels::kBlock);
  }
};

}  // namespace

const WeightFormat kFormatQ8_0 = block_format<Q8_0>();

}  // namespace garam
