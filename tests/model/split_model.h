// Tiny models in two files, for the tests of this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "io/gguf_writer.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace garam::test {

inline std::string part_name(std::size_t part) {
  return "m-0000" + std::to_string(part + 1) + "-of-00002.gguf";
}

/// Writes a model in two parts, the first `in_first` tensors in the first.
inline void write_split(const TinyModel& tiny, const TempDir& dir, std::size_t in_first) {
  for (std::size_t part = 0; part < 2; ++part) {
    GgufWriter writer;
    if (part == 0) {
      for (const auto& [key, value] : tiny.keys) writer.add(key, value);
    }
    writer.add("split.no", static_cast<std::uint16_t>(part));
    writer.add("split.count", std::uint16_t{2});
    writer.add("split.tensors.count", static_cast<std::int32_t>(tiny.tensors.size()));
    for (std::size_t i = 0; i < tiny.tensors.size(); ++i) {
      const TinyTensor& t = tiny.tensors[i];
      if ((i < in_first) != (part == 0)) continue;
      writer.add_tensor(t.name, t.type, {t.shape.rbegin(), t.shape.rend()}, t.data);
    }
    writer.write(dir.file(part_name(part)));
  }
}

}  // namespace garam::test
