// Attention of training by blocks of 64 queries, on the same panels and kernels as every other product. One
// piece of work is one kv head of one segment: its keys and values are packed once for all query heads that
// share them.
#include "train/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace garam::training {
namespace {

constexpr std::size_t kPanel = kernels::kPanelRows;
constexpr std::size_t kQueries = 64;

/// What one piece of work needs of its worker's memory, for the longest segment.
struct Room {
  Room(const AttentionShape& shape, std::size_t length)
      : keys(padded(length)), dims(padded(shape.head_dim)), head_dim(shape.head_dim) {}

  std::size_t keys, dims, head_dim;

  std::size_t by_key() const { return keys * head_dim; }  // panels of 32 keys, each [head_dim][32]
  std::size_t by_dim() const { return keys * dims; }      // panels of 32 dims, each [keys][32]
  std::size_t scores() const { return kQueries * keys; }  // [query][keys]
  std::size_t block() const { return kQueries * dims; }   // [query][dims], or panels of 32 dims [query][32]
  std::size_t turned() const { return keys * kQueries; }  // [key][query]
};

/// Walks through a worker's memory.
struct Cut {
  float* at;
  float* operator()(std::size_t count) {
    float* const piece = at;
    at += kernels::round_up(count, kPanel);
    return piece;
  }
};

std::size_t longest(std::span<const Segment> segments) {
  std::size_t length = 0;
  for (const Segment& segment : segments) length = std::max(length, segment.length);
  return length;
}

/// One segment and kv head.
struct Piece {
  const kernels::Table& table;
  Room room;
  Segment segment;
  std::size_t head_dim;
  float scale;

  Rows of(const Rows& m, std::size_t head) const {
    return m.slice(segment.first, segment.length).columns(head * head_dim, head_dim);
  }
  /// Panels of 32 rows of m, for products over its columns.
  void pack_by_key(const Rows& m, float* panels) const {
    for (std::size_t key = 0; key < m.rows; key += kPanel) {
      pack_rows(table, m, key, std::min(kPanel, m.rows - key), panels + key * head_dim);
    }
  }
  /// Panels of 32 columns of m, for products over its rows; `rows` of them make room for one.
  void pack_by_dim(const Rows& m, std::size_t rows, float* panels) const {
    for (std::size_t d = 0; d < head_dim; d += kPanel) pack_columns(m, d, panels + d * rows);
  }
  /// out [x.rows][32 ceil(head_dim / 32)] = x times panels by dim, over the first x.width rows of what they
  /// hold.
  void times_dims(const Rows& x, const float* panels, std::size_t rows, float* out, std::size_t stride,
                  Start start) const {
    for (std::size_t d = 0; d < head_dim; d += kPanel) {
      multiply_panel(table, panels + d * rows, x.width, x, out + d, stride, start);
    }
  }
  /// Products of 64 queries with the keys [0, end), into [query][keys].
  void times_keys(const Rows& x, const float* panels, std::size_t end, float* out) const {
    table.matmul[static_cast<std::size_t>(kernels::Format::kF32)](
        {.panels = reinterpret_cast<const std::byte*>(panels),
         .panel_count = (end + kPanel - 1) / kPanel,
         .k = head_dim,
         .x = x.data,
         .x_stride = x.stride,
         .rows = x.rows,
         .out = out,
         .out_stride = room.keys});
  }
  /// Scores of queries [first, first + q.rows) to probabilities; 0 behind what a query sees, up to `end`.
  void probabilities(const Rows& q, const float* key_panels, std::size_t first, std::size_t end,
                     float* scores) const {
    times_keys(q, key_panels, end, scores);
    for (std::size_t i = 0; i < q.rows; ++i) {
      float* const row = scores + i * room.keys;
      const std::size_t seen = first + i + 1;
      float max = 0, sum = 0;
      table.scale(row, seen, scale);
      table.training.softmax(row, seen, &max, &sum);
      std::fill(row + seen, row + end, 0.0f);
    }
  }
};

/// body(piece, kv_head, worker) for every segment and kv head.
template <typename Body>
void each_piece(const Context& context, const AttentionShape& shape, std::span<const Segment> segments,
                const Body& body) {
  const float scale = shape.scale();
  context.steal(
      segments.size() * shape.kv_heads, 1, [&](std::size_t begin, std::size_t end, unsigned worker) {
        for (std::size_t i = begin; i < end; ++i) {
          const Segment& segment = segments[i / shape.kv_heads];
          const Piece piece = {context.table(), Room(shape, segment.length), segment, shape.head_dim, scale};
          body(piece, i % shape.kv_heads, worker);
        }
      });
}

void copy_block(const float* from, std::size_t stride, const Rows& to) {
  for (std::size_t t = 0; t < to.rows; ++t) {
    std::memcpy(to.row(t), from + t * stride, to.width * sizeof(float));
  }
}

}  // namespace

