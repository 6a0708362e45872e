// Open addressing with linear probing.
#include "text/hash_tables.h"

#include <bit>
#include <cstring>
#include <random>

#include "base/hash.h"

namespace garam {
namespace {

std::size_t slots_for(std::size_t entries) {
  return entries + entries / 2 + 2;
}

/// Vocabularies come from strangers: with a fixed seed one could be made whose texts all collide. No result
/// depends on the seed, only how long a lookup takes.
std::uint64_t random_seed() {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return static_cast<std::uint64_t>(device()) << 32 | device();
  }();
  return seed;
}

std::uint64_t load(const char* p, std::size_t bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, bytes);
  return word;
}

}  // namespace

TextTable::TextTable(const TextList& texts, std::size_t expected, std::uint32_t first)
    : texts_(&texts), first_(first), slots_(slots_for(expected), Slot{0, kAbsent}), seed_(random_seed()) {}

std::uint32_t TextTable::hash(std::string_view text) const {
  const char* p = text.data();
  const std::size_t n = text.size();
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::uint64_t state = seed_ + n;
  // Loads of a fixed size that overlap: a copy of variable size would cost more than the rest.
  if (n >= 8) {
    for (std::size_t i = 0; i + 16 < n; i += 16) state = hash_mix(state ^ load(p + i, 8), load(p + i + 8, 8));
    a = load(n > 16 ? p + n - 16 : p, 8);
    b = load(p + n - 8, 8);
  } else if (n >= 4) {
    a = load(p, 4);
    b = load(p + n - 4, 4);
  } else if (n > 0) {
    a = static_cast<unsigned char>(p[0]) |
        static_cast<std::uint64_t>(static_cast<unsigned char>(p[n / 2])) << 8 |
        static_cast<std::uint64_t>(static_cast<unsigned char>(p[n - 1])) << 16;
  }
  const std::uint64_t mixed = hash_mix(hash_mix(state ^ a, b), seed_);
  return static_cast<std::uint32_t>(mixed ^ mixed >> 32);
}

std::uint32_t TextTable::find(std::string_view wanted) const {
  const std::uint32_t h = hash(wanted);
  for (std::size_t i = start(h); slots_[i].number != kAbsent;) {
    if (slots_[i].hash == h && text(slots_[i].number) == wanted) return slots_[i].number;
    if (++i == slots_.size()) i = 0;
  }
  return kAbsent;
}

std::uint32_t TextTable::insert(std::uint32_t number) {
  if (slots_for(used_ + 1) > slots_.size()) grow(slots_.size() * 2);
  const std::uint32_t h = hash(text(number));
  std::size_t i = start(h);
  while (slots_[i].number != kAbsent) {
    if (slots_[i].hash == h && text(slots_[i].number) == text(number)) return slots_[i].number;
    if (++i == slots_.size()) i = 0;
  }
  slots_[i] = {h, number};
  ++used_;
  return number;
}

void TextTable::grow(std::size_t slots) {
  std::vector<Slot> old(slots, Slot{0, kAbsent});
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.number == kAbsent) continue;
    std::size_t i = start(slot.hash);
    while (slots_[i].number != kAbsent) {
      if (++i == slots_.size()) i = 0;
    }
    slots_[i] = slot;
  }
}

PairTable::PairTable(std::size_t expected)
    : slots_(expected + expected / 3 + 2), filter_(std::bit_ceil(expected / 8 + 1)), seed_(random_seed()) {}

std::uint64_t PairTable::hash(std::uint64_t pair) const {
  return hash_mix(pair, seed_);
}

std::size_t PairTable::start(std::uint64_t hash) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>(static_cast<Wide>(hash) * slots_.size() >> 64);
}

void PairTable::insert(std::uint32_t left, std::uint32_t right, Merge merge) {
  const std::uint64_t pair = static_cast<std::uint64_t>(left) << 32 | right;
  const std::uint64_t h = hash(pair);
  std::size_t i = start(h);
  while (slots_[i].pair != kFree) {
    if (slots_[i].pair == pair) return;
    if (++i == slots_.size()) i = 0;
  }
  slots_[i] = {pair, merge};
  filter_[h / 64 & (filter_.size() - 1)] |= std::uint64_t{1} << h % 64;
}

Merge PairTable::find(std::uint32_t left, std::uint32_t right) const {
  const std::uint64_t pair = static_cast<std::uint64_t>(left) << 32 | right;
  const std::uint64_t h = hash(pair);
  if ((filter_[h / 64 & (filter_.size() - 1)] >> h % 64 & 1) == 0) return Merge{};
  for (std::size_t i = start(h);;) {
    if (slots_[i].pair == pair) return slots_[i].merge;
    if (slots_[i].pair == kFree) return Merge{};
    if (++i == slots_.size()) i = 0;
  }
}

}  // namespace garam
