// Random numbers of the tiny models: the same everywhere, and drawn in the form in which they lie in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace garam::test {

struct WeightType {
  const char* name;
  std::uint32_t id;  // ggml's
};
inline constexpr WeightType kWeightTypes[] = {{"f32", 0}, {"f16", 1}, {"bf16", 30}, {"q8_0", 8}, {"q4_0", 2}};

/// ggml's number of a weight type. Throws std::invalid_argument for a name that is none.
std::uint32_t type_id(const std::string& name);

/// A stream of numbers that depend on their place alone (SplitMix64's finaliser over a counter).
class Draws {
 public:
  Draws(std::uint64_t seed, const std::string& name) : key_(seed) {
    for (const char c : name) key_ = mix(key_ ^ static_cast<unsigned char>(c));
  }
  std::uint32_t bits() { return static_cast<std::uint32_t>(mix(key_ + ++count_) >> 32); }
  std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(bits()) * n >> 32);
  }
  /// In [-1, 1), a multiple of 2^-23.
  float uniform() { return static_cast<float>(static_cast<std::int32_t>(bits()) >> 8) * 0x1p-23f; }

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z *= 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::uint64_t key_;
  std::uint64_t count_ = 0;
};

/// `count` weights of ggml's `type` in [-amplitude, amplitude]: scale and integers of a block alike, so no
/// encoder of the engine takes part and every code occurs, those that no encoder writes among them (q8_0's
/// -128, negative and zero scales).
std::vector<std::byte> draw_matrix(std::uint32_t type, std::size_t count, float amplitude, Draws draws);

/// f32 numbers in [centre - spread, centre + spread).
std::vector<std::byte> draw_vector(std::size_t count, float centre, float spread, Draws draws);

}  // namespace garam::test
