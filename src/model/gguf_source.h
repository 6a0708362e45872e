// GGUF as an architecture sees it: keys and tensors by name. The only place where src/core meets src/io.
#pragma once

#include <string>
#include <vector>

#include "core/metadata.h"
#include "core/weights.h"
#include "io/model_file.h"

namespace garam {

class GgufKeys final : public KeySource {
 public:
  explicit GgufKeys(const ModelFile& file) : file_(file) {}
  const std::string& file() const override { return file_.path(); }
  bool has(const std::string& key) const override;
  std::optional<std::uint64_t> unsigned_integer(const std::string& key) const override;
  std::optional<double> real(const std::string& key) const override;
  std::optional<std::string> string(const std::string& key) const override;
  std::optional<bool> boolean(const std::string& key) const override;
  std::optional<std::vector<std::string>> strings(const std::string& key) const override;
  std::optional<std::vector<bool>> booleans(const std::string& key) const override;

 private:
  const ModelFile& file_;
};

class GgufTensors final : public TensorSource {
 public:
  explicit GgufTensors(const ModelFile& file) : file_(file) {}
  const std::string& file() const override { return file_.path(); }
  std::optional<TensorEntry> find(const std::string& name) const override;

 private:
  const ModelFile& file_;
};

}  // namespace garam
