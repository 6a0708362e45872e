// Portable products of the block formats. The specification: a format says how a block of 32 k is read out of
// its unit (layout.h), then one of four written steps joins it to the accumulators of 32 rows.
#include "kernels/portable/float_ops.h"
#include "kernels/portable/parts.h"

namespace garam::kernels::portable {
namespace {

constexpr std::size_t kRows = kPanelRows;

/// A block of 32 rows. A format fills what its step reads.
struct Block {
  std::int32_t w[kBlock][kRows];  // integers, offsets subtracted, tables applied
  float d[kRows];                 // fl(d * scale) where the scale is one of 32 k
  float m[kRows];                 // what multiplies fl(da * sa), with its sign
  std::int32_t scale[2][kRows];   // of halves
  std::int32_t minimum[2][kRows];
};

std::uint32_t byte_at(const std::byte* from, std::size_t i) {
  return static_cast<std::uint8_t>(from[i]);
}

float f16_at(const std::byte* from, std::size_t row) {
  return from_f16(load<std::uint16_t>(from + 2 * row));
}

// The planes of layout.h: the bits of k i of a row.
std::uint32_t byte_plane(const std::byte* plane, std::size_t row, std::size_t i) {
  return byte_at(plane, (i / 4 * kRows + row) * 4 + i % 4);
}
std::uint32_t nibble_plane(const std::byte* plane, std::size_t row, std::size_t i) {
  return byte_plane(plane, row, i % 16) >> (i < 16 ? 0 : 4) & 15;
}
std::uint32_t pair_plane(const std::byte* plane, std::size_t row, std::size_t i) {
  return byte_at(plane, (i / 16 * kRows + row) * 4 + i % 4) >> 2 * (i % 16 / 4) & 3;
}
std::uint32_t bit_plane(const std::byte* plane, std::size_t row, std::size_t i) {
  return byte_at(plane, row * 4 + i % 4) >> i / 4 & 1;
}

/// w[i][row] = integer(row, i).
template <typename Integer>
void fill_integers(Block& block, const Integer& integer) {
  for (std::size_t i = 0; i < kBlock; ++i) {
    for (std::size_t row = 0; row < kRows; ++row) block.w[i][row] = integer(row, i);
  }
}

constexpr std::size_t kF16Bytes = 2 * kRows;  // f16 of 32 rows
constexpr std::size_t kNibbleBytes = 16 * kRows;
constexpr std::size_t kPairBytes = 8 * kRows;

void fill_d(Block& block, const std::byte* header) {
  for (std::size_t row = 0; row < kRows; ++row) block.d[row] = f16_at(header, row);
}
void fill_d_and_m(Block& block, const std::byte* header) {
  fill_d(block, header);
  for (std::size_t row = 0; row < kRows; ++row) block.m[row] = f16_at(header + kF16Bytes, row);
}

std::int32_t nibble(const std::byte* plane, std::size_t row, std::size_t i) {
  return static_cast<std::int32_t>(nibble_plane(plane, row, i));
}
/// Five bits: a nibble plane and a bit plane behind it.
std::int32_t five_bits(const std::byte* planes, std::size_t row, std::size_t i) {
  return nibble(planes, row, i) | static_cast<std::int32_t>(bit_plane(planes + kNibbleBytes, row, i) << 4);
}

// Each fills `block` from the header of a unit, the number s of the block in it, and its integers.

void read_q8_0(const std::byte* header, std::size_t, const std::byte* planes, Block& block) {
  fill_d(block, header);
  fill_integers(block, [&](std::size_t row, std::size_t i) {
    return static_cast<std::int32_t>(byte_plane(planes, row, i)) - 128;
  });
}
void read_q4_0(const std::byte* header, std::size_t, const std::byte* planes, Block& block) {
  fill_d(block, header);
  fill_integers(block, [&](std::size_t row, std::size_t i) { return nibble(planes, row, i) - 8; });
}
void read_q4_1(const std::byte* header, std::size_t, const std::byte* planes, Block& block) {
  fill_d_and_m(block, header);
  fill_integers(block, [&](std::size_t row, std::size_t i) { return nibble(planes, row, i); });
}
void read_q5_0(const std::byte* header, std::size_t, const std::byte* planes, Block& block) {
  fill_d(block, header);
  fill_integers(block, [&](std::size_t row, std::size_t i) { return five_bits(planes, row, i) - 16; });
}
void read_q5_1(const std::byte* header, std::size_t, const std::byte* planes, Block& block) {
  fill_d_and_m(block, header);
  fill_integers(block, [&](std::size_t row, std::size_t i) { return five_bits(planes, row, i); });
}
void read_iq4_nl(const std::byte* header, std::size_t, const std::byte* planes, Block& block) {
  fill_d(block, header);
  fill_integers(block, [&](std::size_t row, std::size_t i) {
    return std::int32_t{kIq4Values[nibble_plane(planes, row, i)]};
  });
}
void read_iq4_xs(const std::byte* header, std::size_t s, const std::byte* planes, Block& block) {
  for (std::size_t row = 0; row < kRows; ++row) {
    const auto scale = load<std::int8_t>(header + kF16Bytes + s * kRows + row);
    block.d[row] = f16_at(header, row) * static_cast<float>(scale);
  }
  fill_integers(block, [&](std::size_t row, std::size_t i) {
    return std::int32_t{kIq4Values[nibble_plane(planes, row, i)]};
  });
}
void read_mxfp4(const std::byte* header, std::size_t s, const std::byte* planes, Block& block) {
  for (std::size_t row = 0; row < kRows; ++row) block.d[row] = from_e8m0(byte_at(header, s * kRows + row));
  fill_integers(block, [&](std::size_t row, std::size_t i) {
    return std::int32_t{kMxfp4Values[nibble_plane(planes, row, i)]};
  });
}

/// d * scale and -(dmin * min), scale and min of 6 bits. Block s of 4 to 7 has its low four bits in the third
/// word of four bytes, its high two on top of those of block s - 4.
void fill_k_scales(const std::byte* header, std::size_t s, Block& block) {
  const std::byte* packed = header + 2 * kF16Bytes;
  for (std::size_t row = 0; row < kRows; ++row) {
    const auto number = [&](std::size_t word, int shift) {
      const std::uint32_t own = byte_at(packed, (word * kRows + row) * 4 + s % 4);
      if (s < 4) return own & 63;
      return (byte_at(packed, (2 * kRows + row) * 4 + s % 4) >> shift & 15) | own >> 6 << 4;
    };
    block.d[row] = f16_at(header, row) * static_cast<float>(number(0, 0));
    block.m[row] = -(f16_at(header + kF16Bytes, row) * static_cast<float>(number(1, 4)));
  }
}
void read_q4_K(const std::byte* header, std::size_t s, const std::byte* planes, Block& block) {
  fill_k_scales(header, s, block);
  fill_integers(block, [&](std::size_t row, std::size_t i) { return nibble(planes, row, i); });
}
void read_q5_K(const std::byte* header, std::size_t s, const std::byte* planes, Block& block) {
  fill_k_scales(header, s, block);
  fill_integers(block, [&](std::size_t row, std::size_t i) { return five_bits(planes, row, i); });
}

void fill_half_scales(const std::byte* scales, std::size_t s, Block& block) {
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t row = 0; row < kRows; ++row) {
      block.scale[half][row] = load<std::int8_t>(scales + (s * kRows + row) * 2 + half);
    }
  }
}
void read_q6_K(const std::byte* header, std::size_t s, const std::byte* planes, Block& block) {
  fill_d(block, header);
  fill_half_scales(header + kF16Bytes, s, block);
  fill_integers(block, [&](std::size_t row, std::size_t i) {
    return (nibble(planes, row, i) |
            static_cast<std::int32_t>(pair_plane(planes + kNibbleBytes, row, i) << 4)) -
           32;
  });
}
void read_q3_K(const std::byte* header, std::size_t s, const std::byte* planes, Block& block) {
  fill_d(block, header);
  fill_half_scales(header + kF16Bytes, s, block);
  fill_integers(block, [&](std::size_t row, std::size_t i) {
    return static_cast<std::int32_t>(pair_plane(planes, row, i) | bit_plane(planes + kPairBytes, row, i)
                                                                      << 2) -
           4;
  });
}
void read_q2_K(const std::byte* header, std::size_t s, const std::byte* planes, Block& block) {
  fill_d_and_m(block, header);
  for (std::size_t row = 0; row < kRows; ++row) {
    block.m[row] = -block.m[row];
    for (std::size_t half = 0; half < 2; ++half) {
      const std::uint32_t both = byte_at(header + 2 * kF16Bytes, (s * kRows + row) * 2 + half);
      block.scale[half][row] = static_cast<std::int32_t>(both & 15);
      block.minimum[half][row] = static_cast<std::int32_t>(both >> 4);
    }
  }
  fill_integers(block, [&](std::size_t row, std::size_t i) {
    return static_cast<std::int32_t>(pair_plane(planes, row, i));
  });
}

