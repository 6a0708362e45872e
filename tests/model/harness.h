// What the tests of this room share: tiny models loaded and referenced, logits of a whole sequence, files
// that go away, and comparing bits.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "garam/garam.h"
#include "support/compare.h"
#include "support/reference.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace garam::test {

/// A model written to a file of its own, gone at the end.
class TinyFile {
 public:
  explicit TinyFile(const TinyModel& model) { model.write(path()); }
  explicit TinyFile(const TinyOptions& options) : TinyFile(TinyModel::make(options)) {}
  std::string path() const { return dir_.file("tiny.gguf"); }

 private:
  TempDir dir_;
};

// Three workers on any machine: what is tested is that their number does not show.
inline constexpr unsigned kWorkers = 3;

inline Model load_tiny(const TinyModel& tiny, KernelSet kernels = KernelSet::kAuto,
                       unsigned threads = kWorkers) {
  const TinyFile file(tiny);
  return Model::load(file.path(), {.kernels = kernels, .threads = threads});
}

inline Model load_tiny(const TinyOptions& options, KernelSet kernels = KernelSet::kAuto,
                       unsigned threads = kWorkers) {
  return load_tiny(TinyModel::make(options), kernels, threads);
}

inline ReferenceFile reference_of(const TinyOptions& options) {
  const TinyFile file(options);
  return ReferenceFile::read(file.path());
}

inline std::vector<float> copy(std::span<const float> values) {
  return {values.begin(), values.end()};
}

/// Logits after every token, from a fresh session.
inline std::vector<float> all_logits(const Model& model, std::span<const std::int32_t> tokens,
                                     const SessionOptions& options = {}) {
  Session session(model, options);
  session.prefill(tokens, {.all_logits = true});
  return copy(session.logits());
}

/// The rows of the last `count` tokens of logits after every token.
inline std::span<const float> last_rows(std::span<const float> logits, std::size_t count, std::size_t vocab) {
  return logits.last(count * vocab);
}

inline constexpr KvType kAllKvTypes[] = {KvType::kF16, KvType::kF32, KvType::kQ8_0};

/// Equal sizes and equal bits.
inline testing::AssertionResult equal_bits(std::span<const float> expected, std::span<const float> found) {
  if (expected.size() != found.size() || expected.empty()) {
    return testing::AssertionFailure()
           << "expected " << expected.size() << " logits (more than none), found " << found.size();
  }
  return same_bits(expected.data(), found.data(), expected.size());
}

/// The code of the Error that `body` throws; 0 when it throws nothing. Its text goes to `message`.
template <typename Body>
ErrorCode error_of(const Body& body, std::string* message = nullptr) {
  try {
    body();
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return error.code();
  }
  return ErrorCode{};
}

/// gtest's printer of error codes.
inline void PrintTo(const TinyOptions& options, std::ostream* out) {
  *out << options.architecture << ' ' << options.weights;
}

}  // namespace garam::test
