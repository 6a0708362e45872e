// The KV pages of one chunk and query rows over it, for tests of attention: every page in a buffer of its own
// that ends at a guard page, pages that nobody may see absent.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/kernels.h"
#include "support/guarded.h"
#include "support/kernel_tables.h"
#include "support/random.h"

namespace garam::test {

struct KeyRange {
  std::int32_t begin;
  std::int32_t end;
};

/// The exact value of f16 bits, without any code of the kernels.
inline double half_value(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

/// The KV type whose pages a test reads as Elements: float, std::uint16_t (f16) or std::int8_t (q8_0).
template <typename Element>
inline constexpr kernels::KvFormat kFormatOf = sizeof(Element) == 4   ? kernels::KvFormat::kF32
                                               : sizeof(Element) == 2 ? kernels::KvFormat::kF16
                                                                      : kernels::KvFormat::kQ8_0;
template <typename Element>
inline constexpr auto kFormatIndex = static_cast<std::size_t>(kFormatOf<Element>);

/// K and V of 256 positions as a session would have stored them.
template <typename Element>
class KvChunk {
 public:
  KvChunk(Random& random, Values values, std::size_t key_dim, std::size_t value_dim)
      : key_dim_(key_dim), value_dim_(value_dim) {
    const kernels::Table& table = portable_table();
    const std::size_t k_size = kernels::k_page_bytes(kFormatOf<Element>, key_dim) / sizeof(Element);
    const std::size_t v_size = kernels::v_page_bytes(kFormatOf<Element>, value_dim) / sizeof(Element);
    std::vector<float> key(key_dim);
    std::vector<float> value(value_dim);
    for (std::size_t page = 0; page < kernels::kChunkPages; ++page) {
      Guarded<Element>& k = k_.emplace_back(k_size, kernels::kAlignment);
      Guarded<Element>& v = v_.emplace_back(v_size, kernels::kAlignment);
      for (std::size_t slot = 0; slot < kernels::kPagePositions; ++slot) {
        fill_random(random, values, key);
        fill_random(random, values, value);
        table.store_k[kFormatIndex<Element>](key.data(), key_dim, k.data(), slot);
        table.store_v[kFormatIndex<Element>](value.data(), value_dim, v.data(), slot);
      }
      k.freeze();
      v.freeze();
    }
  }

  /// The page pointers of a chunk, null where no range reaches.
  struct Pages {
    const void* k[kernels::kChunkPages];
    const void* v[kernels::kChunkPages];
  };
  Pages pages(const std::vector<KeyRange>& ranges) const {
    Pages pages{};
    for (const KeyRange& range : ranges) {
      for (std::int32_t key = range.begin; key < range.end; ++key) {
        const auto page = static_cast<std::size_t>(key) / kernels::kPagePositions;
        pages.k[page] = k_[page].data();
        pages.v[page] = v_[page].data();
      }
    }
    return pages;
  }

  /// Dimension d of a key and of a value, exactly.
  double k(std::size_t key, std::size_t d) const {
    const std::size_t slot = key % kernels::kPagePositions;
    return value(k_[key / kernels::kPagePositions], key_dim_, (slot / 16 * key_dim_ + d) * 16 + slot % 16, d,
                 slot);
  }
  double v(std::size_t key, std::size_t d) const {
    const std::size_t slot = key % kernels::kPagePositions;
    return value(v_[key / kernels::kPagePositions], value_dim_, slot * kernels::value_stride(value_dim_) + d,
                 d, slot);
  }

 private:
  static double value(const Guarded<Element>& page, std::size_t dim, std::size_t at, std::size_t d,
                      std::size_t slot) {
    if constexpr (sizeof(Element) == 4) return page[at];
    if constexpr (sizeof(Element) == 2) return half_value(page[at]);
    if constexpr (sizeof(Element) == 1) {
      std::uint16_t scale;
      std::memcpy(&scale, page.data() + (d / 32 * 64 + slot) * 2, sizeof scale);
      return half_value(scale) * page[(dim + 31) / 32 * 128 + at];
    }
  }

  std::size_t key_dim_;
  std::size_t value_dim_;
  std::vector<Guarded<Element>> k_;
  std::vector<Guarded<Element>> v_;
};

/// Query rows and their running state.
struct AttentionState {
  AttentionState(std::size_t rows, std::size_t key_dim, std::size_t value_dim)
      : key_dim(key_dim),
        stride(kernels::value_stride(value_dim)),
        q(rows * key_dim),
        out(rows * stride),
        max(rows),
        sum(rows) {
    std::fill(max.begin(), max.end(), -std::numeric_limits<float>::infinity());
  }

  /// The rows as a kernel takes them, seeing `ranges`.
  std::vector<kernels::AttentionRow> rows(const std::vector<KeyRange>& ranges) {
    std::vector<kernels::AttentionRow> rows;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      rows.push_back({&q[i * key_dim], &out[i * stride], &max[i], &sum[i], ranges[i].begin, ranges[i].end});
    }
    return rows;
  }

  std::size_t key_dim;
  std::size_t stride;
  Guarded<float> q;
  Guarded<float> out;
  Guarded<float> max;
  Guarded<float> sum;
};

}  // namespace garam::test
