// A Hugging Face folder as a model file: config.json and tokenizer.json become GGUF's keys, the stored
// tensors become GGUF's tensors, so that whatever reads a GGUF file reads a folder. Nothing in it is trusted.
#pragma once

#include <memory>
#include <string>

#include "hf/tensor_plan.h"
#include "io/model_file.h"

namespace garam {

class HfFolder final : public ModelFile {
 public:
  /// Without `with_weights` only the vocabulary is read, and only its files need be there. Throws Error: kIo,
  /// kFormat, kUnsupported.
  static std::unique_ptr<ModelFile> open(const std::string& path, bool with_weights);

  const std::string& path() const noexcept override { return path_; }
  void read(const GgufTensor& tensor, std::uint64_t offset_in_tensor,
            std::span<std::byte> out) const override;
  std::string origin(const GgufTensor& tensor) const override;
  std::uint64_t metadata_hash() const override { return hash_; }

 private:
  HfFolder() = default;

  std::string path_;
  Checkpoint checkpoint_;               // its files are moved to parts_
  std::vector<PlannedTensor> planned_;  // one for each of tensors_
  std::uint64_t hash_ = 0;
};

}  // namespace garam
