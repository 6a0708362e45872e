// Bytes of a new tensor, computed a batch of rows at a time and handed out in the pieces that a writer asks
// for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace garam::quant {

class RowBatches {
 public:
  /// Fills `out` with rows from `first_row` on, `count` of them.
  using Compute = std::function<void(std::uint64_t first_row, std::uint64_t count, std::byte* out)>;

  RowBatches(std::uint64_t rows, std::uint64_t row_bytes, std::uint64_t rows_at_once, Compute compute)
      : rows_(rows), row_bytes_(row_bytes), at_once_(rows_at_once), compute_(std::move(compute)) {}

  /// Bytes from `offset` on, asked for front to back.
  void supply(std::uint64_t offset, std::span<std::byte> out) {
    while (!out.empty()) {
      const std::uint64_t begin = first_row_ * row_bytes_;
      if (offset < begin || offset >= begin + bytes_.size()) {
        first_row_ = offset / row_bytes_;
        const std::uint64_t count = std::min(at_once_, rows_ - first_row_);
        bytes_.resize(count * row_bytes_);
        compute_(first_row_, count, bytes_.data());
        continue;
      }
      const std::size_t at = offset - begin;
      const std::size_t count = std::min(out.size(), bytes_.size() - at);
      std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at), count, out.begin());
      out = out.subspan(count);
      offset += count;
    }
    if (offset == rows_ * row_bytes_) bytes_ = {};
  }

 private:
  std::uint64_t rows_, row_bytes_, at_once_;
  Compute compute_;
  std::uint64_t first_row_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace garam::quant
