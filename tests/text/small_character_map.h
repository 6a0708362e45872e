// Character maps small enough to work out by hand, in the format of SentencePiece's precompiled_charsmap.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace garam::test {

constexpr std::uint32_t kValueUnit = 0x80000000u;

/// The file's bytes for an array and its replacements.
inline std::vector<std::uint8_t> character_map_of(const std::vector<std::uint32_t>& units,
                                                  const std::string& replacements) {
  std::vector<std::uint8_t> bytes;
  const auto put = [&bytes](std::uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> 8 * i));
  };
  put(static_cast<std::uint32_t>(4 * units.size()));
  for (const std::uint32_t unit : units) put(unit);
  bytes.insert(bytes.end(), replacements.begin(), replacements.end());
  return bytes;
}

/// A map with these prefixes: each node gets 256 units of its own, so that nothing has to be searched for.
inline std::vector<std::uint8_t> character_map_of(const std::map<std::string, std::string>& entries) {
  std::map<std::string, std::uint32_t> blocks{{"", 1}};
  for (const auto& [prefix, replacement] : entries) {
    for (std::size_t n = 1; n <= prefix.size(); ++n) {
      const auto next = static_cast<std::uint32_t>(blocks.size() + 1);
      blocks.emplace(prefix.substr(0, n), next);
    }
  }
  std::vector<std::uint32_t> units((blocks.size() + 1) * 256);
  std::string replacements;
  for (const auto& [prefix, block] : blocks) {
    const auto byte =
        prefix.empty() ? 0u : static_cast<std::uint32_t>(static_cast<unsigned char>(prefix.back()));
    const std::uint32_t at = prefix.empty() ? 0 : blocks.at(prefix.substr(0, prefix.size() - 1)) * 256 + byte;
    units[at] = byte | (at ^ block * 256) << 10;
    const auto entry = entries.find(prefix);
    if (entry == entries.end()) continue;
    units[at] |= 1u << 8;
    units[block * 256] = kValueUnit | static_cast<std::uint32_t>(replacements.size());
    replacements += entry->second + '\0';
  }
  return character_map_of(units, replacements);
}

/// Letters become small, "AB" two words, "ABCD" nothing, white space a space.
inline std::vector<std::uint8_t> small_character_map() {
  return character_map_of({{"A", "a"}, {"AB", "c d"}, {"ABCD", ""}, {"\t", " "}, {"\n", " "}});
}

}  // namespace garam::test
