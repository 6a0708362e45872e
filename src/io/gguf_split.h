// Names of the parts of a split model, `name-00001-of-00003.gguf`. Text only; touches no file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace garam {

struct SplitName {
  std::string prefix;  // everything before "-00001-of-00003.gguf", folders included
  std::uint32_t part;  // from 1 on
  std::uint32_t count;
};

/// What a path says about the parts, or nothing when it is not named that way.
std::optional<SplitName> parse_split_name(const std::string& path);
/// The path of a part.
std::string split_name(const std::string& prefix, std::uint32_t part, std::uint32_t count);

}  // namespace garam
