// Where the codes and scales of a panel's blocks come from: as they lie in memory (Packed), or taken apart
// once for several tiles (Unpacked). In an anonymous namespace, so that nothing made from it is visible
// outside the file that includes it.
#pragma once

#include "kernels/avx512/block_formats.h"
#include "kernels/simd/packed_blocks.h"

namespace garam::kernels::avx512 {
namespace {

/// Two 16-bit numbers a row as one of them twice: the first, or the second.
[[gnu::always_inline]] inline __m512i first_twice(__m512i pairs) {
  return _mm512_mask_blend_epi16(0xaaaaaaaa, pairs, _mm512_slli_epi32(pairs, 16));
}
[[gnu::always_inline]] inline __m512i second_twice(__m512i pairs) {
  return _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(pairs, 16), pairs);
}

/// What a Dot multiplies the sums over both halves of a block with.
struct Halves {
  __m512i scale[2];     // as integers or as floats
  __m512 minus_origin;  // VnniDots: what sums that begin at kFloatOrigin have too much, times the scale
};
/// Of both registers of rows, where a block has them.
template <bool kHas>
struct BothHalves {
  Halves of[2];
};
template <>
struct BothHalves<false> {};
template <bool kHas, bool kOfHalves>
struct Minimums {};
template <>
struct Minimums<true, false> {
  __m512 m[2];
};
template <>
struct Minimums<true, true> {
  __m512 m[2];
  __m512i minimum[2];
};

/// Blocks of a panel as they lie in memory.
template <typename F, typename Dot>
struct Packed {
  static constexpr Sum kSum = F::kSum;
  static constexpr int kOffset = F::kOffset;
  static constexpr int kCentre = F::kCentre;
  static constexpr std::size_t kBlocks = simd::kUnitBlocks<F::kFormat>;
  static constexpr bool kScalesFirst = kBlocks > 1;
  const std::byte* from;  // a unit

  struct Block : simd::PackedBlock {
    /// Groups of k in the order of addresses: a byte of nibbles holds two.
    static constexpr std::size_t group(std::size_t i) {
      return F::kFormat == Format::kQ8_0 ? i : i / 2 + i % 2 * 4;
    }
    [[gnu::always_inline]] __m512i code(std::size_t r, std::size_t g) const { return F::code(planes, r, g); }
    [[gnu::always_inline]] Scales scales(std::size_t r, Halves& half) const {
      const Scales found = F::scales(header, s, r);
      if constexpr (kSum == Sum::kHalves) Dot::template prepare<F>(found.halves, half);
      return found;
    }
  };
  [[gnu::always_inline]] Block at(std::size_t b) const { return {simd::packed_block<F::kFormat>(from, b)}; }
  /// Reads a header whole before the blocks behind it, so that what comes from memory only ascends: one row
  /// of q4_K reads 96 to 104 % of what plain loads do, 84 to 97 % without (Zen 4).
  [[gnu::always_inline]] void touch(std::size_t b) const {
    if constexpr (kBlocks > 1) {
      if (b % kBlocks != 0) return;
      const std::byte* header = at(b).header;
      for (std::size_t i = 0; i < unit_of(F::kFormat).header; i += simd::kCacheLine) {
        static_cast<void>(*reinterpret_cast<const volatile char*>(header + i));
      }
    }
  }
};

/// Blocks of a panel taken apart: codes a byte each, scales as the float steps want them.
template <typename F, typename Dot>
struct Unpacked {
  static constexpr bool kFolded = F::kSum == Sum::kHalves && Dot::kFolds && F::kFolded != kNoFold;
  static constexpr Sum kSum = kFolded ? Sum::kWhole : F::kSum;
  static constexpr int kOffset = kFolded ? F::kFolded : F::kOffset;
  static constexpr int kCentre = F::kCentre;
  static constexpr bool kScalesFirst = false;
  static constexpr std::size_t kCount = 64;

  struct Block {
    __m512i codes[8][2];
    __m512 d[2];
    // What a format does not have takes no room: everything must stay in L1.
    [[no_unique_address]] BothHalves<kSum == Sum::kHalves> half;
    [[no_unique_address]] Minimums<F::kMinimum, F::kSum == Sum::kHalves> minimums;

    static constexpr std::size_t group(std::size_t i) { return i; }
    [[gnu::always_inline]] __m512i code(std::size_t r, std::size_t g) const { return codes[g][r]; }
    [[gnu::always_inline]] Scales scales(std::size_t r, Halves& halves) const {
      Scales found;
      found.d = d[r];
      if constexpr (F::kMinimum) found.m = minimums.m[r];
      if constexpr (kSum == Sum::kHalves) {
        halves = half.of[r];
      }
      if constexpr (F::kMinimum && F::kSum == Sum::kHalves) found.minimum = minimums.minimum[r];
      return found;
    }
  };
  Block blocks[kCount];

  [[gnu::always_inline]] const Block& at(std::size_t b) const { return blocks[b]; }
  [[gnu::always_inline]] void touch(std::size_t) const {}

  /// Fetches its share of what comes next: memory would rest meanwhile.
  void fill(const std::byte* from, std::size_t count, simd::Share ahead) {
    const Packed<F, Dot> packed{from};
    for (std::size_t b = 0; b < count; ++b) {
      simd::fetch_ahead(ahead);
      const auto block = packed.at(b);
      Block& to = blocks[b];
#pragma GCC unroll 2
      for (std::size_t r = 0; r < 2; ++r) {
        const Scales found = F::scales(block.header, block.s, r);
        to.d[r] = found.d;
        if constexpr (F::kMinimum) to.minimums.m[r] = found.m;
        if constexpr (F::kMinimum && F::kSum == Sum::kHalves) to.minimums.minimum[r] = found.minimum;
        if constexpr (kSum == Sum::kHalves) Dot::template prepare<F>(found.halves, to.half.of[r]);
        fill_codes(block, r, found, to);
      }
    }
  }

 private:
  [[gnu::always_inline]] static void fill_codes(const typename Packed<F, Dot>::Block& block, std::size_t r,
                                                const Scales& found, Block& to) {
    if constexpr (kFolded) {
      // (code - offset) * scale + kFolded of the bytes of a word at once: whatever is carried over between
      // them on the way, in the end each of them is 0 to 255.
      const __m512i scale[2] = {first_twice(found.halves), second_twice(found.halves)};
      __m512i add[2];
#pragma GCC unroll 2
      for (std::size_t half = 0; half < 2; ++half) {
        const __m512i lowered = _mm512_mullo_epi16(scale[half], _mm512_set1_epi16(F::kOffset));
        const __m512i one = _mm512_sub_epi16(_mm512_set1_epi16(kOffset), lowered);
        add[half] = _mm512_mullo_epi16(one, _mm512_set1_epi16(0x0101));
      }
#pragma GCC unroll 8
      for (std::size_t g = 0; g < 8; ++g) {
        const __m512i product = _mm512_mullo_epi16(block.code(r, g), scale[g / 4]);
        to.codes[g][r] = _mm512_add_epi16(product, add[g / 4]);
      }
    } else {
#pragma GCC unroll 8
      for (std::size_t g = 0; g < 8; ++g) to.codes[g][r] = block.code(r, g);
    }
  }
};

}  // namespace
}  // namespace garam::kernels::avx512
