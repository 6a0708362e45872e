// Ranks are at most 4,096 and all other sizes those of the base's weights, which fit memory: products of them
// fit 64 bits.
#include "model/adapters.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_set>

#include "base/fail.h"
#include "base/hash.h"
#include "base/printable.h"

namespace garam {
namespace {

Matrix f32_matrix(std::size_t rows, std::size_t k) {
  return {&kFormatF32, nullptr, rows, k};
}

std::size_t arena_bytes_of(const Matrix& matrix) {
  return kernels::round_up(matrix.bytes(), kernels::kAlignment);
}

void pack(const Matrix& matrix, const float* values) {
  for (std::size_t row = 0; row < matrix.rows; row += kernels::kPanelRows) {
    const std::size_t count = std::min(kernels::kPanelRows, matrix.rows - row);
    // Finite, as AdapterFile::read() has seen.
    matrix.format->pack(reinterpret_cast<const std::byte*>(values + row * matrix.k), count, matrix.k,
                        matrix.panel(row / kernels::kPanelRows));
  }
}

std::uint64_t hash_values(const std::vector<float>& values) {
  return hash_bytes(values.data(), values.size() * sizeof(float));
}

}  // namespace

OpenAdapter open_adapter(const Adapter& adapter, const ModelFile& base) {
  if (!std::isfinite(adapter.scale)) {
    fail(ErrorCode::kArgument, "{}: scale: expected a finite number, found {}", adapter.path, adapter.scale);
  }
  OpenAdapter opened{AdapterFile::open(adapter.path), adapter.scale};
  opened.file.check_fits(base);
  for (const AdapterPair& pair : opened.file.pairs()) opened.file.factor(pair, adapter.scale);
  return opened;
}

OpenAdapters::OpenAdapters(std::span<const Adapter> adapters, const ModelFile& base, const Weights& weights) {
  std::unordered_set<std::string> multiplied;
  for (const auto& named : weights.matrices()) multiplied.insert(named.name);
  for (const Adapter& adapter : adapters) {
    opened_.push_back(open_adapter(adapter, base));
    const AdapterFile& file = opened_.back().file;
    for (const AdapterPair& pair : file.pairs()) {
      if (multiplied.count(pair.name) != 0) continue;
      fail(ErrorCode::kUnsupported,
           "{}: tensor {}: expected an adapter of a matrix that architecture {} multiplies with, found one "
           "of {}",
           file.path(), printable(pair.a->name), printable(file.architecture()), printable(pair.name));
    }
  }
}

std::vector<AdapterInfo> OpenAdapters::infos() const {
  std::vector<AdapterInfo> infos;
  for (const auto& [file, scale] : opened_) {
    AdapterInfo info{file.path(), file.name(), scale, file.alpha(), file.pairs().size(), 0};
    for (const AdapterPair& pair : file.pairs()) {
      info.parameters += pair.count * pair.rank * (pair.rows + pair.k);
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

std::vector<OpenAdapters::Source> OpenAdapters::sources_of(const std::string& tensor) const {
  std::vector<Source> sources;
  for (const auto& [file, scale] : opened_) {
    const AdapterPair* pair = file.find(tensor);
    if (pair == nullptr) continue;
    const float factor = file.factor(*pair, scale);
    if (factor != 0) sources.push_back({&file, pair, factor});
  }
  return sources;
}

/// A matrix of the base and what is added to its products.
struct OpenAdapters::Place {
  Weights::NamedMatrix* base;
  LowRank* low_rank;
  std::vector<Source> sources;
};

std::vector<OpenAdapters::Place> OpenAdapters::plan(Weights& weights, AdapterWeights& loaded) const {
  std::vector<Place> places;
  std::size_t bytes = 0;
  for (Weights::NamedMatrix& named : weights.matrices()) {
    std::vector<Source> sources = sources_of(named.name);
    if (sources.empty()) continue;
    LowRank& low_rank = loaded.low_rank.emplace_back();
    std::size_t ranks = 0;
    for (const Source& source : sources) {
      low_rank.updates.push_back({f32_matrix(named.matrix.rows, source.pair->rank), ranks, source.factor});
      ranks += source.pair->rank;
      bytes += arena_bytes_of(low_rank.updates.back().b);
    }
    low_rank.a = f32_matrix(ranks, named.matrix.k);
    bytes += arena_bytes_of(low_rank.a);
    loaded.widest = std::max(loaded.widest, low_rank.width());
    places.push_back({&named, &low_rank, std::move(sources)});
  }
  if (bytes > 0) loaded.arena = Memory(bytes, "adapters");
  std::byte* next = loaded.arena.data();
  const auto settle = [&](Matrix& matrix) {
    matrix.panels = next;
    next += arena_bytes_of(matrix);
  };
  for (const Place& place : places) {
    settle(place.low_rank->a);
    for (LowRank::Update& update : place.low_rank->updates) settle(update.b);
  }
  return places;
}

AdapterWeights OpenAdapters::load(Weights& weights, const std::stop_token& stop) const {
  AdapterWeights loaded;
  for (const auto& [base, low_rank, sources] : plan(weights, loaded)) {
    if (stop.stop_requested()) {
      fail(ErrorCode::kCancelled, "{}: loading was cancelled", sources.front().file->path());
    }
    const std::size_t expert = base->first_row / base->matrix.rows;
    const std::uint64_t where = hash_mix(hash_bytes(base->name.data(), base->name.size()), expert);
    std::vector<float> stacked;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const auto& [file, pair, factor] = sources[i];
      const std::vector<float> a = file->read(*pair->a, expert * pair->rank, pair->rank);
      const std::vector<float> b = file->read(*pair->b, expert * pair->rows, pair->rows);
      stacked.insert(stacked.end(), a.begin(), a.end());
      pack(low_rank->updates[i].b, b.data());
      loaded.hash = hash_mix(loaded.hash, hash_mix(where, std::bit_cast<std::uint32_t>(factor)));
      loaded.hash = hash_mix(loaded.hash, hash_mix(hash_values(a), hash_values(b)));
    }
    pack(low_rank->a, stacked.data());
    base->matrix.low_rank = low_rank;
  }
  for (const OpenAdapter& opened : opened_) opened.file.check_unchanged();
  return loaded;
}

}  // namespace garam
