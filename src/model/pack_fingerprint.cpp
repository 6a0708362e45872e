// Numbers that are mixed in a fixed order. Nothing here need be stable: a fingerprint that changes costs one
// more packing.
#include "model/pack_fingerprint.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/memory.h"
#include "garam/version.h"

namespace garam {
namespace {

constexpr std::size_t kSamples = 64;  // of all parts together, and at least one of each
constexpr std::size_t kSampleBytes = 4096;

std::uint64_t hash_text(std::string_view text) {
  return hash_bytes(text.data(), text.size());
}

std::uint64_t hash_samples(const ReadFile& file, std::size_t count) {
  std::vector<std::byte> block(std::min<std::uint64_t>(kSampleBytes, file.size()));
  const std::uint64_t last = file.size() - block.size();
  const std::uint64_t step = count > 1 ? last / (count - 1) : 0;
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < count; ++i) {
    file.read(i + 1 == count ? last : step * i, block);
    hash = hash_mix(hash, hash_bytes(block.data(), block.size()));
  }
  return hash;
}

std::uint64_t hash_part(const ReadFile& file, std::size_t samples) {
  const auto modified = file.modified();
  std::uint64_t hash = hash_mix(file.size(), static_cast<std::uint64_t>(modified.first));
  hash = hash_mix(hash, static_cast<std::uint64_t>(modified.second));
  return hash_mix(hash, hash_samples(file, samples));
}

/// A whole panel and one with missing rows, packed from known bytes: whoever changes how a format is packed
/// changes this, without having to think of caches.
std::uint64_t hash_packing(const WeightFormat& format) {
  const std::size_t k = (std::size_t{512} + format.block - 1) / format.block * format.block;
  std::vector<std::byte> rows(kernels::kPanelRows * format.row_bytes(k));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    // Without the bits that could make a scale or a weight infinite.
    rows[i] = static_cast<std::byte>(hash_mix(i, 1) & 0x3b);
  }
  std::uint64_t hash = hash_text(format.name);
  for (const std::size_t row_count : {kernels::kPanelRows, kernels::kPanelRows / 2 + 1}) {
    const Memory panel(kernels::panel_bytes(format.format, k), "a panel");
    format.pack(rows.data(), row_count, k, panel.data());
    hash = hash_mix(hash, hash_bytes(panel.data(), panel.size()));
  }
  return hash;
}

std::uint64_t hash_matrix(const std::string& name, const Matrix& matrix) {
  std::uint64_t hash = hash_mix(hash_text(name), hash_text(matrix.format->name));
  hash = hash_mix(hash, hash_mix(matrix.rows, matrix.k));
  return hash_mix(hash, matrix.bytes());
}

}  // namespace

std::uint64_t pack_fingerprint(const ModelFile& file, const Weights& weights, std::uint64_t metadata,
                               std::uint64_t vectors) {
  std::uint64_t hash = hash_mix(hash_text(version()), hash_mix(metadata, vectors));
  const std::size_t parts = file.part_count();
  for (std::size_t part = 0; part < parts; ++part) {
    hash = hash_mix(hash, hash_part(file.part(part), (kSamples + parts - 1) / parts));
  }
  for (const auto& named : weights.matrices()) hash = hash_mix(hash, hash_matrix(named.name, named.matrix));
  for (const WeightFormat* format : weight_formats()) {
    const bool used = std::any_of(weights.matrices().begin(), weights.matrices().end(),
                                  [&](const auto& named) { return named.matrix.format == format; });
    if (used) hash = hash_mix(hash, hash_packing(*format));
  }
  return hash;
}

}  // namespace garam
