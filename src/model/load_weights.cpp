// Work is cut into groups of panels of about 1 MB of file. Workers take groups in file order, so that reads
// stay sequential; each group is hashed as read, and hashes are summed, so that their order does not matter.
#include "model/load_weights.h"

#include <atomic>
#include <cmath>
#include <cstring>

#include "base/checked.h"
#include "base/fail.h"
#include "base/hash.h"
#include "runtime/context.h"
#include "runtime/first_error.h"
#include "tensor/plain_values.h"

namespace garam {
namespace {

constexpr std::size_t kGroupBytes = std::size_t{1} << 20;

/// Panels [first_panel, first_panel + panels) of one matrix.
struct Group {
  const GgufTensor* tensor;
  const Matrix* matrix;
  std::size_t tensor_row;  // of the tensor, where the matrix begins
  std::size_t first_panel;
  std::size_t panels;
};

std::vector<Group> make_groups(const ModelFile& file, const Weights& weights) {
  std::vector<Group> groups;
  for (const auto& [name, matrix, tensor_row] : weights.matrices()) {
    const std::size_t panel_file_bytes = matrix.format->row_bytes(matrix.k) * kernels::kPanelRows;
    const std::size_t step = std::max<std::size_t>(1, kGroupBytes / panel_file_bytes);
    for (std::size_t panel = 0; panel < matrix.panel_count(); panel += step) {
      groups.push_back(
          {file.find_tensor(name), &matrix, tensor_row, panel, std::min(step, matrix.panel_count() - panel)});
    }
  }
  return groups;
}

/// Reads one group and packs it where asked; returns the hash of its bytes.
std::uint64_t load_group(const ModelFile& file, const Group& group, bool pack,
                         std::vector<std::byte>& staging) {
  const Matrix& m = *group.matrix;
  const std::size_t row_bytes = m.format->row_bytes(m.k);
  const std::size_t first_row = group.first_panel * kernels::kPanelRows;
  const std::size_t rows = std::min(group.panels * kernels::kPanelRows, m.rows - first_row);
  if (staging.size() < rows * row_bytes) staging.resize(rows * row_bytes);
  const std::span<std::byte> bytes(staging.data(), rows * row_bytes);
  const std::size_t tensor_row = group.tensor_row + first_row;
  file.read(*group.tensor, tensor_row * row_bytes, bytes);
  for (std::size_t row = 0; pack && row < rows; row += kernels::kPanelRows) {
    const std::size_t count = std::min(kernels::kPanelRows, rows - row);
    std::byte* panel = m.panel(group.first_panel + row / kernels::kPanelRows);
    if (m.format->pack(bytes.data() + row * row_bytes, count, m.k, panel)) continue;
    fail(ErrorCode::kFormat,
         "{}: expected finite weights, found infinity or NaN in rows {} to {}; the file is damaged",
         file.origin(*group.tensor), tensor_row + row, tensor_row + row + count - 1);
  }
  return hash_mix(hash_bytes(bytes.data(), bytes.size()), hash_mix(group.tensor->offset, tensor_row));
}

std::uint64_t load_vector(const ModelFile& file, Weights::NamedVector& named) {
  const GgufTensor& tensor = *file.find_tensor(named.name);
  const WeightFormat& format = *find_weight_format(named.type);
  std::vector<std::byte> bytes(format.row_bytes(named.vector.size));
  file.read(tensor, format.row_bytes(named.first), bytes);
  for (std::size_t i = 0; i < named.vector.size; ++i) {
    const float value = plain_value(named.type, bytes.data(), i);
    if (!std::isfinite(value)) {
      fail(ErrorCode::kFormat, "{}: expected finite values, found {} at {}; the file is damaged",
           file.origin(tensor), value, named.first + i);
    }
    named.vector.values[i] = value;
  }
  return hash_mix(hash_bytes(bytes.data(), bytes.size()), tensor.offset + named.first);
}

std::uint64_t for_all_groups(const ModelFile& file, const Weights& weights, bool pack, ThreadPool& pool,
                             const LoadOptions& options, const std::function<void()>& beside) {
  const std::vector<Group> groups = make_groups(file, weights);
  std::atomic<std::size_t> next{0}, done{0};
  std::atomic<std::uint64_t> sum{0};
  std::atomic<bool> beside_taken{!beside};
  FirstError errors, errors_beside;
  const auto do_beside = [&] {
    if (!beside_taken.exchange(true)) errors_beside.guard(beside);
  };
  const auto work = [&](unsigned worker) {
    // Another worker than the first, which reports progress, unless none comes.
    if (worker > 0) do_beside();
    errors.guard([&] {
      std::vector<std::byte> staging;
      while (!errors.failed() && !errors_beside.failed()) {
        if (options.stop.stop_requested())
          fail(ErrorCode::kCancelled, "{}: loading was cancelled", file.path());
        const std::size_t index = next.fetch_add(1, std::memory_order_relaxed);
        if (index >= groups.size()) return;
        sum.fetch_add(load_group(file, groups[index], pack, staging), std::memory_order_relaxed);
        const std::size_t finished = done.fetch_add(1, std::memory_order_relaxed) + 1;
        if (worker == 0 && options.progress) {
          options.progress(static_cast<double>(finished) / static_cast<double>(groups.size()));
        }
      }
    });
    if (worker == 0) do_beside();
  };
  pool.run([](const void* body, unsigned worker) { (*static_cast<const decltype(work)*>(body))(worker); },
           &work);
  errors_beside.rethrow();
  errors.rethrow();
  return sum.load();
}

}  // namespace

std::uint64_t arena_bytes(const Weights& weights, const std::string& file) {
  std::optional<std::uint64_t> total = 0;
  for (const auto& [name, matrix, tensor_row] : weights.matrices()) {
    const auto aligned = checked_align(matrix.bytes(), kernels::kAlignment);
    total = total && aligned ? checked_add(*total, *aligned) : std::nullopt;
  }
  if (!total) fail(ErrorCode::kFormat, "{}: the weights do not fit 64-bit sizes", file);
  return *total;
}

void place_matrices(Weights& weights, Memory& arena) {
  std::size_t offset = 0;
  for (auto& [name, matrix, tensor_row] : weights.matrices()) {
    matrix.panels = arena.data() + offset;
    offset += kernels::round_up(matrix.bytes(), kernels::kAlignment);
  }
}

std::uint64_t load_vectors(const ModelFile& file, Weights& weights) {
  std::uint64_t hash = 0;
  for (Weights::NamedVector& named : weights.vectors()) hash += load_vector(file, named);
  return hash;
}

std::uint64_t load_matrices(const ModelFile& file, const Weights& weights, ThreadPool& pool,
                            const LoadOptions& options, const std::function<void()>& beside) {
  return for_all_groups(file, weights, true, pool, options, beside);
}

std::uint64_t hash_matrices(const ModelFile& file, const Weights& weights, ThreadPool& pool,
                            const LoadOptions& options) {
  return for_all_groups(file, weights, false, pool, options, nullptr);
}

}  // namespace garam
