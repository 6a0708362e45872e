// Packed weights kept in a file, so that the next load of the same model maps them instead of packing. The
// file is as hostile as any: nothing in it says where anything lies, since that follows from the weights that
// the architecture declared; it only has to be of the right size and to bear the right fingerprint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/memory.h"
#include "core/weights.h"
#include "garam/model.h"
#include "io/model_file.h"
#include "runtime/thread_pool.h"

namespace garam {

class PackCache {
 public:
  /// The cache file of one model in `folder`. `metadata` and `vectors` are hashes of the model file's keys
  /// and tensor lists and of its declared vectors; samples of the rest are read. Throws Error(kIo) when
  /// `file` cannot be read, Error(kArgument) for a folder with a NUL byte in it.
  PackCache(const std::string& folder, const ModelFile& file, const Weights& weights, std::uint64_t metadata,
            std::uint64_t vectors);

  const std::string& path() const noexcept { return path_; }

  struct Packed {
    Memory arena;                // as place_matrices() lays it out, not to be written
    std::uint64_t matrices = 0;  // what load_matrices() returned for them
  };
  /// The packed weights when the file has them; otherwise nothing, and `reason` says why. `check` compares
  /// every byte with the file's checksum.
  std::optional<Packed> open(bool check, ThreadPool& pool, std::string& reason) const;

  /// Writes the file, or replaces it in one step, and makes the folder where there is none. Reports the
  /// second half of the progress. Throws Error(kIo) when that cannot be done and Error(kCancelled); the
  /// folder then is as it was.
  void store(const Memory& arena, std::uint64_t matrices, ThreadPool& pool, const LoadOptions& options) const;

 private:
  std::string folder_, path_;
  std::uint64_t fingerprint_ = 0;
  std::uint64_t bytes_ = 0;  // of the arena
};

}  // namespace garam
