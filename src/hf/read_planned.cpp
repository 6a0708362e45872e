// Rows are read where they lie and put where GGUF has them; no more than the rows asked for is held.
#include "hf/read_planned.h"

#include <algorithm>
#include <cstring>

#include "tensor/plain_values.h"

namespace garam {
namespace {

/// The stored row of row `row`: in a head of 2n rows, row 2i is the i-th of its first half, row 2i + 1 the
/// i-th of its second.
std::uint64_t stored_row(const PlannedTensor& planned, std::uint64_t row) {
  if (planned.rows != StoredRows::kHalvesOfHeads) return row;
  const std::uint64_t in_head = row % planned.head_rows;
  return row - in_head + in_head % 2 * (planned.head_rows / 2) + in_head / 2;
}

/// A vector as f32, whole: vectors are small.
std::vector<float> read_vector(const ReadFile& file, const PlannedTensor& planned) {
  const StoredTensor& stored = *planned.stored;
  std::vector<std::byte> bytes(stored.bytes);
  file.read(stored.offset, bytes);
  std::vector<float> values(stored.shape.front());
  for (std::uint64_t i = 0; i < values.size(); ++i) {
    values[i] = plain_value(planned.type, bytes.data(), stored_row(planned, i));
    if (planned.addend != 0) values[i] += planned.addend;  // the sum with 0 would lose the sign of -0
  }
  return values;
}

/// Rows [first, first + count) of a matrix, `row_bytes` each.
void read_rows(const ReadFile& file, const PlannedTensor& planned, std::uint64_t first, std::uint64_t count,
               std::uint64_t row_bytes, std::byte* out) {
  const StoredTensor& stored = *planned.stored;
  if (planned.rows != StoredRows::kColumns) {
    for (std::uint64_t i = 0; i < count; ++i) {
      file.read(stored.offset + stored_row(planned, first + i) * row_bytes, {out + i * row_bytes, row_bytes});
    }
    return;
  }
  const std::uint64_t size = stored.type->bits / 8;
  const std::uint64_t rows = stored.shape[1];
  std::vector<std::byte> column(count * size);
  for (std::uint64_t k = 0; k < stored.shape[0]; ++k) {
    file.read(stored.offset + (k * rows + first) * size, column);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::memcpy(out + i * row_bytes + k * size, column.data() + i * size, size);
    }
  }
}

/// Bytes from `offset` on out of whole rows.
void read_matrix(const ReadFile& file, const GgufTensor& tensor, const PlannedTensor& planned,
                 std::uint64_t offset, std::span<std::byte> out) {
  const std::uint64_t row_bytes = tensor.bytes / tensor.shape[1];
  const std::uint64_t first = offset / row_bytes;
  const std::uint64_t end = (offset + out.size() + row_bytes - 1) / row_bytes;
  if (offset % row_bytes == 0 && out.size() % row_bytes == 0) {
    return read_rows(file, planned, first, end - first, row_bytes, out.data());
  }
  std::vector<std::byte> rows((end - first) * row_bytes);
  read_rows(file, planned, first, end - first, row_bytes, rows.data());
  std::memcpy(out.data(), rows.data() + (offset - first * row_bytes), out.size());
}

/// Out of matrices that lie apart.
void read_stacked(const std::vector<ReadFile>& files, const PlannedTensor& planned, std::uint64_t offset,
                  std::span<std::byte> out) {
  const std::uint64_t bytes = planned.stored->bytes;
  while (!out.empty()) {
    const StoredTensor& part = *planned.stacked[offset / bytes];
    const std::uint64_t begin = offset % bytes;
    const std::size_t count = std::min<std::uint64_t>(out.size(), bytes - begin);
    files[part.file].read(part.offset + begin, out.first(count));
    out = out.subspan(count);
    offset += count;
  }
}

}  // namespace

void read_planned(const std::vector<ReadFile>& files, const GgufTensor& tensor, const PlannedTensor& planned,
                  std::uint64_t offset, std::span<std::byte> out) {
  if (out.empty()) return;
  if (planned.stored == nullptr) {
    const auto bytes = std::as_bytes(std::span(planned.computed));
    std::memcpy(out.data(), bytes.data() + offset, out.size());
    return;
  }
  if (!planned.stacked.empty()) return read_stacked(files, planned, offset, out);
  const ReadFile& file = files[planned.stored->file];
  if (planned.to_f32) {
    const std::vector<float> values = read_vector(file, planned);
    std::memcpy(out.data(), std::as_bytes(std::span(values)).data() + offset, out.size());
  } else if (planned.rows == StoredRows::kSame) {
    file.read(planned.stored->offset + offset, out);
  } else {
    read_matrix(file, tensor, planned, offset, out);
  }
}

}  // namespace garam