/// sums[row] += the integer dot over k [first, last).
void add_dots(const Block& block, const std::int8_t* q, std::size_t first, std::size_t last,
              std::int32_t (&sums)[kRows]) {
  for (std::size_t i = first; i < last; ++i) {
    for (std::size_t row = 0; row < kRows; ++row) sums[row] += block.w[i][row] * q[i];
  }
}

// The steps: one block joins the accumulators of one activation row.

void add_scaled(const Block& block, const ActivationBlock& x, float* acc) {
  std::int32_t isum[kRows] = {};
  add_dots(block, x.q, 0, kBlock, isum);
  for (std::size_t row = 0; row < kRows; ++row) {
    acc[row] = fma(block.d[row] * x.scale, static_cast<float>(isum[row]), acc[row]);
  }
}
void add_with_minimum(const Block& block, const ActivationBlock& x, float* acc) {
  add_scaled(block, x, acc);
  for (std::size_t row = 0; row < kRows; ++row) acc[row] = fma(block.m[row], x.scaled_sum, acc[row]);
}
void add_halves(const Block& block, const ActivationBlock& x, float* acc) {
  std::int32_t sums[2][kRows] = {};
  add_dots(block, x.q, 0, kBlock / 2, sums[0]);
  add_dots(block, x.q, kBlock / 2, kBlock, sums[1]);
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::int32_t isum = block.scale[0][row] * sums[0][row] + block.scale[1][row] * sums[1][row];
    acc[row] = fma(block.d[row] * x.scale, static_cast<float>(isum), acc[row]);
  }
}
void add_halves_with_minimum(const Block& block, const ActivationBlock& x, float* acc) {
  add_halves(block, x, acc);
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::int32_t imin = block.minimum[0][row] * x.half_sum[0] + block.minimum[1][row] * x.half_sum[1];
    acc[row] = fma(block.m[row], x.scale * static_cast<float>(imin), acc[row]);
  }
}

