// Importance matrices: for every matrix of a model the mean square of each activation that meets its columns,
// over some text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace garam::quant {

class Importance {
 public:
  /// Reads llama.cpp's GGUF form (general.type "imatrix": for each matrix NAME f32 tensors NAME.in_sum2
  /// [columns, experts] and NAME.counts [1, experts]) or its older one. Throws Error(kIo) and Error(kFormat).
  static Importance read(const std::string& path);

  /// Columns of matrix `matrix` (an expert, or 0) of a tensor, or nothing when the file does not know it.
  /// Throws Error(kFormat) where it knows another shape.
  std::span<const float> of(const std::string& tensor, std::uint64_t columns, std::uint64_t matrices,
                            std::uint64_t matrix) const;

  std::size_t size() const noexcept { return entries_.size(); }
  const std::string& path() const noexcept { return path_; }
  const std::string& dataset() const noexcept { return dataset_; }
  std::uint32_t chunks() const noexcept { return chunks_; }

 private:
  static Importance read_gguf(const std::string& path);
  static Importance read_old(const std::string& path);
  void add(const std::string& tensor, std::vector<float> means);

  std::string path_, dataset_;
  std::uint32_t chunks_ = 0;
  std::unordered_map<std::string, std::vector<float>> entries_;  // [matrices][columns]
};

}  // namespace garam::quant
