// The KV pages of one chunk and query rows over it, for tests of attention: every page in a buffer of its own
// that ends at a guard page, pages that nobody may see absent.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
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

/// K and V of 256 positions as a session would have stored them. Element is float or std::uint16_t (f16).
template <typename Element>
class KvChunk {
 public:
  KvChunk(Random& random, Values values, std::size_t key_dim, std::size_t value_dim)
      : key_dim_(key_dim), value_dim_(value_dim) {
    const kernels::Table& table = portable_table();
    const std::size_t stride = kernels::value_stride(value_dim);
    std::vector<float> key(key_dim);
    std::vector<float> value(value_dim);
    for (std::size_t page = 0; page < kernels::kChunkPages; ++page) {
      Guarded<Element>& k = k_.emplace_back(kernels::kPagePositions * key_dim, kernels::kAlignment);
      Guarded<Element>& v = v_.emplace_back(kernels::kPagePositions * stride, kernels::kAlignment);
      for (std::size_t slot = 0; slot < kernels::kPagePositions; ++slot) {
        fill_random(random, values, key);
        fill_random(random, values, value);
        if constexpr (std::is_same_v<Element, float>) {
          table.store_k_f32(key.data(), key_dim, k.data(), slot);
          table.store_v_f32(value.data(), value_dim, v.data(), slot);
        } else {
          table.store_k_f16(key.data(), key_dim, k.data(), slot);
          table.store_v_f16(value.data(), value_dim, v.data(), slot);
        }
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

  Element k(std::size_t key, std::size_t d) const {
    const std::size_t slot = key % kernels::kPagePositions;
    return k_[key / kernels::kPagePositions][(slot / 16 * key_dim_ + d) * 16 + slot % 16];
  }
  Element v(std::size_t key, std::size_t d) const {
    const std::size_t slot = key % kernels::kPagePositions;
    return v_[key / kernels::kPagePositions][slot * kernels::value_stride(value_dim_) + d];
  }

 private:
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
