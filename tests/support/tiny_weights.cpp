// Only integer arithmetic and single IEEE operations: no compiler and no library can change a bit.
#include "support/tiny_weights.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace garam::test {
namespace {

/// f32 to binary16 by cutting off: any half will do, it need not be the nearest.
std::uint16_t cut_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const float magnitude = std::fabs(value);
  if (magnitude < 0x1p-14f) return static_cast<std::uint16_t>(sign | static_cast<int>(magnitude * 0x1p24f));
  return static_cast<std::uint16_t>(sign | ((bits & 0x7fffffff) - (112u << 23)) >> 13);
}

template <typename T>
void append(std::vector<std::byte>& data, T value) {
  std::byte bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  data.insert(data.end(), bytes, bytes + sizeof value);
}

/// Scale of a block whose integers reach `steps`: of either sign, now and then zero.
std::uint16_t block_scale(Draws& draws, float amplitude, float steps) {
  const float factor = 0.75f + 0.25f * draws.uniform();
  const std::uint32_t kind = draws.below(40);
  if (kind == 0) return 0;
  return cut_to_half((kind % 2 == 0 ? factor : -factor) * amplitude / steps);
}

}  // namespace

std::uint32_t type_id(const std::string& name) {
  for (const WeightType& type : kWeightTypes) {
    if (name == type.name) return type.id;
  }
  throw std::invalid_argument("tiny model: weight type " + name);
}

std::vector<std::byte> draw_matrix(std::uint32_t type, std::size_t count, float amplitude, Draws draws) {
  std::vector<std::byte> data;
  for (std::size_t i = 0; i < count;) {
    switch (type) {
      case 0:
        append(data, amplitude * draws.uniform());
        ++i;
        break;
      case 1:
        append(data, cut_to_half(amplitude * draws.uniform()));
        ++i;
        break;
      case 30:
        append(data,
               static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(amplitude * draws.uniform()) >> 16));
        ++i;
        break;
      case 8:
        append(data, block_scale(draws, amplitude, 127));
        for (int j = 0; j < 32; ++j) append(data, static_cast<std::uint8_t>(draws.below(256)));
        i += 32;
        break;
      case 2:
        append(data, block_scale(draws, amplitude, 8));
        for (int j = 0; j < 16; ++j) append(data, static_cast<std::uint8_t>(draws.below(256)));
        i += 32;
        break;
      default:
        throw std::invalid_argument("tiny model: weight type number " + std::to_string(type));
    }
  }
  return data;
}

std::vector<std::byte> draw_vector(std::size_t count, float centre, float spread, Draws draws) {
  std::vector<std::byte> data;
  for (std::size_t i = 0; i < count; ++i) append(data, centre + spread * draws.uniform());
  return data;
}

}  // namespace garam::test
