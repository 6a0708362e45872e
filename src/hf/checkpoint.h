// The tensors of a Hugging Face folder: model.safetensors, or the files that model.safetensors.index.json
// names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "io/name_index.h"
#include "io/safetensors.h"

namespace garam {

struct StoredTensor : SafetensorsTensor {
  std::size_t file = 0;  // in Checkpoint::files
};

struct Checkpoint {
  std::vector<ReadFile> files;  // the tensors' files, then the index where there is one
  std::vector<StoredTensor> tensors;
  NameIndex index;
  std::uint64_t hash = 0;  // of all headers

  /// Throws Error(kIo) where the folder holds neither, Error(kFormat) for files that do not fit each other.
  static Checkpoint open(const std::string& folder);

  /// Null when there is none.
  const StoredTensor* find(std::string_view name) const { return index.find(tensors, name); }
  /// "folder/model.safetensors: tensor lm_head.weight", for messages.
  std::string origin(const StoredTensor& tensor) const;
};

/// At most so many files of tensors.
inline constexpr std::size_t kMaxShards = 1024;

/// `folder`/`name`.
std::string file_in(const std::string& folder, std::string_view name);

}  // namespace garam