using Read = void (*)(const std::byte* header, std::size_t s, const std::byte* planes, Block& block);
using Step = void (*)(const Block& block, const ActivationBlock& x, float* acc);

/// Blocks ascend; each is read once and joins all activation rows, whose accumulators are the output.
template <Format kFormat, Read kRead, Step kStep>
void matmul(const Matmul& m) {
  constexpr Unit kUnit = unit_of(kFormat);
  constexpr std::size_t kBlocks = kUnit.values / kBlock;
  const auto* x = static_cast<const ActivationBlock*>(m.x);
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    const std::byte* panel = m.panels + p * panel_bytes(kFormat, m.k);
    float* out = m.out + p * kRows;
    for (std::size_t t = 0; t < m.rows; ++t) std::memset(out + t * m.out_stride, 0, kRows * sizeof(float));
    for (std::size_t b = 0; b < m.k / kBlock; ++b) {
      const std::byte* header = panel + b / kBlocks * kUnit.bytes();
      Block block;
      kRead(header, b % kBlocks, header + kUnit.header + b % kBlocks * kUnit.block, block);
      for (std::size_t t = 0; t < m.rows; ++t) kStep(block, x[t * m.x_stride + b], out + t * m.out_stride);
    }
  }
}

}  // namespace

void fill_block_matmul(Table& table) {
  const auto set = [&](Format format, MatmulFn kernel) {
    table.matmul[static_cast<std::size_t>(format)] = kernel;
    table.matmul_name[static_cast<std::size_t>(format)] = "portable";
  };
  set(Format::kQ8_0, matmul<Format::kQ8_0, read_q8_0, add_scaled>);
  set(Format::kQ4_0, matmul<Format::kQ4_0, read_q4_0, add_scaled>);
  set(Format::kQ4_1, matmul<Format::kQ4_1, read_q4_1, add_with_minimum>);
  set(Format::kQ5_0, matmul<Format::kQ5_0, read_q5_0, add_scaled>);
  set(Format::kQ5_1, matmul<Format::kQ5_1, read_q5_1, add_with_minimum>);
  set(Format::kQ2_K, matmul<Format::kQ2_K, read_q2_K, add_halves_with_minimum>);
  set(Format::kQ3_K, matmul<Format::kQ3_K, read_q3_K, add_halves>);
  set(Format::kQ4_K, matmul<Format::kQ4_K, read_q4_K, add_with_minimum>);
  set(Format::kQ5_K, matmul<Format::kQ5_K, read_q5_K, add_with_minimum>);
  set(Format::kQ6_K, matmul<Format::kQ6_K, read_q6_K, add_halves>);
  set(Format::kIq4Nl, matmul<Format::kIq4Nl, read_iq4_nl, add_scaled>);
  set(Format::kIq4Xs, matmul<Format::kIq4Xs, read_iq4_xs, add_scaled>);
  set(Format::kMxfp4, matmul<Format::kMxfp4, read_mxfp4, add_scaled>);
}

}  // namespace garam::kernels::portable
