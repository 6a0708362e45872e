// Files of PerplexityOptions::save_logits: the logits of every scored token, and what they belong to.
// Little-endian:
//   8 bytes   "GARAMKL1", the last one the version
//   u64 x 5   vocab, chunk, stride, chunks, tokens
//   i64       BOS that chunks begin with, -1: none
//   i32       [tokens], those that the chunks cover
//   u64       hash of everything before it
//   then for each chunk
//   f32       [scored][vocab] logits as the model computed them
//   u64       hash of its rows, each begun with the hash before, the first with that of the chunk before
// Logits instead of probabilities of 16 bits: twice the bytes, and a model beside itself gives 0.
//
// A file is untrusted: its size must be exactly what its header says, ids must be in range, logits finite.
// Nothing is allocated but for the tokens, and only after the size has been compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/file.h"
#include "evaluate/chunk_plan.h"
#include "garam/perplexity.h"

namespace garam {

class LogitFileWriter {
 public:
  /// `header.tokens` are those that the chunks cover. Throws Error(kIo), here and below.
  LogitFileWriter(const std::string& path, const SavedLogits& header);
  /// The next rows of a chunk, [..][vocab].
  void write_rows(std::span<const float> rows);
  void end_chunk();
  /// Gives the file its name.
  void commit() { file_.commit(); }

 private:
  void append(const void* data, std::size_t bytes);

  AtomicFile file_;
  std::size_t vocab_;
  std::uint64_t hash_ = 0;
};

class LogitFileReader {
 public:
  /// Reads and checks what comes before the logits. Throws as inspect_saved_logits().
  explicit LogitFileReader(const std::string& path);

  const SavedLogits& header() const { return header_; }
  /// Throws Error(kArgument) unless the file is of this text, cut like this.
  void check_matches(const SavedLogits& own) const;

  /// The next rows of a chunk, [..][vocab]. Throws Error: kIo, kFormat for logits that are not finite.
  void read_rows(std::span<float> rows);
  /// Throws Error(kFormat) when the chunk's rows are not those that were written.
  void end_chunk();

 private:
  void take(void* data, std::size_t bytes);
  void check_hash(const std::string& what);

  ReadFile file_;
  SavedLogits header_;
  std::uint64_t offset_ = 0;
  std::uint64_t hash_ = 0;
  std::size_t chunk_ = 0;
};

}  // namespace garam
