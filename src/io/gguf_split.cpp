// Five digits each, as every tool that splits models writes them.
#include "io/gguf_split.h"

#include <string_view>

#include "base/format.h"

namespace garam {
namespace {

constexpr std::string_view kPattern = "-#####-of-#####.gguf";

}  // namespace

std::optional<SplitName> parse_split_name(const std::string& path) {
  if (path.size() < kPattern.size()) return std::nullopt;
  const std::size_t begin = path.size() - kPattern.size();
  std::uint32_t numbers[2] = {0, 0};
  int number = 0;
  for (std::size_t i = 0; i < kPattern.size(); ++i) {
    const char c = path[begin + i];
    if (kPattern[i] == '#') {
      if (c < '0' || c > '9') return std::nullopt;
      numbers[number] = numbers[number] * 10 + static_cast<std::uint32_t>(c - '0');
      if (kPattern[i + 1] != '#') ++number;
    } else if (c != kPattern[i]) {
      return std::nullopt;
    }
  }
  return SplitName{path.substr(0, begin), numbers[0], numbers[1]};
}

std::string split_name(const std::string& prefix, std::uint32_t part, std::uint32_t count) {
  return formatted("{}-{:05}-of-{:05}.gguf", prefix, part, count);
}

}  // namespace garam