float AttentionShape::scale() const {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
}

void attention(const Context& context, Scratch& scratch, const AttentionShape& shape,
               std::span<const Segment> segments, const AttentionInputs& in, const Rows& out) {
  const Room most(shape, longest(segments));
  scratch.reserve_workers(most.by_key() + most.by_dim() + most.scores() + most.block() + 4 * kPanel);
  const std::size_t group = shape.heads / shape.kv_heads;
  each_piece(context, shape, segments, [&](const Piece& piece, std::size_t kv_head, unsigned worker) {
    const Room& room = piece.room;
    Cut cut{scratch.worker(worker).floats(0)};
    float* const keys = cut(room.by_key());
    float* const values = cut(room.by_dim());
    float* const scores = cut(room.scores());
    float* const block = cut(room.block());
    piece.pack_by_key(piece.of(in.k, kv_head), keys);
    piece.pack_by_dim(piece.of(in.v, kv_head), room.keys, values);
    for (std::size_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      const Rows q = piece.of(in.q, head), o = piece.of(out, head);
      for (std::size_t first = 0; first < q.rows; first += kQueries) {
        const std::size_t count = std::min(kQueries, q.rows - first), end = first + count;
        piece.probabilities(q.slice(first, count), keys, first, end, scores);
        piece.times_dims({scores, count, end, room.keys}, values, room.keys, block, room.dims, Start::kZero);
        copy_block(block, room.dims, o.slice(first, count));
      }
    }
  });
}

void attention_backward(const Context& context, Scratch& scratch, const AttentionShape& shape,
                        std::span<const Segment> segments, const AttentionInputs& in, const Rows& dout,
                        const AttentionInputs& gradients) {
  const Room most(shape, longest(segments));
  scratch.reserve_workers(2 * most.by_key() + 3 * most.by_dim() + 2 * most.scores() + 3 * most.block() +
                          most.turned() + 11 * kPanel);
  const std::size_t group = shape.heads / shape.kv_heads;
  each_piece(context, shape, segments, [&](const Piece& piece, std::size_t kv_head, unsigned worker) {
    const Room& room = piece.room;
    const kernels::Table& table = piece.table;
    Cut cut{scratch.worker(worker).floats(0)};
    float* const keys = cut(room.by_key());
    float* const values = cut(room.by_key());
    float* const keys_by_dim = cut(room.by_dim());
    float* const dk = cut(room.by_dim());
    float* const dv = cut(room.by_dim());
    float* const p = cut(room.scores());
    float* const ds = cut(room.scores());
    float* const block = cut(room.block());
    float* const q_block = cut(room.block());
    float* const dout_block = cut(room.block());
    float* const turned = cut(room.turned());
    const Rows k = piece.of(in.k, kv_head), v = piece.of(in.v, kv_head);
    piece.pack_by_key(k, keys);
    piece.pack_by_key(v, values);
    piece.pack_by_dim(k, room.keys, keys_by_dim);
    std::fill(dk, dk + room.by_dim(), 0.0f);
    std::fill(dv, dv + room.by_dim(), 0.0f);
    for (std::size_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      const Rows q = piece.of(in.q, head), d = piece.of(dout, head), dq = piece.of(gradients.q, head);
      for (std::size_t first = 0; first < q.rows; first += kQueries) {
        const std::size_t count = std::min(kQueries, q.rows - first), end = first + count;
        const Rows q_rows = q.slice(first, count), d_rows = d.slice(first, count);
        piece.probabilities(q_rows, keys, first, end, p);
        piece.times_keys(d_rows, values, end, ds);
        for (std::size_t i = 0; i < count; ++i) {
          float* const row = ds + i * room.keys;
          const std::size_t seen = first + i + 1;
          table.training.softmax_backward(p + i * room.keys, row, seen, piece.scale, row);
          std::fill(row + seen, row + end, 0.0f);
        }
        piece.times_dims({ds, count, end, room.keys}, keys_by_dim, room.keys, block, room.dims, Start::kZero);
        copy_block(block, room.dims, dq.slice(first, count));

        piece.pack_by_dim(q_rows, count, q_block);
        transpose(table, {ds, count, end, room.keys}, turned, kQueries);
        piece.times_dims({turned, end, count, kQueries}, q_block, count, dk, room.dims, Start::kHere);
        piece.pack_by_dim(d_rows, count, dout_block);
        transpose(table, {p, count, end, room.keys}, turned, kQueries);
        piece.times_dims({turned, end, count, kQueries}, dout_block, count, dv, room.dims, Start::kHere);
      }
    }
    copy_block(dk, room.dims, piece.of(gradients.k, kv_head));
    copy_block(dv, room.dims, piece.of(gradients.v, kv_head));
  });
}

}  // namespace garam::training
