// A fast 64-bit hash for fingerprints and checksums: not cryptographic, made to notice accidents and mix-ups.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace garam {

/// Mixes two words into one (a 64 x 64 -> 128 bit product, folded).
inline std::uint64_t hash_mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a ^ 0x9e3779b97f4a7c15ull) * (b ^ 0xd6e8feb86659fd93ull);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Hash of `size` bytes. Four independent lanes, so that it runs at the speed of memory.
inline std::uint64_t hash_bytes(const void* data, std::size_t size, std::uint64_t seed = 0) {
  const auto* p = static_cast<const unsigned char*>(data);
  std::uint64_t lanes[4] = {seed, seed + 1, seed + 2, seed + 3};
  std::size_t left = size;
  for (; left >= 64; left -= 64, p += 64) {
    std::uint64_t words[8];
    std::memcpy(words, p, sizeof words);
    for (int i = 0; i < 4; ++i) lanes[i] = hash_mix(lanes[i] ^ words[2 * i], words[2 * i + 1]);
  }
  std::uint64_t hash = hash_mix(hash_mix(lanes[0], lanes[1]), hash_mix(lanes[2], lanes[3]));
  for (; left > 0;) {
    std::uint64_t word = 0;
    const std::size_t n = left < 8 ? left : 8;
    std::memcpy(&word, p, n);
    hash = hash_mix(hash, word);
    left -= n;
    p += n;
  }
  return hash_mix(hash, size);
}

}  // namespace garam
