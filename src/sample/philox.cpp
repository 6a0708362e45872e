// Philox4x32-10 as published; integers only.
#include "sample/philox.h"

namespace garam {
namespace {

constexpr int kRounds = 10;
constexpr std::uint32_t kMultiplier0 = 0xd2511f53u;
constexpr std::uint32_t kMultiplier1 = 0xcd9e8d57u;
constexpr std::uint32_t kWeyl0 = 0x9e3779b9u;  // golden ratio
constexpr std::uint32_t kWeyl1 = 0xbb67ae85u;  // sqrt(3) - 1

constexpr std::uint32_t low(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}
constexpr std::uint32_t high(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t a = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t b = std::uint64_t{kMultiplier1} * counter[2];
    counter = {high(b) ^ counter[1] ^ key[0], low(b), high(a) ^ counter[3] ^ key[1], low(a)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

std::uint64_t random_bits(std::uint64_t seed, std::uint64_t position, std::uint32_t stream,
                          std::uint32_t draw) noexcept {
  const auto words = philox4x32({low(position), high(position), stream, draw}, {low(seed), high(seed)});
  return std::uint64_t{words[1]} << 32 | words[0];
}

}  // namespace garam
