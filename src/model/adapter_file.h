// LoRA adapters (Hu et al. 2021) as GGUF files, in the format that llama.cpp reads and its converter writes:
// for every adapted tensor a pair "<name>.lora_a" and "<name>.lora_b". Checked against itself when opened,
// against the model it is for by check_fits().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.h"

namespace garam {

/// The update B A of one tensor of the base model, [rows, k], or of each of its matrices, [count, rows, k].
struct AdapterPair {
  std::string name;               // of the base's tensor
  const GgufTensor* a = nullptr;  // [count][rank][k]
  const GgufTensor* b = nullptr;  // [count][rows][rank]
  std::uint64_t count = 1;        // experts
  std::uint64_t rank = 0, rows = 0, k = 0;
};

class AdapterFile {
 public:
  /// Ranks are 1 to this.
  static constexpr std::uint64_t kMostRanks = 4096;

  /// Throws Error as GgufFile::open() does; kFormat for what is no adapter or contradicts itself;
  /// kUnsupported for another kind of adapter, for one of look-ups (token_embd, position_embd), and for
  /// tensors that are no half of a pair.
  static AdapterFile open(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::string& name() const { return name_; }  // general.name, or empty
  const std::string& architecture() const { return architecture_; }
  /// adapter.lora.alpha, finite; 0 where the file has none.
  float alpha() const { return alpha_; }
  /// In the order of their first halves in the file.
  std::span<const AdapterPair> pairs() const { return pairs_; }
  /// Null when there is none for the tensor of this name.
  const AdapterPair* find(std::string_view tensor) const { return index_.find(pairs_, tensor); }

  /// What B A is multiplied with: fl(fl(scale * alpha) / rank), and scale alone where alpha is 0. Throws
  /// Error(kArgument) when that is not finite.
  float factor(const AdapterPair& pair, float scale) const;

  /// Rows [first, first + count) of either half of a pair, exactly. Throws Error(kIo), and kFormat for values
  /// that are not finite.
  std::vector<float> read(const GgufTensor& half, std::uint64_t first, std::uint64_t count) const;

  /// Throws Error(kFormat) unless every pair is for a matrix of `base` and has its shape.
  void check_fits(const ModelFile& base) const;
  /// Throws Error(kIo) when the file was changed since it was opened.
  void check_unchanged() const { file_.check_unchanged(); }

 private:
  explicit AdapterFile(GgufFile file) : file_(std::move(file)) {}
  void read_keys();
  void read_pairs();

  GgufFile file_;
  std::string name_, architecture_;
  float alpha_ = 0;
  std::vector<AdapterPair> pairs_;
  NameIndex index_;
};

}  // namespace garam
