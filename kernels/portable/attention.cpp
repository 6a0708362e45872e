// Portable attention over one chunk of 256 positions, one query row after the other. The specification of
// rule 8: the order of operations is that of kernels.h.
#include "kernels/portable/exp.h"
#include "kernels/portable/float_ops.h"
#include "kernels/portable/parts.h"

namespace garam::kernels::portable {
namespace {

/// Dimension d of the position in `slot`, of `dim` dimensions, `at` elements into the page.
float element(const float* page, std::size_t at, std::size_t, std::size_t, std::size_t) {
  return page[at];
}
float element(const std::uint16_t* page, std::size_t at, std::size_t, std::size_t, std::size_t) {
  return from_f16(page[at]);
}
float element(const std::int8_t* page, std::size_t at, std::size_t dim, std::size_t d, std::size_t slot) {
  const auto* scales = reinterpret_cast<const std::uint16_t*>(page);
  const std::int8_t byte = page[kv_scale_bytes(KvFormat::kQ8_0, dim) + at];
  return from_f16(scales[d / kBlock * kPagePositions + slot]) * static_cast<float>(byte);
}

/// score[0..15] of the keys in the slots `first` to `first` + 15, a multiple of 16, of one page.
template <typename Element>
void score_block(const Element* page, std::size_t first, const AttentionChunk& chunk, const float* q,
                 float* score) {
  float dot[kLanes] = {};
  for (std::size_t d = 0; d < chunk.key_dim; ++d) {
    const std::size_t at = first * chunk.key_dim + d * kLanes;
    for (std::size_t i = 0; i < kLanes; ++i) {
      dot[i] = fma(element(page, at + i, chunk.key_dim, d, first + i), q[d], dot[i]);
    }
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    score[i] = dot[i] * chunk.scale;
    if (chunk.soft_cap > 0) score[i] = tanh(score[i] / chunk.soft_cap) * chunk.soft_cap;
  }
}

template <typename Element>
void attend(const AttentionChunk& chunk, const AttentionRow& row) {
  const auto begin = static_cast<std::size_t>(row.begin);
  const auto end = static_cast<std::size_t>(row.end);
  const std::size_t stride = value_stride(chunk.value_dim);

  float* p = chunk.scratch;  // [256]: scores, then probabilities
  for (std::size_t block = begin / kLanes; block * kLanes < end; ++block) {
    const std::size_t key = block * kLanes;
    const auto* page = static_cast<const Element*>(chunk.k_pages[key / kPagePositions]);
    score_block(page, key % kPagePositions, chunk, row.q, p + key);
  }
  float chunk_max = p[begin];
  for (std::size_t key = begin; key < end; ++key) chunk_max = p[key] > chunk_max ? p[key] : chunk_max;

  float s[kLanes] = {};
  for (std::size_t key = begin; key < end; ++key) {
    p[key] = exp(p[key] - chunk_max);
    s[key % kLanes] += p[key];
  }
  for (std::size_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) s[i] += s[i + width];
  }

  float* o = chunk.scratch + kChunkPositions;  // [value_stride]
  for (std::size_t d = 0; d < stride; ++d) o[d] = 0.0f;
  for (std::size_t key = begin; key < end; ++key) {
    const auto* page = static_cast<const Element*>(chunk.v_pages[key / kPagePositions]);
    const std::size_t slot = key % kPagePositions;
    for (std::size_t d = 0; d < stride; ++d) {
      o[d] = fma(element(page, slot * stride + d, chunk.value_dim, d, slot), p[key], o[d]);
    }
  }

  const float max = *row.max > chunk_max ? *row.max : chunk_max;
  const float a = exp(*row.max - max);
  const float b = exp(chunk_max - max);
  *row.sum = fma(*row.sum, a, s[0] * b);
  for (std::size_t d = 0; d < stride; ++d) row.out[d] = fma(row.out[d], a, (o[d] + 0.0f) * b);
  *row.max = max;
}

template <typename Element>
void attention(const AttentionChunk& chunk) {
  for (std::size_t i = 0; i < chunk.row_count; ++i) {
    if (chunk.rows[i].begin < chunk.rows[i].end) attend<Element>(chunk, chunk.rows[i]);
  }
}

}  // namespace

void fill_attention(Table& table) {
  table.attention[static_cast<std::size_t>(KvFormat::kF16)] = attention<std::uint16_t>;
  table.attention[static_cast<std::size_t>(KvFormat::kF32)] = attention<float>;
  table.attention[static_cast<std::size_t>(KvFormat::kQ8_0)] = attention<std::int8_t>;
}

}  // namespace garam::kernels::portable
