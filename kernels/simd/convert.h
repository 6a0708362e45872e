// Activations into the forms that matmul kernels read (numerics rules 3 and 4), and stores into KV pages.
// Float to integer conversion rounds nearest even because callers set the float environment (rule 6).
#pragma once

#include "kernels/simd/elementwise.h"

namespace garam::kernels::simd {

/// The sums of a block whose q, in lanes, and scale are known.
template <typename L>
inline void fill_sums(typename L::I low, typename L::I high, ActivationBlock& block) {
  const typename L::I q[2] = {low, high};
  std::int32_t lane[2][2];
  for (std::size_t half = 0; half < 2; ++half) {
    lane[half][0] = L::total(L::keep_even_pairs(q[half]));
    lane[half][1] = L::total(q[half]) - lane[half][0];
    block.half_sum[half] = static_cast<std::int16_t>(lane[half][0] + lane[half][1]);
    block.minus_lanes[half][0] = static_cast<std::int16_t>(-lane[half][0]);
    block.minus_lanes[half][1] = static_cast<std::int16_t>(-lane[half][1]);
  }
  block.minus_all_lanes[0] = static_cast<std::int16_t>(-lane[0][0] - lane[1][0]);
  block.minus_all_lanes[1] = static_cast<std::int16_t>(-lane[0][1] - lane[1][1]);
  const std::int32_t sum = block.sum();
  block.scaled_sum = block.scale * static_cast<float>(sum);
  block.minus_8_sums = -8 * sum;
  block.minus_128_sums = -128 * sum;
}

template <typename L>
void quantize_q8(const float* x, std::size_t k, ActivationBlock* blocks) {
  constexpr typename L::Full kFull{};
  for (ActivationBlock* block = blocks; block < blocks + k / kBlock; ++block, x += kBlock) {
    const auto low = L::load(x, kFull);
    const auto high = L::load(x + kLanes, kFull);
    const std::int32_t amax_bits = L::largest(L::max(magnitude<L>(low), magnitude<L>(high)));
    if (amax_bits >= 0x7f800000 || amax_bits < (127 - 100) << 23) {
      *block = {};
      if (amax_bits >= 0x7f800000) block->scale = block->scaled_sum = __builtin_nanf("");
      continue;
    }
    const auto amax = __builtin_bit_cast(float, amax_bits);
    // |x * inverse| <= 127 * (1 + 2^-24)^2 rounds to 127 at most: the clamp of the contract never acts.
    const auto inverse = L::set(127.0f / amax);
    const auto q_low = L::nearest(L::mul(low, inverse));
    const auto q_high = L::nearest(L::mul(high, inverse));
    L::store_int8(block->q, q_low);
    L::store_int8(block->q + kLanes, q_high);
    block->scale = amax / 127.0f;
    fill_sums<L>(q_low, q_high, *block);
  }
}

template <typename L>
void round_bf16(const float* x, std::size_t k, std::uint16_t* y) {
  each<L>(k, [&](std::size_t i, auto part) {
    const auto bits = L::bits(L::load(x + i, part));
    const auto upper = L::template shift_right<16>(bits);
    const auto bias = L::add(L::bit_and(upper, L::set_int(1)), L::set_int(0x7fff));
    const auto rounded = L::template shift_right<16>(L::add(bits, bias));
    const auto quiet = L::bit_or(upper, L::set_int(0x40));
    const auto nan = L::less(L::set_int(0x7f800000), L::bit_and(bits, L::set_int(0x7fffffff)));
    const auto value = L::select(nan, quiet, rounded);
    const auto small = L::less(L::bit_and(value, L::set_int(0x7fff)), L::set_int((127 - 50) << 7));
    L::store_uint16(y + i, L::select(small, L::set_int(0), value), part);
  });
  if (k % 2 != 0) y[k] = 0;
}

/// What a KV page keeps of x: zero for what is not finite. `largest` collects the magnitudes.
template <typename L>
inline typename L::F storable(typename L::F x, typename L::I& largest) {
  const auto size = magnitude<L>(x);
  largest = L::max(largest, size);
  return L::select(L::less(size, L::set_int(0x7f800000)), x, L::zero());
}

template <typename L, typename Part>
inline void store_elements(float* to, typename L::F x, Part part) {
  L::store(to, x, part);
}
template <typename L, typename Part>
inline void store_elements(std::uint16_t* to, typename L::F x, Part part) {
  L::store_f16(to, L::clamp(x, 65504.0f), part);
}

template <typename L, typename Element>
bool store_v(const float* x, std::size_t n, void* page, std::size_t slot) {
  auto* value = static_cast<Element*>(page) + slot * value_stride(n);
  auto largest = L::set_int(0);
  each<L>(n, [&](std::size_t i, auto part) {
    store_elements<L>(value + i, storable<L>(L::load(x + i, part), largest), part);
  });
  return L::largest(largest) < 0x7f800000;
}

template <typename L, typename Element>
bool store_k(const float* x, std::size_t n, void* page, std::size_t slot) {
  auto* key = static_cast<Element*>(page) + slot / kLanes * n * kLanes + slot % kLanes;
  auto largest = L::set_int(0);
  each<L>(n, [&](std::size_t i, auto part) {
    Element row[kLanes];
    store_elements<L>(row, storable<L>(L::load(x + i, part), largest), typename L::Full{});
    const std::size_t count = n - i < kLanes ? n - i : kLanes;
    for (std::size_t j = 0; j < count; ++j) key[(i + j) * kLanes] = row[j];
  });
  return L::largest(largest) < 0x7f800000;
}

/// Scales of a vector, 64 apart, and its bytes, which go block by block to put(first dimension, bytes,
/// count).
template <typename L, typename Put>
inline bool store_q8_0(const float* x, std::size_t n, std::uint16_t* scales, const Put& put) {
  constexpr typename L::Full kFull{};
  auto largest = L::set_int(0);
  for (std::size_t first = 0; first < n; first += kBlock) {
    const std::size_t count = n - first < kBlock ? n - first : kBlock;
    typename L::F part[2] = {L::zero(), L::zero()};
    each<L>(count, [&](std::size_t i, auto lanes) {
      part[i / kLanes] = storable<L>(L::load(x + first + i, lanes), largest);
    });
    const auto amax =
        __builtin_bit_cast(float, L::largest(L::max(magnitude<L>(part[0]), magnitude<L>(part[1]))));
    std::uint16_t scale[kLanes];
    L::store_f16(scale, L::clamp(L::set(amax / 127.0f), 65504.0f), kFull);
    scales[first / kBlock * kPagePositions] = scale[0];
    const auto inverse = scale[0] == 0 ? L::zero() : L::div(L::set(1.0f), L::load_f16(scale));
    std::int8_t bytes[kBlock];
    for (std::size_t i = 0; i < 2; ++i) {
      L::store_int8(bytes + i * kLanes, L::nearest(L::clamp(L::mul(part[i], inverse), 127.0f)));
    }
    put(first, bytes, count);
  }
  return L::largest(largest) < 0x7f800000;
}

template <typename L>
bool store_k_q8_0(const float* x, std::size_t n, void* page, std::size_t slot) {
  auto* key = static_cast<std::int8_t*>(page) + kv_scale_bytes(KvFormat::kQ8_0, n) +
              slot / kLanes * n * kLanes + slot % kLanes;
  return store_q8_0<L>(x, n, static_cast<std::uint16_t*>(page) + slot,
                       [key](std::size_t first, const std::int8_t* bytes, std::size_t count) {
                         for (std::size_t i = 0; i < count; ++i) key[(first + i) * kLanes] = bytes[i];
                       });
}

template <typename L>
bool store_v_q8_0(const float* x, std::size_t n, void* page, std::size_t slot) {
  auto* value = static_cast<std::int8_t*>(page) + kv_scale_bytes(KvFormat::kQ8_0, n) + slot * value_stride(n);
  return store_q8_0<L>(x, n, static_cast<std::uint16_t*>(page) + slot,
                       [value](std::size_t first, const std::int8_t* bytes, std::size_t count) {
                         for (std::size_t i = 0; i < count; ++i) value[first + i] = bytes[i];
                       });
}

}  // namespace garam::kernels::simd
