// A GGUF file: its keys and its tensors, checked. Whatever the bytes are, opening either gives a file whose
// every tensor lies inside it, or throws garam::Error. Knows no architecture: what keys and tensors mean is
// decided elsewhere. Versions 2 and 3, little-endian. Limits: gguf_rules.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/model_file.h"

namespace garam {

/// keys() of a split file are those of the first part; tensors() are in file order, part after part.
class GgufFile final : public ModelFile {
 public:
  /// Opens a file, or all parts of a split one when given the first (`name-00001-of-0000N.gguf`).
  /// Throws Error(kIo), Error(kFormat), or Error(kUnsupported) for another version, byte order or tensor
  /// type.
  static GgufFile open(const std::string& path);
  /// The same of an open file, for instance one in memory.
  static GgufFile open(ReadFile file);

  const std::string& path() const noexcept override { return parts_.front().path(); }
  std::uint32_t version() const noexcept { return version_; }

  void read(const GgufTensor& tensor, std::uint64_t offset_in_tensor,
            std::span<std::byte> out) const override;
  std::string origin(const GgufTensor& tensor) const override;
  std::uint64_t metadata_hash() const override;

  /// Where the keys and the tensor list of a part end, from byte 0 on.
  std::uint64_t metadata_end(std::size_t part) const { return metadata_ends_.at(part); }
  /// Any bytes of a part.
  void read_raw(std::size_t part, std::uint64_t offset, std::span<std::byte> out) const {
    parts_.at(part).read(offset, out);
  }

 private:
  GgufFile() = default;
  void add_parts();

  std::vector<std::uint64_t> metadata_ends_;  // of every part
  std::uint32_t version_ = 0;
};

}  // namespace garam
